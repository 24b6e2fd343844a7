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

/// A put of JSON, which needs a preflight for the method and for content-type.
const Headers kJson = {{"Content-Type", "application/json"}};
const CorsRequest kPutJson = {.origin = kPage, .method = "PUT", .headers = kJson};
const CorsRequest kPutJsonWithCredentials = {
    .origin = kPage, .method = "PUT", .headers = kJson, .credentials_include = true};

bool is_safelisted(std::string_view name, std::string_view value) {
  return is_cors_safelisted_request_header({name, value});
}

bool content_type_is_safelisted(std::string_view value) {
  return is_safelisted("content-type", value);
}

/// The whole reason as tools show it: the code, and the header's name behind it.
std::string preflight_reason(const CorsRequest& request, int status, const Headers& answer) {
  const PreflightVerdict verdict = preflight_check(request, status, answer);
  return verdict.header_name.empty() ? verdict.code() : verdict.code() + ":" + verdict.header_name;
}

std::string cors_reason(const Headers& answer, bool credentials_include = false) {
  return std::string(block_code(cors_check(kPage, credentials_include, answer)));
}

TEST(GettingAHeader, JoinsAllLinesOfThatNameInOrder) {
  const Headers headers = {{"X-A", "1"}, {"other", "0"}, {"x-a", ""}, {"x-a", " 2\t"}};
  EXPECT_EQ(get(headers, "x-a"), "1, , 2");
}

TEST(GettingAHeader, TellsAnAbsentHeaderFromAnEmptyOne) {
  const Headers headers = {{"x-empty", ""}};
  EXPECT_EQ(get(headers, "x-a"), std::nullopt);
  EXPECT_EQ(get(headers, "x-empty"), "");
}

TEST(ExtractingATokenList, SkipsEmptyMembersAndTrimsOnlyTabAndSpace) {
  const Headers headers = {{"list", ",, PUT\t, ,x-a,,"}};
  const TokenList list = extract_token_list(headers, "list");
  EXPECT_EQ(list.state, TokenList::State::kPresent);
  EXPECT_EQ(list.members, (std::vector<std::string_view>{"PUT", "x-a"}));
}

TEST(ExtractingATokenList, JoinsSeveralLinesToOneList) {
  const Headers headers = {{"List", "a"}, {"list", "b, c"}};
  EXPECT_EQ(extract_token_list(headers, "list").members,
            (std::vector<std::string_view>{"a", "b", "c"}));
}

TEST(ExtractingATokenList, TellsAnAbsentListFromAnEmptyOne) {
  const Headers headers = {{"empty", ""}, {"commas", ",,"}};
  EXPECT_EQ(extract_token_list(headers, "absent").state, TokenList::State::kAbsent);
  for (const std::string_view name : {"empty", "commas"}) {
    EXPECT_EQ(extract_token_list(headers, name).state, TokenList::State::kPresent) << name;
    EXPECT_TRUE(extract_token_list(headers, name).members.empty()) << name;
  }
}

TEST(ExtractingATokenList, FailsAsAWholeForOneMemberThatIsNoToken) {
  for (const std::string_view bad :
       {"GET PUT", "\"PUT\"", "PUT;GET", "PUT, @x@", "PUT\x0B", "\xC2\xA0PUT"}) {
    const Headers headers = {{"list", "GET"}, {"list", bad}, {"list", "DELETE"}};
    const TokenList list = extract_token_list(headers, "list");
    EXPECT_EQ(list.state, TokenList::State::kFailure) << bad;
    EXPECT_TRUE(list.members.empty()) << bad;
  }
}

TEST(SafelistedRequestHeaders, AreKnownByNameInAnyCaseAndNothingElseIs) {
  EXPECT_TRUE(is_safelisted("ACCEPT", "text/html"));
  EXPECT_TRUE(is_safelisted("Accept-Language", "de"));
  EXPECT_TRUE(is_safelisted("Content-Language", "de"));
  EXPECT_TRUE(is_safelisted("Content-Type", "text/plain"));
  EXPECT_TRUE(is_safelisted("Range", "bytes=0-"));
  for (const std::string_view name :
       {"authorization", "x-a", "accept-encoding", "cache-control", ""}) {
    EXPECT_FALSE(is_safelisted(name, "1")) << name;
  }
}

TEST(SafelistedRequestHeaders, HoldAtMost128Bytes) {
  EXPECT_TRUE(is_safelisted("accept", std::string(kMaxSafelistedValueBytes, 'a')));
  EXPECT_FALSE(is_safelisted("accept", std::string(kMaxSafelistedValueBytes + 1, 'a')));
}

TEST(SafelistedRequestHeaders, RefuseExactlyTheUnsafeBytesInAccept) {
  const std::string_view unsafe_marks = "\"():<>?@[\\]{}\x7F";
  for (int code = 0; code < 256; ++code) {
    const char byte = static_cast<char>(code);
    const bool unsafe =
        (code < 0x20 && byte != '\t') || unsafe_marks.find(byte) != unsafe_marks.npos;
    EXPECT_EQ(is_safelisted("accept", std::string(1, byte)), !unsafe) << code;
  }
}

TEST(SafelistedRequestHeaders, HoldOnlyLanguageBytesInTheLanguageHeaders) {
  EXPECT_TRUE(is_safelisted("accept-language", "en-GB,en;q=0.9, *"));
  EXPECT_TRUE(is_safelisted("content-language", ""));
  for (const std::string_view value : {"en_GB", "a/b", "a:b", "a\tb", "\xC3\xA4"}) {
    EXPECT_FALSE(is_safelisted("accept-language", value)) << value;
    EXPECT_FALSE(is_safelisted("content-language", value)) << value;
  }
}

TEST(SafelistedContentTypes, AreThreeEssencesInAnyCaseWithAnyParameters) {
  for (const std::string_view value :
       {"text/plain", "TEXT/PLAIN", "text/plain;charset=UTF-8", "text/plain ;x=y", "\ttext/plain ",
        "text/plain; a=b, application/json", "text/plain;application/json",
        "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"}) {
    EXPECT_TRUE(content_type_is_safelisted(value)) << value;
  }
}

TEST(SafelistedContentTypes, AreNothingElse) {
  for (const std::string_view value :
       {"", "text", "text/", "/plain", "text /plain", "text/ plain", "text/plain, application/json",
        "application/json", "text/html", "text/plain+json", "text/plain; a=\"b\"",
        "text/plain; a=(b)"}) {
    EXPECT_FALSE(content_type_is_safelisted(value)) << value;
  }
}

TEST(SafelistedRanges, AreOneRangeOfBytesWithAStart) {
  for (const std::string_view value : {"bytes=0-", "bytes=0-0", "bytes=10-20", "bytes=007-7",
                                       "bytes=99999999999999999998-99999999999999999999"}) {
    EXPECT_TRUE(is_safelisted("range", value)) << value;
  }
  for (const std::string_view value :
       {"", "bytes=", "bytes=-", "bytes=-5", "bytes=5", "bytes=20-10", "bytes= 0-1", "bytes =0-1",
        "bytes=0 -1", "bytes=0-1,3-4", "bytes=0-1 ", "Bytes=0-1", "items=0-1",
        "bytes=99999999999999999999-99999999999999999998"}) {
    EXPECT_FALSE(is_safelisted("range", value)) << value;
  }
}

TEST(UnsafeRequestHeaderNames, AreLowerCasedUniqueAndSortedByByte) {
  const Headers headers = {{"xa", "1"},  {"X~A", "1"},     {"x|a", "1"}, {"X_a", "1"},
                           {"x0a", "1"}, {"x.a", "1"},     {"X-A", "1"}, {"x!a", "1"},
                           {"x-a", "2"}, {"accept", "*/*"}};
  EXPECT_EQ(cors_unsafe_request_header_names(headers),
            (Names{"x!a", "x-a", "x.a", "x0a", "x_a", "xa", "x|a", "x~a"}));
}

TEST(UnsafeRequestHeaderNames, MeasureEachLineOnItsOwn) {
  const std::string half(100, 'a');
  const Headers headers = {{"accept", half}, {"accept", half}};
  EXPECT_EQ(cors_unsafe_request_header_names(headers), Names{});
}

TEST(UnsafeRequestHeaderNames, NameASafelistedHeaderWithOneUnsafeValue) {
  const Headers headers = {{"Content-Type", "text/plain"}, {"content-type", "application/json"}};
  EXPECT_EQ(cors_unsafe_request_header_names(headers), Names{"content-type"});
}

TEST(UnsafeRequestHeaderNames, TakeInEverySafelistedOneWhenTogetherTheyExceed1024Bytes) {
  const std::string longest(kMaxSafelistedValueBytes, 'a');
  Headers headers(kMaxSafelistedValuesBytes / kMaxSafelistedValueBytes, Header{"Accept", longest});
  EXPECT_EQ(cors_unsafe_request_header_names(headers), Names{});
  headers.push_back({"Accept-Language", "d"});
  EXPECT_EQ(cors_unsafe_request_header_names(headers), (Names{"accept", "accept-language"}));
}

TEST(APreflight, IsNeededForAMethodAHeaderOrAForcedOne) {
  const Headers plain = {{"content-type", "text/plain"}};
  EXPECT_FALSE(needs_preflight({.origin = kPage, .method = "GET", .headers = {}}));
  EXPECT_FALSE(needs_preflight({.origin = kPage, .method = "HEAD", .headers = {}}));
  EXPECT_FALSE(needs_preflight({.origin = kPage, .method = "POST", .headers = plain}));
  EXPECT_TRUE(needs_preflight({.origin = kPage, .method = "POST", .headers = kJson}));
  for (const std::string_view method : {"PUT", "DELETE", "PATCH", "OPTIONS", "QUERY", "get"}) {
    EXPECT_TRUE(needs_preflight({.origin = kPage, .method = method, .headers = {}})) << method;
  }
  EXPECT_TRUE(needs_preflight(
      {.origin = kPage, .method = "POST", .headers = {}, .use_cors_preflight = true}));
}

TEST(TheCorsCheck, PassesTheExactOriginOrAnAsterisk) {
  EXPECT_EQ(cors_reason({{"Access-Control-Allow-Origin", "https://app.test"}}), "");
  EXPECT_EQ(cors_reason({{"access-control-allow-origin", "\t* "}}), "");
  const Headers null_allowed = {{"access-control-allow-origin", "null"}};
  EXPECT_EQ(cors_check("null", false, null_allowed), Block::kNone);
}

TEST(TheCorsCheck, NamesAMissingHeader) { EXPECT_EQ(cors_reason({}), "missing-allow-origin"); }

TEST(TheCorsCheck, RefusesWhateverIsNotTheSameBytes) {
  for (const std::string_view value :
       {"", "https://app.test/", "HTTPS://app.test", "https://app.test:443", "https://other.test",
        "null", "https://app.test https://other.test", "*, https://app.test", "\"*\"",
        "https://app.test\x0B"}) {
    EXPECT_EQ(cors_reason({{"access-control-allow-origin", value}}), "allow-origin-mismatch")
        << value;
  }
}

TEST(TheCorsCheck, RefusesTwoEqualLines) {
  const Header exact = {"access-control-allow-origin", kPage};
  const Header any = {"access-control-allow-origin", "*"};
  EXPECT_EQ(cors_reason({exact, exact}), "allow-origin-mismatch");
  EXPECT_EQ(cors_reason({any, any}), "allow-origin-mismatch");
}

TEST(TheCorsCheck, RefusesAnAsteriskForACredentialedRequest) {
  const Headers answer = {{"access-control-allow-origin", "*"},
                          {"access-control-allow-credentials", "true"}};
  EXPECT_EQ(cors_reason(answer, true), "wildcard-with-credentials");
  EXPECT_EQ(cors_reason(answer, false), "");
}

TEST(TheCorsCheck, AsksACredentialedRequestForTheExactWordTrueOnOneLine) {
  const Header origin = {"access-control-allow-origin", kPage};
  const auto allow = [](std::string_view value) {
    return Header{"Access-Control-Allow-Credentials", value};
  };
  EXPECT_EQ(cors_reason({origin, allow(" true\t")}, true), "");
  EXPECT_EQ(cors_reason({origin}, true), "allow-credentials-not-true");
  EXPECT_EQ(cors_reason({origin, allow("true"), allow("true")}, true),
            "allow-credentials-not-true");
  for (const std::string_view value : {"True", "TRUE", "1", "", "false"}) {
    EXPECT_EQ(cors_reason({origin, allow(value)}, true), "allow-credentials-not-true") << value;
  }
}

TEST(ThePreflightCheck, PassesWhatIsListed) {
  const Headers answer = {{"access-control-allow-origin", kPage},
                          {"access-control-allow-credentials", "true"},
                          {"access-control-allow-methods", "DELETE, PUT"},
                          {"access-control-allow-headers", "x-a,CONTENT-TYPE"}};
  for (const int status : {200, 204, 206, 299}) {
    EXPECT_EQ(preflight_reason(kPutJson, status, answer), "") << status;
    EXPECT_EQ(preflight_reason(kPutJsonWithCredentials, status, answer), "") << status;
  }
}

TEST(ThePreflightCheck, NamesTheFirstOfSeveralThingsThatAreWrong) {
  Headers answer = {{"access-control-allow-methods", "@"}, {"access-control-allow-headers", "@"}};
  EXPECT_EQ(preflight_reason(kPutJsonWithCredentials, 302, answer), "preflight:status-not-ok");
  EXPECT_EQ(preflight_reason(kPutJsonWithCredentials, 403, answer),
            "preflight:missing-allow-origin");
  answer.push_back({"access-control-allow-origin", kPage});
  EXPECT_EQ(preflight_reason(kPutJsonWithCredentials, 403, answer),
            "preflight:allow-credentials-not-true");
  answer.push_back({"access-control-allow-credentials", "true"});
  EXPECT_EQ(preflight_reason(kPutJsonWithCredentials, 403, answer), "preflight:status-not-ok");
  EXPECT_EQ(preflight_reason(kPutJsonWithCredentials, 204, answer), "preflight:bad-allow-methods");
  answer[0].value = "GET";
  EXPECT_EQ(preflight_reason(kPutJsonWithCredentials, 204, answer), "preflight:bad-allow-headers");
  answer[1].value = "x-a";
  EXPECT_EQ(preflight_reason(kPutJsonWithCredentials, 204, answer), "preflight:method-not-allowed");
  answer[0].value = "PUT";
  EXPECT_EQ(preflight_reason(kPutJsonWithCredentials, 204, answer),
            "preflight:header-not-allowed:content-type");
  answer[1].value = "content-type";
  EXPECT_EQ(preflight_reason(kPutJsonWithCredentials, 204, answer), "");
}

TEST(ThePreflightCheck, WantsAStatusFrom200To299) {
  const Headers answer = {{"access-control-allow-origin", "*"},
                          {"access-control-allow-methods", "*"},
                          {"access-control-allow-headers", "*"}};
  EXPECT_EQ(preflight_reason(kPutJson, 200, answer), "");
  EXPECT_EQ(preflight_reason(kPutJson, 299, answer), "");
  for (const int status : {199, 300, 304, 400, 401, 404, 405, 503}) {
    EXPECT_EQ(preflight_reason(kPutJson, status, answer), "preflight:status-not-ok") << status;
  }
}

TEST(ThePreflightCheck, ComparesMethodsWithTheirCase) {
  const Headers answer = {{"access-control-allow-origin", "*"},
                          {"access-control-allow-methods", "put, PATCH"}};
  for (const std::string_view method : {"PUT", "patch", "QUERY"}) {
    EXPECT_EQ(preflight_reason({.origin = kPage, .method = method, .headers = {}}, 204, answer),
              "preflight:method-not-allowed")
        << method;
  }
  EXPECT_EQ(preflight_reason({.origin = kPage, .method = "PATCH", .headers = {}}, 204, answer), "");
}

TEST(ThePreflightCheck, NeedsNoListingForSafelistedMethods) {
  const Headers answer = {{"access-control-allow-origin", "*"},
                          {"access-control-allow-methods", "PUT"},
                          {"access-control-allow-headers", "content-type"}};
  EXPECT_EQ(preflight_reason({.origin = kPage, .method = "POST", .headers = kJson}, 204, answer),
            "");
}

TEST(ThePreflightCheck, LetsAForcedPreflightPassWithoutAnyListOfMethods) {
  const CorsRequest forced = {
      .origin = kPage, .method = "PUT", .headers = {}, .use_cors_preflight = true};
  Headers answer = {{"access-control-allow-origin", "*"}};
  EXPECT_EQ(preflight_reason(forced, 204, answer), "");
  answer.push_back({"access-control-allow-methods", ""});
  EXPECT_EQ(preflight_reason(forced, 204, answer), "preflight:method-not-allowed");
}

TEST(ThePreflightCheck, TakesAnAsteriskForAWildcardOnlyWithoutCredentials) {
  const Headers answer = {{"access-control-allow-origin", kPage},
                          {"access-control-allow-credentials", "true"},
                          {"access-control-allow-methods", "*"},
                          {"access-control-allow-headers", "*"}};
  EXPECT_EQ(preflight_reason(kPutJson, 204, answer), "");
  EXPECT_EQ(preflight_reason(kPutJsonWithCredentials, 204, answer), "preflight:method-not-allowed");
  const Headers star = {{"*", "1"}};
  EXPECT_EQ(preflight_reason(
                {.origin = kPage, .method = "*", .headers = star, .credentials_include = true}, 204,
                answer),
            "");
}

TEST(ThePreflightCheck, NeverCoversAuthorizationWithAnAsterisk) {
  const Headers headers = {{"Authorization", "Bearer x"}, {"X-A", "1"}};
  const CorsRequest request = {.origin = kPage, .method = "GET", .headers = headers};
  Headers answer = {{"access-control-allow-origin", "*"}, {"access-control-allow-headers", "*"}};
  EXPECT_EQ(preflight_reason(request, 204, answer), "preflight:authorization-not-listed");
  answer[1].value = "*, AUTHORIZATION";
  EXPECT_EQ(preflight_reason(request, 204, answer), "");
}

TEST(ThePreflightCheck, NamesTheFirstRefusedHeaderInSortedOrder) {
  const Headers headers = {{"X-C", "1"}, {"X-B", "1"}, {"X-A", "1"}};
  const Headers answer = {{"access-control-allow-origin", "*"},
                          {"access-control-allow-headers", "x-a"}};
  EXPECT_EQ(preflight_reason({.origin = kPage, .method = "GET", .headers = headers}, 204, answer),
            "preflight:header-not-allowed:x-b");
}

TEST(ReadableHeaders, AreTheSafelistedOnesAndTheExposedOnes) {
  const Headers answer = {{"Content-Type", "a/b"},
                          {"ETag", "e"},
                          {"X-One", "1"},
                          {"x-one", "2"},
                          {"Date", "now"},
                          {"Access-Control-Expose-Headers", "X-ONE"},
                          {"Cache-Control", "no-store"},
                          {"Vary", "Origin"}};
  EXPECT_EQ(readable_header_names(false, answer),
            (Names{"cache-control", "content-type", "x-one"}));
}

TEST(ReadableHeaders, AreAllForAnAsteriskWithoutCredentialsButNeverCookies) {
  const Headers answer = {{"Access-Control-Expose-Headers", "*, set-cookie"},
                          {"Authorization", "a"},
                          {"Set-Cookie", "c"},
                          {"Set-Cookie2", "c"}};
  EXPECT_EQ(readable_header_names(false, answer),
            (Names{"access-control-expose-headers", "authorization"}));
  EXPECT_EQ(readable_header_names(true, answer), Names{});
}

TEST(ReadableHeaders, IncludeAHeaderThatIsReallyCalledAsterisk) {
  const Headers answer = {{"Access-Control-Expose-Headers", "*"}, {"*", "1"}, {"X-A", "1"}};
  EXPECT_EQ(readable_header_names(true, answer), Names{"*"});
}

TEST(ReadableHeaders, AreOnlyTheSafelistedOnesIfTheListCannotBeRead) {
  const Headers answer = {
      {"Access-Control-Expose-Headers", "x-a, x b"}, {"X-A", "1"}, {"Expires", "0"}};
  EXPECT_EQ(readable_header_names(false, answer), Names{"expires"});
}

TEST(ReasonCodes, AreEmptyExactlyWhenNothingIsBlocked) {
  EXPECT_EQ(block_code(Block::kNone), "");
  EXPECT_EQ(PreflightVerdict{}.code(), "");
  EXPECT_EQ(block_code(Block::kHeaderNotAllowed), "header-not-allowed");
}

}  // namespace
}  // namespace corsac::browser
