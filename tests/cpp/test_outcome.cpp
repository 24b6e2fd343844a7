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
  for (const Refusal refusal : {Refusal::kCrossOriginRequest, Refusal::kCrossOriginWebSocket})
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

TEST(SeenByBrowser, WhatNoBrowserSendsIsNotJudged) {
  EXPECT_EQ(seen(options_with({}, {}), preflight("POST", "x-one, two words")),
            Outcome::kPreflightAllowed);
}

TEST(SeenByBrowser, ReadsUpToALimitOfNames) {
  std::string names;
  for (std::size_t i = 1; i < kMaxJudgedRequestHeaders; ++i) names += "x-one,";
  const PolicyOptions options = options_with({}, {"x-one"});
  EXPECT_EQ(seen(options, preflight("POST", names + "x-two")), Outcome::kPreflightHeaderNotAllowed);
  names += "x-one,";
  EXPECT_EQ(seen(options, preflight("POST", names + "x-two")), Outcome::kPreflightAllowed);
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
