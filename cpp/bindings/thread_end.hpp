#pragma once

#include <Python.h>

#include <utility>

#if defined(__GLIBC__) && defined(__GLIBCXX__) && PY_VERSION_HEX < 0x030E0000
#include <cxxabi.h>
#define CORSAC_THREADS_ARE_UNWOUND
#endif

/// Threads that are under way while the interpreter ends, as those of a server that is stopped.
///
/// Until Python 3.13 a thread that wants the global lock back then is ended by `pthread_exit`. That
/// of glibc unwinds the stack: no frame of C++ that is `noexcept` can be passed (the process is
/// aborted), and destructors would let go of objects without the lock. So it stays where it is, as
/// since Python 3.14 all threads do, and goes with the process.
namespace corsac::bindings {

#ifdef CORSAC_THREADS_ARE_UNWOUND
/// Never returns.
[[noreturn, gnu::cold, gnu::noinline]] void stay_for_ever() noexcept;
#endif

/// Calls what may let go of the global lock; every call of other code may.
template <typename Function>
[[gnu::always_inline]] inline auto or_stay(Function&& function) noexcept {
#ifdef CORSAC_THREADS_ARE_UNWOUND
  try {
    return std::forward<Function>(function)();
  } catch (const abi::__forced_unwind&) {
    stay_for_ever();
  }
#else
  return std::forward<Function>(function)();
#endif
}

/// PyObject_Vectorcall, for whatever may take long.
[[gnu::always_inline]] inline PyObject* call_python(PyObject* callable, PyObject* const* args,
                                                    std::size_t nargsf,
                                                    PyObject* names = nullptr) noexcept {
  return or_stay([=] { return PyObject_Vectorcall(callable, args, nargsf, names); });
}

/// Lets go of the global lock for as long as it lives.
class GlobalLockReleased {
 public:
  GlobalLockReleased() noexcept : state_(PyEval_SaveThread()) {}
  GlobalLockReleased(const GlobalLockReleased&) = delete;
  GlobalLockReleased& operator=(const GlobalLockReleased&) = delete;
  ~GlobalLockReleased() {
    or_stay([this] { PyEval_RestoreThread(state_); });
  }

 private:
  PyThreadState* state_;
};

}  // namespace corsac::bindings
