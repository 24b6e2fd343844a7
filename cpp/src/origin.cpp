#include "corsac/origin.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <utility>

#include "corsac/ascii.hpp"

namespace corsac {
namespace {

constexpr ascii::ByteTable kSchemeBytes = ascii::make_table([](unsigned char byte) {
  return ascii::is_lower(byte) || ascii::is_digit(byte) || byte == '+' || byte == '-' ||
         byte == '.';
});

constexpr ascii::ByteTable kLabelBytes = ascii::make_table([](unsigned char byte) {
  return ascii::is_lower(byte) || ascii::is_digit(byte) || byte == '-' || byte == '_';
});

constexpr std::string_view kLoopbackIPv4Prefix = "127.";

std::optional<std::uint16_t> default_port(std::string_view scheme) {
  if (scheme == "http" || scheme == "ws") return std::uint16_t{80};
  if (scheme == "https" || scheme == "wss") return std::uint16_t{443};
  return std::nullopt;
}

bool all_digits(std::string_view bytes) {
  return !bytes.empty() && std::ranges::all_of(bytes, [](char byte) {
    return ascii::is_digit(static_cast<unsigned char>(byte));
  });
}

std::string_view last_label(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  return host.substr(host.rfind('.') + 1);
}

/// URL, "ends in a number checker": such a host is read as an IPv4 address by every browser.
bool ends_in_a_number(std::string_view host) {
  const std::string_view label = last_label(host);
  if (all_digits(label)) return true;
  if (!label.starts_with("0x")) return false;
  return std::ranges::all_of(label.substr(2), [](char byte) {
    return ascii::is_digit(static_cast<unsigned char>(byte)) || (byte >= 'a' && byte <= 'f');
  });
}

/// Four decimal numbers 0 to 255 without leading zeros: how URL serializes an IPv4 address.
bool is_canonical_ipv4(std::string_view host) {
  int parts = 0;
  while (true) {
    const std::size_t dot = host.find('.');
    const std::string_view part = host.substr(0, dot);
    int value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (!all_digits(part) || error != std::errc{} || end != part.data() + part.size() ||
        value > 255) {
      return false;
    }
    if (part.size() > 1 && part.front() == '0') return false;
    ++parts;
    if (dot == host.npos) return parts == 4;
    host.remove_prefix(dot + 1);
  }
}

/// URL, "IPv6 serializer": lower-case hexadecimal pieces, the first longest run of two or more zero
/// pieces compressed, never an embedded dotted IPv4 tail (which is where inet_ntop differs).
std::string serialize_ipv6(const std::array<unsigned char, 16>& address) {
  std::array<unsigned, 8> pieces{};
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    pieces[i] = (static_cast<unsigned>(address[2 * i]) << 8U) | address[2 * i + 1];
  }
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

/// The canonical bracketed form of an IPv6 address given without brackets, or nothing.
std::optional<std::string> canonical_ipv6(std::string_view address) {
  std::array<unsigned char, 16> bytes{};
  const std::string text(address);
  if (text.find('\0') != text.npos || inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1) {
    return std::nullopt;
  }
  return serialize_ipv6(bytes);
}

std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

OriginError invalid(std::string message) {
  return {ProblemCode::kOriginInvalid, std::move(message), {}};
}

/// The name without its optional single trailing dot.
std::string_view without_trailing_dot(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

std::optional<OriginError> check_domain(std::string_view host) {
  const std::string_view name = without_trailing_dot(host);
  if (name.size() > kMaxHostLength) return invalid("the host is longer than 253 bytes");
  for (std::string_view rest = name;;) {
    const std::size_t dot = rest.find('.');
    const std::string_view label = rest.substr(0, dot);
    if (label.empty()) return invalid("the host has an empty label");
    if (label.size() > kMaxLabelLength) {
      return invalid("the host label " + quoted(label) + " is longer than 63 bytes");
    }
    if (label.find('*') != label.npos) {
      return invalid(
          "* may only stand for the whole first label, as in https://*.example.com, or the "
          "port, as in http://localhost:*");
    }
    if (!is_host_label(label)) {
      return invalid(
          "the host label " + quoted(label) +
          " has bytes other than a-z 0-9 - _ or a hyphen at an end; browsers send hosts in "
          "lower case and other scripts as A-labels (xn--...)");
    }
    if (dot == rest.npos) return std::nullopt;
    rest.remove_prefix(dot + 1);
  }
}

std::optional<OriginError> read_scheme(std::string_view scheme, OriginPattern& pattern) {
  if (scheme.empty()) return invalid("the scheme is missing");
  if (scheme.size() > kMaxSchemeLength) return invalid("the scheme is longer than 64 bytes");
  if (!ascii::is_lower(static_cast<unsigned char>(scheme.front())) ||
      !ascii::all_in(kSchemeBytes, scheme)) {
    return invalid("a scheme is a lower-case letter followed by a-z 0-9 + - .");
  }
  if (scheme == "file")
    return invalid("pages opened from a file send the origin null, never file://");
  pattern.scheme = scheme;
  return std::nullopt;
}

std::optional<OriginError> read_ipv6_host(std::string_view host, OriginPattern& pattern) {
  const std::optional<std::string> canonical = canonical_ipv6(host.substr(1, host.size() - 2));
  if (!canonical)
    return invalid("the host in brackets is not an IPv6 address (zones are not sent)");
  if (*canonical != host) {
    return OriginError{
        ProblemCode::kOriginNonCanonicalIp, "browsers send this IPv6 address as " + *canonical, {}};
  }
  pattern.host = host;
  pattern.is_ip_address = true;
  return std::nullopt;
}

std::optional<OriginError> read_host(std::string_view host, OriginPattern& pattern) {
  if (host.starts_with("*.")) {
    pattern.subdomains = true;
    host.remove_prefix(2);
  }
  if (host.empty()) return invalid("the host is missing");
  if (host.starts_with('[')) {
    if (pattern.subdomains) return invalid("an IP address has no subdomains");
    if (!host.ends_with(']')) return invalid("the IPv6 address lacks its closing bracket");
    return read_ipv6_host(host, pattern);
  }
  if (host.find(':') != host.npos) return invalid("an IPv6 address is written in brackets");
  if (const auto error = check_domain(host)) return error;
  // "*." and the shortest label must fit too, or the pattern could never match.
  if (pattern.subdomains && without_trailing_dot(host).size() + 2 > kMaxHostLength) {
    return invalid("no subdomain of the host fits into 253 bytes");
  }
  if (ends_in_a_number(host)) {
    if (pattern.subdomains) return invalid("an IP address has no subdomains");
    if (!is_canonical_ipv4(host)) {
      return invalid(
          "a host that ends in a number is read as an IPv4 address, and this is not four "
          "numbers from 0 to 255");
    }
    pattern.is_ip_address = true;
  }
  pattern.host = host;
  return std::nullopt;
}

std::optional<OriginError> read_port(std::string_view digits, OriginPattern& pattern) {
  if (digits == "*") {
    pattern.any_port = true;
    return std::nullopt;
  }
  if (!is_port(digits)) {
    return invalid("a port is a number from 1 to 65535 without leading zeros, or * for any");
  }
  unsigned port = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (default_port(pattern.scheme) == port) {
    return OriginError{ProblemCode::kOriginDefaultPort,
                       "browsers leave out the default port " + std::string(digits) + " of " +
                           pattern.scheme + ", so this entry can never match",
                       {}};
  }
  pattern.port = static_cast<std::uint16_t>(port);
  return std::nullopt;
}

std::variant<OriginPattern, OriginError> parse(std::string_view entry) {
  if (entry.empty()) return invalid("the entry is empty");
  if (entry.size() > kMaxOriginLength) return invalid("the entry is longer than 326 bytes");
  const std::size_t separator = entry.find("://");
  if (separator == entry.npos)
    return invalid("an origin is written scheme://host or scheme://host:port");

  OriginPattern pattern;
  if (auto error = read_scheme(entry.substr(0, separator), pattern)) return *error;
  std::string_view authority = entry.substr(separator + 3);
  if (authority.find_first_of(" \t\r\n\f\v") != authority.npos) {
    return invalid("an origin has no white space");
  }
  if (authority.find_first_of(",;") != authority.npos) {
    return invalid("one entry is one origin; write a list of strings, not a joined string");
  }
  if (authority.find_first_of("/?#\\") != authority.npos) {
    return invalid("an origin ends after the host or port: no slash, path, query or fragment");
  }
  if (authority.find('@') != authority.npos)
    return invalid("an origin has no user name or password");

  const std::size_t bracket = authority.starts_with('[') ? authority.find(']') : 0;
  const std::size_t colon =
      bracket == authority.npos ? authority.npos : authority.find(':', bracket);
  // Two colons without brackets are an IPv6 address, which read_host() explains better.
  const bool has_port = colon != authority.npos && authority.find(':', colon + 1) == authority.npos;
  if (auto error = read_host(has_port ? authority.substr(0, colon) : authority, pattern))
    return *error;
  if (has_port) {
    if (auto error = read_port(authority.substr(colon + 1), pattern)) return *error;
  }
  return pattern;
}

/// What the author of a rejected entry most probably meant, if that is an origin; otherwise empty.
std::string suggest(std::string_view entry) {
  constexpr std::string_view kWhiteSpace = " \t\r\n\f\v";
  const std::size_t first = entry.find_first_not_of(kWhiteSpace);
  if (first == entry.npos) return {};
  entry = entry.substr(first, entry.find_last_not_of(kWhiteSpace) - first + 1);
  if (entry.size() > 2 * kMaxOriginLength) return {};

  std::string text(entry);
  std::ranges::transform(text, text.begin(), ascii::to_lower);
  std::size_t separator = text.find("://");
  if (separator == text.npos) {
    // A scheme is not guessed: between http and https there is a security decision.
    return {};
  }
  std::string_view authority = std::string_view(text).substr(separator + 3);
  authority = authority.substr(0, authority.find_first_of("/?#\\"));
  authority.remove_prefix(authority.rfind('@') + 1);  // npos + 1 is 0: nothing to remove.
  std::string result = text.substr(0, separator + 3);

  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == authority.npos) return {};
    const auto canonical = canonical_ipv6(authority.substr(1, close - 1));
    if (!canonical) return {};
    result += *canonical;
    authority.remove_prefix(close + 1);
  } else {
    const std::size_t colon = authority.find(':');
    std::string_view host = authority.substr(0, colon);
    if (host.size() > 1 && host.starts_with('*') && host[1] != '.') {
      result += "*.";
      host.remove_prefix(1);
    }
    result += host;
    authority = colon == authority.npos ? std::string_view{} : authority.substr(colon);
  }
  if (authority.starts_with(':')) authority.remove_prefix(1);
  while (authority.size() > 1 && authority.front() == '0') authority.remove_prefix(1);
  const std::optional<std::uint16_t> standard = default_port(text.substr(0, separator));
  if (!authority.empty() && !(standard && authority == std::to_string(*standard))) {
    result += ':';
    result += authority;
  }
  return std::holds_alternative<OriginPattern>(parse(result)) ? result : std::string{};
}

/// True if one of eight bytes is not in ascii::kOneOriginBytes; each line is one condition of that
/// table for all eight at once.
bool has_other_byte(std::uint64_t eight) noexcept {
  constexpr std::uint64_t kEach = 0x0101010101010101U;
  constexpr std::uint64_t kTop = kEach * 0x80;
  const auto below = [](std::uint64_t bytes, std::uint64_t bound) {
    return (bytes - kEach * bound) & ~bytes & kTop;
  };
  return ((eight & kTop) |                  // not ASCII
          below(eight, 0x21) |              // a control or a space
          below(eight ^ kEach * 0x7F, 1) |  // DEL
          below(eight ^ kEach * ',', 1)) != 0;
}

bool is_made_of_origin_bytes(std::string_view bytes) noexcept {
  for (; bytes.size() >= sizeof(std::uint64_t); bytes.remove_prefix(sizeof(std::uint64_t))) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, bytes.data(), sizeof eight);
    if (has_other_byte(eight)) return false;
  }
  return ascii::all_in(ascii::kOneOriginBytes, bytes);
}

}  // namespace

std::variant<OriginPattern, OriginError> parse_origin_pattern(std::string_view entry) {
  auto result = parse(entry);
  if (auto* error = std::get_if<OriginError>(&result)) error->suggestion = suggest(entry);
  return result;
}

bool is_serialized_origin(std::string_view bytes) {
  const auto result = parse(bytes);
  const auto* pattern = std::get_if<OriginPattern>(&result);
  return pattern != nullptr && pattern->is_exact();
}

bool is_port(std::string_view digits) noexcept {
  if (!all_digits(digits) || digits.size() > kMaxPortLength || digits.front() == '0') return false;
  unsigned port = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return port <= 65535;
}

bool is_host_label(std::string_view label) noexcept {
  return !label.empty() && label.size() <= kMaxLabelLength && ascii::all_in(kLabelBytes, label) &&
         label.front() != '-' && label.back() != '-';
}

bool can_be_one_origin(std::string_view bytes) noexcept {
  return !bytes.empty() && bytes.size() <= kMaxOriginLength && bytes != "*" &&
         is_made_of_origin_bytes(bytes);
}

std::optional<OriginParts> split_origin(std::string_view origin) noexcept {
  if (origin.size() > kMaxOriginLength) return std::nullopt;
  const std::size_t separator = origin.find("://");
  if (separator == origin.npos) return std::nullopt;
  OriginParts parts;
  parts.scheme = origin.substr(0, separator);
  const std::string_view authority = origin.substr(separator + 3);
  const std::size_t bracket = authority.starts_with('[') ? authority.find(']') : 0;
  if (bracket == authority.npos) return std::nullopt;
  const std::size_t colon = authority.find(':', bracket);
  parts.host = authority.substr(0, colon);
  if (colon != authority.npos) {
    parts.port = authority.substr(colon + 1);
    if (!is_port(parts.port)) return std::nullopt;
    // A browser leaves out the default port; an origin that has it is no serialized origin.
    if (parts.port == "80" && parts.scheme == "http") return std::nullopt;
    if (parts.port == "443" && parts.scheme == "https") return std::nullopt;
  }
  return parts;
}

bool is_potentially_trustworthy(const OriginPattern& pattern) noexcept {
  if (pattern.scheme == "https") return true;
  if (pattern.is_ip_address) {
    return pattern.host == "[::1]" ||
           std::string_view(pattern.host).starts_with(kLoopbackIPv4Prefix);
  }
  return last_label(pattern.host) == "localhost";
}

}  // namespace corsac
