#include "corsac/origin.hpp"

#include <algorithm>
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

constexpr std::string_view kLoopbackIPv4Prefix = "127.";
constexpr std::string_view kFileScheme = "file";

bool all_digits(std::string_view bytes) {
  return !bytes.empty() && std::ranges::all_of(bytes, [](char byte) {
    return ascii::is_digit(static_cast<unsigned char>(byte));
  });
}

std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

OriginError invalid(std::string message) {
  return {ProblemCode::kOriginInvalid, std::move(message), {}};
}

std::optional<OriginError> misplaced_wildcard() {
  return invalid(
      "* may only stand for the whole first label, as in https://*.example.com, or the "
      "port, as in http://localhost:*");
}

std::optional<OriginError> check_domain(std::string_view host) {
  for (std::string_view rest = without_trailing_dot(host);;) {
    const std::size_t dot = rest.find('.');
    const std::string_view label = rest.substr(0, dot);
    if (label.empty()) return invalid("the host has an empty label");
    if (label.find('*') != label.npos) return misplaced_wildcard();
    if (!has_label_bytes(label)) {
      return invalid("the host label " + quoted(label) +
                     " has bytes other than a-z 0-9 - _; browsers send hosts in lower case and "
                     "other scripts as A-labels (xn--...)");
    }
    if (dot == rest.npos) return std::nullopt;
    rest.remove_prefix(dot + 1);
  }
}

bool is_scheme(std::string_view scheme) noexcept {
  return !scheme.empty() && scheme.size() <= kMaxSchemeLength &&
         ascii::is_lower(static_cast<unsigned char>(scheme.front())) &&
         ascii::all_in(kSchemeBytes, scheme);
}

std::optional<OriginError> read_scheme(std::string_view scheme, OriginPattern& pattern) {
  if (scheme.empty()) return invalid("the scheme is missing");
  if (scheme.size() > kMaxSchemeLength) return invalid("the scheme is longer than 64 bytes");
  if (!is_scheme(scheme)) {
    return invalid("a scheme is a lower-case letter followed by a-z 0-9 + - .");
  }
  if (scheme == kFileScheme)
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

std::optional<OriginError> read_opaque_host(std::string_view host, OriginPattern& pattern) {
  if (host.find('*') != host.npos) return misplaced_wildcard();
  if (!is_serialized_opaque_host(host)) {
    return invalid("the host has bytes that no browser sends; other scripts are percent-encoded");
  }
  pattern.host = host;
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
  if (!pattern.subdomains && !is_special_scheme(pattern.scheme)) {
    return read_opaque_host(host, pattern);
  }
  if (const auto error = check_domain(host)) return error;
  // "*." and the shortest label must fit too, or the pattern could never match.
  if (pattern.subdomains && without_trailing_dot(host).size() + 2 > kMaxHostLength) {
    return invalid("no subdomain of the host fits into 253 bytes");
  }
  if (ends_in_a_number(host)) {
    if (pattern.subdomains) return invalid("an IP address has no subdomains");
    const std::optional<std::string> address = canonical_ipv4(host);
    if (!address) {
      return invalid(
          "a host that ends in a number is read as an IPv4 address, and this is not four "
          "numbers from 0 to 255");
    }
    if (*address != host) return invalid("browsers send this IPv4 address as " + *address);
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
  // A semicolon is a byte like any other in an opaque host.
  const bool is_special = is_special_scheme(pattern.scheme);
  if (authority.find_first_of(is_special ? ",;" : ",") != authority.npos) {
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
/// @param filled_up set if that needed an IPv4 address to be completed.
std::string suggest(std::string_view entry, bool& filled_up) {
  constexpr std::string_view kWhiteSpace = " \t\r\n\f\v";
  const std::size_t first = entry.find_first_not_of(kWhiteSpace);
  if (first == entry.npos) return {};
  entry = entry.substr(first, entry.find_last_not_of(kWhiteSpace) - first + 1);
  if (entry.size() > 2 * kMaxOriginLength) return {};

  std::string text(entry);
  const std::size_t separator = text.find("://");
  // A scheme is not guessed: between http and https there is a security decision.
  if (separator == text.npos) return {};
  const auto scheme_end = text.begin() + static_cast<std::ptrdiff_t>(separator);
  std::transform(text.begin(), scheme_end, text.begin(), ascii::to_lower);
  const bool is_special = is_special_scheme(std::string_view(text).substr(0, separator));
  // Nobody but its browser knows what the case of an opaque host means.
  if (is_special) std::transform(scheme_end, text.end(), scheme_end, ascii::to_lower);
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
    if (host.starts_with('*') && !host.starts_with("*.")) {
      result += "*.";
      host.remove_prefix(1);
    }
    std::optional<std::string> address;
    if (is_special && ends_in_a_number(host)) address = canonical_ipv4(host);
    filled_up = address && *address != host;
    result += address ? *address : host;
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
  if (auto* error = std::get_if<OriginError>(&result)) {
    error->suggestion = suggest(entry, error->is_address_filled_up);
  }
  return result;
}

bool is_serialized_origin(std::string_view bytes) {
  const std::optional<OriginParts> parts = split_origin(bytes);
  if (!parts || !is_scheme(parts->scheme) || parts->scheme == kFileScheme) return false;
  const std::optional<std::uint16_t> standard = default_port(parts->scheme);
  if (!standard) return is_serialized_opaque_host(parts->host);
  return parts->port != std::to_string(*standard) && is_serialized_host(parts->host);
}

bool is_port(std::string_view digits) noexcept {
  if (!all_digits(digits) || digits.size() > kMaxPortLength || digits.front() == '0') return false;
  unsigned port = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return port <= 65535;
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
