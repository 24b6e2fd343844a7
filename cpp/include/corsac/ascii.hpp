#pragma once

#include <array>
#include <cstddef>
#include <string_view>

/// Byte classes of HTTP and Fetch. Everything here is about bytes, never about characters: no
/// locale, no Unicode (Fetch, "byte-lowercase"; RFC 9110 section 5.6.2).
namespace corsac::ascii {

/// One entry a byte value; computed at compile time from a rule that reads like the standard's.
using ByteTable = std::array<bool, 256>;

template <typename Rule>
consteval ByteTable make_table(Rule rule) {
  ByteTable table{};
  for (std::size_t byte = 0; byte < table.size(); ++byte) {
    table[byte] = rule(static_cast<unsigned char>(byte));
  }
  return table;
}

constexpr bool is_digit(unsigned char byte) { return byte >= '0' && byte <= '9'; }
constexpr bool is_lower(unsigned char byte) { return byte >= 'a' && byte <= 'z'; }
constexpr bool is_upper(unsigned char byte) { return byte >= 'A' && byte <= 'Z'; }
constexpr bool is_alpha(unsigned char byte) { return is_lower(byte) || is_upper(byte); }

/// RFC 9110 section 5.6.2, tchar.
inline constexpr ByteTable kTokenBytes = make_table([](unsigned char byte) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return is_digit(byte) || is_alpha(byte) || marks.find(static_cast<char>(byte)) != marks.npos;
});

/// A visible ASCII byte that is not the list separator: what one serialized origin can be made of.
inline constexpr ByteTable kOneOriginBytes =
    make_table([](unsigned char byte) { return byte > 0x20 && byte < 0x7F && byte != ','; });

constexpr bool all_in(const ByteTable& table, std::string_view bytes) {
  for (const char byte : bytes) {
    if (!table[static_cast<unsigned char>(byte)]) return false;
  }
  return true;
}

/// RFC 9110 section 5.6.2: one or more tchar. Methods and header names are tokens; `*` is one too.
constexpr bool is_token(std::string_view bytes) {
  return !bytes.empty() && all_in(kTokenBytes, bytes);
}

constexpr char to_lower(char byte) {
  return is_upper(static_cast<unsigned char>(byte)) ? static_cast<char>(byte - 'A' + 'a') : byte;
}

/// True if `bytes`, byte-lowercased, equals `lower`, which the caller gives in lower case.
constexpr bool equals_lowercased(std::string_view bytes, std::string_view lower) {
  if (bytes.size() != lower.size()) return false;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (to_lower(bytes[i]) != lower[i]) return false;
  }
  return true;
}

/// HTTP tab or space: the only bytes trimmed around header values and list members.
constexpr bool is_tab_or_space(char byte) { return byte == ' ' || byte == '\t'; }

constexpr std::string_view trim_tab_or_space(std::string_view bytes) {
  while (!bytes.empty() && is_tab_or_space(bytes.front())) bytes.remove_prefix(1);
  while (!bytes.empty() && is_tab_or_space(bytes.back())) bytes.remove_suffix(1);
  return bytes;
}

/// Takes the next member off a comma-separated list, trimmed; an empty member is returned as such.
/// Not quote-aware, as Fetch's "extract header list values" is not.
constexpr std::string_view take_list_member(std::string_view& rest) {
  const std::size_t comma = rest.find(',');
  const std::string_view member = rest.substr(0, comma);
  rest = comma == rest.npos ? std::string_view{} : rest.substr(comma + 1);
  return trim_tab_or_space(member);
}

}  // namespace corsac::ascii
