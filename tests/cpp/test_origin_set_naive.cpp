#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "corsac/origin_set.hpp"

/// The set against a matcher that has no data structure: each entry is tried in turn, on text, with
/// no code shared with the set. The origins are near misses, made from the entries' own parts.
namespace corsac {
namespace {

const std::vector<std::string> kEntries = {
    "https://example.com",  "http://example.com:8080",   "http://[::1]:3000",
    "https://sub.test",     "https://a.sub.test:8443",   "app://local",
    "https://*.sub.test",   "https://*.b.sub.test:8443", "https://*.example.com:*",
    "http://*.example.com", "http://localhost:*",        "http://[::1]:*",
    "https://*.dot.test.",  "app://*.x_y.test:80",       "http://*.test:443",
    "https://127.0.0.1:*",
};

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char byte : text) {
    if (byte == separator) {
      parts.emplace_back();
    } else {
      parts.back() += byte;
    }
  }
  return parts;
}

bool naive_is_label(const std::string& label) {
  if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-')
    return false;
  return label.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") == label.npos;
}

struct NaiveParts {
  std::string scheme;
  std::string host;
  std::string port;
  bool has_port = false;
};

NaiveParts naive_parts(const std::string& text) {
  NaiveParts parts;
  const std::size_t separator = text.find("://");
  if (separator == text.npos) return parts;
  parts.scheme = text.substr(0, separator);
  std::string rest = text.substr(separator + 3);
  // The last colon that is outside brackets.
  const std::size_t colon = rest.rfind(':');
  if (colon != rest.npos && rest.find(']', colon) == rest.npos) {
    parts.has_port = true;
    parts.port = rest.substr(colon + 1);
    rest.resize(colon);
  }
  parts.host = rest;
  return parts;
}

bool naive_port_matches(const NaiveParts& entry, const NaiveParts& origin) {
  if (origin.has_port) {
    if (origin.port.empty() || origin.port.size() > 5) return false;
    if (origin.port.find_first_not_of("0123456789") != origin.port.npos) return false;
    const int number = std::stoi(origin.port);
    if (number < 1 || number > 65535 || std::to_string(number) != origin.port) return false;
    if (origin.scheme == "http" && number == 80) return false;
    if (origin.scheme == "https" && number == 443) return false;
  }
  if (entry.port == "*") return true;
  return entry.has_port == origin.has_port && entry.port == origin.port;
}

bool naive_matches(const std::string& entry_text, const std::string& origin_text) {
  if (entry_text.find('*') == entry_text.npos) return entry_text == origin_text;
  const NaiveParts entry = naive_parts(entry_text);
  const NaiveParts origin = naive_parts(origin_text);
  if (entry.scheme != origin.scheme || !naive_port_matches(entry, origin)) return false;
  if (!entry.host.starts_with("*.")) return entry.host == origin.host;

  const std::string suffix = entry.host.substr(1);  // With its dot.
  if (origin.host.size() <= suffix.size() || !origin.host.ends_with(suffix)) return false;
  const bool dotted = origin.host.ends_with('.');
  if (origin.host.size() - (dotted ? 1 : 0) > 253) return false;
  const std::string covered = origin.host.substr(0, origin.host.size() - suffix.size());
  for (const std::string& label : split(covered, '.')) {
    if (!naive_is_label(label)) return false;
  }
  return true;
}

bool naive_contains(const std::string& origin) {
  for (const std::string& entry : kEntries) {
    if (naive_matches(entry, origin)) return true;
  }
  return false;
}

/// Makes origins that look like allowed ones. The same ones in each run, on each platform: only the
/// engine's own numbers are used, since distributions differ between libraries.
class NearMisses {
 public:
  std::string next() {
    std::string origin = pick({"https", "http", "app"}, {"ws", "HTTP", "httpss", "ttp", ""});
    origin += pick({"://"}, {":/", "//", ":", ":///"});
    origin += host();
    origin += pick({"", "", ":8443", ":8080", ":3000", ":65535"},
                   {":443", ":80", ":0", ":65536", ":08443", ":", ":*", ":1:2", ":8443x", ":+80"});
    if (below(5) == 0) mutate(origin);
    return origin;
  }

 private:
  using Choices = std::vector<std::string_view>;

  std::size_t below(std::size_t bound) { return engine_() % bound; }

  /// Mostly a part that can belong to an allowed origin, now and then one that cannot.
  std::string pick(const Choices& good, const Choices& bad) {
    const Choices& choices = below(8) == 0 ? bad : good;
    return std::string(choices[below(choices.size())]);
  }

  std::string host() {
    std::string host;
    for (std::size_t labels = below(4); labels > 0; --labels) host += label() + ".";
    host += pick({"sub.test", "b.sub.test", "example.com", "dot.test.", "x_y.test", "localhost"},
                 {"[::1]", "127.0.0.1", "local", "test", "dot.test", "sub.test.", "evil.com"});
    if (below(50) == 0) host.insert(0, std::string(150 + below(150), 'a'));
    if (below(50) == 0) {
      while (host.size() < 240 + below(20)) host.insert(0, "ab.");
    }
    return host;
  }

  std::string label() {
    if (below(20) == 0) return std::string(62 + below(3), 'a');
    return pick({"a", "b", "x_y", "a-b", "0", "xn--a"},
                {"", "-a", "a-", "A", "*", "x@y", "evil/", "a\\", "%41", "[", "]", "\xC3\xA9"});
  }

  void mutate(std::string& text) {
    static constexpr std::string_view kBytes = "a.:/@*[]-_ \t,\\?#%A0\x7F";
    const char byte = kBytes[below(kBytes.size())];
    const std::size_t at = below(text.size() + 1);
    switch (below(3)) {
      case 0:
        text.insert(at, 1, byte);
        break;
      case 1:
        text.erase(at, 1);
        break;
      default:
        if (at < text.size()) text[at] = byte;
        break;
    }
  }

  std::mt19937 engine_{20261121};
};

OriginSet set_of_entries() {
  OriginSet set(0x5EEDU);
  for (const std::string& entry : kEntries) {
    const auto pattern = std::get<OriginPattern>(parse_origin_pattern(entry));
    if (pattern.is_exact()) {
      set.add_exact(entry);
    } else {
      set.add_pattern(pattern);
    }
  }
  return set;
}

TEST(OriginSetAgainstNaiveMatcher, AgreesOnTheEntriesThemselves) {
  const OriginSet set = set_of_entries();
  for (const std::string& entry : kEntries) {
    EXPECT_EQ(set.contains(entry), naive_contains(entry)) << entry;
  }
}

TEST(OriginSetAgainstNaiveMatcher, AgreesOnNearMisses) {
  const OriginSet set = set_of_entries();
  NearMisses near_misses;
  int matched = 0;
  constexpr int kOrigins = 30'000;
  for (int i = 0; i < kOrigins; ++i) {
    const std::string origin = near_misses.next();
    const bool expected = naive_contains(origin);
    ASSERT_EQ(set.contains(origin), expected) << origin;
    matched += expected ? 1 : 0;
  }
  // Both answers must occur often, or the comparison says nothing.
  EXPECT_GT(matched, kOrigins / 40);
  EXPECT_LT(matched, kOrigins / 2);
}

}  // namespace
}  // namespace corsac
