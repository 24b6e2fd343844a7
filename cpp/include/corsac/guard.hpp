#pragma once

#include "corsac/cors_protocol.hpp"

/// The part CORS does not do: refusing before the application runs.
///
/// A simple cross-origin request (a form, a text/plain POST) and a WebSocket handshake reach the
/// application whatever the CORS headers say. With the `guard` option they are judged by what
/// browsers say about where a request comes from: Sec-Fetch-Site (Fetch Metadata), and without it
/// Origin against the server's scheme and Host.
///
/// Origins that the policy allows pass, and those that the guard trusts. Who is allowed *without*
/// credentials passes only without cookies: that a page may read what everybody can read says
/// nothing of its acting in the user's name. Deliberately not looked at: the Authorization header,
/// since a page that sends a token writes it, and only a browser's own dialog (HTTP authentication)
/// would make it the user's name too.
///
/// Paths that the guard exempts are the caller's to ask for (`GuardRules::is_exempt`), of what is
/// refused here: what passes needs no path.
namespace corsac {

/// GET, HEAD and OPTIONS: what changes nothing (RFC 9110 section 9.2.1) and browsers send.
[[nodiscard]] bool is_safe_method(std::string_view method) noexcept;

/// Judges an HTTP request.
/// @return kNone if the policy has no guard, if the method is safe, if the policy
/// allows the origin or the guard trusts it, if the request comes from the same origin or from the
/// user, or if it does not come from a browser; otherwise why it is refused. Ambiguous requests are
/// refused. Without `writes` unsafe methods pass; with `isolates_reads` GET and HEAD are judged:
/// see below.
/// @param request with the server's scheme (`set_server_scheme`), since Host may have to decide,
/// and with all lines that `Request::add_guarded_line` notes, unless they are not needed:
/// `passes_guard_by_origin` and `guard_needs_lines`.
/// @param allowed it is known already that the policy allows the request's one origin, or whoever
/// was asked outside the core does.
///
/// Reads (a resource isolation policy by Fetch Metadata): refused is what comes from another site,
/// unless its mode is `cors`, which the policy answers and the browser checks, or it is a top-level
/// navigation (mode `navigate`, destination `document`), which shows the user and not the page what
/// there is. What remains is embedded by a page that may not read it: images, scripts, styles,
/// media, prefetches. Frames and plug-ins (`iframe`, `frame`, `object`, `embed`, `fencedframe`) are
/// refused too, though web.dev's policy lets iframes pass: the page around one sees its size, its
/// count of frames and when it loads, and may have the user click in it, and frame-ancestors
/// forbids that only after the application has done its work. A page that is meant to be embedded
/// has an exempt path. `same-site` passes: one's own static host embeds and is embedded.
/// https://www.w3.org/TR/fetch-metadata/
[[nodiscard]] Refusal guard_request(const Policy& policy, const Request& request,
                                    bool allowed = false) noexcept;

/// Judges a WebSocket handshake (RFC 6455 section 10.2), whatever the method. Origin and Host
/// decide, since Chromium sends no Fetch Metadata with handshakes; Sec-Fetch-Site, where others
/// send it, can only refuse more. Without an Origin it comes from no browser.
[[nodiscard]] Refusal guard_websocket(const Policy& policy, const Request& request,
                                      bool allowed = false) noexcept;

/// True if `guard_request` and `guard_websocket` let everything pass whose origin is allowed, so
/// that nothing else of such a request need be read: who may read the answers with the user's
/// credentials may also write with them.
/// @param allowed see `guard_request`.
[[nodiscard]] inline bool passes_guard_by_origin(const Policy& policy, bool allowed) noexcept {
  return allowed && policy.allow_credentials() && !policy.guard_rules().isolates_reads();
}

/// False if `guard_request` decides by the method and the origin alone, as it does for most.
/// Precondition: the policy has a guard.
[[nodiscard]] bool guard_needs_lines(const Policy& policy, const Request& request,
                                     bool allowed) noexcept;

/// False if `guard_request` and `guard_websocket` decide without the server's scheme, as they do
/// for most.
[[nodiscard]] bool guard_needs_scheme(const Policy& policy, const Request& request,
                                      bool allowed) noexcept;

/// True if the request is one that `isolates_reads` judges, on a path that is not exempt: then its
/// answer depends on Fetch Metadata, and caches must be told (`Policy::vary`).
[[nodiscard]] bool is_isolated(const Policy& policy, const Request& request) noexcept;

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

/// Whether `is_beyond_cors` looks at Origin, Host and the scheme of a request, which Fetch Metadata
/// mostly make unnecessary. @param request needs nothing but these.
[[nodiscard]] bool beyond_cors_needs_scheme(const Request& request) noexcept;

}  // namespace corsac
