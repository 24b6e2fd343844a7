#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "corsac/large_pages.hpp"
#include "corsac/origin_set.hpp"

namespace corsac {
namespace {

using Allocator = LargePageAllocator<std::uint64_t>;

TEST(LargePages, OnlyWhatIsLargeBeginsAtALargePage) {
  constexpr std::size_t kLarge = Allocator::kLargeBytes / sizeof(std::uint64_t);
  Allocator allocator;
  for (const std::size_t count : {std::size_t{1}, kLarge - 1, kLarge, kLarge + 1}) {
    std::uint64_t* memory = allocator.allocate(count);
    ASSERT_NE(memory, nullptr);
    memory[0] = memory[count - 1] = count;
    if (count >= kLarge) {
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % Allocator::kPageBytes, 0U) << count;
    }
    EXPECT_EQ(memory[0], count);
    allocator.deallocate(memory, count);
  }
}

TEST(LargePages, WhatIsTooLargeThrowsAsElsewhere) {
  EXPECT_THROW(std::vector<std::uint64_t>(1).reserve(SIZE_MAX / 8), std::length_error);
  Allocator allocator;
  EXPECT_ANY_THROW(static_cast<void>(allocator.allocate(SIZE_MAX / 8)));
}

TEST(LargePages, ASetThatGrowsIntoThemKeepsWhatItHas) {
  OriginSet set(7);
  const auto numbered = [](std::size_t number) {
    return "https://a-tenant-of-a-long-name-" + std::to_string(number) + ".example.org";
  };
  constexpr std::size_t kCount = 400'000;  // 21 MB of texts, 8 MiB of places.
  for (std::size_t number = 0; number < kCount; ++number)
    ASSERT_TRUE(set.add_exact(numbered(number)));
  for (std::size_t number = 0; number < kCount; number += 37)
    ASSERT_TRUE(set.contains(numbered(number)));
  EXPECT_FALSE(set.contains(numbered(kCount)));
  const OriginSet copy = set;
  EXPECT_TRUE(copy.contains(numbered(kCount - 1)));
  EXPECT_EQ(copy.exact_count(), kCount);
}

}  // namespace
}  // namespace corsac
