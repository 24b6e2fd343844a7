#include "thread_stack.hpp"

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>
#elif defined(__APPLE__)
#include <pthread.h>
#elif defined(__linux__)
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#endif

namespace corsac::bindings {

#if defined(_WIN32)

std::optional<ThreadStack> running_thread_stack() noexcept {
  ULONG_PTR lowest = 0;
  ULONG_PTR highest = 0;
  GetCurrentThreadStackLimits(&lowest, &highest);
  return ThreadStack{lowest, highest};
}

#elif defined(__APPLE__)

std::optional<ThreadStack> running_thread_stack() noexcept {
  const auto highest = reinterpret_cast<std::uintptr_t>(pthread_get_stackaddr_np(pthread_self()));
  return ThreadStack{highest - pthread_get_stacksize_np(pthread_self()), highest};
}

#elif defined(__linux__)

namespace {

/// Of the first thread musl says how far its stack *has* grown; how far it may is a limit of the
/// process.
[[maybe_unused]] void grow_to_limit(ThreadStack& stack) noexcept {
  rlimit limit{};
  if (syscall(SYS_gettid) != getpid() || getrlimit(RLIMIT_STACK, &limit) != 0) return;
  const std::uintptr_t size = std::min<std::uintptr_t>(limit.rlim_cur, stack.highest);
  stack.lowest = std::min(stack.lowest, stack.highest - size);
}

}  // namespace

std::optional<ThreadStack> running_thread_stack() noexcept {
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return std::nullopt;
  void* bottom = nullptr;
  std::size_t size = 0;
  const bool found = pthread_attr_getstack(&attributes, &bottom, &size) == 0;
  pthread_attr_destroy(&attributes);
  if (!found) return std::nullopt;
  const auto lowest = reinterpret_cast<std::uintptr_t>(bottom);
  ThreadStack stack{lowest, lowest + size};
#ifndef __GLIBC__
  grow_to_limit(stack);
#endif
  return stack;
}

#else

std::optional<ThreadStack> running_thread_stack() noexcept { return std::nullopt; }

#endif

}  // namespace corsac::bindings
