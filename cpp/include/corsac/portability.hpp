#pragma once

#include <cstdint>
#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#endif

/// What compilers offer beyond the standard, and what does the same without it. With
/// CORSAC_PORTABLE defined only the latter is used, whatever the compiler: that is how it is
/// tested. Attributes such as `gnu::noinline` need nothing of this: a compiler that does not know
/// one passes over it.
namespace corsac::portability {

/// `multiply_folded` by the standard's means alone.
constexpr std::uint64_t multiply_folded_by_halves(std::uint64_t a, std::uint64_t b) noexcept {
  constexpr std::uint64_t kHalf = 0xFFFFFFFFU;
  const std::uint64_t lows = (a & kHalf) * (b & kHalf);
  const std::uint64_t crossed = (a >> 32U) * (b & kHalf);
  const std::uint64_t crossed_other = (a & kHalf) * (b >> 32U);
  // No more than (2^32 - 1)^2 + 2 * (2^32 - 1), which is 2^64 - 1.
  const std::uint64_t middle = (lows >> 32U) + (crossed & kHalf) + crossed_other;
  const std::uint64_t high = (a >> 32U) * (b >> 32U) + (crossed >> 32U) + (middle >> 32U);
  const std::uint64_t low = (middle << 32U) | (lows & kHalf);
  return low ^ high;
}

/// Multiplies to 128 bits and folds the halves together.
inline std::uint64_t multiply_folded(std::uint64_t a, std::uint64_t b) noexcept {
#if defined(__SIZEOF_INT128__) && !defined(CORSAC_PORTABLE)
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
#elif defined(_MSC_VER) && !defined(__clang__) && defined(_M_X64) && !defined(CORSAC_PORTABLE)
  std::uint64_t high = 0;
  const std::uint64_t low = _umul128(a, b, &high);
  return low ^ high;
#elif defined(_MSC_VER) && !defined(__clang__) && defined(_M_ARM64) && !defined(CORSAC_PORTABLE)
  return (a * b) ^ __umulh(a, b);
#else
  return multiply_folded_by_halves(a, b);
#endif
}

/// Where the stack of the running thread is now, to a few hundred bytes.
[[gnu::always_inline]] inline std::uintptr_t stack_position() noexcept {
#if defined(__GNUC__) && !defined(CORSAC_PORTABLE)
  return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
#elif defined(_MSC_VER) && !defined(__clang__) && !defined(CORSAC_PORTABLE)
  return reinterpret_cast<std::uintptr_t>(_AddressOfReturnAddress());
#else
  // Volatile, so that it has a place in memory.
  volatile char here = 0;
  return reinterpret_cast<std::uintptr_t>(&here);
#endif
}

}  // namespace corsac::portability
