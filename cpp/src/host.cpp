#include "corsac/host.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "corsac/ascii.hpp"

namespace corsac {
namespace {

constexpr ascii::ByteTable kLabelBytes = ascii::make_table([](unsigned char byte) {
  return ascii::is_lower(byte) || ascii::is_digit(byte) || byte == '-' || byte == '_';
});

/// URL, "forbidden host code point"; controls and spaces are no origin bytes to begin with.
constexpr ascii::ByteTable kOpaqueHostBytes = ascii::make_table([](unsigned char byte) {
  constexpr std::string_view forbidden = "#/:<>?@[\\]^|";
  return ascii::kOneOriginBytes[byte] && forbidden.find(static_cast<char>(byte)) == forbidden.npos;
});

/// URL, "forbidden domain code point"; upper case is serialized as lower case.
constexpr ascii::ByteTable kDomainBytes = ascii::make_table([](unsigned char byte) {
  return kOpaqueHostBytes[byte] && byte != '%' && !ascii::is_upper(byte);
});

constexpr ascii::ByteTable kDigits = ascii::make_table(ascii::is_digit);
constexpr ascii::ByteTable kLowerHexadecimal = ascii::make_table(
    [](unsigned char byte) { return ascii::is_digit(byte) || (byte >= 'a' && byte <= 'f'); });

bool is_hexadecimal(std::string_view label) noexcept {
  return label.starts_with("0x") && ascii::all_in(kLowerHexadecimal, label.substr(2));
}

/// URL, "IPv4 number parser", for a text in lower case; nothing as well beyond 32 bits.
std::optional<std::uint32_t> ipv4_number(std::string_view text) noexcept {
  if (text.empty()) return std::nullopt;
  int base = 10;
  if (text.starts_with("0x")) {
    base = 16;
    text.remove_prefix(2);
  } else if (text.front() == '0') {
    base = 8;
  }
  std::uint32_t number = 0;
  if (text.empty()) return number;
  // Signs are no digits: from_chars takes none for an unsigned number.
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const auto [stopped, error] = std::from_chars(begin, end, number, base);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  return number;
}

bool is_canonical_ipv6(std::string_view host) {
  return host.ends_with(']') && canonical_ipv6(host.substr(1, host.size() - 2)) == host;
}

}  // namespace

bool is_special_scheme(std::string_view scheme) noexcept {
  return default_port(scheme).has_value();
}

std::optional<std::uint16_t> default_port(std::string_view scheme) noexcept {
  if (scheme == "http" || scheme == "ws") return std::uint16_t{80};
  if (scheme == "https" || scheme == "wss") return std::uint16_t{443};
  if (scheme == "ftp") return std::uint16_t{21};
  return std::nullopt;
}

std::string_view without_trailing_dot(std::string_view host) noexcept {
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

std::string_view last_label(std::string_view host) noexcept {
  host = without_trailing_dot(host);
  return host.substr(host.rfind('.') + 1);
}

bool ends_in_a_number(std::string_view host) noexcept {
  const std::string_view label = last_label(host);
  return !label.empty() && (ascii::all_in(kDigits, label) || is_hexadecimal(label));
}

std::optional<std::string> canonical_ipv4(std::string_view host) {
  host = without_trailing_dot(host);
  std::uint32_t address = 0;
  for (unsigned left = 3;; --left) {
    const std::size_t dot = host.find('.');
    const std::optional<std::uint32_t> number = ipv4_number(host.substr(0, dot));
    if (!number) return std::nullopt;
    if (dot == host.npos) {
      // The last number fills what is left of the four bytes.
      if (left < 3 && *number >= std::uint32_t{1} << 8U * (left + 1U)) return std::nullopt;
      address |= *number;
      break;
    }
    if (*number > 255 || left == 0) return std::nullopt;
    address |= *number << 8U * left;
    host.remove_prefix(dot + 1);
  }
  std::string text;
  for (const unsigned shift : {24U, 16U, 8U, 0U}) {
    if (!text.empty()) text += '.';
    text += std::to_string(address >> shift & 0xFFU);
  }
  return text;
}

bool is_serialized_host(std::string_view host) {
  if (host.starts_with('[')) return is_canonical_ipv6(host);
  if (host.empty() || !ascii::all_in(kDomainBytes, host)) return false;
  return !ends_in_a_number(host) || canonical_ipv4(host) == host;
}

bool is_serialized_opaque_host(std::string_view host) {
  if (host.starts_with('[')) return is_canonical_ipv6(host);
  return !host.empty() && ascii::all_in(kOpaqueHostBytes, host);
}

bool has_label_bytes(std::string_view label) noexcept {
  return !label.empty() && ascii::all_in(kLabelBytes, label);
}

bool is_host_label(std::string_view label) noexcept {
  return label.size() <= kMaxLabelLength && has_label_bytes(label);
}

}  // namespace corsac
