#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "bindings.hpp"
#include "corsac/portability.hpp"

/// Calling what may call us again: middlewares inside one another, callables around one another.
///
/// No Python frame stands between them, so Python does not count how deep they are. What stands
/// *directly* inside one another is gone through in a loop: it needs the stack of one, however many
/// it is. What has other C code in between (`functools.partial`) goes deeper with each; there the
/// stack that is left decides. Neither is kept count of per thread, since a thread is not a
/// request: greenlets of one thread have many under way at once, and share all that is the
/// thread's.
namespace corsac::bindings {

/// How many middlewares may stand directly inside one another; also how many `send` or
/// `start_response` directly around one another. More are a mistake, such as a middleware around
/// itself.
inline constexpr int kMaxDepth = 500;

/// Sets a RecursionError. @return null.
[[gnu::cold, gnu::noinline]] PyObject* refuse_depth() noexcept;

/// Below this address the running thread has too little stack left. It begins as what no address
/// is above, so that each thread's first look finds out.
inline constinit thread_local std::uintptr_t lowest_usable_stack = UINTPTR_MAX;

/// Finds out how far the stack of the running thread reaches. @return as `has_stack_left`.
[[gnu::cold, gnu::noinline]] bool find_stack_left(std::uintptr_t here) noexcept;

/// False if the running thread has too little stack left for whatever a request may need. What
/// brings a stack of its own is not judged; greenlets run on their thread's.
[[gnu::always_inline]] inline bool has_stack_left() noexcept {
  const std::uintptr_t here = portability::stack_position();
  return here >= lowest_usable_stack || find_stack_left(here);
}

/// True if Python counts calls of it: it is a function of Python's or a method of one, as the
/// `send` and `start_response` of most servers are, and that is quicker to see than the stack.
inline bool is_counted_by_python(PyObject* callable) noexcept {
  const PyTypeObject* type = Py_TYPE(callable);
  return type == &PyFunction_Type ||
         (type == &PyMethod_Type && PyFunction_Check(PyMethod_GET_FUNCTION(callable)));
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
    if (function != nullptr)
      return or_stay([=] { return function(callable, args, nargsf, nullptr); });
  }
  return call_python(callable, args, nargsf);
}

/// A call of an application with `kCount` arguments.
template <std::size_t kCount>
struct AppCall {
  Ref app;  ///< Empty: it is not called.
  /// The free place before the arguments lets a bound method put its `self` there without a copy.
  std::array<PyObject*, kCount + 1> places;
  /// Those arguments that are not the caller's; each has its own place here.
  std::array<Ref, kCount - 1> made;

  [[nodiscard]] PyObject** args() noexcept { return places.data() + 1; }
};

/// What one middleware makes of a request.
/// @param call out: how to call its application; empty: the request is answered.
/// @return the answer; null with an exception set.
template <std::size_t kCount>
using Judge = PyObject* (*)(PyObject* middleware, PyObject* const* args,
                            AppCall<kCount>& call) noexcept;

/// Lets the middleware that is called judge, and puts the call of its application in the place of
/// its own.
template <std::size_t kCount, Judge<kCount> kJudge>
[[gnu::noinline]] PyObject* step_inside(AppCall<kCount>& call) noexcept {
  AppCall<kCount> inner;
  PyObject* answer = kJudge(call.app.get(), call.args(), inner);
  // What it did not make anew is still the argument that was made further out.
  for (std::size_t i = 0; i < inner.made.size(); ++i) {
    if (!inner.made[i]) inner.made[i] = std::move(call.made[i]);
  }
  call = std::move(inner);
  return answer;
}

/// Makes the call that came of a request, if one did.
/// @param answer what to give if none did. @param middleware_call the slot of middlewares whose
/// judge is `kJudge`.
template <std::size_t kCount, Judge<kCount> kJudge>
[[gnu::always_inline]] inline PyObject* pass_on(AppCall<kCount>& call, PyObject* answer,
                                                ternaryfunc middleware_call) noexcept {
  for (int depth = 1; call.app && Py_TYPE(call.app.get())->tp_call == middleware_call; ++depth) {
    if (depth == kMaxDepth) return refuse_depth();
    answer = step_inside<kCount, kJudge>(call);
  }
  if (!call.app) return answer;
  return call_positional(call.app.get(), call.args(), kCount | PY_VECTORCALL_ARGUMENTS_OFFSET);
}

}  // namespace corsac::bindings
