#pragma once

#include <cstddef>
#include <new>
#include <string_view>

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>
#else
#include <sys/mman.h>
#endif

namespace corsac::testing {

/// Bytes that may be measured but not read: touching one ends the test program. Work that is
/// bounded whatever a client sends never gets as far as reading them. Right before them stand
/// `kReadable` bytes that may be read and written.
class UnreadableBytes {
 public:
  /// A multiple of every system's page.
  static constexpr std::size_t kReadable = std::size_t{64} * 1024;

  explicit UnreadableBytes(std::size_t size) : size_(size) {
#ifdef _WIN32
    start_ = VirtualAlloc(nullptr, kReadable + size, MEM_RESERVE, PAGE_NOACCESS);
    const bool made =
        start_ != nullptr && VirtualAlloc(start_, kReadable, MEM_COMMIT, PAGE_READWRITE) != nullptr;
#else
    start_ = mmap(nullptr, kReadable + size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const bool made =
        start_ != MAP_FAILED && mprotect(start_, kReadable, PROT_READ | PROT_WRITE) == 0;
#endif
    if (!made) throw std::bad_alloc();
  }
  ~UnreadableBytes() {
#ifdef _WIN32
    VirtualFree(start_, 0, MEM_RELEASE);
#else
    munmap(start_, kReadable + size_);
#endif
  }
  UnreadableBytes(const UnreadableBytes&) = delete;
  UnreadableBytes& operator=(const UnreadableBytes&) = delete;

  [[nodiscard]] std::string_view view() const { return {readable() + kReadable, size_}; }
  [[nodiscard]] char* readable() const { return static_cast<char*>(start_); }

 private:
  std::size_t size_;
  void* start_ = nullptr;
};

}  // namespace corsac::testing
