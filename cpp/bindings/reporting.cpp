#include "reporting.hpp"

#include <chrono>

namespace corsac::bindings {
namespace {

std::int64_t steady_nanoseconds() noexcept {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

std::optional<std::uint64_t> Reporting::begin() noexcept {
  const std::int64_t silent_until = silent_until_.load(std::memory_order_relaxed);
  if (silent_until != 0 && steady_nanoseconds() < silent_until) {
    unreported_.fetch_add(1, std::memory_order_relaxed);
    return std::nullopt;
  }
  return unreported_.exchange(0, std::memory_order_relaxed);
}

void Reporting::pause(double seconds) noexcept {
  constexpr double kLongest = 3600;
  const bool some = seconds > 0 && seconds <= kLongest;
  const auto nanoseconds = static_cast<std::int64_t>(some ? seconds * 1e9 : 0);
  silent_until_.store(some ? steady_nanoseconds() + nanoseconds : 0, std::memory_order_relaxed);
}

}  // namespace corsac::bindings
