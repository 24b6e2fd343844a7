#include <array>
#include <cstddef>

#include "bindings.hpp"
#include "middleware.hpp"

// Which of two functions gets a request, by one item of its environ: so that an application can be
// told from within which requests went through a middleware, at the cost of two look-ups.

namespace corsac::bindings {
namespace {

struct EnvironSwitch {
  PyObject head;  ///< What every Python object begins with.
  vectorcallfunc vectorcall;
  PyObject* key;        ///< The item's key, a str.
  PyObject* mark;       ///< What it is compared with, by identity.
  PyObject* then;       ///< Called if the item is as it should be.
  PyObject* otherwise;  ///< Called if it is not.
  bool marks;           ///< The item should not be there, and is put there.
};

EnvironSwitch* as_environ_switch(PyObject* self) noexcept {
  return reinterpret_cast<EnvironSwitch*>(self);
}

/// Whether `then` is to be called; -1 with an exception set.
int is_as_it_should_be(const EnvironSwitch* self, PyObject* environment) noexcept {
  if (!PyDict_Check(environment)) return 0;
  const Ref found = get_item(environment, self->key);
  if (!found && PyErr_Occurred() != nullptr) return -1;
  if (!self->marks) return found.get() == self->mark ? 1 : 0;
  if (found) return 0;
  return PyDict_SetItem(environment, self->key, self->mark) < 0 ? -1 : 1;
}

PyObject* switch_call(PyObject* self_object, PyObject* const* args, std::size_t nargsf,
                      PyObject* names) noexcept {
  const EnvironSwitch* self = as_environ_switch(self_object);
  const int chosen = PyVectorcall_NARGS(nargsf) > 0 ? is_as_it_should_be(self, args[0]) : 0;
  if (chosen < 0) return nullptr;
  const Ref function = Ref::borrowed(chosen == 1 ? self->then : self->otherwise);
  if (!function) return PyErr_Format(PyExc_RuntimeError, "EnvironSwitch is being collected");
  // Each may be a switch, or a middleware around one: no frame of Python's need be between them.
  if (Py_EnterRecursiveCall(" in EnvironSwitch") != 0) return nullptr;
  PyObject* result = call_python(function.get(), args, nargsf, names);
  Py_LeaveRecursiveCall();
  return result;
}

PyObject* switch_new(PyTypeObject* type, PyObject* args, PyObject* keywords) noexcept {
  static const char* const kNames[] = {"key", "mark", "then", "otherwise", "marks", nullptr};
  std::array<PyObject*, 4> given{};
  int marks = 0;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "UOOO$p", const_cast<char**>(kNames), &given[0],
                                   &given[1], &given[2], &given[3], &marks)) {
    return nullptr;
  }
  PyObject* self_object = type->tp_alloc(type, 0);
  if (self_object == nullptr) return nullptr;
  EnvironSwitch* self = as_environ_switch(self_object);
  self->vectorcall = switch_call;
  self->key = Py_NewRef(given[0]);
  self->mark = Py_NewRef(given[1]);
  self->then = Py_NewRef(given[2]);
  self->otherwise = Py_NewRef(given[3]);
  self->marks = marks != 0;
  return self_object;
}

int switch_traverse(PyObject* self_object, visitproc visit, void* arg) noexcept {
  const EnvironSwitch* self = as_environ_switch(self_object);
  Py_VISIT(Py_TYPE(self_object));
  Py_VISIT(self->key);  // A subclass of str may refer to anything.
  Py_VISIT(self->mark);
  Py_VISIT(self->then);
  Py_VISIT(self->otherwise);
  return 0;
}

int switch_clear(PyObject* self_object) noexcept {
  EnvironSwitch* self = as_environ_switch(self_object);
  // Not `key`, which a call looks at; what it refers to can be cleared as well.
  Py_CLEAR(self->mark);
  Py_CLEAR(self->then);
  Py_CLEAR(self->otherwise);
  return 0;
}

void let_go(PyObject* self_object) noexcept {
  PyTypeObject* type = Py_TYPE(self_object);
  switch_clear(self_object);
  Py_XDECREF(as_environ_switch(self_object)->key);
  type->tp_free(self_object);
  Py_DECREF(type);
}

void switch_dealloc(PyObject* self_object) noexcept {
  PyObject_GC_UnTrack(self_object);
  // Many around one another are freed as deep as they are many.
  Py_TRASHCAN_BEGIN(self_object, switch_dealloc) let_go(self_object);
  Py_TRASHCAN_END
}

PyMemberDef kMembers[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(EnvironSwitch, vectorcall), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};

PyType_Slot kSlots[] = {
    {Py_tp_doc, const_cast<char*>("Hands a call to one of two functions, by an item of the environ "
                                  "that is its first argument.")},
    {Py_tp_new, reinterpret_cast<void*>(switch_new)},
    {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
    {Py_tp_traverse, reinterpret_cast<void*>(switch_traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(switch_clear)},
    {Py_tp_dealloc, reinterpret_cast<void*>(switch_dealloc)},
    {Py_tp_members, kMembers},
    {0, nullptr}};

PyType_Spec kSpec = {"corsac._core.EnvironSwitch", sizeof(EnvironSwitch), 0,
                     Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL, kSlots};

}  // namespace

void bind_environ_switch(py::module_& module) {
  py::object type = py::reinterpret_steal<py::object>(PyType_FromSpec(&kSpec));
  if (!type) throw py::error_already_set();
  module.add_object("EnvironSwitch", type);
}

}  // namespace corsac::bindings
