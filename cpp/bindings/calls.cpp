#include "calls.hpp"

#include <algorithm>

#ifdef __linux__
#include <pthread.h>
#endif

namespace corsac::bindings {
namespace {

/// What must be left of a stack, or half of a smaller one. A refusal with its callback and Python's
/// `logging` takes 8 KiB; the rest is for what else those do, and for the application.
constexpr std::size_t kStackKept = 64 * std::size_t{1024};
/// More of a stack is not used, also where the system sets no limit.
constexpr std::size_t kLargestStack = 64 * std::size_t{1024} * 1024;

}  // namespace

PyObject* refuse_depth() noexcept {
  PyErr_SetString(PyExc_RecursionError, "too many CORSMiddleware inside one another");
  return nullptr;
}

bool find_stack_left([[maybe_unused]] std::uintptr_t here) noexcept {
#ifdef __linux__
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return true;
  void* bottom = nullptr;
  std::size_t size = 0;
  const bool found = pthread_attr_getstack(&attributes, &bottom, &size) == 0;
  pthread_attr_destroy(&attributes);
  const std::uintptr_t top = reinterpret_cast<std::uintptr_t>(bottom) + size;
  if (!found || here > top || here < top - size) return true;
  const std::size_t usable = std::min(size, kLargestStack);
  lowest_usable_stack = top - usable + std::min(usable / 2, kStackKept);
  return here >= lowest_usable_stack;
#else
  return true;
#endif
}

}  // namespace corsac::bindings
