#pragma once

#include "bindings.hpp"

/// The `send` or `start_response` that an application is given: a small object that changes the
/// headers of the response and hands on everything else as it came. It may outlive the call of the
/// application, as in a generator that starts its response late.
namespace corsac::bindings {

/// How the response to a request is changed on its way out.
struct ResponseChange {
  PyObject* compiled;            ///< The CompiledPolicy as Python object; borrowed.
  const CompiledPolicy* policy;  ///< The same.
  PyObject* request;             ///< The scope or environ, for what is said; borrowed.
  PyObject* allow_origin =
      nullptr;  ///< The pair that allows the request's origin, or null; borrowed.
  /// More pairs to set, borrowed: a list on the answer to a preflight (`preflight_continue`), a
  /// tuple on any other response, or null.
  PyObject* more = nullptr;

  [[nodiscard]] bool is_preflight() const noexcept {
    return more != nullptr && PyList_CheckExact(more);
  }
};

struct ResponseCallable {
  PyObject head;  ///< What every Python object begins with.
  vectorcallfunc vectorcall;
  PyObject* server;       ///< The server's `send` or `start_response`; null once collected.
  ResponseChange change;  ///< Owns its objects.
};

inline const ResponseCallable* as_response_callable(PyObject* self) noexcept {
  return reinterpret_cast<const ResponseCallable*>(self);
}

/// A new one of a type with the slots below. New reference, or null with an exception set.
/// @param nested what is called instead of `vectorcall` if `server` is of the type too: many around
/// one another call as deep as they are many, with no frame of Python's to be counted.
PyObject* make_response_callable(PyTypeObject* type, vectorcallfunc vectorcall,
                                 vectorcallfunc nested, PyObject* server,
                                 const ResponseChange& change) noexcept;

/// The vectorcall of one around another.
template <vectorcallfunc kCall>
PyObject* call_nested(PyObject* self, PyObject* const* args, std::size_t nargsf,
                      PyObject* names) noexcept {
  if (Py_EnterRecursiveCall(" in CORSMiddleware around CORSMiddleware") != 0) return nullptr;
  PyObject* result = kCall(self, args, nargsf, names);
  Py_LeaveRecursiveCall();
  return result;
}

/// True if `type` has the slots below, so that its instances have this layout.
bool is_response_callable_type(PyObject* type) noexcept;

int response_callable_traverse(PyObject* self, visitproc visit, void* arg) noexcept;
int response_callable_clear(PyObject* self) noexcept;
void response_callable_dealloc(PyObject* self) noexcept;
extern PyMemberDef kResponseCallableMembers[];

inline constexpr unsigned kResponseCallableFlags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                                   Py_TPFLAGS_HAVE_VECTORCALL |
                                                   Py_TPFLAGS_DISALLOW_INSTANTIATION;

/// True if nothing but the call that we are in refers to an argument, as in `await send({...})`.
/// Nobody can look at it again, so it need not be copied.
///
/// Only the interpreter can tell, since Python 3.14. That there is one reference says nothing: it
/// may be that of a tuple, in `send(*messages)`, or one that compiled code, operator.methodcaller
/// among it, lends to its calls for as long as it lives.
inline bool is_temporary([[maybe_unused]] PyObject* argument) noexcept {
#if PY_VERSION_HEX >= 0x030E0000 && !defined(Py_GIL_DISABLED)
  return PyUnstable_Object_IsUniqueReferencedTemporary(argument) != 0;
#else
  return false;
#endif
}

}  // namespace corsac::bindings
