#pragma once

#include <cstdint>
#include <optional>

namespace corsac::bindings {

/// The stack of a thread: from the lowest address that it may grow to, to the highest.
struct ThreadStack {
  std::uintptr_t lowest;
  std::uintptr_t highest;
};

/// Asks the system about the running thread. Nothing where the system does not say.
std::optional<ThreadStack> running_thread_stack() noexcept;

}  // namespace corsac::bindings
