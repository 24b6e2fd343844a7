#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "corsac/origin_set.hpp"
#include "fuzz/naive.hpp"

/// The set against a matcher that has no data structure: each entry is tried in turn, on text, with
/// no code shared with the set. The origins are near misses, made from the entries' own parts.
namespace corsac {
namespace {

const naive::Strings kEntries = {
    "https://example.com",
    "http://example.com:8080",
    "http://[::1]:3000",
    "https://sub.test",
    "https://a.sub.test:8443",
    "app://local",
    "https://*.sub.test",
    "https://*.b.sub.test:8443",
    "https://*.example.com:*",
    "http://*.example.com",
    "http://localhost:*",
    "http://[::1]:*",
    "https://*.dot.test.",
    "app://*.x_y.test:80",
    "http://*.test:443",
    "https://127.0.0.1:*",
    "app://-:*",
    "https://*.-b.test",
};

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
    host += pick(
        {"sub.test", "b.sub.test", "example.com", "dot.test.", "x_y.test", "localhost", "-b.test"},
        {"[::1]", "127.0.0.1", "local", "-", "test", "dot.test", "sub.test.", "evil.com"});
    if (below(50) == 0) host.insert(0, std::string(150 + below(150), 'a'));
    if (below(50) == 0) {
      while (host.size() < 240 + below(20)) host.insert(0, "ab.");
    }
    return host;
  }

  std::string label() {
    if (below(20) == 0) return std::string(62 + below(3), 'a');
    return pick({"a", "b", "x_y", "a-b", "0", "xn--a", "-a", "a-"},
                {"", "A", "a$", "*", "x@y", "evil/", "a\\", "%41", "[", "]", "\xC3\xA9"});
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
    EXPECT_EQ(set.contains(entry), naive::contains(kEntries, entry)) << entry;
  }
}

TEST(OriginSetAgainstNaiveMatcher, AgreesOnNearMisses) {
  const OriginSet set = set_of_entries();
  NearMisses near_misses;
  int matched = 0;
  constexpr int kOrigins = 30'000;
  for (int i = 0; i < kOrigins; ++i) {
    const std::string origin = near_misses.next();
    const bool expected = naive::contains(kEntries, origin);
    ASSERT_EQ(set.contains(origin), expected) << origin;
    matched += expected ? 1 : 0;
  }
  // Both answers must occur often, or the comparison says nothing.
  EXPECT_GT(matched, kOrigins / 40);
  EXPECT_LT(matched, kOrigins / 2);
}

}  // namespace
}  // namespace corsac
