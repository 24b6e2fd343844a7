#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "corsac/browser_request.hpp"

namespace corsac::browser {
namespace {

using Headers = std::vector<Header>;
using Lines = std::vector<std::pair<std::string, std::string>>;

constexpr std::string_view kPage = "https://app.test";
constexpr std::string_view kApi = "https://api.test";
constexpr std::string_view kOther = "https://other.test";

Lines lines_of(const std::vector<OwnedHeader>& headers) {
  Lines lines;
  for (const OwnedHeader& header : headers) lines.emplace_back(header.name, header.value);
  return lines;
}

Lines kept(const Headers& author, std::string_view content_type = {}, bool no_cors = false) {
  const auto headers = request_headers(author, content_type, no_cors);
  return headers ? lines_of(*headers) : Lines{{"fetch()", "throws"}};
}

const Lines kThrows = {{"fetch()", "throws"}};

std::string_view origin_after(std::vector<std::string_view> url_origins,
                              std::string_view origin = kPage) {
  return serialize_request_origin(origin, url_origins);
}

TEST(AMethod, IsUpperCasedIfItIsOneOfSix) {
  for (const auto& [written, sent] : Lines{{"put", "PUT"},
                                           {"dElEtE", "DELETE"},
                                           {"options", "OPTIONS"},
                                           {"patch", "patch"},
                                           {"Chicken", "Chicken"},
                                           {"*", "*"}}) {
    EXPECT_EQ(request_method(written), sent);
  }
}

TEST(AMethod, IsRefusedIfItIsForbiddenOrNoToken) {
  for (const std::string_view bad :
       {"CONNECT", "trace", "Track", "", "PU T", "PUT\n", "\xC3\xA4"}) {
    EXPECT_EQ(request_method(bad), std::nullopt) << bad;
  }
}

TEST(ForbiddenRequestHeaders, AreDroppedSilently) {
  EXPECT_EQ(kept({{"Cookie", "a"},
                  {"Sec-Foo", "a"},
                  {"PROXY-x", "a"},
                  {"Origin", "a"},
                  {"X-A", "1"},
                  {"User-Agent", "mine"},
                  {"Access-Control-Request-Private-Network", "true"}}),
            (Lines{{"X-A", "1"},
                   {"User-Agent", "mine"},
                   {"Access-Control-Request-Private-Network", "true"}}));
}

TEST(ForbiddenRequestHeaders, AreTheOverridesOfAForbiddenMethod) {
  for (const std::string_view name :
       {"X-HTTP-Method", "x-http-method-override", "X-Method-Override"}) {
    EXPECT_TRUE(is_forbidden_request_header({name, "TRACE"})) << name;
    EXPECT_TRUE(is_forbidden_request_header({name, "PUT,\t connect "})) << name;
    EXPECT_TRUE(is_forbidden_request_header({name, "\"a,b\", track"})) << name;
    EXPECT_FALSE(is_forbidden_request_header({name, "PUT"})) << name;
    EXPECT_FALSE(is_forbidden_request_header({name, ""})) << name;
  }
  EXPECT_FALSE(is_forbidden_request_header({"X-HTTP-Methods", "TRACE"}));
}

TEST(ForbiddenRequestHeaders, AreSplitOnlyAtCommasOutsideOfQuotes) {
  for (const std::string_view value :
       {"\"a, TRACE, b\"", "\"a\\\", TRACE, b\"", "\"TRACE\"", "\"a, TRACE", "\"\\"}) {
    EXPECT_FALSE(is_forbidden_request_header({"X-HTTP-Method", value})) << value;
  }
}

TEST(RequestHeaders, HaveNormalizedValuesAndKeepTheirOrder) {
  EXPECT_EQ(kept({{"X-B", "\r\n v \t"}, {"x-a", ""}, {"X-B", "2"}}),
            (Lines{{"X-B", "v"}, {"x-a", ""}, {"X-B", "2"}}));
}

TEST(RequestHeaders, ThrowForWhatCannotBeSent) {
  EXPECT_EQ(kept({{"X A", "1"}}), kThrows);
  EXPECT_EQ(kept({{"", "1"}}), kThrows);
  EXPECT_EQ(kept({{"X-A", "1\n2"}}), kThrows);
  EXPECT_EQ(kept({{"X-A", std::string_view("1\0002", 3)}}), kThrows);
}

TEST(RequestHeaders, GetTheBodysContentTypeUnlessThereIsOne) {
  EXPECT_EQ(kept({}, "text/plain"), (Lines{{"Content-Type", "text/plain"}}));
  EXPECT_EQ(kept({{"content-TYPE", "a/b"}}, "text/plain"), (Lines{{"content-TYPE", "a/b"}}));
}

TEST(NoCorsRequests, CarryOnlyFourSafelistedHeaders) {
  EXPECT_EQ(kept({{"Accept", "a"},
                  {"Accept-Language", "de"},
                  {"Content-Language", "de"},
                  {"Content-Type", "text/plain"},
                  {"Range", "bytes=0-"},
                  {"X-A", "1"}},
                 {}, true),
            (Lines{{"Accept", "a"},
                   {"Accept-Language", "de"},
                   {"Content-Language", "de"},
                   {"Content-Type", "text/plain"}}));
}

TEST(NoCorsRequests, MeasureAllLinesOfANameTogether) {
  const std::string half(64, 'a');
  const std::string rest(62, 'b');
  EXPECT_EQ(kept({{"Accept", half}, {"accept", rest}}, {}, true),
            (Lines{{"Accept", half}, {"accept", rest}}));
  EXPECT_EQ(kept({{"Accept", half}, {"accept", rest + "b"}}, {}, true), (Lines{{"Accept", half}}));
}

TEST(NoCorsRequests, GetTheBodysContentTypeOnlyIfItIsSafelisted) {
  EXPECT_EQ(kept({{"Content-Type", "application/json"}}, "text/plain", true),
            (Lines{{"Content-Type", "text/plain"}}));
  EXPECT_EQ(kept({}, "application/json", true), Lines{});
}

TEST(APreflight, CarriesItsHeadersInTheOrderOfTheStandard) {
  const Headers headers = {{"X-B", "1"}, {"Content-Type", "application/json"}, {"x-a", "1"}};
  EXPECT_EQ(
      lines_of(preflight_request_headers({.origin = kPage, .method = "patch", .headers = headers})),
      (Lines{{"Accept", "*/*"},
             {"Access-Control-Request-Method", "patch"},
             {"Access-Control-Request-Headers", "content-type,x-a,x-b"},
             {"Origin", "https://app.test"}}));
  EXPECT_EQ(
      lines_of(preflight_request_headers({.origin = "null", .method = "PUT", .headers = {}})),
      (Lines{{"Accept", "*/*"}, {"Access-Control-Request-Method", "PUT"}, {"Origin", "null"}}));
}

TEST(ARequestsOrigin, IsThePagesUntilARedirectLeavesAnotherOrigin) {
  EXPECT_EQ(origin_after({kApi}), kPage);
  EXPECT_EQ(origin_after({kApi, kApi}), kPage);
  EXPECT_EQ(origin_after({kPage, kPage, kApi}), kPage);
  EXPECT_EQ(origin_after({kApi, kOther}), "null");
  EXPECT_EQ(origin_after({kApi, kPage}), "null");
  EXPECT_EQ(origin_after({kPage, kApi, kOther, kOther}), "null");
  EXPECT_EQ(origin_after({kApi}, "null"), "null");
}

TEST(TheOriginHeader, IsSentToOtherOriginsAndWithEveryMethodButGetAndHead) {
  const auto value = [](std::string_view method, bool cors) {
    return origin_header(
        {.origin = kPage, .url_origin = kPage, .method = method, .cors_tainting = cors});
  };
  EXPECT_EQ(value("GET", true), kPage);
  EXPECT_EQ(value("GET", false), std::nullopt);
  EXPECT_EQ(value("HEAD", false), std::nullopt);
  EXPECT_EQ(value("POST", false), kPage);
  EXPECT_EQ(value("OPTIONS", false), kPage);
}

TEST(TheOriginHeader, IsNullWhereAReferrerPolicyHidesThePage) {
  const auto value = [](OriginPolicy policy, std::string_view to, bool cors_mode = false) {
    return origin_header({.origin = kPage,
                          .url_origin = to,
                          .method = "POST",
                          .cors_mode = cors_mode,
                          .policy = policy});
  };
  EXPECT_EQ(value(OriginPolicy::kNever, kPage), "null");
  EXPECT_EQ(value(OriginPolicy::kNever, kApi, true), kPage);
  EXPECT_EQ(value(OriginPolicy::kSameOriginOnly, kApi), "null");
  EXPECT_EQ(value(OriginPolicy::kSameOriginOnly, kPage), kPage);
  EXPECT_EQ(value(OriginPolicy::kNoDowngrade, "http://api.test"), "null");
  EXPECT_EQ(value(OriginPolicy::kNoDowngrade, kApi), kPage);
  EXPECT_EQ(value(OriginPolicy::kAlways, "http://api.test"), kPage);
}

TEST(ARedirect, IsOneOfFiveStatuses) {
  for (int status = 100; status < 600; ++status) {
    const bool expected =
        status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
    EXPECT_EQ(is_redirect_status(status), expected) << status;
  }
}

TEST(ARedirect, MakesAGetOfAPostAnd303OfNearlyEverything) {
  EXPECT_TRUE(redirect_makes_get(301, "POST"));
  EXPECT_TRUE(redirect_makes_get(302, "POST"));
  EXPECT_TRUE(redirect_makes_get(303, "PUT"));
  for (const std::string_view method : {"GET", "HEAD"}) {
    EXPECT_FALSE(redirect_makes_get(303, method));
  }
  for (const std::string_view method : {"PUT", "DELETE", "patch", "GET"}) {
    EXPECT_FALSE(redirect_makes_get(301, method));
    EXPECT_FALSE(redirect_makes_get(302, method));
  }
  EXPECT_FALSE(redirect_makes_get(307, "POST"));
  EXPECT_FALSE(redirect_makes_get(308, "POST"));
}

TEST(ARedirect, TakesTheHeadersOfABodyWithIt) {
  for (const std::string_view name :
       {"Content-Encoding", "content-language", "CONTENT-LOCATION", "Content-Type"}) {
    EXPECT_TRUE(is_request_body_header_name(name)) << name;
  }
  for (const std::string_view name : {"content-length", "content-range", "x-a", ""}) {
    EXPECT_FALSE(is_request_body_header_name(name)) << name;
  }
}

TEST(BadPorts, AreThoseOfTheTable) {
  std::vector<unsigned> bad;
  for (unsigned port = 0; port <= 65'536; ++port) {
    if (is_bad_port(port)) bad.push_back(port);
  }
  EXPECT_EQ(bad.size(), 83U);
  for (const unsigned port : {0U, 25U, 6000U, 6665U, 10080U}) EXPECT_TRUE(is_bad_port(port));
  for (const unsigned port : {80U, 443U, 2U, 8000U, 6670U}) EXPECT_FALSE(is_bad_port(port));
}

TEST(AnOrigin, IsSerializedWithoutItsDefaultPort) {
  EXPECT_EQ(serialize_origin("http", "app.test", 80), "http://app.test");
  EXPECT_EQ(serialize_origin("https", "app.test", 80), "https://app.test:80");
  EXPECT_EQ(serialize_origin("wss", "[::1]", 443), "wss://[::1]");
  EXPECT_EQ(serialize_origin("https", "app.test", std::nullopt), "https://app.test");
}

}  // namespace
}  // namespace corsac::browser
