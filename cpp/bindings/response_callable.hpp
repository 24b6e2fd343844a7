#pragma once

#include <cstdint>

#include "bindings.hpp"

/// The `send` or `start_response` that an application is given: a small object that changes the
/// headers of the response and hands on everything else as it came. It may outlive the call of the
/// application, as in a generator that starts its response late.
namespace corsac::bindings {

/// How the response to a request is changed on its way out.
struct ResponseChange {
  PyObject* compiled;            ///< The CompiledPolicy as Python object; borrowed.
  const CompiledPolicy* policy;  ///< The same.
  PyObject* allow_origin =
      nullptr;                    ///< The pair that allows the request's origin, or null; borrowed.
  PyObject* preflight = nullptr;  ///< For `preflight_continue`: the list of pairs to set; borrowed.
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

/// True if `type` has the slots below, so that its instances have this layout.
bool is_response_callable_type(PyObject* type) noexcept;

int response_callable_traverse(PyObject* self, visitproc visit, void* arg) noexcept;
int response_callable_clear(PyObject* self) noexcept;
void response_callable_dealloc(PyObject* self) noexcept;
extern PyMemberDef kResponseCallableMembers[];

inline constexpr unsigned kResponseCallableFlags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                                   Py_TPFLAGS_HAVE_VECTORCALL |
                                                   Py_TPFLAGS_DISALLOW_INSTANTIATION;

#if PY_VERSION_HEX < 0x030E0000
/// True if arguments that we were called with stand on the stack of C functions.
inline bool are_on_c_stack(PyObject* const* args) noexcept {
  constexpr std::uintptr_t kFarthest = 1U << 18U;
  const char here = 0;
  // Frames of callers are above ours, and the one that called is near.
  return reinterpret_cast<std::uintptr_t>(args) - reinterpret_cast<std::uintptr_t>(&here) <
         kFarthest;
}
#endif

/// True if nothing but the call that we are in refers to an argument, as in `await send({...})`.
/// Nobody can look at it again, so it need not be copied.
///
/// That there is one reference does not say so. It may be that of a tuple, in `send(*messages)`: a
/// tuple's items come without a free place before them. Or it may be that of a variable of compiled
/// code, which lends it: such code has its arguments on the stack of C functions. Python code has
/// them, with references of their own, on the interpreter's stack, which is elsewhere. Since 3.14
/// that lends too, and the interpreter answers the question itself.
/// @param argument its place among the arguments. @param nargsf the flags of the call.
inline bool is_temporary([[maybe_unused]] PyObject* const* argument,
                         [[maybe_unused]] std::size_t nargsf) noexcept {
#ifdef Py_GIL_DISABLED
  return false;
#elif PY_VERSION_HEX >= 0x030E0000
  return PyUnstable_Object_IsUniqueReferencedTemporary(*argument) != 0;
#else
  return Py_REFCNT(*argument) == 1 && (nargsf & PY_VECTORCALL_ARGUMENTS_OFFSET) != 0 &&
         !are_on_c_stack(argument);
#endif
}

}  // namespace corsac::bindings
