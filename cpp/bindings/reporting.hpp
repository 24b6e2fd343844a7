#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

namespace corsac::bindings {

/// Whether refusals for one reason are reported now. The log says itself how long it will not
/// listen; until then a refusal costs a look at the clock, so that a flood of them stays cheap.
class Reporting {
 public:
  /// The number of refusals that were not reported since the last one that was, if this one is to
  /// be; nothing if it is not, and then it is counted.
  std::optional<std::uint64_t> begin() noexcept;
  /// @param seconds for how long nothing is to be reported; what is no such time is none.
  void pause(double seconds) noexcept;

 private:
  std::atomic<std::int64_t> silent_until_{0};  ///< Nanoseconds of the steady clock.
  std::atomic<std::uint64_t> unreported_{0};
};

}  // namespace corsac::bindings
