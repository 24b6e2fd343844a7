#pragma once

#include <array>
#include <optional>

#include "bindings.hpp"
#include "corsac/cors_protocol.hpp"
#include "corsac/guard.hpp"
#include "middleware.hpp"
#include "response_callable.hpp"

/// What the WSGI middleware (wsgi.cpp), its reading of an environ (wsgi_environ.cpp), what becomes
/// of a request (wsgi_handle.cpp) and its `start_response` (wsgi_start_response.cpp) share.
namespace corsac::bindings {

/// Interned texts: keys of an environ, and what answers are made of.
struct EnvironNames {
  EnvironNames();
  py::str origin, request_method_header, request_headers, request_private_network, sec_fetch_site,
      sec_fetch_mode, sec_fetch_dest, host, upgrade, cookie, method, path_info, forbidden,
      url_scheme;
};

struct WSGIMiddleware : Middleware {
  PyObject* decide_at_once;  ///< (awaitable of a decision) -> bool
  PyObject* refuse;  ///< (environ, start_response, status, reason, header pair or None) -> iterable
  EnvironNames* names;  ///< Owned.
};

inline WSGIMiddleware* as_wsgi_middleware(PyObject* self) noexcept {
  return reinterpret_cast<WSGIMiddleware*>(self);
}

/// What is read of an environ beside the protocol's lines.
enum class Reading : std::uint8_t {
  kNoMore,
  kEverything,  ///< All that any guard looks at, the method also without Origin.
};

/// A request read from an environ. Holds what its views point into.
///
/// A server joins the lines of one header with a comma. So two Origin lines arrive as one value,
/// which is no origin, and are refused as two lines are.
class ReadEnviron {
 public:
  /// Reads what every request is judged by. @return false with an exception set.
  bool read(const EnvironNames& names, PyObject* environment, Reading reading) noexcept;
  /// The same where the method and the scheme are known. @param method outlives this.
  bool read(const EnvironNames& names, std::string_view method, std::string_view scheme,
            PyObject* environment, Reading reading) noexcept;
  /// Reads what a policy with `guard` has to look at, and no more: most requests need little of it.
  /// @param host the object of HTTP_HOST if it is read already, else null; it outlives this.
  /// @param allowed the policy allows the request's one origin. @return false with an exception
  /// set.
  bool read_for_guard(const EnvironNames& names, PyObject* environment, PyObject* host,
                      const Policy& policy, bool allowed) noexcept;
  /// Reads what `corsac::is_beyond_cors` looks at, and no more. @param scheme that by which the
  /// server was asked, if it is known; else the environ has it. @return false with an exception
  /// set.
  bool read_beyond_cors(const EnvironNames& names, PyObject* environment,
                        std::optional<std::string_view> scheme) noexcept;
  /// Reads the scheme by which the server was asked. @return false with an exception set.
  bool read_scheme(const EnvironNames& names, PyObject* environment) noexcept;

  [[nodiscard]] const Request& request() const noexcept { return request_; }
  /// The object of the Origin line, or null.
  [[nodiscard]] PyObject* origin() const noexcept { return origin_.get(); }
  /// It asks for a WebSocket (RFC 6455 section 4.1). Known where it was read for a guard.
  [[nodiscard]] bool asks_for_websocket() const noexcept { return asks_for_websocket_; }
  /// What a policy with `guard` makes of it. @param allowed see `guard_request`.
  [[nodiscard]] Refusal judge_by_guard(const Policy& policy, bool allowed) const noexcept {
    return asks_for_websocket_ ? guard_websocket(policy, request_, allowed)
                               : guard_request(policy, request_, allowed);
  }
  /// See `corsac::is_isolated`. A handshake is none of those.
  [[nodiscard]] bool is_isolated(const Policy& policy) const noexcept {
    return !asks_for_websocket_ && corsac::is_isolated(policy, request_);
  }

 private:
  bool read_line(PyObject* environment, const py::str& key, std::string_view name,
                 Ref& kept) noexcept;
  bool read_guard_line(PyObject* environment, const py::str& key, std::string_view name,
                       Ref& kept) noexcept;
  bool read_method(const EnvironNames& names, PyObject* environment) noexcept;
  bool read_other_lines(const EnvironNames& names, PyObject* environment, Reading reading) noexcept;
  bool read_preflight_lines(const EnvironNames& names, PyObject* environment) noexcept;
  bool read_upgrade(const EnvironNames& names, PyObject* environment) noexcept;
  bool read_site(const EnvironNames& names, PyObject* environment) noexcept;
  bool read_host(const EnvironNames& names, PyObject* environment) noexcept;
  bool note_mode(const EnvironNames& names, PyObject* environment) noexcept;
  bool note_cookie(const EnvironNames& names, PyObject* environment) noexcept;
  bool note_line(PyObject* environment, const py::str& key, std::string_view name) noexcept;

  Request request_{std::string_view()};
  Ref origin_;
  Ref method_;
  std::array<Ref, 3> preflight_lines_;
  std::array<Ref, 2> guarded_lines_;
  bool asks_for_websocket_ = false;
};

/// Whether no browser carries out a CORS check, see `corsac::is_beyond_cors`; nothing with an
/// exception set. The environ is read anew: ordinary requests are not judged by all of this.
/// @param scheme that by which the server was asked, if it is known; else the environ has it.
[[gnu::cold, gnu::noinline]] std::optional<bool> is_beyond_cors(
    const EnvironNames& names, PyObject* environment,
    std::optional<std::string_view> scheme = std::nullopt) noexcept;

/// True if an Upgrade header asks for a WebSocket (RFC 6455 section 4.2.1).
[[nodiscard]] bool asks_for_websocket(std::string_view upgrade) noexcept;

/// One request on its way through a policy.
struct WSGIExchange {
  WSGIMiddleware* self;
  const Routing::Entry* entry;
  PyObject* environment;
  PyObject* start_response;
  /// HTTP_HOST if there are hosts, which were asked about it, else null; borrowed.
  PyObject* host = nullptr;
  /// The Origin value that whoever is asked outside the core has allowed, or null; borrowed.
  PyObject* allowed_origin = nullptr;

  [[nodiscard]] const CompiledPolicy& policy() const noexcept { return *entry->policy; }
};

/// Handles a request under a policy, or hands it to the application as it is.
/// @param call out: the call of the application, which is the caller's to make; empty: there is an
/// answer. So nothing of what is needed here is on the stack while the application runs.
/// @return the iterable of the answer's body if there is one; null with an exception set.
PyObject* handle(const WSGIExchange& exchange, AppCall<2>& call) noexcept;

/// HTTP_HOST. Never SERVER_NAME in its place, though PEP 3333 builds URLs of that where there is no
/// Host: it is what the server calls itself, whatever the client asked for, so it would let every
/// request without Host pass. Such a request of HTTP/1.0 is refused, as in ASGI. A server joins two
/// lines with a comma, which is in no Host.
class HostVariable {
 public:
  /// @return false with an exception set.
  bool read(const EnvironNames& names, PyObject* environment) noexcept;
  [[nodiscard]] Ref take() noexcept { return std::move(host_); }
  [[nodiscard]] Refusal check(const HostSet& hosts) const noexcept;
  /// Its object, or None.
  [[nodiscard]] PyObject* object() const noexcept { return host_ ? host_.get() : Py_None; }

 private:
  Ref host_;
};

/// Whether the Host of a request is served. Precondition: the routing has hosts.
/// @param host out: the variable, for those who look at it again.
/// @param answer out: if it is not, what the call of the middleware gives.
[[gnu::noinline]] bool is_host_served(const WSGIExchange& exchange, Ref& host,
                                      PyObject*& answer) noexcept;

/// Judges a request by the policy on trial. The environ is read anew, since another policy may look
/// at other header lines.
/// @param outcome what came of it, or nothing if its path is left alone.
/// @return false with an exception set that is no Exception.
[[gnu::cold, gnu::noinline]] bool try_environ(const WSGIExchange& exchange,
                                              std::optional<Outcome> outcome) noexcept;

/// PATH_INFO, which is what the application's router sees: its bytes, as the server decoded them.
class PathInfo {
 public:
  PathInfo(PyObject* environment, const EnvironNames& names) noexcept;
  [[nodiscard]] std::string_view view() const noexcept { return view_; }

 private:
  Ref path_;
  std::string_view view_;
};

/// The type of the `start_response` that an application is given.
extern PyType_Spec kStartResponseSpec;

/// A new `start_response` that changes the headers. New reference, or null with an exception set.
PyObject* make_start_response(PyTypeObject* type, PyObject* start_response,
                              const ResponseChange& change) noexcept;

}  // namespace corsac::bindings
