#include "corsac/host_set.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <utility>

#include "corsac/ascii.hpp"
#include "corsac/origin.hpp"
#include "corsac/seeded_hash.hpp"

namespace corsac {
namespace {

constexpr std::string_view kOption = "allowed_hosts";
constexpr std::string_view kWildcard = "*.";

/// RFC 3986 section 3.2.2, unreserved and sub-delims, which a reg-name is made of, but for the
/// comma: servers join two Host lines with one.
constexpr ascii::ByteTable kNameBytes = ascii::make_table([](unsigned char byte) {
  constexpr std::string_view marks = "-._~!$&'()*+;=";
  return ascii::is_alpha(byte) || ascii::is_digit(byte) ||
         marks.find(static_cast<char>(byte)) != marks.npos;
});

bool is_hexadecimal(char byte) noexcept {
  const char lower = ascii::to_lower(byte);
  return ascii::is_digit(static_cast<unsigned char>(byte)) || (lower >= 'a' && lower <= 'f');
}

/// RFC 3986 section 3.2.2, "reg-name" and "IP-literal", of which only IPv6 addresses exist.
bool is_uri_host(std::string_view host) noexcept {
  if (host.starts_with('[')) {
    return host.ends_with(']') && is_ipv6_address(host.substr(1, host.size() - 2));
  }
  for (std::size_t i = 0; i < host.size(); ++i) {
    if (kNameBytes[static_cast<unsigned char>(host[i])]) continue;
    if (host[i] != '%' || host.size() - i < 3 || !is_hexadecimal(host[i + 1]) ||
        !is_hexadecimal(host[i + 2])) {
      return false;
    }
    i += 2;
  }
  return !host.empty();
}

/// A client that is asked at a default port leaves it out, whatever the server knows of the scheme.
bool may_be_left_out(std::uint16_t port) noexcept {
  return default_port("http") == port || default_port("https") == port;
}

// --- Entries ---

std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

HostError invalid(std::string message) {
  return {ProblemCode::kHostInvalid, std::move(message), {}};
}

std::optional<HostError> check_labels(std::string_view host) {
  for (std::string_view rest = without_trailing_dot(host);;) {
    const std::size_t dot = rest.find('.');
    const std::string_view label = rest.substr(0, dot);
    if (label.empty()) return invalid("the host has an empty label");
    if (label.find('*') != label.npos) {
      return invalid("\"*\" may only stand for whole labels at the start, as in *.example.com");
    }
    if (!is_host_label(label)) {
      return invalid("the label " + quoted(label) +
                     " is not 1 to 63 of a-z 0-9 - _; browsers send hosts in lower case and other "
                     "scripts as A-labels (xn--...)");
    }
    if (dot == rest.npos) return std::nullopt;
    rest.remove_prefix(dot + 1);
  }
}

std::optional<HostError> read_host(std::string_view host, HostEntry& entry) {
  if (host.starts_with(kWildcard)) {
    entry.subdomains = true;
    host.remove_prefix(kWildcard.size());
  }
  if (host.empty()) return invalid("the host is missing");
  const bool is_ipv6 = host.starts_with('[');
  const bool is_address = is_ipv6 || ends_in_a_number(host);
  if (is_address && entry.subdomains) return invalid("an IP address has no subdomains");
  if (is_ipv6 && !host.ends_with(']')) return invalid("the IPv6 address lacks its closing bracket");
  if (!is_ipv6) {
    if (auto error = check_labels(host)) return error;
    const std::size_t wildcard = entry.subdomains ? kWildcard.size() : 0;
    if (without_trailing_dot(host).size() + wildcard > kMaxHostLength)
      return invalid("the host is longer than 253 bytes");
  }
  if (is_address) {
    const std::optional<std::string> canonical =
        is_ipv6 ? canonical_ipv6(host.substr(1, host.size() - 2)) : canonical_ipv4(host);
    if (!canonical) {
      return invalid(is_ipv6 ? "the host in brackets is not an IPv6 address (zones are not sent)"
                             : "a host that ends in a number is read as an IPv4 address, and this "
                               "is not four numbers from 0 to 255");
    }
    if (*canonical != host) {
      return HostError{
          ProblemCode::kHostNonCanonicalIp, "browsers send this IP address as " + *canonical, {}};
    }
  }
  entry.host = host;
  return std::nullopt;
}

std::variant<HostEntry, HostError> parse(std::string_view text) {
  if (text.empty()) return invalid("the entry is empty");
  if (text == "*") return invalid("any host is what the option means when it is not given");
  if (text.find("://") != text.npos) return invalid("a host has no scheme");
  if (text.find_first_of(" \t\r\n\f\v,;") != text.npos) {
    return invalid("one entry is one host without white space; write a list of strings");
  }
  if (text.find_first_of("/?#\\") != text.npos) {
    return invalid("an entry ends after the host or port: no slash, path, query or fragment");
  }
  if (text.find('@') != text.npos) return invalid("a host has no user name or password");
  if (text.size() > kMaxHostHeaderLength) return invalid("the entry is longer than 260 bytes");
  const std::size_t bracket = text.starts_with('[') ? text.find(']') : 0;
  const std::size_t colon = bracket == text.npos ? text.npos : text.find(':', bracket);
  if (colon != text.npos && text.find(':', colon + 1) != text.npos)
    return invalid("an IPv6 address is written in brackets");
  HostEntry entry;
  if (auto error = read_host(text.substr(0, colon), entry)) return *error;
  if (colon == text.npos) return entry;
  const std::string_view port = text.substr(colon + 1);
  if (port == "*") return invalid("an entry without a port allows any");
  if (!is_port(port)) return invalid("a port is a number from 1 to 65535 without leading zeros");
  unsigned number = 0;
  std::from_chars(port.data(), port.data() + port.size(), number);
  entry.port = static_cast<std::uint16_t>(number);
  return entry;
}

/// What the author of a rejected entry most probably meant, if that is a host; otherwise empty.
std::string suggest(std::string_view entry) {
  constexpr std::string_view kWhiteSpace = " \t\r\n\f\v";
  const std::size_t first = entry.find_first_not_of(kWhiteSpace);
  if (first == entry.npos || entry.size() > 2 * kMaxHostHeaderLength) return {};
  std::string lower(entry.substr(first, entry.find_last_not_of(kWhiteSpace) - first + 1));
  std::ranges::transform(lower, lower.begin(), ascii::to_lower);
  std::string_view rest = lower;
  if (const std::size_t scheme = rest.find("://"); scheme != rest.npos)
    rest.remove_prefix(scheme + 3);
  rest = rest.substr(0, rest.find_first_of("/?#\\"));
  rest.remove_prefix(rest.rfind('@') + 1);  // npos + 1 is 0: nothing to remove.
  if (rest.ends_with(":*")) rest.remove_suffix(2);
  if (rest.ends_with(':')) rest.remove_suffix(1);
  if (const auto address = canonical_ipv6(rest)) return *address;

  const std::size_t bracket = rest.starts_with('[') ? rest.find(']') : 0;
  const std::size_t colon = bracket == rest.npos ? rest.npos : rest.find(':', bracket);
  std::string_view host = rest.substr(0, colon);
  std::string result;
  if (host.starts_with('*') && !host.starts_with(kWildcard)) {
    result = kWildcard;
    host.remove_prefix(1);
  } else if (host.starts_with(kWildcard) && ends_in_a_number(host)) {
    host.remove_prefix(kWildcard.size());
  }
  const std::optional<std::string> address = host.starts_with('[')
                                                 ? canonical_ipv6(host.substr(1, host.size() - 2))
                                             : ends_in_a_number(host) ? canonical_ipv4(host)
                                                                      : std::nullopt;
  result += address ? *address : host;
  if (colon != rest.npos) {
    std::string_view port = rest.substr(colon + 1);
    while (port.starts_with('0')) port.remove_prefix(1);
    result += ':' + std::string(port);
  }
  return std::holds_alternative<HostEntry>(parse(result)) ? result : std::string{};
}

std::string hint_for(std::string_view entry, const HostError& error) {
  if (entry == "*") return "leave allowed_hosts out";
  if (!error.suggestion.empty()) return "did you mean " + quoted(error.suggestion) + "?";
  // Django's `.example.com` is the name and all below it.
  if (entry.starts_with('.')) {
    const std::string name(entry.substr(1));
    if (std::holds_alternative<HostEntry>(parse(name)))
      return "write [" + quoted(name) + ", " + quoted("*." + name) + "]";
  }
  return "write a name or address, such as \"api.example.com\", \"api.example.com:8443\", "
         "\"*.example.com\" or \"[::1]\"";
}

}  // namespace

std::variant<HostEntry, HostError> parse_host_entry(std::string_view entry) {
  auto result = parse(entry);
  if (auto* error = std::get_if<HostError>(&result)) error->suggestion = suggest(entry);
  return result;
}

HostSet::HostSet(std::size_t count, std::uint64_t seed)
    : seed_(seed), names_(std::bit_ceil(2 * count + 1)) {}

std::size_t HostSet::find(std::string_view host, bool subdomains) const noexcept {
  const std::uint64_t hash = hash_bytes(host, seed_ + (subdomains ? 1 : 0));
  const std::size_t mask = names_.size() - 1;
  std::size_t at = hash & mask;
  for (; !names_[at].host.empty(); at = (at + 1) & mask) {
    const Name& name = names_[at];
    if (name.host == host && name.subdomains == subdomains) break;
  }
  return at;
}

const HostSet::Name* HostSet::get(std::string_view host, bool subdomains) const noexcept {
  const Name& name = names_[find(host, subdomains)];
  return name.host.empty() ? nullptr : &name;
}

void HostSet::add_usual(const HostEntry& entry) {
  if (entry.subdomains || usual_.size() == kMaxUsual) return;
  const bool is_default = entry.port && may_be_left_out(*entry.port);
  usual_.push_back(entry.port && !is_default ? entry.host + ':' + std::to_string(*entry.port)
                                             : entry.host);
}

bool HostSet::add(const HostEntry& entry) {
  Name& name = names_[find(entry.host, entry.subdomains)];
  name.host = entry.host;
  name.subdomains = entry.subdomains;
  if (entry.subdomains) wildcard_lengths_.set(entry.host.size());
  if (!entry.port) {
    if (std::exchange(name.any_port, true)) return false;
  } else {
    const auto place = std::ranges::lower_bound(name.ports, *entry.port);
    if (place != name.ports.end() && *place == *entry.port) return false;
    name.ports.insert(place, *entry.port);
  }
  add_usual(entry);
  return true;
}

bool HostSet::covers(const HostEntry& entry) const noexcept {
  const Name* same = get(entry.host, entry.subdomains);
  if (same != nullptr && same->any_port && entry.port) return true;
  const std::string_view host = entry.host;
  for (std::size_t dot = host.find('.'); dot != host.npos; dot = host.find('.', dot + 1)) {
    const Name* above = get(host.substr(dot + 1), true);
    if (above == nullptr) continue;
    if (above->any_port || (entry.port && std::ranges::binary_search(above->ports, *entry.port)))
      return true;
  }
  return false;
}

bool HostSet::allows_port(const Name& name, const Parts& parts) noexcept {
  if (name.any_port) return true;
  if (parts.has_port) return std::ranges::binary_search(name.ports, parts.port);
  return std::ranges::any_of(name.ports, may_be_left_out);
}

bool HostSet::allows(std::string_view host, bool subdomains, const Parts& parts) const noexcept {
  const Name* name = get(host, subdomains);
  return name != nullptr && allows_port(*name, parts);
}

std::optional<HostSet::Parts> HostSet::split(std::string_view host) noexcept {
  const std::size_t bracket = host.starts_with('[') ? host.find(']') : 0;
  if (bracket == host.npos) return std::nullopt;
  const std::size_t colon = host.find(':', bracket);
  if (colon == host.npos) return Parts{host};
  const std::string_view digits = host.substr(colon + 1);
  // RFC 3986 section 3.2.3: an empty port is a default one, as if the colon were not there.
  if (digits.empty()) return Parts{host.substr(0, colon)};
  std::uint16_t port = 0;
  const char* const begin = digits.data();
  const char* const end = begin + digits.size();
  // Signs are no digits: from_chars takes none for an unsigned number.
  const auto [stopped, error] = std::from_chars(begin, end, port);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  return Parts{host.substr(0, colon), port, true};
}

bool HostSet::allows_below(const Parts& parts) const noexcept {
  // Labels left of each border are checked as the border moves right, so that `*` stands for whole,
  // valid labels only and the first bad one ends the search.
  for (std::size_t begin = 0;;) {
    const std::size_t dot = parts.name.find('.', begin);
    if (dot == parts.name.npos || !is_host_label(parts.name.substr(begin, dot - begin)))
      return false;
    const std::string_view suffix = parts.name.substr(dot + 1);
    if (suffix.size() < wildcard_lengths_.size() && wildcard_lengths_.test(suffix.size()) &&
        allows(suffix, true, parts)) {
      return true;
    }
    begin = dot + 1;
  }
}

[[gnu::noinline]] Refusal HostSet::check_other(Parts parts) const noexcept {
  if (!is_uri_host(parts.name)) return Refusal::kHostMalformed;
  std::array<char, kMaxHostHeaderLength> lower;
  const auto end = std::ranges::transform(parts.name, lower.begin(), ascii::to_lower).out;
  parts.name = {lower.begin(), end};
  const bool allowed = without_trailing_dot(parts.name).size() <= kMaxHostLength &&
                       (allows(parts.name, false, parts) || allows_below(parts));
  return allowed ? Refusal::kNone : Refusal::kHostNotAllowed;
}

Refusal HostSet::check_unusual(std::size_t lines, std::string_view host) const noexcept {
  if (lines != 1 || host.size() > kMaxHostHeaderLength) return Refusal::kHostMalformed;
  // Most are a listed name as it is, without a port. That needs no parsing: a name that is listed
  // has a colon only inside of brackets.
  const Name* name = get(host, false);
  return name != nullptr && allows_port(*name, {}) ? Refusal::kNone : check_parts(host);
}

[[gnu::noinline]] Refusal HostSet::check_parts(std::string_view host) const noexcept {
  const std::optional<Parts> parts = split(host);
  if (!parts) return Refusal::kHostMalformed;
  // As browsers send it; what is not listed as it is needs a closer look.
  return allows(parts->name, false, *parts) ? Refusal::kNone : check_other(*parts);
}

HostSetBuild build_host_set(const std::vector<std::string>& entries) {
  HostSetBuild build;
  std::vector<std::optional<HostEntry>> read;
  auto hosts = std::make_shared<HostSet>(entries.size(), random_seed());
  std::vector<bool> is_new;
  for (const std::string& text : entries) {
    auto result = parse_host_entry(text);
    auto* entry = std::get_if<HostEntry>(&result);
    is_new.push_back(entry != nullptr && hosts->add(*entry));
    read.push_back(entry == nullptr ? std::nullopt : std::optional(std::move(*entry)));
  }
  bool valid = true;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::string& text = entries[i];
    const auto note = [&](ProblemCode code, std::string message, std::string hint) {
      build.problems.push_back({code, default_severity(code), std::string(kOption), text,
                                std::move(message), std::move(hint)});
    };
    const std::optional<HostEntry>& entry = read[i];
    if (!entry) {
      const HostError error = std::get<HostError>(parse_host_entry(text));
      note(error.code, error.message, hint_for(text, error));
      valid = false;
    } else if (!is_new[i]) {
      note(ProblemCode::kHostRedundant, "it is listed twice", "remove one of them");
    } else if (hosts->covers(*entry)) {
      note(ProblemCode::kHostRedundant, "another entry covers it", "remove it");
    }
  }
  if (valid) build.hosts = std::move(hosts);
  return build;
}

}  // namespace corsac
