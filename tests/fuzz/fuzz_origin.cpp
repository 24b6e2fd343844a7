#include <string>
#include <string_view>
#include <variant>

#include "corsac/origin.hpp"
#include "corsac/origin_set.hpp"
#include "fuzz/entry.hpp"
#include "fuzz/naive.hpp"

/// Input: one text, read as a configured entry and as a request's Origin.
namespace corsac::fuzz {
namespace {

std::string serialized(const OriginPattern& pattern) {
  std::string text = pattern.scheme + "://";
  if (pattern.subdomains) text += "*.";
  text += pattern.host;
  if (pattern.any_port) text += ":*";
  if (pattern.port) text += ":" + std::to_string(*pattern.port);
  return text;
}

bool lies_in(std::string_view part, std::string_view whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

void check_request_side(std::string_view text) {
  CORSAC_HOLDS(can_be_one_origin(text) == naive::can_be_one_origin(std::string(text)));
  CORSAC_HOLDS(is_port(text) == naive::is_port(std::string(text)));
  CORSAC_HOLDS(is_host_label(text) == naive::is_label(std::string(text)));
  const bool is_origin = is_serialized_origin(text);
  CORSAC_HOLDS(is_origin == naive::is_serialized_origin(std::string(text)));
  CORSAC_HOLDS(!is_origin || can_be_one_origin(text));

  const std::optional<OriginParts> parts = split_origin(text);
  if (!parts) return;
  CORSAC_HOLDS(text.size() <= kMaxOriginLength);
  CORSAC_HOLDS(lies_in(parts->scheme, text) && lies_in(parts->host, text));
  std::string rejoined = std::string(parts->scheme) + "://" + std::string(parts->host);
  if (!parts->port.empty()) rejoined += ":" + std::string(parts->port);
  CORSAC_HOLDS(rejoined == text);
  CORSAC_HOLDS(parts->port.empty() || naive::is_port(std::string(parts->port)));
}

void check_exact(std::string_view text, const OriginPattern& pattern) {
  const std::optional<OriginParts> parts = split_origin(text);
  CORSAC_HOLDS(parts.has_value());
  CORSAC_HOLDS(parts->scheme == pattern.scheme && parts->host == pattern.host);
  CORSAC_HOLDS(parts->port == (pattern.port ? std::to_string(*pattern.port) : ""));

  OriginSet set(text.size());
  CORSAC_HOLDS(set.add_exact(text) && !set.add_exact(text));
  CORSAC_HOLDS(set.contains(text) && !set.matches_pattern(text));
  // Only itself: not a byte more, less or different.
  std::string other(text);
  for (char& byte : other) {
    const char original = byte;
    for (const char flipped : {'\x01', '\x20'}) {
      byte = static_cast<char>(original ^ flipped);
      CORSAC_HOLDS(!set.contains(ExactBytes(other).view()));
    }
    byte = original;
  }
  CORSAC_HOLDS(!set.contains(text.substr(1)));
  CORSAC_HOLDS(!set.contains(text.substr(0, text.size() - 1)));
  for (const char byte : {'a', '.', '/', '0', '\0'}) CORSAC_HOLDS(!set.contains(other + byte));
}

void check_accepted(std::string_view text, const OriginPattern& pattern) {
  CORSAC_HOLDS(serialized(pattern) == text);
  CORSAC_HOLDS(can_be_one_origin(text));
  CORSAC_HOLDS(pattern.is_exact() == (text.find('*') == text.npos));
  CORSAC_HOLDS(!pattern.is_exact() || is_serialized_origin(text));
  CORSAC_HOLDS(!(pattern.any_port && pattern.port));
  if (pattern.is_exact()) check_exact(text, pattern);

  const std::string name = naive::split(naive::without_trailing_dot(pattern.host), '.').back();
  const bool is_domain = !naive::default_port(pattern.scheme).empty();
  const bool loopback = is_domain && naive::is_ipv4(pattern.host) ? pattern.host.starts_with("127.")
                                                                  : pattern.host == "[::1]";
  CORSAC_HOLDS(is_potentially_trustworthy(pattern) ==
               (pattern.scheme == "https" || loopback || name == "localhost"));
}

void check_rejected(std::string_view text, const OriginError& error) {
  CORSAC_HOLDS(error.code == ProblemCode::kOriginInvalid ||
               error.code == ProblemCode::kOriginDefaultPort ||
               error.code == ProblemCode::kOriginNonCanonicalIp);
  CORSAC_HOLDS(!error.message.empty());
  if (error.suggestion.empty()) return;
  CORSAC_HOLDS(error.suggestion != text);
  CORSAC_HOLDS(std::holds_alternative<OriginPattern>(parse_origin_pattern(error.suggestion)));
}

}  // namespace
}  // namespace corsac::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace corsac;
  using namespace corsac::fuzz;
  const ExactBytes exact(as_text(data, size));
  const std::string_view text = exact.view();
  check_request_side(text);
  const auto parsed = parse_origin_pattern(text);
  CORSAC_HOLDS(std::holds_alternative<OriginPattern>(parsed) == naive::is_entry(std::string(text)));
  if (const auto* pattern = std::get_if<OriginPattern>(&parsed)) {
    check_accepted(text, *pattern);
  } else {
    check_rejected(text, std::get<OriginError>(parsed));
  }
  return 0;
}
