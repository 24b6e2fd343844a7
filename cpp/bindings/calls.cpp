#include "calls.hpp"

#ifdef CORSAC_THREADS_ARE_UNWOUND
#include <unistd.h>
#endif

#include <algorithm>

#include "thread_stack.hpp"

namespace corsac::bindings {
namespace {

/// What must be left of a stack, or half of a smaller one. A refusal with its callback and Python's
/// `logging` takes 8 KiB; the rest is for what else those do, and for the application.
constexpr std::uintptr_t kStackKept = 64 * std::uintptr_t{1024};
/// More of a stack is not used, also where the system sets no limit.
constexpr std::uintptr_t kLargestStack = 64 * std::uintptr_t{1024} * 1024;

}  // namespace

PyObject* refuse_depth() noexcept {
  PyErr_SetString(PyExc_RecursionError, "too many CORSMiddleware inside one another");
  return nullptr;
}

#ifdef CORSAC_THREADS_ARE_UNWOUND
void stay_for_ever() noexcept {
  for (;;) pause();
}
#endif

bool find_stack_left(std::uintptr_t here) noexcept {
  const std::optional<ThreadStack> stack = running_thread_stack();
  if (!stack || here > stack->highest || here < stack->lowest) return true;
  const std::uintptr_t usable = std::min(stack->highest - stack->lowest, kLargestStack);
  lowest_usable_stack = stack->highest - usable + std::min(usable / 2, kStackKept);
  return here >= lowest_usable_stack;
}

}  // namespace corsac::bindings
