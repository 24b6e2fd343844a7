#pragma once

#include <memory>
#include <utility>

#include "bindings.hpp"

/// Immutable values of C++ as Python objects that Python code is given and hands back, and cannot
/// make: there are none that are half made.
///
/// Plain C types and no classes of pybind11, which finds an instance's value by a look-up under a
/// lock. The garbage collector must not wait for a lock: without a global one it stops all other
/// threads first, also the one that has the lock. And it may come as soon as an object has memory.
namespace corsac::bindings {

/// The type of the objects around values of one class.
///
/// @tparam Value has `int traverse(visitproc, void*) const noexcept`, which visits every object
/// that it owns and through which it can be part of a cycle.
template <typename Value>
class NativeType {
 public:
  /// Adds a type to a module. Throws error_already_set.
  /// @param slots what the type has beside its memory and its part in collecting garbage.
  static py::object add_to(py::module_& module, const char* full_name,
                           std::vector<PyType_Slot> slots) {
    slots.insert(slots.end(), {{Py_tp_traverse, reinterpret_cast<void*>(traverse)},
                               {Py_tp_dealloc, reinterpret_cast<void*>(deallocate)},
                               {0, nullptr}});
    PyType_Spec spec{full_name, sizeof(Object), 0,
                     Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                     slots.data()};
    auto type =
        py::reinterpret_steal<py::object>(PyType_FromModuleAndSpec(module.ptr(), &spec, nullptr));
    if (!type || PyModule_AddType(module.ptr(), reinterpret_cast<PyTypeObject*>(type.ptr())) < 0)
      throw py::error_already_set();
    return type;
  }

  /// A new object around a value. Throws error_already_set.
  static py::object make(const py::object& type, std::unique_ptr<const Value> value) {
    PyObject* object = PyType_GenericAlloc(reinterpret_cast<PyTypeObject*>(type.ptr()), 0);
    if (object == nullptr) throw py::error_already_set();
    reinterpret_cast<Object*>(object)->value = value.release();
    return py::reinterpret_steal<py::object>(object);
  }

  /// The value inside an object; null if it is another kind of object. Needs no lock.
  static const Value* value_of(PyObject* object) noexcept {
    // No class can inherit from the type, so nothing else has this function.
    if (Py_TYPE(object)->tp_dealloc != deallocate) return nullptr;
    return reinterpret_cast<Object*>(object)->value;
  }

 private:
  struct Object {
    PyObject head;       ///< What every Python object begins with.
    const Value* value;  ///< Owned; null until it is made.
  };

  static int traverse(PyObject* self, visitproc visit, void* arg) noexcept {
    Py_VISIT(Py_TYPE(self));
    const Value* value = reinterpret_cast<Object*>(self)->value;
    return value == nullptr ? 0 : value->traverse(visit, arg);
  }

  static void deallocate(PyObject* self) noexcept {
    PyTypeObject* type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    delete reinterpret_cast<Object*>(self)->value;
    type->tp_free(self);
    Py_DECREF(type);
  }
};

/// How pybind11's functions take such a value: as `const Value&`.
template <typename Value>
struct NativeCaster {
  static constexpr auto name = py::detail::const_name(Value::kTypeName);
  template <typename>
  using cast_op_type = const Value&;

  bool load(py::handle source, bool /*convert*/) noexcept {
    value = NativeType<Value>::value_of(source.ptr());
    return value != nullptr;
  }
  explicit operator const Value&() const noexcept { return *value; }

  const Value* value = nullptr;
};

}  // namespace corsac::bindings

namespace pybind11::detail {

template <>
struct type_caster<corsac::bindings::CompiledPolicy>
    : corsac::bindings::NativeCaster<corsac::bindings::CompiledPolicy> {};
template <>
struct type_caster<corsac::bindings::Routing>
    : corsac::bindings::NativeCaster<corsac::bindings::Routing> {};

}  // namespace pybind11::detail
