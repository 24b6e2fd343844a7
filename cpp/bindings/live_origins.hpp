#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "bindings.hpp"
#include "corsac/live_origins.hpp"

namespace corsac::bindings {

/// Live origins behind a lock, as Python fills them: from one thread, usually. None of its methods
/// holds the global lock while it works, since a million entries take a second.
///
/// Once a policy has them they no longer change, and are read without the lock: a process that is
/// forked while another thread has it would wait for that thread, which it does not have.
class SharedLiveOrigins {
 public:
  explicit SharedLiveOrigins(bool allow_insecure);

  /// Adds the plain ones of some entries.
  /// @return the places of those that are not plain: nothing was done about them.
  /// Throws a ValueError if a policy has them already.
  std::vector<std::size_t> add(const py::tuple& entries);

  /// Adds entries that were looked at. Throws as `add`.
  void add_checked(const std::vector<std::string>& entries);

  /// The origins, which no longer change.
  std::shared_ptr<const LiveOrigins> sealed();

  [[nodiscard]] std::size_t size();
  [[nodiscard]] std::vector<std::string> entries(std::size_t limit);
  [[nodiscard]] std::vector<std::string> entries_beyond(SharedLiveOrigins& other,
                                                        std::size_t limit);
  [[nodiscard]] std::string entry_for(const py::bytes& origin);

 private:
  /// Calls a function with the lock and without the global one.
  template <typename Work>
  auto change(Work work);
  /// The same, but a policy's origins need no lock.
  template <typename Work>
  auto read(Work work);
  void check_not_sealed() const;

  std::mutex mutex_;
  std::shared_ptr<LiveOrigins> origins_;
  std::atomic<bool> is_sealed_ = false;
};

}  // namespace corsac::bindings
