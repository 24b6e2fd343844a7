#include <gtest/gtest.h>

#include <set>
#include <string>

#include "corsac/config_problem.hpp"

namespace corsac {
namespace {

struct Row {
  ProblemCode code;
  std::string_view name;
  Severity severity;
  bool tolerable;
};

constexpr Row kRows[] = {
    {ProblemCode::kOriginInvalid, "origin.invalid", Severity::kError, false},
    {ProblemCode::kOriginDefaultPort, "origin.default_port", Severity::kError, false},
    {ProblemCode::kOriginNonCanonicalIp, "origin.non_canonical_ip", Severity::kError, false},
    {ProblemCode::kOriginNull, "origin.null", Severity::kError, true},
    {ProblemCode::kOriginNone, "origin.none", Severity::kWarning, false},
    {ProblemCode::kOriginRedundant, "origin.redundant", Severity::kWarning, false},
    {ProblemCode::kOriginApexNotCovered, "origin.apex_not_covered", Severity::kInfo, false},
    {ProblemCode::kOriginAnyWithCredentials, "origin.any_with_credentials", Severity::kError, true},
    {ProblemCode::kOriginInsecureWithCredentials, "origin.insecure_with_credentials",
     Severity::kError, true},
    {ProblemCode::kOriginPublicSuffixWithCredentials, "origin.public_suffix_with_credentials",
     Severity::kError, true},
    {ProblemCode::kMethodInvalid, "method.invalid", Severity::kError, false},
    {ProblemCode::kMethodForbidden, "method.forbidden", Severity::kError, false},
    {ProblemCode::kHeaderInvalid, "header.invalid", Severity::kError, false},
    {ProblemCode::kHeaderForbiddenRequest, "header.forbidden_request", Severity::kError, false},
    {ProblemCode::kHeaderForbiddenResponse, "header.forbidden_response", Severity::kError, false},
    {ProblemCode::kHeaderPreflightOnly, "header.preflight_only", Severity::kError, false},
    {ProblemCode::kHeaderSafelisted, "header.safelisted", Severity::kInfo, false},
    {ProblemCode::kHeaderAuthorizationNotCovered, "header.authorization_not_covered",
     Severity::kInfo, false},
    {ProblemCode::kHeaderExposeAnyWithCredentials, "header.expose_any_with_credentials",
     Severity::kError, false},
    {ProblemCode::kMaxAgeOutOfBounds, "max_age.out_of_bounds", Severity::kError, false},
    {ProblemCode::kStatusNotOk, "status.not_ok", Severity::kError, false},
    {ProblemCode::kTolerateUnknown, "tolerate.unknown", Severity::kError, false},
};

TEST(ConfigProblem, EachCodeHasItsStableNameSeverityAndTolerance) {
  for (const Row& row : kRows) {
    EXPECT_EQ(code_name(row.code), row.name);
    EXPECT_EQ(default_severity(row.code), row.severity) << row.name;
    EXPECT_EQ(is_tolerable(row.code), row.tolerable) << row.name;
  }
}

TEST(ConfigProblem, NoTwoCodesShareAName) {
  std::set<std::string_view> names;
  for (const Row& row : kRows) names.insert(code_name(row.code));
  EXPECT_EQ(names.size(), std::size(kRows));
}

TEST(ConfigProblem, SeveritiesHaveNames) {
  EXPECT_EQ(severity_name(Severity::kError), "error");
  EXPECT_EQ(severity_name(Severity::kWarning), "warning");
  EXPECT_EQ(severity_name(Severity::kInfo), "info");
}

}  // namespace
}  // namespace corsac
