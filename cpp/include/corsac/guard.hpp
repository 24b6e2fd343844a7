#pragma once

#include "corsac/cors_protocol.hpp"

/// The part CORS does not do: refusing before the application runs.
///
/// A simple cross-origin request (a form, a text/plain POST) and a WebSocket handshake reach the
/// application whatever the CORS headers say. With the `guard` option they are judged by what
/// browsers say about where a request comes from: Sec-Fetch-Site (Fetch Metadata), and without it
/// Origin against Host.
namespace corsac {

/// Judges an HTTP request.
/// @return kNone if the method is safe (GET, HEAD, OPTIONS; RFC 9110 section 9.2.1), if the policy
/// allows the origin, if the request comes from the same origin or from the user, or if it comes
/// from no browser; otherwise why it is refused. Ambiguous requests are refused.
/// @param settled whoever was asked outside the core allowed the request's one origin.
[[nodiscard]] Refusal guard_request(const Policy& policy, const Request& request,
                                    bool settled = false) noexcept;

/// Judges a WebSocket handshake (RFC 6455 section 10.2): the same, whatever the method.
[[nodiscard]] Refusal guard_websocket(const Policy& policy, const Request& request,
                                      bool settled = false) noexcept;

/// Whether a page asks its own origin, as far as the request tells: Sec-Fetch-Site says so (Fetch
/// Metadata section 2.3), or is not there and Origin is the scheme and the Host. No browser carries
/// out a CORS check then, though every method but GET and HEAD brings an Origin (Fetch, "append a
/// request `Origin` header"). Only for what is said about a request: anyone but a browser can write
/// these headers.
/// @param scheme of the request, as the server knows it; empty: the host alone decides.
[[nodiscard]] bool is_same_origin(const Request& request, std::string_view scheme) noexcept;

}  // namespace corsac
