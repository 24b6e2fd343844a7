#pragma once

#include "bindings.hpp"
#include "calls.hpp"

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
  bool is_isolated = false;  ///< See `corsac::is_isolated`.

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
PyObject* make_response_callable(PyTypeObject* type, vectorcallfunc vectorcall, PyObject* server,
                                 const ResponseChange& change) noexcept;

/// Goes through the callables that stand directly around one another, from `self` outwards, in a
/// loop: see calls.hpp. Each keeps the next one.
/// @param change (how one changes a response) -> false with an exception set.
/// @return the server's callable, borrowed; null with an exception set.
template <typename Change>
[[gnu::always_inline]] inline PyObject* change_by_each(PyObject* self, Change change) {
  PyObject* callable = self;
  for (int depth = 0; depth < kMaxDepth; ++depth) {
    const ResponseCallable* one = as_response_callable(callable);
    callable = one->server;
    if (callable == nullptr) {
      PyErr_SetString(PyExc_RuntimeError, "the response was already collected as garbage");
      return nullptr;
    }
    if (!change(one->change)) return nullptr;
    if (is_counted_by_python(callable)) return callable;
    if (Py_TYPE(callable) == Py_TYPE(self)) continue;
    return has_stack_left() ? callable : refuse_depth();
  }
  return refuse_depth();
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
