#pragma once

#include <string>
#include <string_view>

/// The name sets of the Fetch standard, one predicate a definition. No policy here.
/// Header names are compared byte-lowercased, methods as they are (Fetch, "Methods" and "Headers").
namespace corsac::fetch {

/// Fetch, "CORS-safelisted method": GET, HEAD, POST. Never need a preflight nor a listing.
/// https://fetch.spec.whatwg.org/#cors-safelisted-method
[[nodiscard]] bool is_cors_safelisted_method(std::string_view method) noexcept;

/// Fetch, "forbidden method": CONNECT, TRACE, TRACK, in any case.
/// https://fetch.spec.whatwg.org/#forbidden-method
[[nodiscard]] bool is_forbidden_method(std::string_view method) noexcept;

/// Fetch, "normalize a method": upper-cases DELETE, GET, HEAD, OPTIONS, POST and PUT, nothing else.
/// `patch` stays `patch` on purpose: browsers send it as it was written.
/// https://fetch.spec.whatwg.org/#concept-method-normalize
[[nodiscard]] std::string normalize_method(std::string_view method);

/// Fetch, "forbidden request-header", the part that depends on the name alone. The value-dependent
/// part (X-HTTP-Method and its two kin) is no configuration matter and is not judged here.
/// https://fetch.spec.whatwg.org/#forbidden-request-header
[[nodiscard]] bool is_forbidden_request_header_name(std::string_view name) noexcept;

/// Fetch, "forbidden response-header name": Set-Cookie and Set-Cookie2; scripts never see them.
/// https://fetch.spec.whatwg.org/#forbidden-response-header-name
[[nodiscard]] bool is_forbidden_response_header_name(std::string_view name) noexcept;

/// Fetch, "CORS-safelisted response-header name" for an empty exposed list: readable without
/// listing.
/// https://fetch.spec.whatwg.org/#cors-safelisted-response-header-name
[[nodiscard]] bool is_cors_safelisted_response_header_name(std::string_view name) noexcept;

/// Fetch, "CORS non-wildcard request-header name": Authorization, which `*` never covers.
/// https://fetch.spec.whatwg.org/#cors-non-wildcard-request-header-name
[[nodiscard]] bool is_cors_non_wildcard_request_header_name(std::string_view name) noexcept;

/// A header name that means something only in a preflight (request or answer) or only in a request,
/// so that exposing it to scripts cannot be what was meant.
[[nodiscard]] bool is_cors_protocol_only_header_name(std::string_view name) noexcept;

/// A CORS response header: the server sends it, so a browser never asks to send it.
[[nodiscard]] bool is_cors_response_header_name(std::string_view name) noexcept;

}  // namespace corsac::fetch
