#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

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
  kGuardCrossOriginRead,
  kHostMalformed,
  kHostNotAllowed,
  // What a browser makes of an answer that allows the origin; see `seen_by_browser`.
  kPreflightMethodNotAllowed,
  kPreflightAuthorizationNotListed,
  kPreflightHeaderNotAllowed,
  kActualCredentialsNotAllowed,
};
inline constexpr std::size_t kOutcomes = 19;
/// Those of a policy in force; they are the first. What comes after them is found on trial alone:
/// an allowed actual request is not looked at for it.
inline constexpr std::size_t kServerOutcomes = 18;

/// "not_cors", "actual", "preflight", "guard" or "host".
[[nodiscard]] std::string_view kind_name(Outcome outcome) noexcept;

/// The stable reason code, such as "origin-not-allowed"; empty if nothing was refused.
[[nodiscard]] std::string_view reason_code(Outcome outcome) noexcept;

[[nodiscard]] inline bool is_refused(Outcome outcome) noexcept {
  return outcome >= Outcome::kActualOriginNotAllowed;
}

/// Refused, unless no browser carries out a CORS check on the response (`is_beyond_cors`): then it
/// is kNotCors, whatever the policy says. What the guard, preflights and malformed origins are
/// refused for holds for any request.
[[nodiscard]] inline bool is_refused_by_cors_check(Outcome outcome) noexcept {
  return outcome == Outcome::kActualOriginNotAllowed || outcome == Outcome::kActualPathAmbiguous ||
         outcome == Outcome::kActualCredentialsNotAllowed;
}

/// How far a request gets; what comes later includes what comes before.
enum class Reach : std::uint8_t {
  kNowhere,      ///< Answered for its host or by the guard, or never sent after its preflight.
  kApplication,  ///< The application runs, and its page cannot read the response.
  kPage,         ///< CORS keeps nothing from anyone.
};

[[nodiscard]] Reach reach_of(Outcome outcome) noexcept;

/// The first outcome with the same reason: what is kept for each reason stands at its place.
[[nodiscard]] Outcome first_with_reason(Outcome outcome) noexcept;

/// What `decide` found, once it does not ask any more.
[[nodiscard]] Outcome outcome_of(const Decision& decision) noexcept;

/// What the guard found. @param refusal one of its refusals.
[[nodiscard]] Outcome outcome_of_guard(Refusal refusal) noexcept;

/// What a HostSet found. @param refusal one of its refusals.
[[nodiscard]] Outcome outcome_of_host(Refusal refusal) noexcept;

/// Requested header names that are judged; no page asks for nearly as many.
/// A list with more of them, or one that is malformed or longer than is read, counts as one that
/// is not allowed, whatever the policy lists. No browser sends it, unless a page sets headers with
/// names of kilobytes.
inline constexpr std::size_t kMaxJudgedRequestHeaders = 64;

/// What a preflight asks for and the answer of an allowed origin does not have. Both are empty for
/// a list of names that was not read to its end, or that was too long to be echoed.
struct Missing {
  std::string_view method;           ///< Of the request; empty: it is allowed.
  std::vector<std::string> headers;  ///< In lower case, sorted; kMaxJudgedRequestHeaders at most.
};

/// True only if the browser finds the method and every header that a preflight asks for in the
/// answer to an allowed origin: in that case, which is the usual one, `seen_by_browser` gives
/// kPreflightAllowed and need not be asked. It does not allocate, and false says nothing.
[[nodiscard]] bool is_plainly_listed(const Policy& policy, const Request& request) noexcept;

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
/// @param missing out, unless null: what a refused preflight misses.
/// https://fetch.spec.whatwg.org/#cors-preflight-fetch
/// https://fetch.spec.whatwg.org/#concept-cors-check
[[nodiscard]] Outcome seen_by_browser(const Policy& policy, const Request& request, Outcome outcome,
                                      bool has_cookie, Missing* missing = nullptr);

}  // namespace corsac
