#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "corsac/origin_set.hpp"

namespace corsac {

/// The origins that a source gave at one time, beside those that a policy lists itself: a million
/// as well as ten. They come in parts, are checked while they are added, and are then read by any
/// number of threads.
///
/// They are no part of PolicyOptions, since what is listed there is judged as a whole: every entry
/// has a problem of its own, and all of them exist twice while that is done.
class LiveOrigins {
 public:
  /// So many entries are freed at once. Of more, see `make`.
  static constexpr std::size_t kFreedAtOnce = 4096;

  /// An empty set.
  ///
  /// Whoever lets go of it last does not wait until the memory of a large one is given back, which
  /// takes milliseconds: a thread that does nothing else does that. It may well be a request that
  /// lets go of it, while all others wait for the global lock that it has.
  ///
  /// @param seed of the hash, see OriginSet.
  /// @param allow_insecure origins of http that anyone on the network can change are fine.
  [[nodiscard]] static std::shared_ptr<LiveOrigins> make(std::uint64_t seed, bool allow_insecure);

  /// Adds an exact origin if nobody need look at it: one of http or https that a policy can list
  /// without an error.
  /// @return false if it has to be looked at: it is a pattern, of another scheme, internationalized
  /// (`xn--`), insecure, or no origin at all. A second time it is as if it was added.
  bool add_plain(std::string_view entry);

  /// Adds an entry that somebody has looked at: an origin, or a pattern. What is neither is left
  /// out, and so are `*` and `null`.
  void add_checked(std::string_view entry);

  /// True if the request's Origin is one of them, or a pattern matches it. Bounded and without
  /// allocation, as OriginSet.
  [[nodiscard]] bool contains(std::string_view origin) const noexcept {
    return set_.contains(origin);
  }

  /// Origins and patterns, each once.
  [[nodiscard]] std::size_t size() const noexcept { return set_.exact_count() + patterns_.size(); }

  /// Some of the entries: those that were added first, and patterns after all others.
  [[nodiscard]] std::vector<std::string> entries(std::size_t limit) const;

  /// Some of the entries that another set has not, as `entries`. None: the other has all of these.
  [[nodiscard]] std::vector<std::string> entries_beyond(const LiveOrigins& other,
                                                        std::size_t limit) const;

  /// The entry that allows an origin; empty if none does.
  [[nodiscard]] std::string entry_for(std::string_view origin) const;

 private:
  LiveOrigins(std::uint64_t seed, bool allow_insecure)
      : set_(seed), allow_insecure_(allow_insecure) {}

  /// @param is_wanted of an entry; it is called with each origin, in no order.
  template <typename IsWanted>
  std::vector<std::string> first_entries(std::size_t limit, IsWanted is_wanted) const;

  OriginSet set_;
  std::vector<std::string> patterns_;  ///< As they were written.
  bool allow_insecure_;
};

}  // namespace corsac
