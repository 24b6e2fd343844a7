#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "corsac/cors_protocol.hpp"

/// What came of requests, in the words in which they are counted and reported.
namespace corsac {

/// What came of one request: its kind, and why it was refused if it was.
enum class Outcome : std::uint8_t {
  kNotCors,
  kActualAllowed,
  kPreflightAllowed,
  kActualOriginNotAllowed,
  kActualPathAmbiguous,
  kActualOriginMalformed,
  kPreflightOriginNotAllowed,
  kPreflightPathAmbiguous,
  kPreflightOriginMalformed,
  kPreflightRequestMethodMalformed,
  kGuardCrossOriginRequest,
  kGuardCrossOriginWebSocket,
  // What a browser makes of an answer that allows the origin; see `seen_by_browser`.
  kActualCredentialsNotAllowed,
  kPreflightMethodNotAllowed,
  kPreflightAuthorizationNotListed,
  kPreflightHeaderNotAllowed,
};
inline constexpr std::size_t kOutcomes = 16;
/// Those that a server sees of its own answers; they are the first.
inline constexpr std::size_t kServerOutcomes = 12;

/// "not_cors", "actual", "preflight" or "guard".
[[nodiscard]] std::string_view kind_name(Outcome outcome) noexcept;

/// The stable reason code, such as "origin-not-allowed"; empty if nothing was refused.
[[nodiscard]] std::string_view reason_code(Outcome outcome) noexcept;

[[nodiscard]] inline bool is_refused(Outcome outcome) noexcept {
  return outcome >= Outcome::kActualOriginNotAllowed;
}

/// Refused, unless the request is of the same origin as its page: then no browser asks about CORS,
/// whatever the policy says, so that it is kNotCors. What the guard, preflights and malformed
/// origins are refused for holds for any request.
[[nodiscard]] inline bool is_refused_across_origins(Outcome outcome) noexcept {
  return outcome == Outcome::kActualOriginNotAllowed || outcome == Outcome::kActualPathAmbiguous ||
         outcome == Outcome::kActualCredentialsNotAllowed;
}

/// The first outcome with the same reason: what is kept for each reason stands at its place.
[[nodiscard]] Outcome first_with_reason(Outcome outcome) noexcept;

/// What `decide` found, once it does not ask any more.
[[nodiscard]] Outcome outcome_of(const Decision& decision) noexcept;

/// What the guard found. @param refusal one of its refusals.
[[nodiscard]] Outcome outcome_of_guard(Refusal refusal) noexcept;

/// Requested header names that `seen_by_browser` looks at; no page asks for nearly as many.
inline constexpr std::size_t kMaxJudgedRequestHeaders = 64;

/// What the browser makes of an answer under a policy, where it knows more than the server does:
/// the answer to a preflight may lack the method or a header (Fetch, "CORS-preflight fetch"), and
/// an actual request may have been sent with credentials that the policy does not allow (Fetch,
/// "CORS check").
///
/// Deliberately not judged: which headers a page may read, how long it may keep a preflight's
/// answer, and private networks, since no request tells what a page relies on. Off the path of
/// ordinary requests: it allocates.
/// @param outcome what the policy makes of the request.
/// @param has_cookie it came with cookies, so a page's credentials mode was "include".
[[nodiscard]] Outcome seen_by_browser(const Policy& policy, const Request& request, Outcome outcome,
                                      bool has_cookie);

}  // namespace corsac
