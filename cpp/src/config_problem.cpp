#include "corsac/config_problem.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace corsac {
namespace {

struct CodeRow {
  ProblemCode code;
  std::string_view name;
  Severity severity;
  bool tolerable = false;
};

constexpr std::array kCodes = {
    CodeRow{ProblemCode::kOriginInvalid, "origin.invalid", Severity::kError},
    CodeRow{ProblemCode::kOriginDefaultPort, "origin.default_port", Severity::kError},
    CodeRow{ProblemCode::kOriginNonCanonicalIp, "origin.non_canonical_ip", Severity::kError},
    CodeRow{ProblemCode::kOriginNull, "origin.null", Severity::kError, true},
    CodeRow{ProblemCode::kOriginNone, "origin.none", Severity::kWarning},
    CodeRow{ProblemCode::kOriginRedundant, "origin.redundant", Severity::kWarning},
    CodeRow{ProblemCode::kOriginApexNotCovered, "origin.apex_not_covered", Severity::kInfo},
    CodeRow{ProblemCode::kOriginAnyWithCredentials, "origin.any_with_credentials", Severity::kError,
            true},
    CodeRow{ProblemCode::kOriginInsecureWithCredentials, "origin.insecure_with_credentials",
            Severity::kError, true},
    CodeRow{ProblemCode::kOriginPublicSuffixWithCredentials,
            "origin.public_suffix_with_credentials", Severity::kError, true},
    CodeRow{ProblemCode::kMethodInvalid, "method.invalid", Severity::kError},
    CodeRow{ProblemCode::kMethodForbidden, "method.forbidden", Severity::kError},
    CodeRow{ProblemCode::kHeaderInvalid, "header.invalid", Severity::kError},
    CodeRow{ProblemCode::kHeaderForbiddenRequest, "header.forbidden_request", Severity::kError},
    CodeRow{ProblemCode::kHeaderForbiddenResponse, "header.forbidden_response", Severity::kError},
    CodeRow{ProblemCode::kHeaderPreflightOnly, "header.preflight_only", Severity::kError},
    CodeRow{ProblemCode::kHeaderSafelisted, "header.safelisted", Severity::kInfo},
    CodeRow{ProblemCode::kHeaderAuthorizationNotCovered, "header.authorization_not_covered",
            Severity::kInfo},
    CodeRow{ProblemCode::kHeaderExposeAnyWithCredentials, "header.expose_any_with_credentials",
            Severity::kError},
    CodeRow{ProblemCode::kMaxAgeOutOfBounds, "max_age.out_of_bounds", Severity::kError},
    CodeRow{ProblemCode::kStatusNotOk, "status.not_ok", Severity::kError},
    CodeRow{ProblemCode::kGuardWithoutEffect, "guard.without_effect", Severity::kWarning},
    CodeRow{ProblemCode::kAlwaysSendNeedsOneOrigin, "always_send.needs_one_origin",
            Severity::kError},
    CodeRow{ProblemCode::kHostInvalid, "host.invalid", Severity::kError},
    CodeRow{ProblemCode::kHostNonCanonicalIp, "host.non_canonical_ip", Severity::kError},
    CodeRow{ProblemCode::kHostRedundant, "host.redundant", Severity::kWarning},
    CodeRow{ProblemCode::kRuleInvalid, "rule.invalid", Severity::kError},
    CodeRow{ProblemCode::kRuleDuplicate, "rule.duplicate", Severity::kWarning},
    CodeRow{ProblemCode::kRuleUnreachable, "rule.unreachable", Severity::kWarning},
    CodeRow{ProblemCode::kTolerateUnknown, "tolerate.unknown", Severity::kError},
};

consteval bool rows_are_in_enum_order() {
  for (std::size_t i = 0; i < kCodes.size(); ++i) {
    if (static_cast<std::size_t>(kCodes[i].code) != i) return false;
  }
  return true;
}
static_assert(kCodes.size() == kProblemCodes);
static_assert(rows_are_in_enum_order(), "row() indexes the table by the enumerator");

const CodeRow& row(ProblemCode code) noexcept { return kCodes[static_cast<std::size_t>(code)]; }

}  // namespace

std::string_view severity_name(Severity severity) noexcept {
  switch (severity) {
    case Severity::kError:
      return "error";
    case Severity::kWarning:
      return "warning";
    case Severity::kInfo:
      break;
  }
  return "info";
}

std::string_view code_name(ProblemCode code) noexcept { return row(code).name; }
Severity default_severity(ProblemCode code) noexcept { return row(code).severity; }
bool is_tolerable(ProblemCode code) noexcept { return row(code).tolerable; }

}  // namespace corsac
