#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace corsac {

/// Allocates as std::allocator does, and asks that what is large has large pages, where the system
/// has some and leaves it to programs to ask (Linux: "madvise", which most distributions set).
///
/// A look-up in a large table goes to a place that none has gone to for long. With pages of 4 KiB
/// the processor does not know either where that page is: finding out takes as long as the place
/// itself, and in a virtual machine several times as long.
template <typename T>
struct LargePageAllocator {
  using value_type = T;
  using is_always_equal = std::true_type;

  static constexpr std::size_t kPageBytes = std::size_t{2} << 20U;
  /// Smaller ones keep their ordinary pages: they gain little, and the last page is rarely full.
  static constexpr std::size_t kLargeBytes = 8 * kPageBytes;

  LargePageAllocator() = default;
  template <typename Other>
  LargePageAllocator(const LargePageAllocator<Other>& /*other*/) noexcept {}

  [[nodiscard]] T* allocate(std::size_t count) {
    if (!is_large(count)) return std::allocator<T>().allocate(count);
    const std::size_t bytes = count * sizeof(T);
    void* memory = ::operator new(bytes, std::align_val_t{kPageBytes});
#ifdef MADV_HUGEPAGE
    // Where there are none the ordinary ones do.
    static_cast<void>(madvise(memory, bytes, MADV_HUGEPAGE));
#endif
    return static_cast<T*>(memory);
  }

  void deallocate(T* memory, std::size_t count) noexcept {
    if (is_large(count)) {
      ::operator delete(memory, std::align_val_t{kPageBytes});
    } else {
      std::allocator<T>().deallocate(memory, count);
    }
  }

  friend bool operator==(const LargePageAllocator&, const LargePageAllocator&) noexcept {
    return true;
  }

 private:
  [[nodiscard]] static bool is_large(std::size_t count) noexcept {
    return count >= kLargeBytes / sizeof(T) && count <= PTRDIFF_MAX / sizeof(T);
  }
};

}  // namespace corsac
