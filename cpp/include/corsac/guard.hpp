#pragma once

#include "corsac/cors_protocol.hpp"

/// The part CORS does not do: refusing before the application runs.
///
/// A simple cross-origin request (a form, a text/plain POST) and a WebSocket handshake reach the
/// application whatever the CORS headers say. With the `guard` option they are judged by what
/// browsers say about where a request comes from: Sec-Fetch-Site (Fetch Metadata), and without it
/// Origin against the server's scheme and Host.
namespace corsac {

/// Judges an HTTP request.
/// @return kNone if the method is safe (GET, HEAD, OPTIONS; RFC 9110 section 9.2.1), if the policy
/// allows the origin, if the request comes from the same origin or from the user, or if it does not
/// come from a browser; otherwise why it is refused. Ambiguous requests are refused.
/// @param request with the server's scheme (`set_server_scheme`), since Host may have to decide.
/// @param settled whoever was asked outside the core allowed the request's one origin.
[[nodiscard]] Refusal guard_request(const Policy& policy, const Request& request,
                                    bool settled = false) noexcept;

/// Judges a WebSocket handshake (RFC 6455 section 10.2): the same, whatever the method.
[[nodiscard]] Refusal guard_websocket(const Policy& policy, const Request& request,
                                      bool settled = false) noexcept;

/// Whether no browser carries out a CORS check on the response to an actual request, though it has
/// an Origin (Fetch, "append a request `Origin` header"), as far as the request tells:
///
/// - Sec-Fetch-Mode is there and is not `cors` (Fetch Metadata section 2.2): forms (`navigate`),
///   images and beacons (`no-cors`) and handshakes (`websocket`) are not checked.
/// - A page asks its own origin: Sec-Fetch-Site says so (Fetch Metadata section 2.3), or is not
///   there and Origin is the scheme and the Host.
///
/// Only for what is said about a request: anyone but a browser can write these headers.
/// @param request with the server's scheme (`set_server_scheme`).
/// https://fetch.spec.whatwg.org/#append-a-request-origin-header
[[nodiscard]] bool is_beyond_cors(const Request& request) noexcept;

}  // namespace corsac
