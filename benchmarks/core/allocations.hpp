#pragma once

#include <cstdint>

namespace corsac::benchmarks {

/// How often this program has asked for memory so far: malloc and its kin, and with them every
/// `operator new`, which the standard library makes of malloc.
[[nodiscard]] std::uint64_t allocation_count() noexcept;

}  // namespace corsac::benchmarks
