#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "corsac/policy.hpp"
#include "support.hpp"

namespace corsac {
namespace {

using testing::codes;
using testing::make_policy;
using Codes = std::vector<std::string>;

PolicyOptions with_origins(std::vector<std::string> origins, bool credentials = false) {
  PolicyOptions options;
  options.allow_origins = std::move(origins);
  options.allow_credentials = credentials;
  return options;
}

TEST(Policy, HasTheDocumentedDefaults) {
  const auto policy = make_policy(with_origins({"https://a.test"}));
  EXPECT_EQ(policy->origin_mode(), Policy::OriginMode::kListed);
  EXPECT_EQ(policy->max_age(), "600");
  EXPECT_EQ(policy->preflight_status(), 204);
  EXPECT_EQ(policy->methods().value, "");
  EXPECT_EQ(policy->headers().value, "");
  EXPECT_EQ(policy->expose_headers(), "");
  EXPECT_EQ(policy->preflight_vary(), "Origin");
  EXPECT_FALSE(policy->allow_credentials());
  EXPECT_FALSE(policy->allow_private_network());
  EXPECT_FALSE(policy->preflight_continue());
  EXPECT_FALSE(policy->guard());
  EXPECT_FALSE(policy->keeps_app_headers());
  EXPECT_EQ(policy->constant_origin(), "");
  EXPECT_TRUE(policy->varies_by_origin());
}

struct OriginCase {
  std::vector<std::string> origins;
  bool credentials;
  Codes expected;
  bool valid;
};

TEST(Policy, JudgesOrigins) {
  const std::vector<OriginCase> cases = {
      {{"https://a.test"}, true, {}, true},
      {{}, false, {"origin.none"}, true},
      {{"https://a.test/"}, false, {"origin.invalid"}, false},
      {{""}, false, {"origin.invalid"}, false},
      {{"https://a.test:443"}, false, {"origin.default_port"}, false},
      {{"http://[2001:DB8::1]"}, false, {"origin.non_canonical_ip"}, false},
      {{"null"}, false, {"origin.null"}, false},
      {{"*"}, false, {}, true},
      {{"*"}, true, {"origin.any_with_credentials"}, false},
      {{"*", "https://a.test"}, false, {"origin.redundant"}, true},
      {{"https://a.test", "https://a.test"}, false, {"origin.redundant"}, true},
      {{"*", "*"}, false, {"origin.redundant"}, true},
      {{"http://localhost:*", "http://localhost:3000"}, false, {"origin.redundant"}, true},
      {{"http://*.localhost:*", "http://a.localhost:*"},
       false,
       {"origin.apex_not_covered", "origin.redundant"},
       true},
      {{"http://*.localhost", "http://a.localhost:*"}, false, {"origin.apex_not_covered"}, true},
      {{"http://localhost:*", "http://localhost:*"}, false, {"origin.redundant"}, true},
      {{"http://localhost:3000", "http://localhost:*"}, false, {"origin.redundant"}, true},
      {{"https://*.a.test"}, false, {"origin.apex_not_covered"}, true},
      {{"https://*.a.test:*", "https://a.test"}, false, {"origin.apex_not_covered"}, true},
      {{"https://*.a.test", "https://a.test"}, false, {}, true},
      {{"https://a.test", "https://*.a.test"}, false, {}, true},
      {{"https://*.a.test:*", "https://a.test:*"}, false, {}, true},
      {{"https://*.b.a.test", "https://*.a.test", "https://a.test"},
       false,
       {"origin.redundant"},
       true},
      {{"https://*.a.test", "https://*.a.test", "https://a.test"},
       false,
       {"origin.redundant"},
       true},
      {{"https://*.a.test", "https://x.a.test", "https://a.test"},
       false,
       {"origin.redundant"},
       true},
      {{"http://a.test"}, true, {"origin.insecure_with_credentials"}, false},
      {{"http://10.0.0.1:3000"}, true, {"origin.insecure_with_credentials"}, false},
      {{"http://a.test"}, false, {}, true},
      {{"http://localhost:*"}, true, {}, true},
      {{"http://127.0.0.1:5173", "http://[::1]:5173"}, true, {}, true},
      {{"chrome-extension://abc", "capacitor://localhost"}, true, {}, true},
      {{"app://-", "app://.", "capacitor-electron://-", "https://user-.github.io"}, true, {}, true},
      {{"app://-", "app://-:*"}, true, {"origin.redundant"}, true},
  };
  for (const OriginCase& row : cases) {
    const PolicyBuild build = build_policy(with_origins(row.origins, row.credentials));
    EXPECT_EQ(codes(build), row.expected) << ::testing::PrintToString(row.origins);
    EXPECT_EQ(build.policy != nullptr, row.valid) << ::testing::PrintToString(row.origins);
  }
}

TEST(Policy, AGuardAloneNeedsNoOrigin) {
  PolicyOptions options;
  options.guard = true;
  EXPECT_EQ(codes(build_policy(options)), Codes{});
}

TEST(Policy, APatternThatAWiderOneSwallowsIsRedundant) {
  const auto redundant = [](std::vector<std::string> origins) {
    PolicyOptions options;
    options.allow_origins = std::move(origins);
    std::vector<std::string> values;
    for (const ConfigProblem& problem : build_policy(options).problems) {
      if (problem.code == ProblemCode::kOriginRedundant) values.push_back(problem.value);
    }
    return values;
  };
  using Values = std::vector<std::string>;
  EXPECT_EQ(redundant({"https://*.a.test", "https://*.b.a.test"}), Values{"https://*.b.a.test"});
  EXPECT_EQ(redundant({"https://*.c.b.a.test:*", "https://*.a.test:*"}),
            Values{"https://*.c.b.a.test:*"});
  EXPECT_EQ(redundant({"https://*.a.test:*", "https://*.a.test:81", "https://*.b.a.test"}),
            (Values{"https://*.a.test:81", "https://*.b.a.test"}));
  EXPECT_EQ(redundant({"https://*.a.test:81", "https://*.b.a.test:81"}),
            Values{"https://*.b.a.test:81"});
  for (const Values& apart :
       {Values{"https://*.a.test", "https://*.b.a.test:81"},
        Values{"https://*.a.test:81", "https://*.b.a.test"},
        Values{"https://*.a.test:81", "https://*.a.test:*", "https://b.a.test."},
        Values{"https://*.a.test", "http://*.b.a.test"},
        Values{"https://*.a.test", "https://*.xa.test"}}) {
    const Values found = redundant(apart);
    EXPECT_TRUE(found.empty() || found == Values{"https://*.a.test:81"});
  }
}

TEST(Policy, AGuardThatTrustsEverySiteIsAWarning) {
  PolicyOptions options;
  options.guard = true;
  options.allow_origins = {"*"};
  // Without credentials nobody writes with cookies.
  EXPECT_EQ(codes(build_policy(options)), Codes{});
  options.allow_credentials = true;
  options.tolerate = {"origin.any_with_credentials"};
  EXPECT_EQ(codes(build_policy(options)),
            (Codes{"origin.any_with_credentials", "guard.without_effect"}));
}

TEST(Policy, TheOptionsOfAGuardAreJudgedByItsNames) {
  PolicyOptions options = with_origins({"https://a.test"}, true);
  options.guard = true;
  options.guard_options.trusted_origins = {"*",
                                           "https://a.test/",
                                           "http://b.test",
                                           "https://a.test",
                                           "https://c.test",
                                           "https://c.test"};
  options.guard_options.exempt_paths = {"pay", "/hook", "/hook", "/api/*", "/api/x", "/*"};
  std::vector<std::string> found;
  for (const ConfigProblem& problem : build_policy(options).problems)
    found.push_back(problem.option + " " + problem.value + " " +
                    std::string(code_name(problem.code)));
  EXPECT_EQ(found, (std::vector<std::string>{
                       "guard.trusted_origins * origin.invalid",
                       "guard.trusted_origins https://a.test/ origin.invalid",
                       "guard.trusted_origins http://b.test origin.insecure_with_credentials",
                       "guard.trusted_origins https://c.test origin.redundant",
                       "guard.exempt_paths pay rule.invalid",
                       "guard.exempt_paths /hook rule.duplicate",
                       "guard.exempt_paths /api/x rule.unreachable",
                       "guard.exempt_paths /* guard.without_effect",
                       "guard https://a.test origin.redundant",
                   }));
  EXPECT_EQ(build_policy(options).policy, nullptr);
  options.guard = false;  // Then nobody looks at them.
  EXPECT_EQ(codes(build_policy(options)), Codes{});
}

TEST(Policy, WhatIsToleratedIsToleratedOfAGuardToo) {
  PolicyOptions options = with_origins({"https://a.test"});
  options.guard = true;
  options.guard_options.trusted_origins = {"http://b.test", "null"};
  EXPECT_EQ(build_policy(options).policy, nullptr);
  options.tolerate = {"origin.insecure_with_credentials", "origin.null"};
  const auto policy = make_policy(options);
  EXPECT_TRUE(policy->guard_rules().trusts("http://b.test"));
  EXPECT_TRUE(policy->guard_rules().trusts("null"));
  EXPECT_FALSE(policy->allows_origin("http://b.test"));
}

TEST(Policy, TimingIsAConstantWhereTheListIsShort) {
  const auto timing = [](std::vector<std::string> origins, bool credentials = false) {
    PolicyOptions options = with_origins(std::move(origins), credentials);
    options.allow_timing = true;
    options.tolerate = {"origin.null", "origin.any_with_credentials"};
    const auto policy = make_policy(options);
    EXPECT_EQ(policy->echoes_timing(), policy->constant_timing().empty());
    EXPECT_TRUE(policy->allows_timing());
    return policy->constant_timing();
  };
  EXPECT_EQ(timing({"*"}), "*");
  EXPECT_EQ(timing({"*"}, true), "");
  EXPECT_EQ(timing({"https://a.test", "https://b.test"}), "https://a.test, https://b.test");
  EXPECT_EQ(timing({"https://a.test", "null"}), "https://a.test");
  EXPECT_EQ(timing({"null"}), "");
  EXPECT_EQ(timing({"https://a.test", "https://*.b.test"}), "");
  EXPECT_EQ(timing({"http://localhost:*"}), "");
  std::vector<std::string> many;
  std::string listed;
  for (std::size_t i = 0; i < kMaxTimingOrigins; ++i) {
    many.push_back("https://" + std::to_string(i) + ".a.test");
    listed += (i == 0 ? "" : ", ") + many.back();
  }
  EXPECT_EQ(timing(many), listed);
  many.emplace_back("https://one-more.test");
  EXPECT_EQ(timing(many), "");

  PolicyOptions asking = with_origins({"https://a.test"});
  asking.allow_timing = asking.asks_about_origins = true;
  EXPECT_EQ(make_policy(asking)->constant_timing(), "");
  EXPECT_TRUE(make_policy(asking)->echoes_timing());
  EXPECT_FALSE(make_policy(with_origins({"https://a.test"}))->echoes_timing());
}

TEST(Policy, TimingIsOnActualResponsesOnly) {
  PolicyOptions options = with_origins({"https://*.a.test", "null"});
  options.allow_timing = true;
  options.tolerate = {"origin.null"};
  const auto echoing = make_policy(options);
  EXPECT_EQ(testing::to_headers(actual_headers(*echoing, "https://x.a.test", true)),
            (testing::Headers{{"timing-allow-origin", "https://x.a.test"},
                              {"access-control-allow-origin", "https://x.a.test"}}));
  EXPECT_EQ(testing::to_headers(actual_headers(*echoing, "null", true)),
            (testing::Headers{{"access-control-allow-origin", "null"}}));
  EXPECT_EQ(testing::to_headers(actual_headers(*echoing, "https://evil.test", false)),
            testing::Headers{});
  options.allow_origins = {"https://a.test"};
  const auto constant = make_policy(options);
  EXPECT_EQ(testing::to_headers(actual_headers(*constant, "https://evil.test", false)),
            (testing::Headers{{"timing-allow-origin", "https://a.test"}}));
  EXPECT_EQ(response_header_role("Timing-Allow-Origin"), ResponseHeaderRole::kTiming);
}

TEST(Policy, AConstantOriginIsThatOfAnyoneOrTheOneOfAlwaysSend) {
  EXPECT_EQ(make_policy(with_origins({"*"}))->constant_origin(), "*");
  PolicyOptions options = with_origins({"https://a.test"}, true);
  options.always_send = true;
  const auto policy = make_policy(options);
  EXPECT_EQ(policy->constant_origin(), "https://a.test");
  EXPECT_FALSE(policy->varies_by_origin());
  // Another origin's preflight is refused.
  EXPECT_EQ(policy->preflight_vary(), "Origin");
  EXPECT_EQ(policy->origin_mode(), Policy::OriginMode::kListed);
}

TEST(Policy, AlwaysSendTakesExactlyOneExactOrigin) {
  PolicyOptions options;
  options.always_send = true;
  options.guard = true;
  options.tolerate = {"origin.null", "origin.any_with_credentials"};
  const auto found = [&options](std::vector<std::string> origins) {
    options.allow_origins = std::move(origins);
    return codes(build_policy(options));
  };
  const Codes refused = {"always_send.needs_one_origin"};
  EXPECT_EQ(found({}), refused);
  EXPECT_EQ(found({"https://a.test", "https://b.test"}), refused);
  EXPECT_EQ(found({"https://*.test"}).back(), refused.front());
  EXPECT_EQ(found({"http://localhost:*"}), refused);
  EXPECT_EQ(found({"null"}), (Codes{"origin.null", refused.front()}));
  EXPECT_EQ(found({"https://a.test", "https://a.test/"}), (Codes{"origin.invalid", refused[0]}));
  // One origin twice is one, and of one that is mistyped only that is said.
  EXPECT_EQ(found({"https://a.test", "https://a.test"}), Codes{"origin.redundant"});
  EXPECT_EQ(found({"https://a.test/"}), Codes{"origin.invalid"});
  EXPECT_EQ(found({"capacitor://localhost"}), Codes{});
  options.guard = false;
  EXPECT_EQ(found({"*"}), refused);
  options.allow_credentials = true;
  EXPECT_EQ(found({"*"}), (Codes{"origin.any_with_credentials", refused.front()}));
  options.asks_about_origins = true;
  EXPECT_EQ(found({"https://a.test"}), refused);
}

TEST(Policy, ATolerableErrorBecomesAnInfo) {
  struct Row {
    std::vector<std::string> origins;
    std::string code;
  };
  for (const Row& row : {Row{{"*"}, "origin.any_with_credentials"}, Row{{"null"}, "origin.null"},
                         Row{{"http://a.test"}, "origin.insecure_with_credentials"}}) {
    PolicyOptions options = with_origins(row.origins, true);
    options.tolerate = {row.code};
    const PolicyBuild build = build_policy(options);
    EXPECT_NE(build.policy, nullptr) << row.code;
    ASSERT_EQ(codes(build), Codes{row.code});
    EXPECT_EQ(build.problems.front().severity, Severity::kInfo);
  }
}

TEST(Policy, OnlyTheFourTolerableCodesCanBeTolerated) {
  for (const std::string name :
       {"origin.invalid", "origin.none", "", "origin", "ORIGIN.NULL", "*"}) {
    PolicyOptions options = with_origins({"https://a.test"});
    options.tolerate = {name};
    EXPECT_EQ(codes(build_policy(options)), Codes{"tolerate.unknown"}) << name;
  }
  PolicyOptions options = with_origins({"https://a.test"});
  options.tolerate = {"origin.null", "origin.any_with_credentials",
                      "origin.insecure_with_credentials", "origin.public_suffix_with_credentials"};
  EXPECT_EQ(codes(build_policy(options)), Codes{});
}

TEST(Policy, MethodsAreNormalizedAndListedOnce) {
  PolicyOptions options = with_origins({"https://a.test"});
  options.allow_methods = {"get", "PUT", "put", "patch", "PATCH", "QUERY"};
  EXPECT_EQ(make_policy(options)->methods().value, "GET, PUT, patch, PATCH, QUERY");
}

TEST(Policy, JudgesMethods) {
  PolicyOptions options = with_origins({"https://a.test"});
  options.allow_methods = {"", "GET POST", "GET,POST", "r\xC3\xA9sum\xC3\xA9", "CONNECT", "track"};
  EXPECT_EQ(codes(build_policy(options)),
            (Codes{"method.invalid", "method.invalid", "method.invalid", "method.invalid",
                   "method.forbidden", "method.forbidden"}));
}

TEST(Policy, AnyMethodIsAnAsteriskOrWithCredentialsAnEcho) {
  PolicyOptions options = with_origins({"https://a.test"});
  options.allow_methods = {"PUT", "*"};
  const auto plain = make_policy(options);
  EXPECT_EQ(plain->methods().value, "*");
  EXPECT_FALSE(plain->echoes_methods());
  EXPECT_EQ(plain->preflight_vary(), "Origin");

  options.allow_credentials = true;
  const auto credentialed = make_policy(options);
  EXPECT_EQ(credentialed->methods().value, "");
  EXPECT_TRUE(credentialed->echoes_methods());
  EXPECT_EQ(credentialed->preflight_vary(), "Origin, Access-Control-Request-Method");
}

TEST(Policy, RequestHeadersAreListedOnceAsTheyAreWritten) {
  PolicyOptions options = with_origins({"https://a.test"});
  options.allow_headers = {"Content-Type", "X-A", "x-a", "content-type", "Authorization"};
  EXPECT_EQ(make_policy(options)->headers().value, "Content-Type, X-A, Authorization");
}

TEST(Policy, JudgesRequestHeaders) {
  PolicyOptions options = with_origins({"https://a.test"});
  options.allow_headers = {"", "x y", "Cookie", "Sec-Foo", "Access-Control-Allow-Origin"};
  EXPECT_EQ(codes(build_policy(options)),
            (Codes{"header.invalid", "header.invalid", "header.forbidden_request",
                   "header.forbidden_request", "header.forbidden_request"}));
}

TEST(Policy, AnyRequestHeaderCoversAuthorizationOnlyIfItIsNamedOrEchoed) {
  PolicyOptions options = with_origins({"https://a.test"});
  options.allow_headers = {"*"};
  EXPECT_EQ(codes(build_policy(options)), Codes{"header.authorization_not_covered"});
  EXPECT_EQ(make_policy(options)->headers().value, "*");

  options.allow_headers = {"x-a", "*", "Authorization"};
  EXPECT_EQ(codes(build_policy(options)), Codes{});
  EXPECT_EQ(make_policy(options)->headers().value, "*, authorization");

  options.allow_headers = {"*"};
  options.allow_credentials = true;
  EXPECT_EQ(codes(build_policy(options)), Codes{});
  const auto policy = make_policy(options);
  EXPECT_TRUE(policy->echoes_headers());
  EXPECT_EQ(policy->headers().value, "");
  EXPECT_EQ(policy->preflight_vary(), "Origin, Access-Control-Request-Headers");
}

TEST(Policy, JudgesExposedHeaders) {
  PolicyOptions options = with_origins({"https://a.test"});
  options.expose_headers = {"", "a b", "Set-Cookie", "Access-Control-Max-Age", "Origin"};
  EXPECT_EQ(codes(build_policy(options)),
            (Codes{"header.invalid", "header.invalid", "header.forbidden_response",
                   "header.preflight_only", "header.preflight_only"}));

  options.expose_headers = {"ETag", "Content-Type", "etag"};
  EXPECT_EQ(codes(build_policy(options)), Codes{"header.safelisted"});
  EXPECT_EQ(make_policy(options)->expose_headers(), "ETag, Content-Type");
}

TEST(Policy, AnyExposedHeaderIsAnAsteriskAndMeansNothingWithCredentials) {
  PolicyOptions options = with_origins({"https://a.test"});
  options.expose_headers = {"etag", "*"};
  EXPECT_EQ(make_policy(options)->expose_headers(), "*");
  options.allow_credentials = true;
  EXPECT_EQ(codes(build_policy(options)), Codes{"header.expose_any_with_credentials"});
}

TEST(Policy, MaxAgeIsZeroToADay) {
  PolicyOptions options = with_origins({"https://a.test"});
  for (const std::int64_t seconds : {std::int64_t{0}, std::int64_t{1}, kMaxMaxAge}) {
    options.max_age = seconds;
    EXPECT_EQ(make_policy(options)->max_age(), std::to_string(seconds));
  }
  for (const std::int64_t seconds :
       {std::int64_t{-1}, kMaxMaxAge + 1, std::numeric_limits<std::int64_t>::min(),
        std::numeric_limits<std::int64_t>::max()}) {
    options.max_age = seconds;
    EXPECT_EQ(codes(build_policy(options)), Codes{"max_age.out_of_bounds"}) << seconds;
  }
  options.max_age = std::nullopt;
  EXPECT_EQ(make_policy(options)->max_age(), "");
}

TEST(Policy, APreflightStatusIs200To299) {
  PolicyOptions options = with_origins({"https://a.test"});
  for (const int status : {200, 204, 299}) {
    options.preflight_status = status;
    EXPECT_EQ(make_policy(options)->preflight_status(), status);
  }
  for (const int status : {-1, 0, 199, 300, 403}) {
    options.preflight_status = status;
    EXPECT_EQ(codes(build_policy(options)), Codes{"status.not_ok"}) << status;
  }
}

TEST(Policy, AllProblemsAreFoundAtOnceInTheOrderOfTheOptions) {
  PolicyOptions options;
  options.tolerate = {"nothing"};
  options.allow_origins = {"https://a.test/", "http://b.test", "null"};
  options.allow_credentials = true;
  options.allow_methods = {"TRACE"};
  options.allow_headers = {"Host"};
  options.expose_headers = {"*"};
  options.max_age = -1;
  options.preflight_status = 404;
  const PolicyBuild build = build_policy(options);
  EXPECT_EQ(build.policy, nullptr);
  EXPECT_EQ(
      codes(build),
      (Codes{"tolerate.unknown", "origin.invalid", "origin.insecure_with_credentials",
             "origin.null", "method.forbidden", "header.forbidden_request",
             "header.expose_any_with_credentials", "max_age.out_of_bounds", "status.not_ok"}));
}

TEST(Policy, AProblemNamesTheOptionTheEntryTheReasonAndTheFix) {
  const PolicyBuild build = build_policy(with_origins({"https://Example.com/"}));
  ASSERT_EQ(build.problems.size(), 1U);
  const ConfigProblem& problem = build.problems.front();
  EXPECT_EQ(problem.option, "allow_origins");
  EXPECT_EQ(problem.value, "https://Example.com/");
  EXPECT_NE(problem.message, "");
  EXPECT_EQ(problem.hint, "did you mean \"https://example.com\"?");
}

TEST(Policy, AnyOriginDoesNotVaryAndAllowsEveryOneOrigin) {
  const auto policy = make_policy(with_origins({"*"}));
  EXPECT_EQ(policy->origin_mode(), Policy::OriginMode::kAny);
  EXPECT_FALSE(policy->varies_by_origin());
  EXPECT_EQ(policy->preflight_vary(), "");
  EXPECT_TRUE(policy->allows_origin("https://a.test"));
  EXPECT_TRUE(policy->allows_origin("null"));
  EXPECT_FALSE(policy->allows_origin(""));
  EXPECT_FALSE(policy->allows_origin("https://a.test, https://b.test"));
  EXPECT_FALSE(policy->allows_origin(testing::repeated("a", kMaxOriginLength + 1)));
}

TEST(Policy, ReflectingAnyOriginStillNeedsNullToBeNamed) {
  PolicyOptions options = with_origins({"*"}, true);
  options.tolerate = {"origin.any_with_credentials", "origin.null"};
  const auto without_null = make_policy(options);
  EXPECT_EQ(without_null->origin_mode(), Policy::OriginMode::kReflectAny);
  EXPECT_TRUE(without_null->varies_by_origin());
  EXPECT_TRUE(without_null->allows_origin("https://a.test"));
  EXPECT_FALSE(without_null->allows_origin("null"));
  EXPECT_FALSE(without_null->allows_origin("a,b"));

  options.allow_origins = {"*", "null"};
  EXPECT_TRUE(make_policy(options)->allows_origin("null"));
}

TEST(Policy, AListedOriginIsAllowedAndNoOther) {
  PolicyOptions options =
      with_origins({"https://a.test", "https://*.b.test", "https://b.test", "null"});
  options.tolerate = {"origin.null"};
  const auto policy = make_policy(options);
  for (const std::string origin :
       {"https://a.test", "https://x.b.test", "https://b.test", "null"}) {
    EXPECT_TRUE(policy->allows_origin(origin)) << origin;
  }
  for (const std::string origin : {"", "https://x.a.test", "http://a.test", "*", "NULL"}) {
    EXPECT_FALSE(policy->allows_origin(origin)) << origin;
  }
}

TEST(Policy, PrivateNetworkAccessIsPartOfTheVaryOfAPreflight) {
  PolicyOptions options = with_origins({"*"});
  options.allow_private_network = true;
  EXPECT_EQ(make_policy(options)->preflight_vary(), "Access-Control-Request-Private-Network");
}

TEST(Policy, EachOfManyPatternsIsAskedForItsApex) {
  PolicyOptions options;
  for (int i = 0; i < 20'000; ++i) {
    const std::string number = std::to_string(i);
    options.allow_origins.push_back("https://*.t" + number + ".test");
    if (i % 2 == 0) options.allow_origins.push_back("https://t" + number + ".test");
  }
  const PolicyBuild build = build_policy(options);
  EXPECT_EQ(build.problems.size(), 10'000U);  // An apex each for the odd ones.
  EXPECT_TRUE(build.policy->allows_origin("https://a.t19999.test"));
}

}  // namespace
}  // namespace corsac
