#pragma once

#include <array>
#include <atomic>

#include "bindings.hpp"
#include "corsac/cors_protocol.hpp"

/// What the middleware (asgi.cpp), its reading of requests (asgi_request.cpp) and its `send`
/// (asgi_send.cpp) share.
namespace corsac::bindings {

/// The type of the wrapped `send`, made with the module.
PyTypeObject* make_send_type(PyObject* module);

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

/// The value for a key of a dictionary, or of any mapping; empty if there is none. Sets no
/// exception.
Ref get_item(PyObject* mapping, PyObject* key) noexcept;

/// True if `object` is the text `interned`.
inline bool is_text(PyObject* object, const py::str& interned) noexcept {
  return object == interned.ptr() || (object != nullptr && PyUnicode_Check(object) &&
                                      PyUnicode_Compare(object, interned.ptr()) == 0);
}

/// `object` as bytes: itself if it is, a copy of anything bytes-like, latin-1 of a text. Empty for
/// anything else; sets no exception.
Ref as_bytes(PyObject* object) noexcept;

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
  Ref converted;  ///< A list of values that were not bytes to begin with; usually absent.
  PyObject* origin = nullptr;  ///< The first Origin's bytes object, kept by one of the above.
};

/// Reads scope["headers"] into `read`. A container that can be read only once is put back into a
/// copy of the scope, so that the application finds its headers.
/// @param scope in: the scope; out: the one to hand on.
bool read_headers(ReadRequest& read, const CompiledPolicy& policy, Ref& scope) noexcept;

}  // namespace corsac::bindings
