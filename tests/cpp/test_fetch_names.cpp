#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "corsac/fetch_names.hpp"

namespace corsac::fetch {
namespace {

std::string upper(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char byte) {
    return byte >= 'a' && byte <= 'z' ? static_cast<char>(byte - 32) : byte;
  });
  return result;
}

TEST(FetchNames, GetHeadAndPostAreSafelistedInUpperCaseOnly) {
  for (const std::string_view method : {"GET", "HEAD", "POST"}) {
    EXPECT_TRUE(is_cors_safelisted_method(method)) << method;
  }
  for (const std::string_view method : {"get", "Head", "OPTIONS", "PUT", "QUERY", "", "GET "}) {
    EXPECT_FALSE(is_cors_safelisted_method(method)) << method;
  }
}

TEST(FetchNames, ConnectTraceAndTrackAreForbiddenInAnyCase) {
  for (const std::string_view method : {"CONNECT", "trace", "TrAcK"}) {
    EXPECT_TRUE(is_forbidden_method(method)) << method;
  }
  for (const std::string_view method : {"GET", "TRACER", "CONNEC", "", "*"}) {
    EXPECT_FALSE(is_forbidden_method(method)) << method;
  }
}

TEST(FetchNames, SixMethodsAreUpperCasedAndNoOther) {
  for (const std::string_view method : {"delete", "get", "head", "options", "post", "put"}) {
    EXPECT_EQ(normalize_method(method), upper(method));
    EXPECT_EQ(normalize_method(upper(method)), upper(method));
  }
  for (const std::string_view method : {"patch", "Chicken", "query", "", "puts", "pu"}) {
    EXPECT_EQ(normalize_method(method), method);
  }
}

TEST(FetchNames, RequestHeadersThatBrowsersSetThemselvesAreForbidden) {
  for (const std::string_view name : {"accept-charset",
                                      "accept-encoding",
                                      "access-control-request-headers",
                                      "access-control-request-method",
                                      "connection",
                                      "content-length",
                                      "cookie",
                                      "cookie2",
                                      "date",
                                      "dnt",
                                      "expect",
                                      "host",
                                      "keep-alive",
                                      "origin",
                                      "referer",
                                      "set-cookie",
                                      "te",
                                      "trailer",
                                      "transfer-encoding",
                                      "upgrade",
                                      "via",
                                      "proxy-",
                                      "proxy-authorization",
                                      "sec-",
                                      "sec-fetch-site"}) {
    EXPECT_TRUE(is_forbidden_request_header_name(name)) << name;
    EXPECT_TRUE(is_forbidden_request_header_name(upper(name))) << name;
  }
}

TEST(FetchNames, OtherRequestHeadersAreNotForbidden) {
  for (const std::string_view name :
       {"authorization", "content-type", "user-agent", "content-encoding", "x-http-method-override",
        "access-control-request-private-network", "access-control-allow-origin", "sec", "proxy",
        "secret", "xsec-a", "cookie3", "", "*"}) {
    EXPECT_FALSE(is_forbidden_request_header_name(name)) << name;
  }
}

TEST(FetchNames, ScriptsNeverSeeSetCookie) {
  EXPECT_TRUE(is_forbidden_response_header_name("Set-Cookie"));
  EXPECT_TRUE(is_forbidden_response_header_name("set-cookie2"));
  EXPECT_FALSE(is_forbidden_response_header_name("set-cookie3"));
  EXPECT_FALSE(is_forbidden_response_header_name("cookie"));
}

TEST(FetchNames, SevenResponseHeadersAreReadableWithoutListing) {
  for (const std::string_view name : {"cache-control", "content-language", "content-length",
                                      "content-type", "expires", "last-modified", "pragma"}) {
    EXPECT_TRUE(is_cors_safelisted_response_header_name(name)) << name;
    EXPECT_TRUE(is_cors_safelisted_response_header_name(upper(name))) << name;
  }
  for (const std::string_view name : {"date", "etag", "location", "vary", "content-range", ""}) {
    EXPECT_FALSE(is_cors_safelisted_response_header_name(name)) << name;
  }
}

TEST(FetchNames, AuthorizationIsTheOneNameThatTheWildcardNeverCovers) {
  EXPECT_TRUE(is_cors_non_wildcard_request_header_name("authorization"));
  EXPECT_TRUE(is_cors_non_wildcard_request_header_name("AUTHORIZATION"));
  EXPECT_FALSE(is_cors_non_wildcard_request_header_name("proxy-authorization"));
  EXPECT_FALSE(is_cors_non_wildcard_request_header_name("*"));
}

TEST(FetchNames, HeadersThatNoPageReadsBelongToRequestsAndPreflights) {
  for (const std::string_view name :
       {"Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers",
        "Access-Control-Allow-Methods", "Access-Control-Allow-Headers", "Access-Control-Max-Age"}) {
    EXPECT_TRUE(is_cors_protocol_only_header_name(name)) << name;
  }
  for (const std::string_view name :
       {"Access-Control-Allow-Origin", "Access-Control-Expose-Headers", "ETag", "Vary", ""}) {
    EXPECT_FALSE(is_cors_protocol_only_header_name(name)) << name;
  }
}

TEST(FetchNames, SixResponseHeadersAreTheServersOwn) {
  for (const std::string_view name :
       {"Access-Control-Allow-Credentials", "Access-Control-Allow-Headers",
        "Access-Control-Allow-Methods", "Access-Control-Allow-Origin",
        "Access-Control-Expose-Headers", "Access-Control-Max-Age"}) {
    EXPECT_TRUE(is_cors_response_header_name(name)) << name;
  }
  for (const std::string_view name : {"Access-Control-Request-Method", "Origin", "Vary", ""}) {
    EXPECT_FALSE(is_cors_response_header_name(name)) << name;
  }
}

}  // namespace
}  // namespace corsac::fetch
