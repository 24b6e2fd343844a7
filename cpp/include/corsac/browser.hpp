#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The browser's half of the CORS protocol, as the Fetch standard writes it: whether a request
/// needs a preflight, whether an answer lets it through, and what a script may then read.
///
/// Pure functions over views, for tools that predict or explain a browser. They are off a server's
/// request path, so they may allocate. Deliberately not here: redirects and the preflight cache
/// ("HTTP fetch", "CORS-preflight cache"), and where an engine departs from the standard.
namespace corsac::browser {

/// Fetch, "CORS-safelisted request-header", step 1: bytes in one safelisted value.
inline constexpr std::size_t kMaxSafelistedValueBytes = 128;
/// Fetch, "CORS-unsafe request-header names", step 5: bytes in all safelisted values together.
inline constexpr std::size_t kMaxSafelistedValuesBytes = 1024;

/// One header line. Tabs and spaces around a response's value are not part of it and are ignored; a
/// request's value is taken as it is, since "normalize" has been applied when the script set it.
struct Header {
  std::string_view name;  ///< In any case.
  std::string_view value;
};

/// A header list (Fetch, "header list"): order and duplicates count.
using HeaderList = std::span<const Header>;

/// Fetch, "get" a header: the values of all lines called `name`, joined with ", ". Two equal lines
/// are therefore no longer equal to one.
/// @param name in lower case.
/// @return nothing if there is no such line.
[[nodiscard]] std::optional<std::string> get(HeaderList headers, std::string_view name);

/// What "extract header list values" gives for a header whose grammar is `#token`.
struct TokenList {
  enum class State : std::uint8_t {
    kAbsent,   ///< Null: there is no such line. An empty line is an empty list instead.
    kFailure,  ///< Some member is no token; then no member of any line counts.
    kPresent,
  };
  State state = State::kAbsent;
  std::vector<std::string_view> members;  ///< Views into the headers; empty unless kPresent.

  /// Byte equality, as for methods and for `*`.
  [[nodiscard]] bool contains(std::string_view member) const noexcept;
  /// Byte-case-insensitive, as for header names.
  [[nodiscard]] bool contains_name(std::string_view lower_case_name) const noexcept;
};

/// Fetch, "extract header list values" for `#token`: all lines together, empty members skipped.
/// @param name in lower case.
[[nodiscard]] TokenList extract_token_list(HeaderList headers, std::string_view name);

/// Fetch, "CORS-safelisted request-header": may a page send this line to another origin unasked?
[[nodiscard]] bool is_cors_safelisted_request_header(const Header& header) noexcept;

/// Fetch, "CORS-unsafe request-header names": the names a preflight has to ask for, lower-cased,
/// unique and sorted by byte, which is also what Access-Control-Request-Headers lists.
/// @param headers what the script set, without forbidden request-headers.
[[nodiscard]] std::vector<std::string> cors_unsafe_request_header_names(HeaderList headers);

/// A cross-origin request with mode "cors", the parts that the checks look at.
struct CorsRequest {
  std::string_view origin;  ///< Serialized; `null` if it is opaque or tainted by a redirect.
  std::string_view method;  ///< Normalized.
  HeaderList headers;
  bool credentials_include =
      false;  ///< The credentials mode is "include", not one of the other two.
  bool use_cors_preflight = false;  ///< An upload listener or a streaming body forces a preflight.
};

/// Fetch, "main fetch", the step that chooses "HTTP fetch with a CORS-preflight".
[[nodiscard]] bool needs_preflight(const CorsRequest& request);

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
[[nodiscard]] PreflightVerdict preflight_check(const CorsRequest& request, int status,
                                               HeaderList response_headers);

/// Fetch, "CORS filtered response": the header names a script can read from a response that passed
/// the CORS check; lower-cased, unique and sorted, as scripts see them.
[[nodiscard]] std::vector<std::string> readable_header_names(bool credentials_include,
                                                             HeaderList response_headers);

}  // namespace corsac::browser
