#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <thread>

#include "bindings/thread_stack.hpp"
#include "corsac/portability.hpp"

/// How far a thread's stack reaches, on every system that is built for.
namespace corsac::bindings {
namespace {

/// Every system gives its threads so much at least, but for those that ask for less.
constexpr std::uintptr_t kLeast = 128U * 1024;

TEST(ThreadStack, OfTheFirstThreadReachesAsFarAsItMayGrow) {
  const std::optional<ThreadStack> stack = running_thread_stack();
  ASSERT_TRUE(stack);
  const std::uintptr_t here = portability::stack_position();
  EXPECT_LT(stack->lowest, here);
  EXPECT_GT(stack->highest, here);
  // More than what has been used so far.
  EXPECT_GE(here - stack->lowest, 512U * 1024);
}

TEST(ThreadStack, OfAnotherThreadIsAnother) {
  const std::uintptr_t here = portability::stack_position();
  std::thread([here] {
    const std::optional<ThreadStack> stack = running_thread_stack();
    ASSERT_TRUE(stack);
    const std::uintptr_t inside = portability::stack_position();
    EXPECT_LT(stack->lowest, inside);
    EXPECT_GT(stack->highest, inside);
    EXPECT_GE(stack->highest - stack->lowest, kLeast - 16384);
    EXPECT_TRUE(here < stack->lowest || here > stack->highest);
  }).join();
}

}  // namespace
}  // namespace corsac::bindings
