#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>

#include "corsac/outcome.hpp"

namespace corsac::bindings {

/// What tells one refusal from another in a log: its reason, its origin, what it misses.
struct RefusalKey {
  std::size_t reason;  ///< The place of `first_with_reason`.
  std::uint64_t hash;  ///< Of all of it.
};

/// For how long, in seconds, a log would do nothing about refusals; what is no such time is none.
struct Silence {
  double same = 0;  ///< About refusals with the same key.
  double any = 0;   ///< About all with the same reason.
};

/// Which refusals are reported to a log now. The log says itself how long it will not listen; until
/// then a refusal costs a look at the clock, so that a flood of them stays cheap, and one origin's
/// flood does not keep another's first refusal from the log.
///
/// The keys about which it does not listen have kPlaces places by their hashes, and a newer one
/// takes an older one's: the log is then asked in vain.
class Reporting {
 public:
  static constexpr std::size_t kPlaces = 128;

  /// @param seed see `random_seed`.
  explicit Reporting(std::uint64_t seed) noexcept : seed_(seed) {}

  /// The number of refusals for the reason that were not reported since the last one that was, if
  /// this one is to be; nothing if it is not, and then it is counted.
  /// @param make_key gives the RefusalKey; it is not called while all are silent.
  template <typename MakeKey>
  std::optional<std::uint64_t> begin(Outcome outcome, MakeKey make_key, RefusalKey& key) noexcept;
  void be_silent(const RefusalKey& key, Silence silence) noexcept;

  [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }

 private:
  struct Reason {
    std::atomic<std::int64_t> same_until{0};  ///< Nanoseconds of the steady clock.
    std::atomic<std::int64_t> any_until{0};
    std::atomic<std::uint64_t> unreported{0};
  };

  static std::int64_t now() noexcept;

  std::array<Reason, kOutcomes> reasons_;
  std::array<std::atomic<std::uint64_t>, kPlaces> silent_keys_{};
  std::uint64_t seed_;
};

template <typename MakeKey>
std::optional<std::uint64_t> Reporting::begin(Outcome outcome, MakeKey make_key,
                                              RefusalKey& key) noexcept {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  key.reason = static_cast<std::size_t>(first_with_reason(outcome));
  Reason& reason = reasons_[key.reason];
  const std::int64_t any_until = reason.any_until.load(kRelaxed);
  const std::int64_t same_until = reason.same_until.load(kRelaxed);
  const std::int64_t time = any_until == 0 && same_until == 0 ? 0 : now();
  if (time < any_until) {
    reason.unreported.fetch_add(1, kRelaxed);
    return std::nullopt;
  }
  key.hash = make_key();
  if (time < same_until && silent_keys_[key.hash % kPlaces].load(kRelaxed) == key.hash) {
    reason.unreported.fetch_add(1, kRelaxed);
    return std::nullopt;
  }
  return reason.unreported.exchange(0, kRelaxed);
}

}  // namespace corsac::bindings
