#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "corsac/preflight_cache.hpp"

namespace corsac::browser {
namespace {

using Headers = std::vector<Header>;

constexpr std::string_view kPage = "https://app.test";
constexpr std::string_view kUrl = "https://api.test/x?a=1#f";

const Headers kXA = {{"X-A", "1"}};

CorsRequest with_method(std::string_view method, bool credentials = false) {
  return {.origin = kPage, .method = method, .headers = {}, .credentials_include = credentials};
}

CorsRequest with_headers(const Headers& headers) {
  return {.origin = kPage, .method = "GET", .headers = headers};
}

Headers allow(std::string_view methods, std::string_view names = "",
              std::string_view max_age = "600") {
  return {{"Access-Control-Allow-Methods", methods},
          {"Access-Control-Allow-Headers", names},
          {"Access-Control-Max-Age", max_age}};
}

std::int64_t max_age_of(std::string_view value, std::string_view engine = "standard") {
  return preflight_max_age(Headers{{"access-control-max-age", value}}, *find_engine(engine));
}

TEST(TheMaxAge, IsDigitsOnOneLineElseFiveSeconds) {
  EXPECT_EQ(max_age_of("600"), 600);
  EXPECT_EQ(max_age_of("\t0600 "), 600);
  EXPECT_EQ(max_age_of("0"), 0);
  for (const std::string_view bad : {"", "-1", "+600", "600.5", "1e3", "600;x", "abc", "6 0"}) {
    EXPECT_EQ(max_age_of(bad), kDefaultMaxAge) << bad;
  }
  EXPECT_EQ(preflight_max_age({}), kDefaultMaxAge);
  const Header line = {"access-control-max-age", "600"};
  EXPECT_EQ(preflight_max_age(Headers{line, line}), kDefaultMaxAge);
}

TEST(TheMaxAge, HasNoLimitInTheStandardAndOneInEachEngine) {
  EXPECT_GT(max_age_of("99999999999999999999999999"), 1'000'000'000);
  for (const auto& [engine, cap] :
       {std::pair("chromium", 7200), std::pair("firefox", 86'400), std::pair("webkit", 600)}) {
    EXPECT_EQ(max_age_of(std::to_string(cap), engine), cap) << engine;
    EXPECT_EQ(max_age_of(std::to_string(cap + 1), engine), cap) << engine;
    EXPECT_EQ(max_age_of(std::to_string(cap - 1), engine), cap - 1) << engine;
  }
}

TEST(TheMaxAge, IsASigned64BitNumberInChromium) {
  EXPECT_EQ(max_age_of("+600", "chromium"), 600);
  EXPECT_EQ(max_age_of("-1", "chromium"), 0);
  EXPECT_EQ(max_age_of("9223372036854775807", "chromium"), 7200);
  EXPECT_EQ(max_age_of("9223372036854775808", "chromium"), kDefaultMaxAge);
  EXPECT_EQ(max_age_of("+-1", "chromium"), kDefaultMaxAge);
  EXPECT_EQ(max_age_of("", "chromium"), kDefaultMaxAge);
}

TEST(TheMaxAge, IsNotCachedInGeckoIfItCannotBeRead) {
  EXPECT_EQ(max_age_of("abc", "firefox"), 0);
  EXPECT_EQ(max_age_of("-1", "firefox"), 0);
  EXPECT_EQ(max_age_of("", "firefox"), kDefaultMaxAge);
  EXPECT_EQ(preflight_max_age({}, *find_engine("firefox")), kDefaultMaxAge);
}

TEST(ARememberedPreflight, ServesUntilItIsTooOld) {
  PreflightCache cache(10);
  cache.store(with_method("PUT"), kUrl, allow("PUT"), 100);
  EXPECT_TRUE(cache.covers(with_method("PUT"), kUrl, 699.9));
  EXPECT_FALSE(cache.covers(with_method("PUT"), kUrl, 700));
}

TEST(ARememberedPreflight, IsForOneOriginAndOneWholeUrl) {
  PreflightCache cache(10);
  cache.store(with_method("PUT"), kUrl, allow("PUT"), 0);
  CorsRequest other = with_method("PUT");
  other.origin = "https://other.test";
  EXPECT_FALSE(cache.covers(other, kUrl, 1));
  EXPECT_FALSE(cache.covers(with_method("PUT"), "https://api.test/x?a=2#f", 1));
  EXPECT_FALSE(cache.covers(with_method("PUT"), "https://api.test/x?a=1", 1));
  EXPECT_TRUE(cache.covers(with_method("PUT"), kUrl, 1));
}

TEST(ARememberedPreflight, WithCredentialsServesBothKindsAndWithoutOnlyItsOwn) {
  PreflightCache with(10);
  with.store(with_method("PUT", true), kUrl, allow("PUT"), 0);
  EXPECT_TRUE(with.covers(with_method("PUT", true), kUrl, 1));
  EXPECT_TRUE(with.covers(with_method("PUT", false), kUrl, 1));
  PreflightCache without(10);
  without.store(with_method("PUT", false), kUrl, allow("PUT"), 0);
  EXPECT_FALSE(without.covers(with_method("PUT", true), kUrl, 1));
  EXPECT_TRUE(without.covers(with_method("PUT", false), kUrl, 1));
}

TEST(ARememberedPreflight, CoversTheListedMethodsWithTheirCaseAndTheSafelistedOnes) {
  PreflightCache cache(10);
  cache.store(with_method("PUT"), kUrl, allow("PUT, patch"), 0);
  EXPECT_TRUE(cache.covers(with_method("patch"), kUrl, 1));
  EXPECT_FALSE(cache.covers(with_method("PATCH"), kUrl, 1));
  EXPECT_FALSE(cache.covers(with_method("DELETE"), kUrl, 1));
  EXPECT_TRUE(cache.covers(with_method("POST"), kUrl, 1));
}

TEST(ARememberedPreflight, CoversTheListedHeadersInAnyCase) {
  PreflightCache cache(10);
  cache.store(with_headers(kXA), kUrl, allow("", "x-A, X-b"), 0);
  EXPECT_TRUE(cache.covers(with_headers(kXA), kUrl, 1));
  EXPECT_TRUE(cache.covers(with_headers({{"X-B", "1"}, {"x-a", "1"}}), kUrl, 1));
  EXPECT_FALSE(cache.covers(with_headers({{"X-A", "1"}, {"X-C", "1"}}), kUrl, 1));
  EXPECT_FALSE(cache.covers(with_method("X-A"), kUrl, 1));
}

TEST(ARememberedPreflight, TakesAnAsteriskForEverythingButAuthorization) {
  PreflightCache cache(10);
  cache.store(with_method("PUT"), kUrl, allow("*", "*"), 0);
  EXPECT_TRUE(cache.covers(with_method("DELETE"), kUrl, 1));
  EXPECT_TRUE(cache.covers(with_headers(kXA), kUrl, 1));
  EXPECT_FALSE(cache.covers(with_headers({{"Authorization", "a"}}), kUrl, 1));
}

TEST(ARememberedPreflight, StandsForAForcedOneOnlyIfTheMethodIsRemembered) {
  PreflightCache cache(10);
  CorsRequest forced = with_method("POST");
  cache.store(with_method("PUT"), kUrl, allow("PUT"), 0);
  forced.use_cors_preflight = true;
  EXPECT_FALSE(cache.covers(forced, kUrl, 1));
  cache.store(forced, kUrl, Headers{}, 1);
  EXPECT_TRUE(cache.covers(forced, kUrl, 2));
  EXPECT_FALSE(cache.covers(forced, kUrl, 1 + kDefaultMaxAge));
}

TEST(ARememberedPreflight, AddsToEarlierOnesAndGivesThoseItRepeatsItsAge) {
  PreflightCache cache(10);
  cache.store(with_method("PUT"), kUrl, allow("PUT"), 0);
  cache.store(with_method("DELETE"), kUrl, allow("DELETE"), 1);
  EXPECT_TRUE(cache.covers(with_method("PUT"), kUrl, 2));
  EXPECT_TRUE(cache.covers(with_method("DELETE"), kUrl, 2));
  cache.store(with_method("PATCH"), kUrl, allow("PUT, PATCH", "", "1"), 2);
  EXPECT_FALSE(cache.covers(with_method("PUT"), kUrl, 3));
  EXPECT_TRUE(cache.covers(with_method("DELETE"), kUrl, 3));
  cache.store(with_method("PATCH"), kUrl, allow("DELETE", "", "0"), 3);
  EXPECT_FALSE(cache.covers(with_method("DELETE"), kUrl, 3));
}

TEST(ThePreflightCache, RemembersNothingForNoSeconds) {
  PreflightCache cache(10);
  cache.store(with_method("PUT"), kUrl, allow("PUT", "", "0"), 0);
  EXPECT_EQ(cache.size(), 0U);
}

TEST(ThePreflightCache, ForgetsAnOriginAndUrlOrEverything) {
  PreflightCache cache(10);
  cache.store(with_method("PUT", true), kUrl, allow("PUT"), 0);
  cache.store(with_method("PUT"), kUrl, allow("PATCH"), 0);
  cache.store(with_method("PUT"), "https://api.test/y", allow("PUT"), 0);
  cache.clear(kPage, kUrl);
  EXPECT_EQ(cache.size(), 1U);
  EXPECT_FALSE(cache.covers(with_method("PUT"), kUrl, 1));
  EXPECT_TRUE(cache.covers(with_method("PUT"), "https://api.test/y", 1));
  cache.clear();
  EXPECT_EQ(cache.size(), 0U);
  EXPECT_FALSE(cache.covers(with_method("PUT"), "https://api.test/y", 1));
}

TEST(ThePreflightCache, LetsGoOfThePreflightUsedLongestAgo) {
  PreflightCache cache(2);
  cache.store(with_method("PUT"), "https://api.test/1", allow("PUT"), 0);
  cache.store(with_method("PUT"), "https://api.test/2", allow("PUT"), 0);
  EXPECT_EQ(cache.size(), 2U);
  EXPECT_TRUE(cache.covers(with_method("PUT"), "https://api.test/1", 1));
  cache.store(with_method("PUT"), "https://api.test/3", allow("PUT"), 1);
  EXPECT_EQ(cache.size(), 2U);
  EXPECT_TRUE(cache.covers(with_method("PUT"), "https://api.test/1", 2));
  EXPECT_FALSE(cache.covers(with_method("PUT"), "https://api.test/2", 2));
}

TEST(ThePreflightCache, ReadsNoMoreNamesOfAnAnswerThanItsLimit) {
  std::string names;
  for (std::size_t i = 1; i < kMaxCachedNames; ++i) names += "x" + std::to_string(i) + ",";
  PreflightCache cache(2);
  cache.store(with_headers(kXA), kUrl, allow(names + "PUT", names + "x-a"), 0);
  EXPECT_TRUE(cache.covers(with_headers(kXA), kUrl, 1));
  EXPECT_TRUE(cache.covers(with_method("PUT"), kUrl, 1));
  cache.clear();
  cache.store(with_headers(kXA), kUrl, allow(names + "y,PUT", names + "y,x-a"), 0);
  EXPECT_FALSE(cache.covers(with_headers(kXA), kUrl, 1));
  EXPECT_FALSE(cache.covers(with_method("PUT"), kUrl, 1));
  EXPECT_TRUE(cache.covers(with_method("y"), kUrl, 1));
}

TEST(ThePreflightCache, HoldsAtMostTwiceThatManyNamesOfOneUrl) {
  PreflightCache cache(2);
  for (int answer = 0; answer < 4; ++answer) {
    std::string names;
    for (std::size_t i = 0; i < kMaxCachedNames; ++i) {
      names += "x" + std::to_string(answer) + "-" + std::to_string(i) + ",";
    }
    cache.store(with_headers(kXA), kUrl, allow("", names), 0);
  }
  EXPECT_TRUE(cache.covers(with_headers({{"x1-1023", "1"}}), kUrl, 1));
  EXPECT_FALSE(cache.covers(with_headers({{"x2-0", "1"}}), kUrl, 1));
}

TEST(ThePreflightCacheOfChromium, HoldsOneAnswerForAnOriginAndUrl) {
  PreflightCache cache(10);
  CorsRequest put = with_method("PUT");
  CorsRequest del = with_method("DELETE");
  put.engine = del.engine = find_engine("chromium");
  cache.store(put, kUrl, allow("PUT"), 0);
  EXPECT_TRUE(cache.covers(put, kUrl, 1));
  cache.store(del, kUrl, allow("DELETE"), 1);
  EXPECT_TRUE(cache.covers(del, kUrl, 2));
  EXPECT_FALSE(cache.covers(put, kUrl, 2));
}

TEST(ThePreflightCacheOfChromium, ForgetsAnAnswerThatDoesNotCoverARequest) {
  PreflightCache cache(10);
  CorsRequest put = with_method("PUT");
  CorsRequest del = with_method("DELETE");
  put.engine = del.engine = find_engine("chromium");
  cache.store(put, kUrl, allow("PUT"), 0);
  EXPECT_TRUE(cache.covers(put, kUrl, 1));
  EXPECT_FALSE(cache.covers(del, kUrl, 1));
  EXPECT_FALSE(cache.covers(put, kUrl, 1));
}

TEST(ThePreflightCacheOfTheStandard, KeepsAnAnswerThatDoesNotCoverARequest) {
  PreflightCache cache(10);
  cache.store(with_method("PUT"), kUrl, allow("PUT"), 0);
  EXPECT_FALSE(cache.covers(with_method("DELETE"), kUrl, 1));
  EXPECT_TRUE(cache.covers(with_method("PUT"), kUrl, 1));
}

TEST(ThePreflightCacheOfChromium, AsksForAuthorizationAgainThoughAnAsteriskAllowedIt) {
  PreflightCache cache(10);
  const Headers authorization = {{"Authorization", "x"}};
  CorsRequest request = with_headers(authorization);
  request.engine = find_engine("chromium");
  cache.store(request, kUrl, allow("", "*"), 0);
  EXPECT_FALSE(cache.covers(request, kUrl, 1));
  cache.store(request, kUrl, allow("", "*, authorization"), 1);
  EXPECT_TRUE(cache.covers(request, kUrl, 2));
}

TEST(ThePreflightCacheOfChromium, TakesNoAsteriskThatCameWithCredentials) {
  PreflightCache cache(10);
  CorsRequest put = with_method("PUT", true);
  CorsRequest del = with_method("DELETE", false);
  put.engine = del.engine = find_engine("chromium");
  cache.store(put, kUrl, allow("*, PUT"), 0);
  EXPECT_TRUE(cache.covers(put, kUrl, 1));
  EXPECT_FALSE(cache.covers(del, kUrl, 1));
}

TEST(ThePreflightCacheOfChromium, NeverServesOpaqueOrigins) {
  PreflightCache cache(10);
  CorsRequest put = with_method("PUT");
  put.origin = "null";
  cache.store(put, kUrl, allow("PUT"), 0);
  EXPECT_TRUE(cache.covers(put, kUrl, 1));
  put.engine = find_engine("chromium");
  EXPECT_FALSE(cache.covers(put, kUrl, 1));
}

}  // namespace
}  // namespace corsac::browser
