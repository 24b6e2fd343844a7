#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "corsac/browser_response.hpp"

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

/// The whole reason as tools show it: the code, and the header's name behind it.
std::string preflight_reason(const CorsRequest& request, int status, const Headers& answer) {
  const PreflightVerdict verdict = preflight_check(request, status, answer);
  return verdict.header_name.empty() ? verdict.code() : verdict.code() + ":" + verdict.header_name;
}

std::string cors_reason(const Headers& answer, bool credentials_include = false) {
  return std::string(block_code(cors_check(kPage, credentials_include, answer)));
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

TEST(ReadableHeaders, OfTheOwnOriginAreAllButCookies) {
  const Headers answer = {{"X-A", "1"}, {"x-a", "2"}, {"Date", "now"}, {"Set-Cookie", "c"}};
  EXPECT_EQ(basic_readable_header_names(answer), (Names{"date", "x-a"}));
}

TEST(ResourcePolicy, KeepsAnAnswerFromPagesThatAreFurtherAway) {
  const auto blocks = [](std::string_view policy, bool same_origin, bool same_site) {
    return resource_policy_blocks({.same_origin = same_origin, .same_site = same_site},
                                  EmbedderPolicy::kUnsafeNone, false,
                                  Headers{{"Cross-Origin-Resource-Policy", policy}});
  };
  EXPECT_FALSE(blocks("cross-origin", false, false));
  EXPECT_TRUE(blocks("same-site", false, false));
  EXPECT_FALSE(blocks("same-site", false, true));
  EXPECT_TRUE(blocks("same-origin", false, true));
  EXPECT_FALSE(blocks("same-origin", true, true));
}

TEST(ResourcePolicy, IsNoneIfItCannotBeRead) {
  const Header same_origin = {"cross-origin-resource-policy", "same-origin"};
  const auto blocks = [](const Headers& answer) {
    return resource_policy_blocks({}, EmbedderPolicy::kUnsafeNone, false, answer);
  };
  EXPECT_TRUE(blocks({same_origin}));
  EXPECT_FALSE(blocks({same_origin, same_origin}));
  EXPECT_FALSE(blocks({{"cross-origin-resource-policy", "Same-Origin"}}));
  EXPECT_FALSE(blocks({}));
}

TEST(ResourcePolicy, OfOneSiteDoesNotReachFromHttpToHttps) {
  const Headers answer = {{"cross-origin-resource-policy", "same-site"}};
  const auto blocks = [&answer](bool page_is_https, bool response_is_https) {
    return resource_policy_blocks(
        {.same_site = true, .page_is_https = page_is_https, .response_is_https = response_is_https},
        EmbedderPolicy::kUnsafeNone, false, answer);
  };
  EXPECT_TRUE(blocks(false, true));
  EXPECT_FALSE(blocks(false, false));
  EXPECT_FALSE(blocks(true, true));
  EXPECT_FALSE(blocks(true, false));
}

TEST(AnEmbedderPolicy, TakesAMissingResourcePolicyForSameOrigin) {
  const auto blocks = [](EmbedderPolicy embedder, bool credentials, const Headers& answer) {
    return resource_policy_blocks({.same_site = true}, embedder, credentials, answer);
  };
  const Headers open = {{"cross-origin-resource-policy", "cross-origin"}};
  EXPECT_FALSE(blocks(EmbedderPolicy::kUnsafeNone, true, {}));
  EXPECT_TRUE(blocks(EmbedderPolicy::kRequireCorp, false, {}));
  EXPECT_FALSE(blocks(EmbedderPolicy::kRequireCorp, true, open));
  EXPECT_TRUE(blocks(EmbedderPolicy::kCredentialless, true, {}));
  EXPECT_FALSE(blocks(EmbedderPolicy::kCredentialless, false, {}));
}

TEST(AChallenge, AsksForAPasswordInTheSchemesThatBrowsersKnow) {
  const auto asks = [](int status, std::string_view value) {
    return asks_for_password(status, Headers{{"WWW-Authenticate", value}});
  };
  EXPECT_TRUE(asks(401, "Basic realm=x"));
  EXPECT_TRUE(asks(401, " NEGOTIATE "));
  EXPECT_FALSE(asks(401, "Bearer realm=x"));
  EXPECT_FALSE(asks(403, "Basic realm=x"));
  EXPECT_FALSE(asks_for_password(401, {}));
}

}  // namespace
}  // namespace corsac::browser
