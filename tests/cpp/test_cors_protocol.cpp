#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "corsac/cors_protocol.hpp"
#include "support.hpp"

namespace corsac {
namespace {

using testing::Headers;
using testing::headers_of_actual;
using testing::make_policy;
using testing::make_request;
using testing::repeated;
using testing::Reply;
using testing::reply_to_preflight;

constexpr std::string_view kOrigin = "https://example.com";

/// The configuration that the README of the Node package `cors` shows.
PolicyOptions express_options() {
  PolicyOptions options;
  options.allow_origins = {"https://example.com"};
  options.allow_methods = {"GET", "POST", "PUT"};
  options.allow_headers = {"Content-Type", "Authorization"};
  options.allow_credentials = true;
  return options;
}

PolicyOptions any_options() {
  PolicyOptions options;
  options.allow_origins = {"*"};
  return options;
}

Request preflight(std::string_view origin, std::string_view method, std::string_view headers = {}) {
  Request request =
      make_request("OPTIONS", {{"origin", origin}, {"access-control-request-method", method}});
  if (!headers.empty()) request.add_header_line("access-control-request-headers", headers);
  return request;
}

Reply refusal(std::string_view code, std::string_view length, std::string_view vary = "Origin") {
  Reply reply{
      403,
      {{"content-type", "text/plain; charset=utf-8"}, {"content-length", std::string(length)}},
      std::string(code)};
  if (!vary.empty()) reply.headers.emplace_back("vary", vary);
  return reply;
}

// --- What a request is ---

TEST(CorsProtocol, APreflightIsOptionsWithOriginAndRequestMethodAllThree) {
  const HeaderLine origin{"Origin", kOrigin};
  const HeaderLine method{"Access-Control-Request-Method", "PUT"};
  EXPECT_EQ(classify(make_request("OPTIONS", {origin, method})), RequestKind::kPreflight);
  EXPECT_EQ(classify(make_request("OPTIONS", {origin})), RequestKind::kActual);
  EXPECT_EQ(classify(make_request("OPTIONS", {method})), RequestKind::kNotCors);
  EXPECT_EQ(classify(make_request("GET", {origin, method})), RequestKind::kActual);
  EXPECT_EQ(classify(make_request("options", {origin, method})), RequestKind::kActual);
  EXPECT_EQ(classify(make_request("GET", {})), RequestKind::kNotCors);
  // Present but malformed is still a preflight: it is refused, not passed on.
  EXPECT_EQ(classify(preflight("", "")), RequestKind::kPreflight);
}

TEST(CorsProtocol, HeaderNamesAreReadInAnyCase) {
  const Request request =
      make_request("OPTIONS", {{"ORIGIN", kOrigin},
                               {"access-control-REQUEST-method", "PUT"},
                               {"Access-Control-Request-Private-Network", "true"},
                               {"HOST", "api.test"},
                               {"Sec-Fetch-Site", "cross-site"}});
  EXPECT_EQ(request.origin(), kOrigin);
  EXPECT_EQ(request.request_method(), "PUT");
  EXPECT_TRUE(request.asks_private_network());
  EXPECT_EQ(request.host(), "api.test");
  EXPECT_EQ(request.sec_fetch_site(), "cross-site");
}

TEST(CorsProtocol, NamesOfTheSameLengthAreOtherHeaders) {
  const Request request = make_request(
      "OPTIONS",
      {{"orjgin", kOrigin}, {"access-control-request-methot", "PUT"}, {"hose", "x"}, {"", "x"}});
  EXPECT_FALSE(request.has_origin());
  EXPECT_FALSE(request.has_request_method());
  EXPECT_EQ(request.host_lines(), 0U);
}

TEST(CorsProtocol, KindsAndRefusalsHaveStableNames) {
  EXPECT_EQ(kind_name(RequestKind::kNotCors), "not-cors");
  EXPECT_EQ(kind_name(RequestKind::kActual), "actual");
  EXPECT_EQ(kind_name(RequestKind::kPreflight), "preflight");
  EXPECT_EQ(reason_code(Refusal::kNone), "");
  EXPECT_EQ(reason_code(Refusal::kOriginNotAllowed), "origin-not-allowed");
  EXPECT_EQ(reason_code(Refusal::kOriginMalformed), "origin-malformed");
  EXPECT_EQ(reason_code(Refusal::kRequestMethodMalformed), "request-method-malformed");
  EXPECT_EQ(reason_code(Refusal::kCrossOriginRequest), "cross-origin-request");
  EXPECT_EQ(reason_code(Refusal::kCrossOriginWebSocket), "cross-origin-websocket");
  EXPECT_EQ(reason_code(Refusal::kHostMalformed), "host-malformed");
  EXPECT_EQ(reason_code(Refusal::kHostNotAllowed), "host-not-allowed");
}

TEST(CorsProtocol, ARequestWithoutOriginIsNeitherAllowedNorRefused) {
  for (const PolicyOptions& options : {express_options(), any_options()}) {
    const Decision decision = decide(*make_policy(options), Request("GET"));
    EXPECT_EQ(decision.kind, RequestKind::kNotCors);
    EXPECT_FALSE(decision.allowed);
    EXPECT_EQ(decision.refusal, Refusal::kNone);
  }
}

// --- Preflights ---

TEST(CorsProtocol, APreflightGetsTheWholeStaticAnswer) {
  const Reply whole{204,
                    {{"access-control-allow-origin", "https://example.com"},
                     {"access-control-allow-credentials", "true"},
                     {"access-control-allow-methods", "GET, POST, PUT"},
                     {"access-control-allow-headers", "Content-Type, Authorization"},
                     {"access-control-max-age", "600"},
                     {"vary", "Origin"}},
                    ""};
  const auto policy = make_policy(express_options());
  EXPECT_EQ(reply_to_preflight(*policy, preflight(kOrigin, "PUT", "content-type")), whole);
  // What is not listed is refused by the browser, which then names it; likewise what no browser
  // asks.
  const std::string many_names = repeated("x-a,", 4000);
  for (const std::string_view method : {"DELETE", "put", "TRACE", "*"}) {
    for (const std::string_view headers :
         {"", "x-secret", ",", "not a token", many_names.c_str()}) {
      EXPECT_EQ(reply_to_preflight(*policy, preflight(kOrigin, method, headers)), whole)
          << method << ' ' << headers.substr(0, 40);
    }
  }
}

TEST(CorsProtocol, APreflightFromARefusedOriginGetsNoCorsHeaderButVary) {
  const auto policy = make_policy(express_options());
  for (const std::string_view origin :
       {"https://evil.test", "null", "https://example.com.", "HTTPS://example.com"}) {
    EXPECT_EQ(reply_to_preflight(*policy, preflight(origin, "PUT")),
              refusal("origin-not-allowed", "18"));
  }
}

TEST(CorsProtocol, AMalformedPreflightIsRefused) {
  const auto policy = make_policy(express_options());
  const std::string longest = "https://" + repeated("a", kMaxOriginLength - 8);
  for (const std::string& origin :
       {std::string(), std::string("*"), std::string("https://example.com, null"),
        std::string("https://example.com "), longest + "a"}) {
    EXPECT_EQ(reply_to_preflight(*policy, preflight(origin, "PUT")),
              refusal("origin-malformed", "16"));
  }
  EXPECT_EQ(reply_to_preflight(*policy, preflight(longest, "PUT")),
            refusal("origin-not-allowed", "18"));
  for (const std::string_view method :
       {"", " ", "PUT ", "PUT, GET", "FOO BAR", "\"PUT\"", "P\xC3\x9CT"}) {
    EXPECT_EQ(reply_to_preflight(*policy, preflight(kOrigin, method)),
              refusal("request-method-malformed", "24"))
        << method;
  }
  Request two_origins = preflight(kOrigin, "PUT");
  two_origins.add_header_line("origin", kOrigin);
  EXPECT_EQ(reply_to_preflight(*policy, two_origins), refusal("origin-malformed", "16"));
  Request two_methods = preflight(kOrigin, "PUT");
  two_methods.add_header_line("access-control-request-method", "PUT");
  EXPECT_EQ(reply_to_preflight(*policy, two_methods), refusal("request-method-malformed", "24"));
}

TEST(CorsProtocol, ARequestMethodHasALongestLength) {
  const auto policy = make_policy(express_options());
  const std::string longest = repeated("M", kMaxRequestMethodLength);
  EXPECT_EQ(reply_to_preflight(*policy, preflight(kOrigin, longest)).status, 204);
  EXPECT_EQ(reply_to_preflight(*policy, preflight(kOrigin, longest + "M")),
            refusal("request-method-malformed", "24"));
}

TEST(CorsProtocol, AnAnswerThatIsConstantForAnyOriginDoesNotVary) {
  PolicyOptions options = any_options();
  options.allow_methods = {"*"};
  options.allow_headers = {"*", "authorization"};
  options.max_age = std::nullopt;
  const auto policy = make_policy(options);
  EXPECT_EQ(reply_to_preflight(*policy, preflight("https://whoever.test", "PURGE", "x-a")),
            (Reply{204,
                   {{"access-control-allow-origin", "*"},
                    {"access-control-allow-methods", "*"},
                    {"access-control-allow-headers", "*, authorization"}},
                   ""}));
  EXPECT_EQ(reply_to_preflight(*policy, preflight("a,b", "PURGE")),
            refusal("origin-malformed", "16", ""));
}

TEST(CorsProtocol, AStatusOtherThan204SaysThatThereIsNoBody) {
  PolicyOptions options;
  options.allow_origins = {"https://example.com"};
  options.max_age = 0;
  for (const int status : {200, 299}) {
    options.preflight_status = status;
    EXPECT_EQ(reply_to_preflight(*make_policy(options), preflight(kOrigin, "GET")),
              (Reply{status,
                     {{"access-control-allow-origin", "https://example.com"},
                      {"access-control-max-age", "0"},
                      {"vary", "Origin"},
                      {"content-length", "0"}},
                     ""}));
  }
}

TEST(CorsProtocol, TheLongestPossibleAnswerFits) {
  PolicyOptions options = express_options();
  options.preflight_status = 200;
  options.allow_private_network = true;
  options.allow_methods = {"*"};
  options.allow_headers = {"*"};
  Request request = preflight(kOrigin, "PURGE", "x-a,x-b");
  request.add_header_line("access-control-request-private-network", "true");
  EXPECT_EQ(reply_to_preflight(*make_policy(options), request),
            (Reply{200,
                   {{"access-control-allow-origin", "https://example.com"},
                    {"access-control-allow-credentials", "true"},
                    {"access-control-allow-methods", "PURGE"},
                    {"access-control-allow-headers", "x-a, x-b"},
                    {"access-control-max-age", "600"},
                    {"access-control-allow-private-network", "true"},
                    {"vary",
                     "Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
                     "Access-Control-Request-Private-Network"},
                    {"content-length", "0"}},
                   ""}));
}

TEST(CorsProtocol, PrivateNetworkAccessIsAllowedOnlyIfItIsOnAndAskedFor) {
  PolicyOptions options = any_options();
  options.max_age = std::nullopt;
  for (const bool on : {false, true}) {
    options.allow_private_network = on;
    const auto policy = make_policy(options);
    for (const std::string_view value : {"true", "TRUE", "1", "", " true"}) {
      Request request = preflight(kOrigin, "GET");
      request.add_header_line("access-control-request-private-network", value);
      Headers expected = {{"access-control-allow-origin", "*"}};
      if (on && value == "true")
        expected.emplace_back("access-control-allow-private-network", "true");
      if (on) expected.emplace_back("vary", "Access-Control-Request-Private-Network");
      EXPECT_EQ(reply_to_preflight(*policy, request).headers, expected) << on << ' ' << value;
    }
  }
}

TEST(CorsProtocol, AContinuedPreflightGetsTheSameHeadersWithoutVary) {
  PolicyOptions options = express_options();
  options.preflight_continue = true;
  const auto policy = make_policy(options);
  const auto headers = [&policy](const Request& request) {
    Answer answer;
    preflight_headers(*policy, request, decide(*policy, request), answer);
    return testing::to_headers(answer.headers);
  };
  EXPECT_EQ(headers(preflight(kOrigin, "PUT")),
            (Headers{{"access-control-allow-origin", "https://example.com"},
                     {"access-control-allow-credentials", "true"},
                     {"access-control-allow-methods", "GET, POST, PUT"},
                     {"access-control-allow-headers", "Content-Type, Authorization"},
                     {"access-control-max-age", "600"}}));
  EXPECT_EQ(headers(preflight("https://evil.test", "PUT")), Headers{});
}

// --- Actual requests ---

TEST(CorsProtocol, AnActualRequestFromAnAllowedOriginMayBeRead) {
  PolicyOptions options = express_options();
  options.expose_headers = {"ETag", "X-Request-Id"};
  const auto policy = make_policy(options);
  const Headers expected = {{"access-control-allow-origin", "https://example.com"},
                            {"access-control-allow-credentials", "true"},
                            {"access-control-expose-headers", "ETag, X-Request-Id"}};
  for (const std::string_view method : {"GET", "POST", "DELETE", "OPTIONS", "HEAD"}) {
    EXPECT_EQ(headers_of_actual(*policy, make_request(method, {{"origin", kOrigin}})), expected);
  }
}

TEST(CorsProtocol, AnActualRequestThatIsRefusedOrHasNoOriginGetsNoHeader) {
  PolicyOptions options = express_options();
  options.expose_headers = {"ETag"};
  const auto policy = make_policy(options);
  EXPECT_EQ(headers_of_actual(*policy, Request("GET")), Headers{});
  for (const std::string_view origin : {"https://evil.test", "null", "", "a,b"}) {
    EXPECT_EQ(headers_of_actual(*policy, make_request("GET", {{"origin", origin}})), Headers{});
  }
  const Request twice = make_request("GET", {{"origin", kOrigin}, {"origin", kOrigin}});
  EXPECT_EQ(headers_of_actual(*policy, twice), Headers{});
  EXPECT_EQ(decide(*policy, twice).refusal, Refusal::kOriginMalformed);
}

TEST(CorsProtocol, AConstantAsteriskIsSentWithOrWithoutOrigin) {
  PolicyOptions options = any_options();
  options.expose_headers = {"*"};
  const auto policy = make_policy(options);
  const Headers expected = {{"access-control-allow-origin", "*"},
                            {"access-control-expose-headers", "*"}};
  EXPECT_EQ(headers_of_actual(*policy, Request("GET")), expected);
  for (const std::string_view origin : {"https://a.test", "null", "a,b"}) {
    EXPECT_EQ(headers_of_actual(*policy, make_request("GET", {{"origin", origin}})), expected);
  }
}

TEST(CorsProtocol, OneConstantOriginIsOnEveryResponseButThoseToRefusedPreflights) {
  PolicyOptions options = express_options();
  options.expose_headers = {"ETag"};
  options.always_send = true;
  const auto policy = make_policy(options);
  const Headers constant{{"access-control-allow-origin", "https://example.com"},
                         {"access-control-allow-credentials", "true"},
                         {"access-control-expose-headers", "ETag"}};
  EXPECT_EQ(headers_of_actual(*policy, Request("GET")), constant);
  for (const std::string_view origin : {kOrigin, std::string_view("https://evil.test"),
                                        std::string_view("null"), std::string_view("")}) {
    const Request request = make_request("GET", {{"origin", origin}});
    EXPECT_EQ(headers_of_actual(*policy, request), constant) << origin;
    EXPECT_EQ(decide(*policy, request).allowed, origin == kOrigin);
  }
  // Whoever decides outside the core may allow another one, which then has to find itself.
  EXPECT_EQ(actual_headers(*policy, "https://b.test", true).begin()->value, "https://b.test");
  const Reply allowed = reply_to_preflight(*policy, preflight(kOrigin, "PUT"));
  options.always_send = false;
  EXPECT_EQ(allowed, reply_to_preflight(*make_policy(options), preflight(kOrigin, "PUT")));
  EXPECT_EQ(reply_to_preflight(*policy, preflight("https://evil.test", "PUT")),
            refusal("origin-not-allowed", "18"));
}

TEST(CorsProtocol, AnyOriginWithCredentialsIsReflectedButNeverNull) {
  PolicyOptions options = any_options();
  options.allow_credentials = true;
  options.tolerate = {"origin.any_with_credentials"};
  const auto policy = make_policy(options);
  EXPECT_EQ(headers_of_actual(*policy, make_request("GET", {{"origin", "https://a.test"}})),
            (Headers{{"access-control-allow-origin", "https://a.test"},
                     {"access-control-allow-credentials", "true"}}));
  EXPECT_EQ(headers_of_actual(*policy, make_request("GET", {{"origin", "null"}})), Headers{});
  EXPECT_EQ(headers_of_actual(*policy, Request("GET")), Headers{});
}

// --- The application's response ---

TEST(CorsProtocol, ThePolicyOwnsTheCorsHeadersOfTheResponse) {
  struct Row {
    std::string_view name;
    ResponseHeaderRole role;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"Access-Control-Allow-Origin", ResponseHeaderRole::kOwned},
           {"ACCESS-CONTROL-ALLOW-CREDENTIALS", ResponseHeaderRole::kOwned},
           {"access-control-expose-headers", ResponseHeaderRole::kOwned},
           {"Access-Control-Allow-Methods", ResponseHeaderRole::kPreflightOwned},
           {"Access-Control-Allow-Headers", ResponseHeaderRole::kPreflightOwned},
           {"Access-Control-Max-Age", ResponseHeaderRole::kPreflightOwned},
           {"Access-Control-Allow-Private-Network", ResponseHeaderRole::kPreflightOwned},
           {"VARY", ResponseHeaderRole::kVary},
           {"var", ResponseHeaderRole::kOther},
           {"date", ResponseHeaderRole::kOther},
           {"", ResponseHeaderRole::kOther},
           {"access-control-allow-0rigin", ResponseHeaderRole::kOther},
           {"access-control-allow-method5", ResponseHeaderRole::kOther},
           {"access-control-allow-credential5", ResponseHeaderRole::kOther},
           {"access-control-expose-header5", ResponseHeaderRole::kOther},
           {"access-control-max-4ge", ResponseHeaderRole::kOther},
           {"access-control-allow-private-netw0rk", ResponseHeaderRole::kOther},
           {"content-type", ResponseHeaderRole::kOther}}) {
    EXPECT_EQ(response_header_role(row.name), row.role) << row.name;
  }
}

TEST(CorsProtocol, VaryIsCoveredByTheMemberInAnyCaseOrByAnAsterisk) {
  for (const std::string_view value :
       {"Origin", "origin", "Accept-Encoding, ORIGIN", "\tOrigin ,a", "*", "a,\t* ,b"}) {
    EXPECT_TRUE(vary_covers(value, "origin")) << value;
  }
  for (const std::string_view value :
       {"", "Accept", "X-Origin", "Origin2", "Origin Accept", "**", "O2igin", "/rigin", "*\v"}) {
    EXPECT_FALSE(vary_covers(value, "origin")) << value;
  }
}

TEST(CorsProtocol, AMemberOfVaryIsFoundWhereverItStandsInALongValue) {
  for (std::size_t before = 0; before < 200; ++before) {
    for (const std::size_t after : {std::size_t{0}, std::size_t{1}, std::size_t{70}}) {
      const std::string left(before, 'o');
      const std::string right(after, 'n');
      const std::string where = std::to_string(before) + " before, " + std::to_string(after);
      EXPECT_TRUE(vary_covers(left + " ,\tOriGin ," + right, "origin")) << where;
      EXPECT_TRUE(vary_covers(left + ",* ," + right, "origin")) << where;
      EXPECT_FALSE(vary_covers(left + ",Origin;," + right, "origin")) << where;
      EXPECT_EQ(vary_covers(left + "Origin" + right, "origin"), before == 0 && after == 0) << where;
      EXPECT_EQ(vary_covers(left + "*" + right, "origin"), before == 0 && after == 0) << where;
    }
  }
}

TEST(CorsProtocol, AMemberOfVaryIsFoundAtBothEndsOfALongValue) {
  const std::string others(200, 'n');
  for (const std::string member : {"Origin", "*"}) {
    for (const std::string blanks : {"", " ", "\t "}) {
      const std::string padded = blanks + member + blanks;
      const std::string where = '"' + padded + '"';
      EXPECT_TRUE(vary_covers(others + ',' + padded, "origin")) << where;
      // A value ends where it ends: what stands around it in memory counts for nothing.
      const std::string around = "x " + padded + ',' + others + ",Origin,*";
      const auto value = std::string_view(around).substr(2, padded.size() + 1 + others.size());
      EXPECT_TRUE(vary_covers(value, "origin")) << where;
      EXPECT_FALSE(vary_covers(value.substr(padded.size()), "origin")) << where;
    }
  }
}

}  // namespace
}  // namespace corsac
