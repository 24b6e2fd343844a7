#include "allocations.hpp"

#include <atomic>
#include <cerrno>
#include <cstddef>

// The program's own definitions come before the C library's, also for the shared libraries it
// loads. The real ones are there under names of glibc.

namespace {

std::atomic<std::uint64_t> count{0};

void note_allocation() noexcept { count.fetch_add(1, std::memory_order_relaxed); }

}  // namespace

#define CORSAC_EXPORTED __attribute__((visibility("default")))

extern "C" {

void* __libc_malloc(std::size_t size) noexcept;
void* __libc_calloc(std::size_t count, std::size_t size) noexcept;
void* __libc_realloc(void* memory, std::size_t size) noexcept;
void* __libc_memalign(std::size_t alignment, std::size_t size) noexcept;

CORSAC_EXPORTED void* malloc(std::size_t size) noexcept {
  note_allocation();
  return __libc_malloc(size);
}

CORSAC_EXPORTED void* calloc(std::size_t members, std::size_t size) noexcept {
  note_allocation();
  return __libc_calloc(members, size);
}

CORSAC_EXPORTED void* realloc(void* memory, std::size_t size) noexcept {
  note_allocation();
  return __libc_realloc(memory, size);
}

CORSAC_EXPORTED void* memalign(std::size_t alignment, std::size_t size) noexcept {
  note_allocation();
  return __libc_memalign(alignment, size);
}

CORSAC_EXPORTED void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  note_allocation();
  return __libc_memalign(alignment, size);
}

CORSAC_EXPORTED int posix_memalign(void** memory, std::size_t alignment,
                                   std::size_t size) noexcept {
  note_allocation();
  *memory = __libc_memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}

}  // extern "C"

namespace corsac::benchmarks {

std::uint64_t allocation_count() noexcept { return count.load(std::memory_order_relaxed); }

}  // namespace corsac::benchmarks
