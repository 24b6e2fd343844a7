#pragma once

#include <array>
#include <atomic>
#include <cstring>
#include <optional>

#include "bindings.hpp"
#include "corsac/cors_protocol.hpp"
#include "reporting.hpp"

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
  PyObject* report;                 ///< (reason, origin or None, scope, unreported) -> seconds
  std::array<std::atomic<std::uint64_t>, kCounterNames.size()> counters;
  std::array<Reporting, kRefusalKinds> reporting;  ///< One for each `Refusal`.
};

inline Middleware* as_middleware(PyObject* self) noexcept {
  return reinterpret_cast<Middleware*>(self);
}

inline void count(Middleware* self, Counter counter) noexcept {
  std::atomic<std::uint64_t>& value = self->counters[static_cast<std::size_t>(counter)];
#ifdef Py_GIL_DISABLED
  value.fetch_add(1, std::memory_order_relaxed);
#else
  // One thread at a time is here, so that two plain moves do, which are a fraction of a locked one.
  value.store(value.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
#endif
}

/// One request on its way through a policy.
struct Exchange {
  Middleware* self;
  Routing::Entry entry;
  /// What was said about the origin, if somebody has been asked.
  std::optional<bool> answered;
  /// The origin that it was said about, if that was long ago; borrowed. Another one is refused.
  PyObject* asked_about = nullptr;

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
  PyObject* compiled;            ///< The CompiledPolicy as Python object; borrowed.
  const CompiledPolicy* policy;  ///< The same.
  PyObject* allow_origin =
      nullptr;                    ///< The pair that allows the request's origin, or null; borrowed.
  PyObject* preflight = nullptr;  ///< For `preflight_continue`: the list of pairs to set; borrowed.
};

/// `http.response.start` with the policy's headers: the message itself if its headers cannot be
/// read at all or nobody else can see it, else a changed copy. Empty with an exception set.
/// @param temporary nothing but the call that brought the message refers to it.
Ref change_start(const ResponseChange& change, PyObject* message, bool temporary);

/// A new `send` that changes the start of the response. New reference, or null with an exception
/// set.
PyObject* make_send(PyTypeObject* type, PyObject* send, const ResponseChange& change);

/// The value for a key of a dictionary, or of any mapping; empty if there is none. What a strange
/// mapping raises beyond "there is none" stays set, for the caller to hand on.
Ref get_item(PyObject* mapping, PyObject* key) noexcept;

/// The same for a key that is usually among the first: a look at each costs a tenth of a look-up.
Ref get_early_item(PyObject* mapping, PyObject* key) noexcept;

/// True if `object` is the text `interned`, which is ASCII.
inline bool is_text(PyObject* object, const py::str& interned) noexcept {
  if (object == interned.ptr()) return true;
  if (object == nullptr || !PyUnicode_Check(object) ||
      PyUnicode_KIND(object) != PyUnicode_1BYTE_KIND) {
    return false;
  }
  const auto size = static_cast<std::size_t>(PyUnicode_GET_LENGTH(interned.ptr()));
  return static_cast<std::size_t>(PyUnicode_GET_LENGTH(object)) == size &&
         std::memcmp(PyUnicode_DATA(object), PyUnicode_DATA(interned.ptr()), size) == 0;
}

/// Calls with positional arguments, as PyObject_Vectorcall does, without its look at the result:
/// whoever called us looks at it.
inline PyObject* call_positional(PyObject* callable, PyObject* const* args,
                                 std::size_t nargsf) noexcept {
  const PyTypeObject* type = Py_TYPE(callable);
  if ((type->tp_flags & Py_TPFLAGS_HAVE_VECTORCALL) != 0) {
    vectorcallfunc function = nullptr;
    std::memcpy(&function, reinterpret_cast<const char*>(callable) + type->tp_vectorcall_offset,
                sizeof function);
    if (function != nullptr) return function(callable, args, nargsf, nullptr);
  }
  return PyObject_Vectorcall(callable, args, nargsf, nullptr);
}

/// `object` as bytes: itself if it is, a copy of anything bytes-like, latin-1 of a text. Empty for
/// anything else; sets no exception.
Ref as_bytes(PyObject* object) noexcept;

/// PyBytes_Check, quicker where there is no subclass.
inline bool is_bytes(PyObject* object) noexcept {
  return PyBytes_CheckExact(object) || PyBytes_Check(object);
}

/// A pair that stays what it is while we look at it.
inline bool is_lasting_pair(PyObject* pair) noexcept {
#ifdef Py_GIL_DISABLED
  return PyTuple_CheckExact(pair);  // Another thread can change a list.
#else
  return PyTuple_CheckExact(pair) || PyList_CheckExact(pair);
#endif
}

/// The two items of a tuple or list of two, the first of which is bytes: they can be looked at
/// without running other code. Null for anything else.
inline PyObject* const* plain_pair_of_any_value(PyObject* pair) noexcept {
  PyObject* const* items = nullptr;
  if (PyTuple_CheckExact(pair)) {
    if (PyTuple_GET_SIZE(pair) != 2) return nullptr;
    items = &PyTuple_GET_ITEM(pair, 0);
  } else {
    if (!is_lasting_pair(pair) || PyList_GET_SIZE(pair) != 2) return nullptr;
    items = &PyList_GET_ITEM(pair, 0);
  }
  return is_bytes(items[0]) ? items : nullptr;
}

/// The same if both are bytes, as servers and applications hand over.
inline PyObject* const* plain_pair(PyObject* pair) noexcept {
  PyObject* const* items = plain_pair_of_any_value(pair);
  return items != nullptr && is_bytes(items[1]) ? items : nullptr;
}

/// One header line taken apart.
struct HeaderPair {
  Ref name;
  Ref value;
};

/// A list or tuple of the items of an iterable that no other thread changes meanwhile; empty with
/// an exception set.
Ref snapshot_of(PyObject* iterable) noexcept;

/// Takes a two-element tuple, list or other sequence of bytes apart; both are empty for anything
/// else.
HeaderPair take_pair(PyObject* pair) noexcept;

/// The bytes of a text; empty for anything else.
std::string_view view_of_text(PyObject* text) noexcept;

/// A request read from a scope. Holds what its views point into.
struct ReadRequest {
  Ref method;
  Request request{std::string_view()};
  Ref header_list;
  PyObject* origin = nullptr;  ///< The first Origin's bytes object, kept by one of the above.
};

/// Reads scope["method"] into `read`, and the lines once more. @return false with an exception set.
bool read_method(ReadRequest& read, const CompiledPolicy& policy, PyObject* scope) noexcept;

/// Reads scope["headers"] into `read`, which is new. A container that can be read only once is put
/// back into a copy of the scope, so that the application finds its headers.
/// @param scope in: the scope; out: the one to hand on.
bool read_headers(ReadRequest& read, const CompiledPolicy& policy, Ref& scope) noexcept;

/// Reads the lines once more, after code that is not ours has run: that may have changed the list
/// and freed what `read` looks at. @return false with an exception set.
bool read_headers_again(ReadRequest& read, const CompiledPolicy& policy) noexcept;

/// Puts a copy that nobody else knows in the place of the lines, before code runs that is not ours
/// and after which `read` is still needed as it is. @return false with an exception set.
bool keep_headers(ReadRequest& read, const CompiledPolicy& policy) noexcept;

/// The header lines of an answer as a list of pairs; empty with an exception set.
/// @param read the request that is answered.
Ref make_pairs(const CompiledPolicy& policy, const ReadRequest& read,
               const Answer& answer) noexcept;

/// The awaitable that sends a whole answer; null with an exception set. The messages are new each
/// time, since servers may change them.
PyObject* respond(Middleware* self, const CompiledPolicy& policy, PyObject* send,
                  const ReadRequest& read, const Answer& answer) noexcept;

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
