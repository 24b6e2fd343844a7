#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "corsac/origin_set.hpp"
#include "support.hpp"

namespace corsac {
namespace {

using testing::repeated;

constexpr std::uint64_t kSeed = 0x5EEDU;

OriginSet set_of(const std::vector<std::string>& entries, std::uint64_t seed = kSeed) {
  OriginSet set(seed);
  for (const std::string& entry : entries) {
    const auto parsed = parse_origin_pattern(entry);
    const auto* pattern = std::get_if<OriginPattern>(&parsed);
    if (pattern == nullptr) {
      ADD_FAILURE() << entry << " is no pattern";
    } else if (pattern->is_exact()) {
      set.add_exact(entry);
    } else {
      set.add_pattern(*pattern);
    }
  }
  return set;
}

std::string numbered_origin(std::size_t number) {
  return "https://tenant" + std::to_string(number) + ".example.com";
}

TEST(OriginSet, AnEmptySetContainsNothing) {
  const OriginSet set(kSeed);
  EXPECT_TRUE(set.empty());
  EXPECT_EQ(set.exact_count(), 0U);
  for (const std::string origin : {"", "null", "*", "https://example.com"}) {
    EXPECT_FALSE(set.contains(origin)) << origin;
  }
  EXPECT_FALSE(set.contains(std::string_view{}));
}

TEST(OriginSet, AnExactOriginIsComparedByteByByte) {
  const OriginSet set = set_of({"https://example.com", "http://[::1]:3000"});
  EXPECT_TRUE(set.contains("https://example.com"));
  EXPECT_TRUE(set.contains("http://[::1]:3000"));
  for (const std::string origin :
       {"https://example.com.", "https://Example.com", "HTTPS://example.com", "http://example.com",
        "https://example.com:443", "https://example.com/", "https://example.co",
        "ttps://example.com", "https://example.com ", " https://example.com",
        "https://[example.com]", "example.com", "https://example.comhttp://[::1]:3000",
        "http://[0:0:0:0:0:0:0:1]:3000", "http://::1:3000"}) {
    EXPECT_FALSE(set.contains(origin)) << origin;
  }
  EXPECT_FALSE(set.contains(std::string_view("https://example.com\0", 20)));
  EXPECT_FALSE(set.contains(std::string_view{}));
}

TEST(OriginSet, TwoNeighboursInTheStoreAreNotOneOrigin) {
  const OriginSet set = set_of({"https://foo.test", "https://bar.test", "a://b", "c://d"});
  for (const std::string origin : {"https://foo.testhttps://bar.test", "a://bc://d", "a://bc",
                                   "https://barfoo.test", "https://foobar.test"}) {
    EXPECT_FALSE(set.contains(origin)) << origin;
  }
}

TEST(OriginSet, NullIsContainedOnlyAsAnExactOrigin) {
  OriginSet set = set_of({"https://*.example.com:*", "http://localhost:*"});
  EXPECT_FALSE(set.contains("null"));
  EXPECT_TRUE(set.add_exact("null"));
  EXPECT_TRUE(set.contains("null"));
  EXPECT_FALSE(set.contains("NULL"));
}

TEST(OriginSet, ADuplicateIsNotAddedAgain) {
  OriginSet set(kSeed);
  EXPECT_TRUE(set.add_exact("https://example.com"));
  EXPECT_FALSE(set.add_exact("https://example.com"));
  EXPECT_EQ(set.exact_count(), 1U);

  for (const std::string entry : {"https://*.a.test", "https://*.a.test:8443", "https://*.a.test:*",
                                  "https://a.test:*", "https://*.b.test:1", "https://*.b.test:2"}) {
    const auto pattern = std::get<OriginPattern>(parse_origin_pattern(entry));
    EXPECT_TRUE(set.add_pattern(pattern)) << entry;
    EXPECT_FALSE(set.add_pattern(pattern)) << entry;
  }
}

struct Case {
  std::string origin;
  bool expected;
};

void expect_matches(const std::vector<std::string>& entries, const std::vector<Case>& cases) {
  const OriginSet set = set_of(entries);
  for (const Case& row : cases) {
    EXPECT_EQ(set.contains(row.origin), row.expected) << row.origin;
    EXPECT_EQ(set.matches_pattern(row.origin), row.expected) << row.origin;
  }
}

TEST(OriginSet, ASubdomainPatternMatchesOneOrMoreWholeLabels) {
  const std::string label(kMaxLabelLength, 'a');
  const std::vector<Case> cases = {
      {"https://a.sub.test", true},
      {"https://a.b.c.sub.test", true},
      {"https://_x.sub.test", true},
      {"https://xn--bcher-kva.sub.test", true},
      {"https://" + label + ".sub.test", true},
      {"https://a" + label + ".sub.test", false},
      {"https://sub.test", false},
      {"https://.sub.test", false},
      {"https://notsub.test", false},
      {"https://sub.test.", false},
      {"https://a.sub.test.", false},
      {"https://a.sub.test.evil.com", false},
      {"https://evil.com/.sub.test", false},
      {"https://evil.com?.sub.test", false},
      {"https://evil.com#.sub.test", false},
      {"https://evil.com\\.sub.test", false},
      {"https://a..sub.test", false},
      {"https://..sub.test", false},
      {"https://x@y.sub.test", false},
      {"https://x:y@z.sub.test", false},
      {"https://*.sub.test", false},
      {"https://-a.sub.test", true},
      {"https://a-.sub.test", true},
      {"https://-.sub.test", true},
      {"https://a$.sub.test", false},
      {"https://A.sub.test", false},
      {"https://a.Sub.test", false},
      {"https://%61.sub.test", false},
      {"https://a.sub.test:443", false},
      {"https://a.sub.test:8443", false},
      {"https://a.sub.test:", false},
      {"https://a.sub.test/", false},
      {"http://a.sub.test", false},
      {"https//a.sub.test", false},
      {"a.sub.test", false},
      {"null", false},
  };
  expect_matches({"https://*.sub.test"}, cases);
}

TEST(OriginSet, AnyPortStandsBehindAnOpaqueHostToo) {
  expect_matches({"app://-:*", "web+app://A%41:*"}, {{"app://-", true},
                                                     {"app://-:80", true},
                                                     {"app://-:0", false},
                                                     {"app://.", false},
                                                     {"app://a-", false},
                                                     {"web+app://A%41:8", true},
                                                     {"web+app://a%41:8", false},
                                                     {"web+app://AA", false}});
}

TEST(OriginSet, ATrailingDotIsPartOfTheHost) {
  expect_matches({"https://*.sub.test."}, {{"https://a.sub.test.", true},
                                           {"https://a.sub.test", false},
                                           {"https://sub.test.", false},
                                           {"https://a.sub.test..", false}});
}

TEST(OriginSet, AnyPortMeansEveryPortABrowserWritesOrNone) {
  expect_matches({"http://localhost:*"}, {{"http://localhost", true},
                                          {"http://localhost:1", true},
                                          {"http://localhost:443", true},
                                          {"http://localhost:65535", true},
                                          {"http://localhost:80", false},
                                          {"http://localhost:0", false},
                                          {"http://localhost:08080", false},
                                          {"http://localhost:65536", false},
                                          {"http://localhost:", false},
                                          {"http://localhost:*", false},
                                          {"http://localhost:8080.evil.com", false},
                                          {"http://localhost:8080/", false},
                                          {"http://localhost:1:2", false},
                                          {"https://localhost", false},
                                          {"http://a.localhost:1", false}});
}

TEST(OriginSet, APatternWithAPortMatchesThatPortAlone) {
  expect_matches({"https://*.sub.test:8443", "https://*.sub.test:1"},
                 {{"https://a.sub.test:8443", true},
                  {"https://a.sub.test:1", true},
                  {"https://a.sub.test", false},
                  {"https://a.sub.test:8444", false},
                  {"https://a.sub.test:84430", false},
                  {"https://a.sub.test:844", false}});
}

TEST(OriginSet, OverlappingPatternsDoNotWidenEachOther) {
  expect_matches({"https://*.a.test", "https://*.b.a.test:8443", "http://*.b.a.test"},
                 {{"https://x.b.a.test", true},
                  {"https://x.b.a.test:8443", true},
                  {"https://x.a.test:8443", false},
                  {"http://x.b.a.test", true},
                  {"http://x.a.test", false},
                  {"http://x.b.a.test:8443", false}});
}

/// `https://` and a host under sub.test, `length` bytes in all.
std::string origin_of_length(std::size_t length) {
  const std::string tail = ".sub.test";
  std::string origin = "https://";
  while (length - tail.size() - origin.size() > kMaxLabelLength) origin += repeated("a", 61) + ".";
  return origin + repeated("b", length - tail.size() - origin.size()) + tail;
}

TEST(OriginSet, AHostLongerThanBrowsersAllowMatchesNoPattern) {
  const OriginSet set = set_of({"https://*.sub.test", "https://*.dot.test."});
  const std::size_t longest = 8 + kMaxHostLength;
  EXPECT_TRUE(set.contains(origin_of_length(longest)));
  for (const std::size_t length : {longest + 1, kMaxOriginLength, kMaxOriginLength + 1}) {
    const std::string origin = origin_of_length(length);
    ASSERT_EQ(origin.size(), length);
    EXPECT_FALSE(set.contains(origin)) << length;
  }
  std::string dotted = origin_of_length(longest) + ".";
  dotted.replace(dotted.rfind("sub"), 3, "dot");
  EXPECT_TRUE(set.contains(dotted));
  EXPECT_FALSE(set.contains(dotted.insert(8, "a")));
}

TEST(OriginSet, AnExactOriginIsFoundUpToTheLongestLength) {
  const std::string longest = repeated("a", kMaxOriginLength);
  OriginSet set(kSeed);
  EXPECT_TRUE(set.add_exact(longest));
  EXPECT_TRUE(set.contains(longest));
  EXPECT_THROW(set.add_exact(longest + "a"), std::length_error);
  EXPECT_THROW(set.add_exact(""), std::length_error);
  EXPECT_FALSE(set.contains(longest + "a"));
  EXPECT_FALSE(set.contains(""));
}

TEST(OriginSet, AnOverLongOriginIsRefusedWithoutReadingIt) {
  const testing::UnreadableBytes origin(testing::kMebibyte);
  const OriginSet set = set_of({"https://a.test", "https://*.sub.test"});
  EXPECT_FALSE(set.contains(origin.view()));
  EXPECT_FALSE(set.matches_pattern(origin.view()));
}

TEST(OriginSet, EveryLengthAroundAHashBlockIsFound) {
  for (const std::uint64_t seed : {std::uint64_t{0}, kSeed, ~std::uint64_t{0}}) {
    OriginSet set(seed);
    std::string origin;
    for (std::size_t length = 1; length <= 80; ++length) {
      origin += static_cast<char>('a' + length % 26);
      EXPECT_FALSE(set.contains(origin)) << length;
      EXPECT_TRUE(set.add_exact(origin)) << length;
      EXPECT_TRUE(set.contains(origin)) << length;
    }
    EXPECT_EQ(set.exact_count(), 80U);
  }
}

TEST(OriginSet, AHundredThousandOriginsAreAllFoundAndNoOther) {
  constexpr std::size_t kCount = 100'000;
  OriginSet grown(kSeed);
  OriginSet reserved(kSeed + 1);
  reserved.reserve(kCount, kCount * 40);
  for (std::size_t i = 0; i < kCount; ++i) {
    ASSERT_TRUE(grown.add_exact(numbered_origin(i)));
    ASSERT_TRUE(reserved.add_exact(numbered_origin(i)));
  }
  EXPECT_EQ(grown.exact_count(), kCount);
  EXPECT_EQ(reserved.exact_count(), kCount);
  for (std::size_t i = 0; i < kCount; ++i) {
    ASSERT_TRUE(grown.contains(numbered_origin(i))) << i;
    ASSERT_TRUE(reserved.contains(numbered_origin(i))) << i;
    ASSERT_FALSE(grown.contains(numbered_origin(i + kCount))) << i;
    ASSERT_FALSE(grown.add_exact(numbered_origin(i))) << i;
  }
}

TEST(OriginSet, ManyThreadsReadOneSet) {
  OriginSet set = set_of({"https://*.sub.test", "http://localhost:*"});
  for (std::size_t i = 0; i < 1000; ++i) set.add_exact(numbered_origin(i));
  const OriginSet& shared = set;
  std::array<std::size_t, 4> found{};
  std::vector<std::thread> threads;
  for (std::size_t& count : found) {
    threads.emplace_back([&shared, &count] {
      for (std::size_t i = 0; i < 2000; ++i) {
        count += shared.contains(numbered_origin(i)) ? 1 : 0;
        count += shared.contains("https://a" + std::to_string(i) + ".sub.test") ? 1 : 0;
        count += shared.contains("http://localhost:" + std::to_string(i)) ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  // 1000 exact origins, 2000 subdomains, and 2000 ports but 0 and 80.
  for (const std::size_t count : found) EXPECT_EQ(count, 1000U + 2000U + 1998U);
}

}  // namespace
}  // namespace corsac
