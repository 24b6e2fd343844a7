#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// What is wrong with a configuration, as data: programs read the code and the value, people the
/// message and the hint.
namespace corsac {

enum class Severity : std::uint8_t {
  kError,    ///< No policy is made.
  kWarning,  ///< The policy works, but something in it does not do what it seems to.
  kInfo,     ///< Worth knowing; nothing is wrong.
};

/// "error", "warning" or "info".
[[nodiscard]] std::string_view severity_name(Severity severity) noexcept;

/// The closed set of problems. Names are stable: users match on them and `tolerate` lists them.
enum class ProblemCode : std::uint8_t {
  kOriginInvalid,
  kOriginDefaultPort,
  kOriginNonCanonicalIp,
  kOriginNull,
  kOriginNone,
  kOriginRedundant,
  kOriginApexNotCovered,
  kOriginAnyWithCredentials,
  kOriginInsecureWithCredentials,
  kOriginPublicSuffixWithCredentials,
  kMethodInvalid,
  kMethodForbidden,
  kHeaderInvalid,
  kHeaderForbiddenRequest,
  kHeaderForbiddenResponse,
  kHeaderPreflightOnly,
  kHeaderSafelisted,
  kHeaderAuthorizationNotCovered,
  kHeaderExposeAnyWithCredentials,
  kMaxAgeOutOfBounds,
  kStatusNotOk,
  kGuardWithoutEffect,
  kAlwaysSendNeedsOneOrigin,
  kHostInvalid,
  kHostNonCanonicalIp,
  kHostRedundant,
  kRuleInvalid,
  kRuleDuplicate,
  kRuleUnreachable,
  kTolerateUnknown,
};

inline constexpr std::size_t kProblemCodes =
    static_cast<std::size_t>(ProblemCode::kTolerateUnknown) + 1;

/// The stable name, such as "origin.invalid".
[[nodiscard]] std::string_view code_name(ProblemCode code) noexcept;

/// How bad it is when nobody tolerates it.
[[nodiscard]] Severity default_severity(ProblemCode code) noexcept;

/// True for the four codes that `tolerate` may accept knowingly.
[[nodiscard]] bool is_tolerable(ProblemCode code) noexcept;

struct ConfigProblem {
  ProblemCode code;
  Severity severity;
  std::string option;   ///< The option's name, such as "allow_origins".
  std::string value;    ///< The offending entry as it was given.
  std::string message;  ///< What is wrong and why.
  std::string hint;     ///< What to write instead; may be empty.
};

}  // namespace corsac
