#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "corsac/host.hpp"

namespace corsac {
namespace {

using Pieces = std::array<std::uint16_t, 8>;

/// Takes a number from the beginning of a text, and looks at no more bytes than `longest`.
/// @return the digits taken; 0 if there is none, or if the number is too large.
template <typename Number>
std::size_t take_number(std::string_view& text, std::size_t longest, int base,
                        Number& number) noexcept {
  const char* const begin = text.data();
  const char* const end = begin + std::min(longest, text.size());
  const auto [stopped, error] = std::from_chars(begin, end, number, base);
  if (error != std::errc{}) return 0;
  const auto taken = static_cast<std::size_t>(stopped - begin);
  text.remove_prefix(taken);
  return taken;
}

/// The last two pieces, written as an IPv4 address: four bytes without leading zeros.
bool read_ipv4_tail(std::string_view text, std::uint16_t* pieces) noexcept {
  for (unsigned i = 0; i < 4; ++i) {
    if (i > 0) {
      if (!text.starts_with('.')) return false;
      text.remove_prefix(1);
    }
    const bool starts_with_zero = text.starts_with('0');
    std::uint8_t byte = 0;
    // Four digits are too many, and enough to see that.
    const std::size_t length = take_number(text, 4, 10, byte);
    if (length == 0 || (starts_with_zero && length > 1)) return false;
    std::uint16_t& piece = pieces[i / 2];
    piece = static_cast<std::uint16_t>(unsigned{piece} << 8U | unsigned{byte});
  }
  return text.empty();
}

/// URL, "IPv6 parser". Ours and not the system's: systems differ in what they take, such as zones.
bool read_ipv6(std::string_view text, Pieces& pieces) noexcept {
  pieces = {};
  std::size_t count = 0;
  // Where "::" stood; it is one piece at least.
  std::optional<std::size_t> compressed;
  if (text.starts_with("::")) {
    text.remove_prefix(1);
  } else if (text.starts_with(':')) {
    return false;
  }
  while (!text.empty()) {
    if (count == pieces.size()) return false;
    if (text.starts_with(':')) {
      if (compressed) return false;
      text.remove_prefix(1);
      compressed = ++count;
      continue;
    }
    const std::string_view rest = text;
    if (take_number(text, 4, 16, pieces[count]) == 0) return false;
    if (text.starts_with('.')) {
      if (count + 2 > pieces.size()) return false;
      pieces[count] = 0;
      if (!read_ipv4_tail(rest, pieces.data() + count)) return false;
      count += 2;
      break;
    }
    ++count;
    if (text.empty()) break;
    if (!text.starts_with(':') || text.size() == 1) return false;
    text.remove_prefix(1);
  }
  if (!compressed) return count == pieces.size();
  // What stands behind "::" belongs at the end.
  const auto behind = pieces.begin() + static_cast<std::ptrdiff_t>(*compressed);
  std::rotate(behind, pieces.begin() + static_cast<std::ptrdiff_t>(count), pieces.end());
  return true;
}

/// URL, "IPv6 serializer", in brackets.
std::string serialize_ipv6(const Pieces& pieces) {
  // The first longest run of two or more zero pieces is compressed.
  std::size_t run_start = pieces.size();
  std::size_t run_length = 1;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    std::size_t end = i;
    while (end < pieces.size() && pieces[end] == 0) ++end;
    if (end - i > run_length) {
      run_start = i;
      run_length = end - i;
    }
  }
  // Never an embedded dotted IPv4 tail.
  std::string text = "[";
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (i == run_start) {
      text += i == 0 ? "::" : ":";
      i += run_length - 1;
      continue;
    }
    std::array<char, 4> digits{};
    const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), pieces[i], 16);
    text.append(digits.data(), result.ptr);
    if (i + 1 < pieces.size()) text += ':';
  }
  return text + "]";
}

}  // namespace

bool is_ipv6_address(std::string_view text) noexcept {
  Pieces pieces;
  return read_ipv6(text, pieces);
}

std::optional<std::string> canonical_ipv6(std::string_view address) {
  Pieces pieces;
  if (!read_ipv6(address, pieces)) return std::nullopt;
  return serialize_ipv6(pieces);
}

}  // namespace corsac
