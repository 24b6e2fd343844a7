#pragma once

#include <cstring>
#include <optional>

#include "bindings.hpp"
#include "corsac/cors_protocol.hpp"
#include "middleware.hpp"
#include "response_callable.hpp"

/// What the middleware (asgi.cpp), its reading of requests (asgi_request.cpp) and its `send`
/// (asgi_send.cpp) share.
namespace corsac::bindings {

struct ASGIMiddleware : Middleware {
  PyObject* respond;                ///< async (send, start message, body message)
  PyObject* refuse;                 ///< async (scope, receive, send, status, reason, header pair or
                                    ///< None)
  PyObject* continue_when_decided;  ///< async (middleware, routing, place of the rule, awaitable,
                                    ///< origin, scope, receive, send)
  PyObject* root_path_owner;        ///< An application inside that puts its own `root_path` into
                                    ///< each scope, or None.
};

inline ASGIMiddleware* as_asgi_middleware(PyObject* self) noexcept {
  return reinterpret_cast<ASGIMiddleware*>(self);
}

/// One request on its way through a policy.
struct Exchange {
  ASGIMiddleware* self;
  PyObject* routing;  ///< The Routing of `entry` as Python object.
  const Routing::Entry* entry;
  /// What was said about the origin, if somebody has been asked.
  std::optional<bool> answered;
  /// The origin that it was said about, if that was long ago; borrowed. Another one is refused.
  PyObject* asked_about = nullptr;
  bool host_is_judged = false;

  [[nodiscard]] const CompiledPolicy& policy() const noexcept { return *entry->policy; }
  /// The hosts that are served, if that is still to be judged; else null.
  [[nodiscard]] const HostSet* hosts() const noexcept {
    return host_is_judged ? nullptr : entry->routing->hosts();
  }
};

/// Handles a request under a policy, or hands it to the application as it is.
/// @param call out: the call of the application, which is the caller's to make; empty: there is an
/// answer. So nothing of what is needed here is on the stack while the application runs.
/// @return what the call of the middleware gives if there is one: an awaitable, or null with an
/// exception set.
PyObject* handle(Exchange& exchange, PyObject* const* args, AppCall<3>& call) noexcept;

/// Handles a request under the first policy that covers its origin, from `exchange.entry` on, or
/// under the last one. It is apart from `handle`, so that one policy costs nothing more.
PyObject* handle_by_first(Exchange& exchange, PyObject* const* args, AppCall<3>& call) noexcept;

/// `http.response.start` with the policy's headers: the message itself if its headers cannot be
/// read at all or nobody else can see it, else a changed copy. Empty with an exception set.
Ref change_start(const ResponseChange& change, PyObject* message);

/// The type of the `send` that an application is given.
extern PyType_Spec kSendSpec;

/// A new `send` that changes the start of the response. New reference, or null with an exception
/// set.
PyObject* make_send(PyTypeObject* type, PyObject* send, const ResponseChange& change) noexcept;

/// `get_item` where the key is not in its place, which is noted anew.
[[gnu::noinline]] Ref find_item(PyObject* mapping, PyObject* key, Py_ssize_t& place) noexcept;

/// `get_item` for a key that is in the same place of most dictionaries of its kind: a look there
/// costs a third of a look-up.
[[gnu::always_inline]] inline Ref get_item_at(PyObject* mapping, PyObject* key,
                                              [[maybe_unused]] Py_ssize_t& place) noexcept {
#ifdef Py_GIL_DISABLED
  return get_item(mapping, key);
#else
  if (PyDict_CheckExact(mapping)) {
    Py_ssize_t position = place;
    PyObject* found = nullptr;
    PyObject* value = nullptr;
    if (PyDict_Next(mapping, &position, &found, &value) != 0 && found == key)
      return Ref::borrowed(value);
  }
  return find_item(mapping, key, place);
#endif
}

/// True if `object` is the text `interned`, which is ASCII.
[[gnu::always_inline]] inline bool is_text(PyObject* object, const py::str& interned) noexcept {
  if (object == interned.ptr()) return true;
  if (object == nullptr || !PyUnicode_Check(object)) return false;
  const Py_ssize_t size = PyUnicode_GET_LENGTH(interned.ptr());
  if (PyUnicode_GET_LENGTH(object) != size || PyUnicode_KIND(object) != PyUnicode_1BYTE_KIND)
    return false;
  return std::memcmp(PyUnicode_DATA(object), PyUnicode_DATA(interned.ptr()),
                     static_cast<std::size_t>(size)) == 0;
}

/// References to at most as many objects as a Request keeps values of.
class KeptObjects {
 public:
  KeptObjects() = default;
  KeptObjects(const KeptObjects&) = delete;
  KeptObjects& operator=(const KeptObjects&) = delete;
  ~KeptObjects() { clear(); }

  /// @return false if there is no room.
  [[nodiscard]] bool keep(PyObject* object) noexcept {
    if (size_ == objects_.size()) return false;
    objects_[size_++] = Py_NewRef(object);
    return true;
  }
  void clear() noexcept { keep_first(0); }
  /// Lets go of all but the first ones.
  void keep_first(std::size_t count) noexcept {
    while (size_ > count) Py_DECREF(objects_[--size_]);
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  std::array<PyObject*, Request::kMaxKeptValues> objects_;
  std::size_t size_ = 0;
};

/// A request read from a scope. Holds what its views point into: the list may change whenever code
/// runs that is not ours, and until Python 3.12 the garbage collector runs such code whenever a
/// list or tuple is made.
struct ReadRequest {
  Ref method;
  Request request{std::string_view()};
  Ref header_list;
  PyObject* origin = nullptr;     ///< The first Origin's bytes object, kept by the next.
  KeptObjects values;             ///< Those that `request` looks at.
  bool with_host = false;         ///< Host is read with the protocol's lines.
  bool with_guard_lines = false;  ///< What a guard looks at is read.
};

/// Reads scope["method"] into `read`. @return false with an exception set.
bool read_method(ReadRequest& read, const Names& names, PyObject* scope) noexcept;

/// Reads the protocol's lines of scope["headers"] into `read`, which is new, and Host if it is
/// `with_host`. A container that can be read only once is put back into a copy of the scope, so
/// that the application finds its headers.
/// @param changed out: that copy, which is the one to hand on.
bool read_headers(ReadRequest& read, const Names& names, PyObject* scope, Ref& changed) noexcept;

/// The same for what is not on the path of every request, which has it inlined as long as there are
/// few callers.
[[gnu::cold, gnu::noinline]] bool read_headers_apart(ReadRequest& read, const Names& names,
                                                     PyObject* scope, Ref& changed) noexcept;

/// Reads Host alone from scope["headers"]; all else is as for `read_headers`.
[[gnu::noinline]] bool read_host(ReadRequest& read, const Names& names, PyObject* scope,
                                 Ref& changed) noexcept;

/// Reads what a guard looks at beside what `read_headers` has read.
/// @return false with an exception set.
[[gnu::noinline]] bool read_guard_lines(ReadRequest& read) noexcept;

/// Puts a copy that nobody else knows in the place of the lines and reads that, before code runs
/// that is not ours and after which `read` is still needed as it is. Before `read_guard_lines`, if
/// at all. @return false with an exception set.
[[gnu::cold, gnu::noinline]] bool keep_headers(ReadRequest& read) noexcept;

/// Reads scope["scheme"] into `read`. @return false with an exception set.
[[gnu::cold, gnu::noinline]] bool read_scheme(Request& request, const Names& names,
                                              PyObject* scope) noexcept;

/// Whether no browser carries out a CORS check, see `corsac::is_beyond_cors`; nothing with an
/// exception set. What a guard looks at is read into `read` if it is not yet, for nothing further.
[[gnu::cold, gnu::noinline]] std::optional<bool> is_beyond_cors(ReadRequest& read,
                                                                const Names& names,
                                                                PyObject* scope) noexcept;

/// The awaitable that sends a whole answer; null with an exception set. The messages are new each
/// time, since servers may change them.
/// @param more a tuple of one more header pair, or null.
PyObject* respond(ASGIMiddleware* self, const CompiledPolicy& policy, PyObject* send,
                  const ReadRequest& read, const Answer& answer, PyObject* more) noexcept;

/// What a log names of a request that is refused for its host.
class HostLines {
 public:
  /// @return false with an exception set.
  bool read(const Names& names, PyObject* scope) noexcept;
  /// The object of the first Origin line, or null.
  [[nodiscard]] PyObject* origin() const noexcept { return read_.origin; }
  /// The first Host line, or None.
  [[nodiscard]] PyObject* host() const noexcept { return host_ ? host_.get() : Py_None; }
  [[nodiscard]] const Request& request() const noexcept { return read_.request; }

 private:
  ReadRequest read_;
  Ref host_;
};

/// The awaitable that refuses a request or a handshake without a header of CORS.
/// @param line a tuple of one header pair, or null.
[[gnu::cold, gnu::noinline]] PyObject* refuse_plainly(const ASGIMiddleware* self, Refusal refusal,
                                                      PyObject* const* args,
                                                      PyObject* line) noexcept;

/// What is done about a host that is not served, and the answer.
[[gnu::cold, gnu::noinline]] PyObject* refuse_host(const Exchange& exchange, Refusal refusal,
                                                   PyObject* const* args) noexcept;

/// Whether the Host of a request or a handshake is served; what is neither goes on. Precondition:
/// there are hosts.
/// @param changed out: see `read_headers`.
/// @param answer out: if it is not, what the call of the middleware gives.
[[gnu::noinline]] bool is_host_served(const Exchange& exchange, PyObject* const* args, Ref& changed,
                                      PyObject*& answer) noexcept;

/// Judges a request by the policy on trial. It changes neither the request nor what becomes of it.
/// @param outcome what came of it, or nothing if its path is left alone.
/// @return false with an exception set that is no Exception, such as KeyboardInterrupt.
[[gnu::cold, gnu::noinline]] bool try_scope(const Exchange& exchange,
                                            std::optional<Outcome> outcome,
                                            PyObject* scope) noexcept;

/// The path that the router of the application sees: without the part that a mount, a server or the
/// application itself takes off (`root_path`), as PATH_INFO is in WSGI.
class RoutePath {
 public:
  /// @param root_path_owner see `ASGIMiddleware`; null is None.
  RoutePath(PyObject* scope, const Names& names, PyObject* root_path_owner) noexcept;
  [[nodiscard]] std::string_view view() const noexcept { return view_; }

 private:
  Ref path_;
  Ref encoded_;  ///< Only for a path that is no valid text.
  std::string_view view_;
};

}  // namespace corsac::bindings
