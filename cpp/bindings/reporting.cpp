#include "reporting.hpp"

#include <chrono>

namespace corsac::bindings {
namespace {

/// When a time from now ends; 0: there is none.
std::int64_t end_of(double seconds, std::int64_t now) noexcept {
  constexpr double kLongest = 3600;
  return seconds > 0 && seconds <= kLongest ? now + static_cast<std::int64_t>(seconds * 1e9) : 0;
}

}  // namespace

std::int64_t Reporting::now() noexcept {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void Reporting::be_silent(const RefusalKey& key, Silence silence) noexcept {
  Reason& reason = reasons_[key.reason];
  const std::int64_t time = now();
  const std::int64_t same_until = end_of(silence.same, time);
  reason.any_until.store(end_of(silence.any, time), std::memory_order_relaxed);
  // A log that listens to this key now may still not listen to the others.
  if (same_until == 0) return;
  reason.same_until.store(same_until, std::memory_order_relaxed);
  silent_keys_[key.hash % kPlaces].store(key.hash, std::memory_order_relaxed);
}

}  // namespace corsac::bindings
