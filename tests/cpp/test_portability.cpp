#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include "corsac/portability.hpp"
#include "corsac/seeded_hash.hpp"

/// What every compiler has to compute alike, by its own means or by the standard's.
namespace corsac {
namespace {

using portability::multiply_folded;
using portability::multiply_folded_by_halves;

constexpr std::uint64_t kMost = UINT64_MAX;

TEST(Portability, AProductOf128BitsIsFoldedByTheStandardsMeansAlone) {
  static_assert(multiply_folded_by_halves(0, kMost) == 0);
  static_assert(multiply_folded_by_halves(1, kMost) == kMost);
  // (2^64 - 1)^2 is 2^128 - 2^65 + 1.
  static_assert(multiply_folded_by_halves(kMost, kMost) == ((kMost - 1) ^ 1U));
  static_assert(multiply_folded_by_halves(0x9E3779B97F4A7C15U, 0xD1B54A32D192ED03U) ==
                0xD6CB8892A926A943U);
}

TEST(Portability, TheCompilersProductIsTheStandards) {
  std::mt19937_64 draw(1);
  for (const std::uint64_t edge : {std::uint64_t{0}, std::uint64_t{1}, kMost >> 32U, kMost << 32U,
                                   kMost, std::uint64_t{1} << 63U}) {
    for (int i = 0; i < 1000; ++i) {
      const std::uint64_t other = draw();
      ASSERT_EQ(multiply_folded(edge, other), multiply_folded_by_halves(edge, other));
      ASSERT_EQ(multiply_folded(other, edge), multiply_folded_by_halves(other, edge));
      const std::uint64_t drawn = draw();
      ASSERT_EQ(multiply_folded(drawn, other), multiply_folded_by_halves(drawn, other));
    }
  }
}

TEST(Portability, AHashIsTheSameWhateverComputesIt) {
  const std::string text = "https://abcdefghijklmnopqrstuvwxyz.example.com:8443";
  std::uint64_t state = 7;
  for (std::size_t length = 0; length <= text.size(); ++length) {
    state = hash_bytes(std::string_view(text).substr(0, length), state);
  }
  EXPECT_EQ(state, 0x92ED9B403EB0C601U);
}

/// Recursion that the compiler keeps.
std::uintptr_t position_further_in(int calls) {
  volatile char space[256] = {};
  space[0] = static_cast<char>(calls);
  const std::uintptr_t found =
      calls == 0 ? portability::stack_position() : position_further_in(calls - 1);
  space[1] = space[0];
  return found;
}

TEST(Portability, ThePositionInTheStackMovesWithTheCalls) {
  const std::uintptr_t here = portability::stack_position();
  const std::uintptr_t inside = position_further_in(100);
  EXPECT_LT(inside, here);
  EXPECT_GE(here - inside, 100U * 256);
  EXPECT_LE(here - inside, 100U * 4096);
}

}  // namespace
}  // namespace corsac
