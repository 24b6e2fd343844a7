#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corsac/browser_engine.hpp"
#include "corsac/browser_headers.hpp"
#include "corsac/browser_request.hpp"

/// What a browser makes of an answer: whether it lets it through, and what a script may then read.
namespace corsac::browser {

/// Why the browser keeps an answer from the script.
enum class Block : std::uint8_t {
  kNone,
  kMissingAllowOrigin,
  kAllowOriginMismatch,  ///< Also an empty value, a list, or two lines.
  kWildcardWithCredentials,
  kAllowCredentialsNotTrue,
  kStatusNotOk,  ///< From here on only for preflights.
  kBadAllowMethods,
  kBadAllowHeaders,
  kMethodNotAllowed,
  kAuthorizationNotListed,
  kHeaderNotAllowed,
};

/// The stable reason code, such as "missing-allow-origin"; empty for kNone.
[[nodiscard]] std::string_view block_code(Block block) noexcept;

/// Fetch, "CORS check": for the answer to a preflight, each redirect and the final response.
/// https://fetch.spec.whatwg.org/#concept-cors-check
[[nodiscard]] Block cors_check(std::string_view origin, bool credentials_include,
                               HeaderList response_headers);

struct PreflightVerdict {
  Block block = Block::kNone;
  std::string header_name;  ///< With kHeaderNotAllowed the first refused name, in lower case.

  /// The stable reason code, "preflight:" before `block_code`; empty if the preflight passed.
  [[nodiscard]] std::string code() const;
};

/// Fetch, "CORS-preflight fetch", what is done with the answer. If several things are wrong the
/// first counts: a redirect, the CORS check, the status, a list that cannot be read, the method,
/// the headers.
/// https://fetch.spec.whatwg.org/#cors-preflight-fetch
[[nodiscard]] PreflightVerdict preflight_check(const CorsRequest& request, int status,
                                               HeaderList response_headers);

/// Fetch, "CORS filtered response": the header names a script can read from a response that passed
/// the CORS check; lower-cased, unique and sorted, as scripts see them.
/// https://fetch.spec.whatwg.org/#concept-filtered-response-cors
[[nodiscard]] std::vector<std::string> readable_header_names(bool credentials_include,
                                                             HeaderList response_headers);

/// Fetch, "basic filtered response": the same of a same-origin response, all but cookies.
/// https://fetch.spec.whatwg.org/#concept-filtered-response-basic
[[nodiscard]] std::vector<std::string> basic_readable_header_names(HeaderList response_headers);

/// How a page and the server it asks are related, for Cross-Origin-Resource-Policy.
struct Relation {
  bool same_origin = false;
  bool same_site = false;  ///< HTML, "schemelessly same site".
  bool page_is_https = false;
  bool response_is_https = false;
};

/// HTML, "embedder policy value", of the page.
enum class EmbedderPolicy : std::uint8_t { kUnsafeNone, kRequireCorp, kCredentialless };

/// Fetch, "cross-origin resource policy internal check", for a no-cors response.
/// @param includes_credentials the request carried credentials.
/// @return true if the response is kept from the page.
/// https://fetch.spec.whatwg.org/#cross-origin-resource-policy-internal-check
[[nodiscard]] bool resource_policy_blocks(const Relation& relation, EmbedderPolicy embedder,
                                          bool includes_credentials, HeaderList response_headers);

/// Where a redirect goes.
struct Location {
  enum class State : std::uint8_t { kAbsent, kFailure, kPresent };
  State state = State::kAbsent;
  std::string_view value;  ///< Into the headers; empty unless kPresent, and not yet a URL.
};

/// Fetch, "location URL", as far as its header is read: two lines are a failure.
/// https://fetch.spec.whatwg.org/#concept-response-location-url
[[nodiscard]] Location redirect_location(HeaderList response_headers,
                                         const Engine& engine = kStandard);

/// The credentials schemes for which Chromium asks the user: WWW-Authenticate names one of them.
[[nodiscard]] bool asks_for_password(int status, HeaderList response_headers);

}  // namespace corsac::browser
