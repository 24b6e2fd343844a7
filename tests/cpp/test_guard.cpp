#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "corsac/guard.hpp"
#include "support.hpp"

namespace corsac {
namespace {

using testing::make_policy;

/// A request to https://api.test by the headers that say where it comes from; empty: not sent.
struct Case {
  std::string origin;
  std::string sec_fetch_site;
  bool passes;
  std::string host = "api.test";
  std::string scheme = "";
  /// A handshake's Sec-Fetch-Site lets nothing through that Origin and Host do not.
  bool socket_is_refused = false;
};

class Guard : public ::testing::Test {
 protected:
  static PolicyOptions options() {
    PolicyOptions options;
    options.allow_origins = {"https://app.test", "https://*.partner.test"};
    options.guard = true;
    return options;
  }

  static Request request_of(std::string_view method, const Case& row) {
    Request request(method);
    if (!row.origin.empty()) request.add_guarded_line("Origin", row.origin);
    if (!row.sec_fetch_site.empty()) request.add_guarded_line("Sec-Fetch-Site", row.sec_fetch_site);
    if (!row.host.empty()) request.add_guarded_line("Host", row.host);
    request.set_server_scheme(row.scheme);
    return request;
  }

  std::shared_ptr<const Policy> policy_ = make_policy(options());
};

TEST_F(Guard, ComparesSecFetchSiteFirstAndThenOriginWithHost) {
  const std::vector<Case> cases = {
      // An allowed origin passes whatever the browser calls the relation.
      {"https://app.test", "cross-site", true},
      {"https://a.partner.test", "same-site", true},
      {"https://app.test", "", true},
      // The browser's own word.
      {"https://api.test", "same-origin", true},
      {"", "same-origin", true},
      {"", "none", true},
      {"https://evil.test", "cross-site", false},
      {"https://other.api.test", "same-site", false},
      {"", "cross-site", false},
      {"", "same-site", false},
      {"https://evil.test", "Same-Origin", false},
      {"https://evil.test", "anything", false},
      {"https://api.test", "cross-site", false},
      // Browsers without Fetch Metadata: Origin against Host.
      {"https://api.test", "", true},
      {"http://api.test", "", true},
      {"https://api.test", "", true, "API.test"},
      {"https://api.test", "", true, "api.test:443"},
      {"http://api.test", "", true, "api.test:80"},
      {"https://api.test:8443", "", true, "api.test:8443"},
      {"http://[::1]:8000", "", true, "[::1]:8000"},
      {"https://api.test", "", false, "api.test:80"},
      {"https://api.test", "", false, "api.test:8443"},
      {"https://api.test:8443", "", false, "api.test"},
      {"https://api.test.evil.test", "", false},
      {"https://evil.test", "", false},
      {"https://evil.test", "", false, ""},
      {"https://", "", false, ""},
      {"http://", "", false, ":80"},
      {"https://", "", false, ":443"},
      {"null", "", false},
      {"null", "", false, "null"},
      // The scheme, as far as the server knows it: a proxy may have ended TLS, but not begun it.
      {"https://api.test", "", true, "api.test", "http"},
      {"https://api.test", "", true, "api.test", "https"},
      {"https://api.test", "", true, "api.test:443", "wss"},
      {"http://api.test", "", true, "api.test", "http"},
      {"http://api.test", "", true, "api.test", "ws"},
      {"http://api.test", "", false, "api.test", "https"},
      {"http://api.test", "", false, "api.test:80", "HTTPS"},
      {"http://api.test", "", false, "api.test", "wss"},
      {"http://api.test", "same-origin", true, "api.test", "https", true},
      {"http://app.test", "", false, "api.test", "https"},
      // Only HTTP is a server's own.
      {"tauri://localhost", "", false, "localhost"},
      {"tauri://localhost", "", false, "localhost", "http"},
      {"chrome-extension://api.test", "", false},
      {"ws://api.test", "", false},
      // Neither header: no browser, so nobody's cookies are misused.
      {"", "", true},
      {"", "", true, ""},
  };
  for (const Case& row : cases) {
    const std::string what = row.origin + " | " + row.sec_fetch_site + " | " + row.host;
    EXPECT_EQ(guard_request(*policy_, request_of("POST", row)),
              row.passes ? Refusal::kNone : Refusal::kCrossOriginRequest)
        << what;
    EXPECT_EQ(
        guard_websocket(*policy_, request_of("GET", row)),
        row.passes && !row.socket_is_refused ? Refusal::kNone : Refusal::kCrossOriginWebSocket)
        << what;
  }
}

TEST_F(Guard, SafeMethodsPassButNotAsAWebSocketHandshake) {
  const Case evil{"https://evil.test", "cross-site", false};
  for (const std::string_view method : {"GET", "HEAD", "OPTIONS"}) {
    EXPECT_EQ(guard_request(*policy_, request_of(method, evil)), Refusal::kNone) << method;
    EXPECT_EQ(guard_websocket(*policy_, request_of(method, evil)), Refusal::kCrossOriginWebSocket);
  }
  for (const std::string_view method :
       {"POST", "PUT", "PATCH", "DELETE", "TRACE", "get", "QUERY", ""}) {
    EXPECT_EQ(guard_request(*policy_, request_of(method, evil)), Refusal::kCrossOriginRequest)
        << method;
  }
}

/// Whether no browser checks a request of https://evil.test with these lines.
bool beyond_cors(std::initializer_list<HeaderLine> headers, std::string_view scheme = "") {
  Request request("POST");
  for (const HeaderLine& line : headers) request.add_guarded_line(line.name, line.value);
  request.set_server_scheme(scheme);
  return is_beyond_cors(request);
}

TEST(IsBeyondCors, AnyModeButCors) {
  const HeaderLine evil{"origin", "https://evil.test"};
  for (const std::string_view mode :
       {"navigate", "no-cors", "same-origin", "websocket", "webtransport", "CORS"}) {
    EXPECT_TRUE(beyond_cors({evil, {"Sec-Fetch-Mode", mode}})) << mode;
    EXPECT_TRUE(beyond_cors({evil, {"sec-fetch-mode", mode}, {"sec-fetch-site", "cross-site"}}))
        << mode;
    EXPECT_FALSE(beyond_cors({evil, {"sec-fetch-mode", mode}, {"sec-fetch-mode", mode}})) << mode;
  }
  for (const std::string_view mode : {"cors", "", "navigate, navigate", " ", "navigate,cors"})
    EXPECT_FALSE(beyond_cors({evil, {"sec-fetch-mode", mode}})) << mode;
  EXPECT_FALSE(beyond_cors({evil}));
}

TEST(IsBeyondCors, AModeUpToALimit) {
  const HeaderLine evil{"origin", "https://evil.test"};
  const std::string longest(kMaxModeLength, 'x');
  EXPECT_TRUE(beyond_cors({evil, {"sec-fetch-mode", longest}}));
  const std::string longer = longest + "x";
  EXPECT_FALSE(beyond_cors({evil, {"sec-fetch-mode", longer}}));
}

TEST(IsBeyondCors, TheOwnOrigin) {
  const HeaderLine own{"origin", "https://api.test"};
  const HeaderLine host{"host", "api.test"};
  EXPECT_TRUE(beyond_cors({own, host}));
  EXPECT_TRUE(beyond_cors({own, host, {"sec-fetch-mode", "cors"}}));
  EXPECT_TRUE(beyond_cors({own, {"sec-fetch-site", "same-origin"}}));
  EXPECT_FALSE(beyond_cors({own, host, {"sec-fetch-site", "cross-site"}}));
  EXPECT_FALSE(beyond_cors({own, host, host}));
  const HeaderLine plain{"origin", "http://api.test"};
  EXPECT_TRUE(beyond_cors({plain, host}));
  EXPECT_TRUE(beyond_cors({plain, host}, "http"));
  EXPECT_FALSE(beyond_cors({plain, host}, "https"));
}

TEST(IsBeyondCors, LooksAtTheSchemeWhereFetchMetadataSayNothing) {
  const auto needs = [](std::initializer_list<HeaderLine> headers) {
    Request request("POST");
    for (const HeaderLine& line : headers) request.add_guarded_line(line.name, line.value);
    return beyond_cors_needs_scheme(request);
  };
  const HeaderLine site{"sec-fetch-site", "cross-site"};
  EXPECT_TRUE(needs({}));
  EXPECT_TRUE(needs({{"sec-fetch-mode", "cors"}}));
  EXPECT_TRUE(needs({{"sec-fetch-site", ""}}));
  EXPECT_FALSE(needs({site}));
  EXPECT_FALSE(needs({{"sec-fetch-site", ""}, {"sec-fetch-site", ""}}));
  EXPECT_FALSE(needs({{"sec-fetch-mode", "navigate"}}));
}

TEST_F(Guard, AmbiguousRequestsAreRefused) {
  const auto post = [](std::initializer_list<HeaderLine> headers) {
    return testing::make_request("POST", headers);
  };
  const std::vector<Request> requests = {
      post({{"origin", "https://app.test"}, {"origin", "https://app.test"}}),
      post({{"origin", "https://app.test, https://app.test"}}),
      post({{"origin", ""}}),
      post({{"sec-fetch-site", "same-origin"}, {"sec-fetch-site", "same-origin"}}),
      post({{"sec-fetch-site", "same-origin, cross-site"}}),
      post({{"origin", "https://api.test"}, {"host", "api.test"}, {"host", "api.test"}}),
  };
  for (const Request& request : requests) {
    EXPECT_EQ(guard_request(*policy_, request), Refusal::kCrossOriginRequest) << request.origin();
    EXPECT_EQ(guard_websocket(*policy_, request), Refusal::kCrossOriginWebSocket);
  }
}

TEST_F(Guard, TheNullOriginPassesOnlyIfItIsListed) {
  PolicyOptions with_null = options();
  with_null.allow_origins.emplace_back("null");
  with_null.tolerate = {"origin.null"};
  const Case null{"null", "cross-site", true};
  EXPECT_EQ(guard_request(*make_policy(with_null), request_of("POST", null)), Refusal::kNone);
  EXPECT_EQ(guard_request(*policy_, request_of("POST", null)), Refusal::kCrossOriginRequest);
}

TEST_F(Guard, AnOverLongOriginIsRefusedWithoutReadingIt) {
  const testing::UnreadableBytes bytes(testing::kMebibyte);
  Request request("POST");
  request.add_header_line("origin", bytes.view());
  EXPECT_EQ(guard_request(*policy_, request), Refusal::kCrossOriginRequest);

  Request metadata("POST");
  metadata.add_guard_line("sec-fetch-site", bytes.view());
  EXPECT_EQ(guard_request(*policy_, metadata), Refusal::kCrossOriginRequest);
}

TEST(SameOrigin, IsToldByOneOriginAndOneHostWhereSecFetchSiteIsNotThere) {
  using Lines = std::vector<std::pair<std::string_view, std::string_view>>;
  const auto is_own = [](const Lines& lines) {
    Request request("POST");
    for (const auto& [name, value] : lines) request.add_guarded_line(name, value);
    request.set_server_scheme("https");
    return is_beyond_cors(request);
  };
  EXPECT_TRUE(is_own({{"origin", "https://api.test"}, {"host", "api.test"}}));
  EXPECT_FALSE(is_own({{"origin", "https://api.test"}, {"host", "app.test"}}));
  EXPECT_FALSE(is_own({{"origin", "https://api.test"}}));
  EXPECT_FALSE(is_own({{"host", "api.test"}}));
  // What stands twice says nothing, even the same.
  EXPECT_FALSE(
      is_own({{"origin", "https://api.test"}, {"host", "api.test"}, {"host", "api.test"}}));
  EXPECT_FALSE(
      is_own({{"origin", "https://api.test"}, {"host", "api.test"}, {"host", "evil.test"}}));
  EXPECT_FALSE(is_own(
      {{"origin", "https://api.test"}, {"origin", "https://api.test"}, {"host", "api.test"}}));
  EXPECT_TRUE(is_own({{"sec-fetch-site", "same-origin"}}));
  EXPECT_FALSE(is_own({{"sec-fetch-site", "same-origin"}, {"sec-fetch-site", "same-origin"}}));
}

TEST_F(Guard, WhoIsAllowedWithoutCredentialsWritesWithoutCookies) {
  Request request("POST");
  request.add_guarded_line("origin", "https://app.test");
  EXPECT_EQ(guard_request(*policy_, request), Refusal::kNone);
  EXPECT_EQ(guard_request(*policy_, request, true), Refusal::kNone);
  EXPECT_FALSE(guard_needs_scheme(*policy_, request, true));
  EXPECT_TRUE(guard_needs_lines(*policy_, request, true));
  request.add_guarded_line("Cookie", "");
  EXPECT_TRUE(guard_needs_scheme(*policy_, request, true));
  EXPECT_EQ(guard_request(*policy_, request), Refusal::kCrossOriginRequest);
  EXPECT_EQ(guard_request(*policy_, request, true), Refusal::kCrossOriginRequest);
  EXPECT_EQ(guard_websocket(*policy_, request, true), Refusal::kCrossOriginWebSocket);

  PolicyOptions with_credentials = options();
  with_credentials.allow_credentials = true;
  const auto credentialed = make_policy(with_credentials);
  EXPECT_EQ(guard_request(*credentialed, request), Refusal::kNone);
  EXPECT_FALSE(guard_needs_scheme(*credentialed, request, true));
  EXPECT_FALSE(guard_needs_lines(*credentialed, request, true));
  EXPECT_TRUE(guard_needs_lines(*credentialed, request, false));

  PolicyOptions trusting = options();
  trusting.guard_options.trusted_origins = {"https://app.test"};
  EXPECT_EQ(guard_request(*make_policy(trusting), request), Refusal::kNone);
  EXPECT_EQ(guard_websocket(*make_policy(trusting), request), Refusal::kNone);
}

/// Every request of a few values of each line, with all lines and with those of the protocol alone.
TEST_F(Guard, WhatNeedsNoLinesIsJudgedTheSameWithoutThem) {
  std::size_t without_lines = 0;
  for (unsigned bits = 0; bits < 8; ++bits) {
    PolicyOptions changed = options();
    changed.allow_credentials = (bits & 1U) != 0;
    changed.guard_options.isolate_reads = (bits & 2U) != 0;
    changed.guard_options.writes = (bits & 4U) == 0;
    changed.guard_options.trusted_origins = {"https://trusted.test"};
    const auto policy = make_policy(changed);
    for (const std::string_view method : {"GET", "HEAD", "OPTIONS", "POST", "PUT", ""}) {
      for (const std::string_view origin : {"", "https://app.test", "https://evil.test",
                                            "https://api.test", "https://trusted.test", "null"}) {
        for (const std::string_view site : {"", "same-origin", "cross-site"}) {
          for (const std::string_view mode : {"", "cors", "no-cors"}) {
            for (const bool cookie : {false, true}) {
              Request bare(method);
              if (!origin.empty()) bare.add_header_line("origin", origin);
              Request whole = bare;
              whole.add_guard_line("host", "api.test");
              if (!site.empty()) whole.add_guard_line("sec-fetch-site", site);
              if (!mode.empty()) whole.add_guard_line("sec-fetch-mode", mode);
              if (cookie) whole.add_guard_line("cookie", "a=b");
              const bool allowed = decide(*policy, bare).allowed;
              const Refusal refusal = guard_request(*policy, whole, allowed);
              if (passes_guard_by_origin(*policy, allowed)) {
                ++without_lines;
                EXPECT_EQ(refusal, Refusal::kNone) << method << ' ' << origin;
                EXPECT_EQ(guard_websocket(*policy, whole, allowed), Refusal::kNone) << origin;
                EXPECT_FALSE(is_isolated(*policy, whole)) << method;
              }
              if (!guard_needs_lines(*policy, whole, allowed)) {
                ++without_lines;
                EXPECT_EQ(refusal, Refusal::kNone) << method << ' ' << origin;
                EXPECT_FALSE(is_isolated(*policy, whole)) << method;
              }
            }
          }
        }
      }
    }
  }
  EXPECT_GT(without_lines, 0U);
}

TEST_F(Guard, TheLinesOfTheProtocolAndThoseOfTheGuardAreNotedApart) {
  const auto noted = [](bool (Request::*add)(std::string_view, std::string_view) noexcept) {
    Request request("POST");
    for (const std::string_view name : {"origin", "access-control-request-method", "host", "cookie",
                                        "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest"}) {
      (request.*add)(name, "cors");
    }
    return std::vector<bool>{
        request.has_origin(), request.has_request_method(),      request.host_lines() == 1,
        request.has_cookie(), !request.sec_fetch_site().empty(), request.has_cors_mode()};
  };
  const auto both = [&noted](bool protocol, bool guard) {
    return std::vector<bool>{protocol, protocol, guard, guard, guard, guard};
  };
  EXPECT_EQ(noted(&Request::add_header_line), both(true, false));
  EXPECT_EQ(noted(&Request::add_guard_line), both(false, true));
  EXPECT_EQ(noted(&Request::add_guarded_line), both(true, true));
}

TEST_F(Guard, ARefusalOfAReadVariesByWhatItDependsOn) {
  PolicyOptions isolating = options();
  isolating.guard_options.isolate_reads = true;
  const auto policy = make_policy(isolating);
  Answer answer;
  refuse(*policy, Refusal::kCrossOriginRead, answer);
  EXPECT_EQ(testing::to_headers(answer.headers),
            (testing::Headers{{"content-type", "text/plain; charset=utf-8"},
                              {"content-length", "17"},
                              {"vary", "Origin, Sec-Fetch-Site, Sec-Fetch-Mode, Sec-Fetch-Dest"}}));
}

TEST_F(Guard, ARefusalIsA403WithItsReasonAndNoCorsHeader) {
  Answer answer;
  refuse(*policy_, Refusal::kCrossOriginRequest, answer);
  EXPECT_EQ(answer.status, 403);
  EXPECT_EQ(answer.body, "cross-origin-request");
  EXPECT_EQ(testing::to_headers(answer.headers),
            (testing::Headers{{"content-type", "text/plain; charset=utf-8"},
                              {"content-length", "20"},
                              {"vary", "Origin"}}));
}

}  // namespace
}  // namespace corsac
