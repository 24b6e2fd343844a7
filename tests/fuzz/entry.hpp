#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// What the fuzz targets share: how an input is read, and how a broken property ends the run.
/// Nothing here knows a rule of the protocol.
///
/// Inputs are text, one thing a line, so that a seed can be read and the dictionary's words fit.

/// The entry of every target, called by libFuzzer or by replay.cpp.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace corsac::fuzz {

[[noreturn]] inline void fail(const char* property, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, property);
  std::abort();
}

/// Not assert(): a property is checked in every kind of build.
#define CORSAC_HOLDS(property) \
  ((property) ? static_cast<void>(0) : ::corsac::fuzz::fail(#property, __FILE__, __LINE__))

/// A copy in a heap buffer of exactly its size, so that AddressSanitizer sees one byte too far.
class ExactBytes {
 public:
  explicit ExactBytes(std::string_view bytes)
      : size_(bytes.size()), bytes_(std::make_unique<char[]>(bytes.size())) {
    std::ranges::copy(bytes, bytes_.get());
  }
  [[nodiscard]] std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  std::size_t size_;
  std::unique_ptr<char[]> bytes_;
};

inline std::string_view as_text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

inline std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest = end == rest.npos ? std::string_view{} : rest.substr(end + 1);
  return line;
}

/// What a line stands for: `\n` is a line feed, and `@12 text` is the text twelve times, so that a
/// small input reaches the limits.
inline std::string unfolded(std::string_view line) {
  constexpr std::size_t kMaxRepeats = 9'999;
  constexpr std::size_t kMaxBytes = 9'000;
  std::size_t repeats = 1;
  if (const std::size_t space = line.find(' '); line.starts_with('@') && space != line.npos) {
    std::size_t number = 0;
    for (const char byte : line.substr(1, space - 1)) {
      if (byte < '0' || byte > '9') continue;
      number = std::min(number * 10 + static_cast<std::size_t>(byte - '0'), kMaxRepeats);
    }
    repeats = number;
    line.remove_prefix(space + 1);
  }
  std::string once;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const bool line_feed = line.substr(i, 2) == "\\n";
    once += line_feed ? '\n' : line[i];
    i += line_feed ? 1 : 0;
  }
  std::string text;
  while (repeats-- > 0 && text.size() + once.size() <= kMaxBytes) text += once;
  return text;
}

/// Turns bytes into choices; when they are used up, every choice is the first one.
class Choices {
 public:
  explicit Choices(std::string_view bytes) : rest_(bytes) {}

  [[nodiscard]] bool empty() const { return rest_.empty(); }

  unsigned char byte() {
    if (rest_.empty()) return 0;
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    return byte;
  }

  std::size_t below(std::size_t bound) { return byte() % bound; }

  std::size_t below_wide(std::size_t bound) {
    const std::size_t high = byte();
    return (high * 256 + byte()) % bound;
  }

  template <typename List>
  auto pick(const List& list) {
    return list[below(std::size(list))];
  }

 private:
  std::string_view rest_;
};

}  // namespace corsac::fuzz
