#pragma once

#include "bindings.hpp"

namespace corsac::bindings {

/// For a class of pybind11: lets nobody but the core make an instance. One that `__new__` alone has
/// made would have no value.
inline py::custom_type_setup made_here_alone() {
  return py::custom_type_setup([](PyHeapTypeObject* heap_type) {
    heap_type->ht_type.tp_flags |= Py_TPFLAGS_DISALLOW_INSTANTIATION;
  });
}

}  // namespace corsac::bindings
