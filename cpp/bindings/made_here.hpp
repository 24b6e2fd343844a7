#pragma once

#include <memory>
#include <new>

#include "bindings.hpp"

namespace corsac::bindings {

/// Memory for an instance; throws where Python gives null, since pybind11 does not look. It is
/// called from C++ alone: Python makes no instance.
inline PyObject* allocate_or_throw(PyTypeObject* type, Py_ssize_t items) {
  PyObject* object = PyType_GenericAlloc(type, items);
  if (object == nullptr) throw std::bad_alloc();
  return object;
}

/// An object around a value.
///
/// The value belongs to pybind11 from here on. It frees it, but for what is in it, where memory
/// runs out half-way; a std::unique_ptr, which it can be given instead, would then free it once
/// more.
template <typename Value>
py::object object_around(std::unique_ptr<Value> value) {
  return py::cast(value.release(), py::return_value_policy::take_ownership);
}

/// For a class of pybind11: lets nobody but the core make an instance. One that `__new__` alone has
/// made would have no value.
inline py::custom_type_setup made_here_alone() {
  return py::custom_type_setup([](PyHeapTypeObject* heap_type) {
    heap_type->ht_type.tp_flags |= Py_TPFLAGS_DISALLOW_INSTANTIATION;
    heap_type->ht_type.tp_alloc = allocate_or_throw;
  });
}

}  // namespace corsac::bindings
