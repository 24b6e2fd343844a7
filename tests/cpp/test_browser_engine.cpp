#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "corsac/browser.hpp"

namespace corsac::browser {
namespace {

using Headers = std::vector<Header>;
using Names = std::vector<std::string>;

constexpr std::string_view kPage = "https://app.test";
const Engine& kChromium = *find_engine("chromium");

bool asks_nobody(std::string_view name, std::string_view value, const Engine& engine) {
  return is_cors_safelisted_request_header({name, value}, engine);
}

TEST(Engines, AreFoundByName) {
  for (const std::string_view name : {"standard", "chromium", "firefox", "webkit"}) {
    ASSERT_NE(find_engine(name), nullptr) << name;
    EXPECT_EQ(find_engine(name)->name, name);
  }
  EXPECT_EQ(find_engine("Chromium"), nullptr);
  EXPECT_EQ(find_engine(""), nullptr);
}

TEST(Chromium, LetsAnAsteriskCoverAuthorization) {
  const Headers headers = {{"Authorization", "a"}};
  const Headers answer = {{"access-control-allow-origin", kPage},
                          {"access-control-allow-credentials", "true"},
                          {"access-control-allow-headers", "*"}};
  CorsRequest request = {.origin = kPage, .method = "GET", .headers = headers};
  EXPECT_EQ(preflight_check(request, 204, answer).code(), "preflight:authorization-not-listed");
  request.engine = &kChromium;
  EXPECT_EQ(preflight_check(request, 204, answer).code(), "");
  request.credentials_include = true;
  EXPECT_EQ(preflight_check(request, 204, answer).code(), "preflight:authorization-not-listed");
}

TEST(Chromium, NamesTheLastOfSeveralRefusedHeaders) {
  const Headers headers = {{"X-B", "1"}, {"X-A", "1"}, {"X-C", "1"}};
  const Headers answer = {{"access-control-allow-origin", "*"},
                          {"access-control-allow-headers", "x-a"}};
  CorsRequest request = {.origin = kPage, .method = "GET", .headers = headers};
  EXPECT_EQ(preflight_check(request, 204, answer).header_name, "x-b");
  request.engine = &kChromium;
  EXPECT_EQ(preflight_check(request, 204, answer).header_name, "x-c");
}

TEST(Chromium, TakesEqualLocationsForOneAndAnEmptyOneForNone) {
  const auto state = [](const Headers& headers, const Engine& engine) {
    return redirect_location(headers, engine).state;
  };
  using State = Location::State;
  const Header line = {"Location", "/x"};
  for (const Engine& engine : {kStandard, kChromium}) {
    EXPECT_EQ(state({}, engine), State::kAbsent);
    EXPECT_EQ(redirect_location(Headers{{"LOCATION", " /x\t"}}, engine).value, "/x");
    EXPECT_EQ(state({line, {"Location", "/y"}}, engine), State::kFailure);
  }
  EXPECT_EQ(state({line, line}, kStandard), State::kFailure);
  EXPECT_EQ(state({line, line}, kChromium), State::kPresent);
  EXPECT_EQ(state({{"Location", ""}}, kStandard), State::kPresent);
  EXPECT_EQ(state({{"Location", ""}}, kChromium), State::kAbsent);
}

TEST(Chromium, JoinsLinesOfOneNameBeforeItMeasuresThem) {
  const Headers fits = {{"Accept", std::string_view("a")}, {"accept", "b"}};
  const std::string half(63, 'a');
  const Headers at_the_limit = {{"Accept", half}, {"accept", half}};
  const std::string more(64, 'a');
  const Headers beyond = {{"Accept", half}, {"accept", more}};
  EXPECT_EQ(cors_unsafe_request_header_names(fits, kChromium), Names{});
  EXPECT_EQ(cors_unsafe_request_header_names(at_the_limit, kChromium), Names{});
  EXPECT_EQ(cors_unsafe_request_header_names(beyond, kChromium), Names{"accept"});
  EXPECT_EQ(cors_unsafe_request_header_names(beyond), Names{});
}

TEST(Chromium, KnowsRangesOf64Bits) {
  EXPECT_TRUE(asks_nobody("range", "bytes=0-9223372036854775807", kChromium));
  EXPECT_FALSE(asks_nobody("range", "bytes=0-9223372036854775808", kChromium));
  EXPECT_TRUE(asks_nobody("range", "bytes=0-9223372036854775808", kStandard));
}

TEST(Chromium, SafelistsClientHints) {
  const Headers hints = {
      {"Save-Data", "on"},       {"DPR", "1.5"},      {"Device-Memory", "8"}, {"Width", "800"},
      {"Viewport-Width", "800"}, {"Downlink", "1.5"}, {"ECT", "4g"},          {"RTT", "100"}};
  for (const Header& hint : hints) {
    EXPECT_TRUE(asks_nobody(hint.name, hint.value, kChromium)) << hint.name;
    EXPECT_FALSE(asks_nobody(hint.name, hint.value, kStandard)) << hint.name;
  }
  for (const Header& bad :
       Headers{{"Save-Data", "off"}, {"DPR", "abc"}, {"DPR", "1."}, {"Width", "1.5"}}) {
    EXPECT_FALSE(asks_nobody(bad.name, bad.value, kChromium)) << bad.name;
  }
}

TEST(Chromium, DropsTheUserAgentThatAScriptSets) {
  const Headers headers = {{"User-Agent", "mine"}};
  EXPECT_EQ(request_headers(headers, {}, false)->size(), 1U);
  EXPECT_EQ(request_headers(headers, {}, false, kChromium)->size(), 0U);
}

TEST(Chromium, NeverHidesTheOriginOfFetch) {
  const OriginHeaderContext context = {.origin = kPage,
                                       .url_origin = "https://api.test",
                                       .method = "POST",
                                       .cors_mode = false,
                                       .policy = OriginPolicy::kNever};
  EXPECT_EQ(origin_header(context), "null");
  EXPECT_EQ(origin_header(context, kChromium), kPage);
}

}  // namespace
}  // namespace corsac::browser
