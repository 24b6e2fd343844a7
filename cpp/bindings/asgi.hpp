#pragma once

#include <array>
#include <atomic>
#include <optional>

#include "bindings.hpp"
#include "corsac/cors_protocol.hpp"

/// What the middleware (asgi.cpp), its reading of requests (asgi_request.cpp) and its `send`
/// (asgi_send.cpp) share.
namespace corsac::bindings {

enum class Counter : std::size_t {
  kNotCors,
  kActualAllowed,
  kActualRefused,
  kPreflightAllowed,
  kPreflightRefused,
  kGuardRefused,
};
inline constexpr std::array<const char*, 6> kCounterNames = {
    "not_cors",          "actual_allowed",    "actual_refused",
    "preflight_allowed", "preflight_refused", "guard_refused"};

struct Middleware {
  PyObject head;  ///< What every Python object begins with.
  vectorcallfunc vectorcall;
  PyObject* app;
  PyObject* configuration;          ///< What the user sees: the policy and the rules.
  PyObject* routing_object;         ///< Its Routing.
  const Routing* routing;           ///< Inside `routing_object`.
  PyObject* send_type;              ///< The type of the wrapped `send`.
  PyObject* respond;                ///< async (send, start message, body message)
  PyObject* refuse_websocket;       ///< async (scope, receive, send, reason)
  PyObject* continue_when_decided;  ///< async (middleware, policy, awaitable, scope, receive, send)
  PyObject* report;                 ///< (reason, origin or None, scope); must not raise
  std::array<std::atomic<std::uint64_t>, kCounterNames.size()> counters;
};

inline Middleware* as_middleware(PyObject* self) noexcept {
  return reinterpret_cast<Middleware*>(self);
}

inline void count(Middleware* self, Counter counter) noexcept {
  self->counters[static_cast<std::size_t>(counter)].fetch_add(1, std::memory_order_relaxed);
}

/// One request on its way through a policy.
struct Exchange {
  Middleware* self;
  Routing::Entry entry;
  /// What was asked about the origin, if it has been asked.
  std::optional<bool> answered;

  [[nodiscard]] const CompiledPolicy& policy() const noexcept { return *entry.policy; }
};

/// Handles a request under a policy, or hands it to the application as it is. Gives what the call
/// of the middleware gives: an awaitable, or null with an exception set.
PyObject* handle(Exchange& exchange, PyObject* const* args) noexcept;

/// The type of the wrapped `send`, made with the module.
PyTypeObject* make_send_type(PyObject* module);

/// True if `type` is one that `make_send_type` made: its instances have the layout of a `send`.
bool is_send_type(PyObject* type) noexcept;

/// How the response to a request is changed on its way out.
struct ResponseChange {
  PyObject* compiled;             ///< The CompiledPolicy as Python object; borrowed.
  const CompiledPolicy* policy;   ///< The same.
  PyObject* origin = nullptr;     ///< The allowed Origin's own bytes object, or null; borrowed.
  PyObject* preflight = nullptr;  ///< For `preflight_continue`: the list of pairs to set; borrowed.
};

/// A new `send` that changes the start of the response. New reference, or null with an exception
/// set.
PyObject* make_send(PyTypeObject* type, PyObject* send, const ResponseChange& change);

/// The value for a key of a dictionary, or of any mapping; empty if there is none. What a strange
/// mapping raises beyond "there is none" stays set, for the caller to hand on.
Ref get_item(PyObject* mapping, PyObject* key) noexcept;

/// True if `object` is the text `interned`.
inline bool is_text(PyObject* object, const py::str& interned) noexcept {
  return object == interned.ptr() || (object != nullptr && PyUnicode_Check(object) &&
                                      PyUnicode_Compare(object, interned.ptr()) == 0);
}

/// `object` as bytes: itself if it is, a copy of anything bytes-like, latin-1 of a text. Empty for
/// anything else; sets no exception.
Ref as_bytes(PyObject* object) noexcept;

/// A tuple or list of two bytes, as servers and applications hand over: its items can be looked at
/// without running other code.
bool is_plain_pair(PyObject* pair) noexcept;

/// One header line taken apart.
struct HeaderPair {
  Ref name;
  Ref value;
};

/// Takes a two-element tuple, list or other sequence of bytes apart; both are empty for anything
/// else.
HeaderPair take_pair(PyObject* pair) noexcept;

/// The bytes of a text; empty for anything else.
std::string_view view_of_text(PyObject* text) noexcept;

/// A request read from a scope. Holds what its views point into.
struct ReadRequest {
  explicit ReadRequest(Ref method_text) noexcept
      : method(std::move(method_text)), request(view_of_text(method.get())) {}

  Ref method;
  Request request;
  Ref header_list;
  PyObject* origin = nullptr;  ///< The first Origin's bytes object, kept by one of the above.
};

/// Reads scope["headers"] into `read`. A container that can be read only once is put back into a
/// copy of the scope, so that the application finds its headers.
/// @param scope in: the scope; out: the one to hand on.
bool read_headers(ReadRequest& read, const CompiledPolicy& policy, Ref& scope) noexcept;

/// The path that the router of the application sees: without the part that a mount or a server has
/// taken off already (`root_path`), as PATH_INFO is in WSGI.
class RoutePath {
 public:
  RoutePath(PyObject* scope, const Names& names) noexcept;
  [[nodiscard]] std::string_view view() const noexcept { return view_; }

 private:
  Ref path_;
  Ref encoded_;  ///< Only for a path that is no valid text.
  std::string_view view_;
};

}  // namespace corsac::bindings
