#include "corsac/outcome.hpp"

#include <array>
#include <utility>

#include "corsac/ascii.hpp"
#include "corsac/browser.hpp"
#include "corsac/fetch_names.hpp"
#include "corsac/header_names.hpp"

namespace corsac {
namespace {

constexpr std::string_view kActual = "actual";
constexpr std::string_view kPreflight = "preflight";
constexpr std::string_view kGuard = "guard";
constexpr std::string_view kHost = "host";

struct OutcomeRow {
  Outcome outcome;
  std::string_view kind;
  std::string_view reason;
};

constexpr std::array kRows = {
    OutcomeRow{Outcome::kNotCors, "not_cors", ""},
    OutcomeRow{Outcome::kActualAllowed, kActual, ""},
    OutcomeRow{Outcome::kPreflightAllowed, kPreflight, ""},
    OutcomeRow{Outcome::kActualOriginNotAllowed, kActual, "origin-not-allowed"},
    OutcomeRow{Outcome::kActualPathAmbiguous, kActual, "path-ambiguous"},
    OutcomeRow{Outcome::kActualOriginMalformed, kActual, "origin-malformed"},
    OutcomeRow{Outcome::kPreflightOriginNotAllowed, kPreflight, "origin-not-allowed"},
    OutcomeRow{Outcome::kPreflightPathAmbiguous, kPreflight, "path-ambiguous"},
    OutcomeRow{Outcome::kPreflightOriginMalformed, kPreflight, "origin-malformed"},
    OutcomeRow{Outcome::kPreflightRequestMethodMalformed, kPreflight, "request-method-malformed"},
    OutcomeRow{Outcome::kGuardCrossOriginRequest, kGuard, "cross-origin-request"},
    OutcomeRow{Outcome::kGuardCrossOriginWebSocket, kGuard, "cross-origin-websocket"},
    OutcomeRow{Outcome::kGuardCrossOriginRead, kGuard, "cross-origin-read"},
    OutcomeRow{Outcome::kHostMalformed, kHost, "host-malformed"},
    OutcomeRow{Outcome::kHostNotAllowed, kHost, "host-not-allowed"},
    OutcomeRow{Outcome::kPreflightMethodNotAllowed, kPreflight, "method-not-allowed"},
    OutcomeRow{Outcome::kPreflightAuthorizationNotListed, kPreflight, "authorization-not-listed"},
    OutcomeRow{Outcome::kPreflightHeaderNotAllowed, kPreflight, "header-not-allowed"},
    OutcomeRow{Outcome::kActualCredentialsNotAllowed, kActual, "credentials-not-allowed"},
};
static_assert(kRows.size() == kOutcomes);

consteval bool rows_are_in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<std::size_t>(kRows[i].outcome) != i) return false;
    if (kRows[i].reason.empty() != (i < 3)) return false;
  }
  return static_cast<std::size_t>(Outcome::kActualCredentialsNotAllowed) == kServerOutcomes;
}
static_assert(rows_are_in_order(), "rows are in the order of the enum, and so are its parts");

/// No value of a safelisted request-header: that a name was asked for says that its value is none.
constexpr std::string_view kUnsafeValue = "\x01";

bool lists_method(const Policy& policy, std::string_view method) noexcept {
  for (const std::string& listed : policy.methods().members) {
    if (listed == method) return true;
  }
  if (fetch::is_cors_safelisted_method(method)) return true;
  if (policy.echoes_methods())
    return method.size() <= kMaxEchoedMethodLength && !fetch::is_forbidden_method(method);
  return policy.methods().any;
}

bool lists_header(const Policy& policy, std::string_view name) noexcept {
  for (const std::string& listed : policy.headers().members) {
    if (listed.size() != name.size()) continue;
    // Browsers ask in lower case.
    if (listed == name || ascii::equals_lowercased(name, listed)) return true;
  }
  return false;
}

/// The names of a preflight's unsafe headers that are not in the answer's list.
std::vector<std::string> missing_headers(const browser::HeaderList asked, bool credentials,
                                         const browser::HeaderList answer) {
  const browser::TokenList listed =
      browser::extract_token_list(answer, header_names::kAllowHeaders);
  const bool wildcard = !credentials && listed.contains("*");
  std::vector<std::string> missing;
  for (std::string& name : browser::cors_unsafe_request_header_names(asked)) {
    const bool covered = wildcard && !fetch::is_cors_non_wildcard_request_header_name(name);
    if (!covered && !listed.contains_name(name)) missing.push_back(std::move(name));
  }
  return missing;
}

Outcome preflight_seen_by_browser(const Policy& policy, const Request& request, Missing* missing) {
  std::vector<browser::Header> asked;
  asked.reserve(kMaxJudgedRequestHeaders);  // What is called with each name must not throw.
  const bool whole = request.for_each_requested_header([&asked](std::string_view name) {
    if (asked.size() == kMaxJudgedRequestHeaders) return false;
    asked.push_back({name, kUnsafeValue});
    return true;
  });

  Answer answer;
  preflight_headers(policy, request, {RequestKind::kPreflight, true, Refusal::kNone}, answer);
  std::vector<browser::Header> lines;
  for (const HeaderLine& line : answer.headers) lines.push_back({line.name, line.value});
  constexpr int kOkStatus = 204;
  const browser::PreflightVerdict verdict =
      browser::preflight_check({.origin = request.origin(),
                                .method = request.request_method(),
                                .headers = asked,
                                .credentials_include = policy.allow_credentials()},
                               kOkStatus, lines);
  if (missing != nullptr && verdict.block != browser::Block::kNone) {
    if (verdict.block == browser::Block::kMethodNotAllowed)
      missing->method = request.request_method();
    // An echo that lacks a name lacks all of them: no list of the policy is to blame.
    if (!policy.echoes_headers())
      missing->headers = missing_headers(asked, policy.allow_credentials(), lines);
  }
  switch (verdict.block) {
    case browser::Block::kMethodNotAllowed:
      return Outcome::kPreflightMethodNotAllowed;
    case browser::Block::kAuthorizationNotListed:
      return Outcome::kPreflightAuthorizationNotListed;
    case browser::Block::kHeaderNotAllowed:
      return Outcome::kPreflightHeaderNotAllowed;
    default:
      // Names that are not read are not allowed: in the rest of the list may be anything.
      return whole ? Outcome::kPreflightAllowed : Outcome::kPreflightHeaderNotAllowed;
  }
}

}  // namespace

std::string_view kind_name(Outcome outcome) noexcept {
  return kRows[static_cast<std::size_t>(outcome)].kind;
}

std::string_view reason_code(Outcome outcome) noexcept {
  return kRows[static_cast<std::size_t>(outcome)].reason;
}

Reach reach_of(Outcome outcome) noexcept {
  if (!is_refused(outcome)) return Reach::kPage;
  return kRows[static_cast<std::size_t>(outcome)].kind == kActual ? Reach::kApplication
                                                                  : Reach::kNowhere;
}

Outcome first_with_reason(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::kPreflightOriginNotAllowed:
      return Outcome::kActualOriginNotAllowed;
    case Outcome::kPreflightPathAmbiguous:
      return Outcome::kActualPathAmbiguous;
    case Outcome::kPreflightOriginMalformed:
      return Outcome::kActualOriginMalformed;
    default:
      return outcome;
  }
}

Outcome outcome_of(const Decision& decision) noexcept {
  const bool preflight = decision.kind == RequestKind::kPreflight;
  if (decision.kind == RequestKind::kNotCors) return Outcome::kNotCors;
  if (decision.allowed) return preflight ? Outcome::kPreflightAllowed : Outcome::kActualAllowed;
  switch (decision.refusal) {
    case Refusal::kRequestMethodMalformed:
      return Outcome::kPreflightRequestMethodMalformed;
    case Refusal::kPathAmbiguous:
      return preflight ? Outcome::kPreflightPathAmbiguous : Outcome::kActualPathAmbiguous;
    case Refusal::kOriginMalformed:
      return preflight ? Outcome::kPreflightOriginMalformed : Outcome::kActualOriginMalformed;
    default:
      return preflight ? Outcome::kPreflightOriginNotAllowed : Outcome::kActualOriginNotAllowed;
  }
}

Outcome outcome_of_guard(Refusal refusal) noexcept {
  switch (refusal) {
    case Refusal::kCrossOriginWebSocket:
      return Outcome::kGuardCrossOriginWebSocket;
    case Refusal::kCrossOriginRead:
      return Outcome::kGuardCrossOriginRead;
    default:
      return Outcome::kGuardCrossOriginRequest;
  }
}

Outcome outcome_of_host(Refusal refusal) noexcept {
  return refusal == Refusal::kHostMalformed ? Outcome::kHostMalformed : Outcome::kHostNotAllowed;
}

bool is_plainly_listed(const Policy& policy, const Request& request) noexcept {
  if (!lists_method(policy, request.request_method())) return false;
  std::size_t names = 0;
  std::size_t echo = 0;
  return request.for_each_requested_member([&](std::string_view member) {
    if (++names > kMaxJudgedRequestHeaders) return false;
    if (lists_header(policy, member)) return true;  // What is listed is a token.
    if (!policy.headers().any || !ascii::is_token(member)) return false;
    return policy.echoes_headers() ? (echo += member.size() + 2) <= kMaxEchoedHeadersBytes
                                   : !fetch::is_cors_non_wildcard_request_header_name(member);
  });
}

Outcome seen_by_browser(const Policy& policy, const Request& request, Outcome outcome,
                        bool has_cookie, Missing* missing) {
  if (outcome == Outcome::kPreflightAllowed)
    return preflight_seen_by_browser(policy, request, missing);
  const bool refused_credentials =
      outcome == Outcome::kActualAllowed && has_cookie && !policy.allow_credentials();
  return refused_credentials ? Outcome::kActualCredentialsNotAllowed : outcome;
}

}  // namespace corsac
