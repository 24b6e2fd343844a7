#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "corsac/browser_engine.hpp"
#include "corsac/browser_headers.hpp"

/// What a browser does to a request before it leaves, and when a redirect sends it elsewhere.
namespace corsac::browser {

/// Fetch, "CORS-safelisted request-header", step 1: bytes in one safelisted value.
/// https://fetch.spec.whatwg.org/#cors-safelisted-request-header
inline constexpr std::size_t kMaxSafelistedValueBytes = 128;
/// Fetch, "CORS-unsafe request-header names", step 5: bytes in all safelisted values together.
/// https://fetch.spec.whatwg.org/#cors-unsafe-request-header-names
inline constexpr std::size_t kMaxSafelistedValuesBytes = 1024;

/// Fetch, "Request class": the method as it is sent.
/// @return nothing for what fetch() throws at: no token, or a forbidden method.
/// https://fetch.spec.whatwg.org/#request-class
[[nodiscard]] std::optional<std::string> request_method(std::string_view method);

/// Fetch, "forbidden request-header": what a script sets in vain. Also the three headers that
/// would smuggle a forbidden method.
/// @param header with a normalized value.
/// https://fetch.spec.whatwg.org/#forbidden-request-header
[[nodiscard]] bool is_forbidden_request_header(const Header& header);

/// Fetch, "no-CORS-safelisted request-header".
/// @param header with the value of all lines of that name together.
/// https://fetch.spec.whatwg.org/#no-cors-safelisted-request-header
[[nodiscard]] bool is_no_cors_safelisted_request_header(const Header& header,
                                                        const Engine& engine = kStandard) noexcept;

/// Fetch, "Headers class", "append": the headers that remain of those a script sets, with
/// normalized values. Forbidden ones are left out silently, and with mode "no-cors" all that are
/// not no-CORS-safelisted.
/// @param content_type of the body; added unless the script has set one. Empty if there is none.
/// @return nothing for what fetch() throws at: a name that is no token, or a value that is none.
/// https://fetch.spec.whatwg.org/#concept-headers-append
[[nodiscard]] std::optional<std::vector<OwnedHeader>> request_headers(
    HeaderList author, std::string_view content_type, bool no_cors,
    const Engine& engine = kStandard);

/// Fetch, "CORS-safelisted request-header": may a page send this line to another origin unasked?
/// https://fetch.spec.whatwg.org/#cors-safelisted-request-header
[[nodiscard]] bool is_cors_safelisted_request_header(const Header& header,
                                                     const Engine& engine = kStandard) noexcept;

/// Fetch, "CORS-unsafe request-header names": the names a preflight has to ask for, lower-cased,
/// unique and sorted by byte, which is also what Access-Control-Request-Headers lists.
/// @param headers what the script set, without forbidden request-headers.
/// https://fetch.spec.whatwg.org/#cors-unsafe-request-header-names
[[nodiscard]] std::vector<std::string> cors_unsafe_request_header_names(
    HeaderList headers, const Engine& engine = kStandard);

/// A cross-origin request with mode "cors", the parts that the checks look at.
struct CorsRequest {
  std::string_view origin;  ///< Serialized; `null` if it is opaque or tainted by a redirect.
  std::string_view method;  ///< Normalized.
  HeaderList headers;
  bool credentials_include =
      false;  ///< The credentials mode is "include", not one of the other two.
  bool use_cors_preflight = false;  ///< An upload listener or a streaming body forces a preflight.
  const Engine* engine = &kStandard;
};

/// Fetch, "main fetch", the step that chooses "HTTP fetch with a CORS-preflight".
/// https://fetch.spec.whatwg.org/#concept-main-fetch
[[nodiscard]] bool needs_preflight(const CorsRequest& request);

/// Fetch, "CORS-preflight fetch", steps 1 to 5: the headers of the preflight request, in the order
/// they are sent. What every request carries (User-Agent, Sec-Fetch-*) is not among them.
/// https://fetch.spec.whatwg.org/#cors-preflight-fetch
[[nodiscard]] std::vector<OwnedHeader> preflight_request_headers(const CorsRequest& request);

/// Fetch, "serializing a request origin": the request's own origin, or `null` after a redirect that
/// makes it unclear who asks ("redirect-taint").
/// @param origin of the page; serialized.
/// @param url_origins the serialized origin of every URL so far, the first one first.
/// https://fetch.spec.whatwg.org/#serializing-a-request-origin
[[nodiscard]] std::string_view serialize_request_origin(
    std::string_view origin, std::span<const std::string_view> url_origins) noexcept;

/// The referrer policies that "append a request Origin header" tells apart.
enum class OriginPolicy : std::uint8_t {
  kAlways,          ///< origin, origin-when-cross-origin, unsafe-url
  kNever,           ///< no-referrer
  kSameOriginOnly,  ///< same-origin
  kNoDowngrade,     ///< strict-origin and its kin, and the default: not from https to less
};

/// What decides about the Origin header of a request.
struct OriginHeaderContext {
  std::string_view origin;      ///< From `serialize_request_origin`.
  std::string_view url_origin;  ///< Serialized, of where the request goes.
  std::string_view method;
  bool cors_tainting = false;  ///< The response tainting is "cors".
  bool cors_mode = true;       ///< The mode is "cors".
  OriginPolicy policy = OriginPolicy::kNoDowngrade;
};

/// Fetch, "append a request `Origin` header".
/// @return the header's value; nothing if the header is not sent.
/// https://fetch.spec.whatwg.org/#append-a-request-origin-header
[[nodiscard]] std::optional<std::string_view> origin_header(
    const OriginHeaderContext& context, const Engine& engine = kStandard) noexcept;

/// Fetch, "redirect status".
/// https://fetch.spec.whatwg.org/#redirect-status
[[nodiscard]] bool is_redirect_status(int status) noexcept;

/// Fetch, "HTTP-redirect fetch", step 12: this redirect makes a GET without body of the request.
/// https://fetch.spec.whatwg.org/#http-redirect-fetch
[[nodiscard]] bool redirect_makes_get(int status, std::string_view method) noexcept;

/// Fetch, "request-body-header name": left out when a redirect takes the body away.
/// https://fetch.spec.whatwg.org/#request-body-header-name
[[nodiscard]] bool is_request_body_header_name(std::string_view name) noexcept;

/// Fetch, "port blocking": a bad port for http and https.
/// https://fetch.spec.whatwg.org/#port-blocking
[[nodiscard]] bool is_bad_port(std::uint32_t port) noexcept;

/// HTML, "ASCII serialization of an origin", of a tuple origin: the scheme's default port is left
/// out.
[[nodiscard]] std::string serialize_origin(std::string_view scheme, std::string_view host,
                                           std::optional<std::uint32_t> port);

}  // namespace corsac::browser
