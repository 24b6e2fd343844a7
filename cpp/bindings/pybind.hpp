#pragma once

#include <Python.h>

#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>

/// pybind11, safe where memory runs out: there it would end the process or raise what is not a
/// MemoryError. All that includes it includes this in its place.
namespace corsac::bindings {

/// The text as an interned object; throws where Python gives null.
///
/// pybind11 compares the names of arguments with it without a look whether there is one.
inline PyObject* intern_or_throw(const char* text) {
  PyObject* object = PyUnicode_InternFromString(text);
  if (object == nullptr) throw std::bad_alloc();
  return object;
}

}  // namespace corsac::bindings

#define PyUnicode_InternFromString corsac::bindings::intern_or_throw
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#undef PyUnicode_InternFromString

namespace corsac::bindings {

/// Has pybind11 say MemoryError where it would say RuntimeError, in functions of this module.
inline void register_memory_errors() {
  pybind11::register_local_exception_translator([](std::exception_ptr pending) {
    try {
      std::rethrow_exception(pending);
    } catch (const std::runtime_error&) {
      // It says that it could not allocate, or convert, and what Python raised is still set.
      if (PyErr_Occurred() == nullptr || PyErr_ExceptionMatches(PyExc_MemoryError) == 0) throw;
    }
  });
}

/// Reads text as pybind11 does, which takes it for something else where it cannot be encoded: that
/// is right of lone surrogates, and wrong where memory ran out. Throws error_already_set.
template <typename Text, bool kIsView>
struct TextCaster : pybind11::detail::string_caster<Text, kIsView> {
  bool load(pybind11::handle source, bool convert) {
    if (source && PyUnicode_Check(source.ptr()) &&
        PyUnicode_AsUTF8AndSize(source.ptr(), nullptr) == nullptr) {
      if (PyErr_ExceptionMatches(PyExc_MemoryError)) throw pybind11::error_already_set();
      PyErr_Clear();
      return false;
    }
    return pybind11::detail::string_caster<Text, kIsView>::load(source, convert);
  }
};

}  // namespace corsac::bindings

namespace pybind11::detail {

template <>
struct type_caster<std::string> : corsac::bindings::TextCaster<std::string, false> {};
template <>
struct type_caster<std::string_view> : corsac::bindings::TextCaster<std::string_view, true> {};

}  // namespace pybind11::detail
