#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>

#include "corsac/outcome.hpp"
#include "support.hpp"

namespace corsac {
namespace {

using testing::make_policy;
using testing::make_request;

Outcome seen(const PolicyOptions& options, const Request& request, bool has_cookie = false) {
  const auto policy = make_policy(options);
  const Decision decision = decide(*policy, request);
  return seen_by_browser(*policy, request, outcome_of(decision), has_cookie);
}

PolicyOptions options_with(std::vector<std::string> methods, std::vector<std::string> headers) {
  PolicyOptions options;
  options.allow_origins = {"https://app.test"};
  options.allow_methods = std::move(methods);
  options.allow_headers = std::move(headers);
  return options;
}

Request preflight(std::string_view method, std::string_view headers) {
  return make_request("OPTIONS", {{"origin", "https://app.test"},
                                  {"access-control-request-method", method},
                                  {"access-control-request-headers", headers}});
}

TEST(Outcome, NoTwoHaveTheSameKindAndReasonUnlessBothAreAllowed) {
  std::set<std::pair<std::string, std::string>> names;
  for (std::size_t i = 0; i < kOutcomes; ++i) {
    const auto outcome = static_cast<Outcome>(i);
    EXPECT_EQ(is_refused(outcome), !reason_code(outcome).empty());
    names.emplace(kind_name(outcome), reason_code(outcome));
  }
  EXPECT_EQ(names.size(), kOutcomes);
}

TEST(Outcome, WhatIsKeptForEachReasonStandsAtOnePlace) {
  for (std::size_t i = 0; i < kOutcomes; ++i) {
    const Outcome first = first_with_reason(static_cast<Outcome>(i));
    for (std::size_t j = 0; j < kOutcomes; ++j) {
      const auto other = static_cast<Outcome>(j);
      if (!is_refused(other) || reason_code(other) != reason_code(first)) continue;
      EXPECT_EQ(first_with_reason(other), first);
    }
  }
}

TEST(Outcome, HasTheReasonOfTheRefusal) {
  for (const Refusal refusal : {Refusal::kOriginNotAllowed, Refusal::kPathAmbiguous,
                                Refusal::kOriginMalformed, Refusal::kRequestMethodMalformed}) {
    EXPECT_EQ(reason_code(outcome_of({RequestKind::kPreflight, false, refusal})),
              reason_code(refusal));
  }
  for (const Refusal refusal :
       {Refusal::kCrossOriginRequest, Refusal::kCrossOriginWebSocket, Refusal::kCrossOriginRead})
    EXPECT_EQ(reason_code(outcome_of_guard(refusal)), reason_code(refusal));
}

TEST(SeenByBrowser, AMethodOrHeaderThatIsNotListedIsRefused) {
  const PolicyOptions options = options_with({"PUT"}, {"x-one"});
  EXPECT_EQ(seen(options, preflight("PUT", "x-one")), Outcome::kPreflightAllowed);
  EXPECT_EQ(seen(options, preflight("POST", "")), Outcome::kPreflightAllowed);
  EXPECT_EQ(seen(options, preflight("DELETE", "x-one")), Outcome::kPreflightMethodNotAllowed);
  EXPECT_EQ(seen(options, preflight("PUT", "x-one, x-two")), Outcome::kPreflightHeaderNotAllowed);
  EXPECT_EQ(seen(options, preflight("PUT", "authorization")),
            Outcome::kPreflightAuthorizationNotListed);
}

TEST(SeenByBrowser, ANameThatIsAskedForIsNotSafelistedForWantOfAValue) {
  for (const std::string_view name :
       {"accept", "accept-language", "content-language", "content-type", "range"}) {
    EXPECT_EQ(seen(options_with({}, {}), preflight("POST", name)),
              Outcome::kPreflightHeaderNotAllowed)
        << name;
  }
}

TEST(SeenByBrowser, AListOfHeadersThatNoBrowserSendsIsNotAllowed) {
  for (const bool credentials : {false, true}) {
    for (const std::string listed : {"x-one", "*"}) {
      PolicyOptions options = options_with({}, {listed});
      options.allow_credentials = credentials;
      const auto policy = make_policy(options);
      for (const std::string& names : std::vector<std::string>{
               "x-one, two words", "x-one,(", "x-one,\xe9", std::string(9000, ' ') + "x-one",
               std::string(kMaxEmptyMembers + 1, ',') + "x-one"}) {
        const Request request = preflight("POST", names);
        Missing missing;
        EXPECT_EQ(seen_by_browser(*policy, request, Outcome::kPreflightAllowed, false, &missing),
                  Outcome::kPreflightHeaderNotAllowed)
            << names.substr(0, 40) << listed << credentials;
        EXPECT_TRUE(missing.method.empty() && missing.headers.empty());
        EXPECT_FALSE(is_plainly_listed(*policy, request));
      }
    }
  }
}

TEST(SeenByBrowser, ReadsUpToALimitOfNames) {
  std::string names;
  for (std::size_t i = 1; i < kMaxJudgedRequestHeaders; ++i) names += "x-one,";
  const PolicyOptions options = options_with({}, {"x-one"});
  EXPECT_EQ(seen(options, preflight("POST", names + "x-one")), Outcome::kPreflightAllowed);
  EXPECT_EQ(seen(options, preflight("POST", names + "x-two")), Outcome::kPreflightHeaderNotAllowed);
  names += "x-one,";
  EXPECT_EQ(seen(options, preflight("POST", names + "x-one")), Outcome::kPreflightHeaderNotAllowed);
}

TEST(SeenByBrowser, NamesAllThatIsMissing) {
  const auto policy = make_policy(options_with({"PUT"}, {"X-One"}));
  Missing missing;
  const Request request = preflight("DELETE", "x-two, x-one, a, x-two");
  EXPECT_EQ(seen_by_browser(*policy, request, Outcome::kPreflightAllowed, false, &missing),
            Outcome::kPreflightMethodNotAllowed);
  EXPECT_EQ(missing.method, "DELETE");
  EXPECT_EQ(missing.headers, (std::vector<std::string>{"a", "x-two"}));

  const auto any = make_policy(options_with({"*"}, {"*"}));
  Missing authorization;
  EXPECT_EQ(seen_by_browser(*any, preflight("DELETE", "x, Authorization"),
                            Outcome::kPreflightAllowed, false, &authorization),
            Outcome::kPreflightAuthorizationNotListed);
  EXPECT_EQ(authorization.method, "");
  EXPECT_EQ(authorization.headers, (std::vector<std::string>{"authorization"}));
}

TEST(IsPlainlyListed, OnlyWhatTheBrowserLetsThrough) {
  std::string many;
  for (std::size_t i = 0; i <= kMaxEchoedHeadersBytes / 3; ++i) many += "a,";
  const std::vector<std::string> methods = {"GET",
                                            "PUT",
                                            "put",
                                            "DELETE",
                                            "TRACE",
                                            std::string(kMaxEchoedMethodLength, 'X'),
                                            std::string(kMaxEchoedMethodLength + 1, 'X')};
  const std::vector<std::string> headers = {"",          "x-one",           "X-ONE,x-one",
                                            "x-two",     "authorization",   "x-one,authorization",
                                            "two words", "x-two,two words", many};
  for (const std::vector<std::string>& listed_methods :
       std::vector<std::vector<std::string>>{{}, {"PUT"}, {"*"}}) {
    for (const std::vector<std::string>& listed :
         std::vector<std::vector<std::string>>{{}, {"x-one"}, {"*"}, {"*", "authorization"}}) {
      for (const bool credentials : {false, true}) {
        PolicyOptions options = options_with(listed_methods, listed);
        options.allow_credentials = credentials;
        const PolicyBuild build = build_policy(options);
        if (!build.policy) continue;
        for (const std::string& method : methods) {
          for (const std::string& names : headers) {
            const Request request = preflight(method, names);
            if (!is_plainly_listed(*build.policy, request)) continue;
            EXPECT_EQ(seen_by_browser(*build.policy, request, Outcome::kPreflightAllowed, false),
                      Outcome::kPreflightAllowed)
                << method << " | " << names.substr(0, 40) << " | " << credentials;
          }
        }
      }
    }
  }
  const auto policy = make_policy(options_with({"PUT"}, {"X-One"}));
  EXPECT_TRUE(is_plainly_listed(*policy, preflight("PUT", "x-one, x-one")));
  EXPECT_TRUE(is_plainly_listed(*policy, preflight("POST", "")));
  EXPECT_FALSE(is_plainly_listed(*policy, preflight("DELETE", "")));
  EXPECT_FALSE(is_plainly_listed(*policy, preflight("PUT", "x-two")));
}

TEST(Reach, IsMoreWhereMoreComesThrough) {
  EXPECT_EQ(reach_of(Outcome::kGuardCrossOriginRequest), Reach::kNowhere);
  EXPECT_EQ(reach_of(Outcome::kGuardCrossOriginWebSocket), Reach::kNowhere);
  EXPECT_EQ(reach_of(Outcome::kPreflightOriginNotAllowed), Reach::kNowhere);
  EXPECT_EQ(reach_of(Outcome::kPreflightHeaderNotAllowed), Reach::kNowhere);
  EXPECT_EQ(reach_of(Outcome::kActualOriginNotAllowed), Reach::kApplication);
  EXPECT_EQ(reach_of(Outcome::kActualCredentialsNotAllowed), Reach::kApplication);
  for (const Outcome outcome :
       {Outcome::kNotCors, Outcome::kActualAllowed, Outcome::kPreflightAllowed})
    EXPECT_EQ(reach_of(outcome), Reach::kPage);
}

TEST(SeenByBrowser, CookiesWithoutAllowedCredentialsAreRefused) {
  const Request actual = make_request("GET", {{"origin", "https://app.test"}});
  PolicyOptions options = options_with({}, {});
  EXPECT_EQ(seen(options, actual), Outcome::kActualAllowed);
  EXPECT_EQ(seen(options, actual, true), Outcome::kActualCredentialsNotAllowed);
  options.allow_credentials = true;
  EXPECT_EQ(seen(options, actual, true), Outcome::kActualAllowed);
}

}  // namespace
}  // namespace corsac
