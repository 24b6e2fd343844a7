// The floor: what a middleware costs that is native and changes nothing. `Floor(app)` is called
// with scope, receive and send, or with environ and start_response; it calls the application with
// a `send` or `start_response` of its own, which hands everything to the server's. No Python
// frame, no copy, no look at anything.
//
// Both are types of the garbage collector, called by vectorcall, and the last callable is kept to
// be used again: the same as Corsac's two objects, so that what is left between them is CORS.

#include <Python.h>
#include <structmember.h>

#include <cstddef>

namespace {

struct Object {
  PyObject_HEAD vectorcallfunc call;
  PyObject* inner;  // The application, or the server's callable.
};

PyTypeObject* send_type = nullptr;
Object* spare = nullptr;  // Unused in free-threaded builds.

PyObject*& inner_of(PyObject* self) { return reinterpret_cast<Object*>(self)->inner; }

PyObject* make(PyTypeObject* type, vectorcallfunc call, PyObject* inner) {
  Object* made = spare;
  if (type == send_type && made != nullptr) {
    spare = nullptr;
    PyObject_Init(reinterpret_cast<PyObject*>(made), type);
  } else {
    made = PyObject_GC_New(Object, type);
    if (made == nullptr) return nullptr;
  }
  made->call = call;
  made->inner = Py_NewRef(inner);
  PyObject_GC_Track(made);
  return reinterpret_cast<PyObject*>(made);
}

PyObject* call_send(PyObject* self, PyObject* const* args, std::size_t nargsf, PyObject* names) {
  return PyObject_Vectorcall(inner_of(self), args, nargsf, names);
}

PyObject* call_floor(PyObject* self, PyObject* const* args, std::size_t nargsf, PyObject* names) {
  const Py_ssize_t count = PyVectorcall_NARGS(nargsf);
  if ((count != 2 && count != 3) || names != nullptr) {
    PyErr_SetString(PyExc_TypeError, "what a server gives an application is wanted");
    return nullptr;
  }
  PyObject* wrapper = make(send_type, call_send, args[count - 1]);
  if (wrapper == nullptr) return nullptr;
  PyObject* passed[] = {nullptr, args[0], args[1], nullptr};
  passed[count] = wrapper;
  const std::size_t flagged = static_cast<std::size_t>(count) | PY_VECTORCALL_ARGUMENTS_OFFSET;
  PyObject* result = PyObject_Vectorcall(inner_of(self), passed + 1, flagged, nullptr);
  Py_DECREF(wrapper);
  return result;
}

PyObject* new_floor(PyTypeObject* type, PyObject* args, PyObject* /*names*/) {
  PyObject* app = nullptr;
  return PyArg_ParseTuple(args, "O", &app) ? make(type, call_floor, app) : nullptr;
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(inner_of(self));
  return 0;
}

int clear(PyObject* self) {
  Py_CLEAR(inner_of(self));
  return 0;
}

void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  clear(self);
#ifndef Py_GIL_DISABLED
  if (type == send_type && spare == nullptr) {
    spare = reinterpret_cast<Object*>(self);
    self = nullptr;
  }
#endif
  if (self != nullptr) PyObject_GC_Del(self);
  Py_DECREF(type);
}

PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Object, call), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};
PyType_Slot slots[] = {{Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
                       {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
                       {Py_tp_clear, reinterpret_cast<void*>(clear)},
                       {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
                       {Py_tp_members, members},
                       {Py_tp_new, reinterpret_cast<void*>(new_floor)},
                       {0, nullptr}};
constexpr unsigned kFlags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL;
PyType_Spec send_spec = {"corsac_floor._Send", sizeof(Object), 0, kFlags, slots};
PyType_Spec floor_spec = {"corsac_floor.Floor", sizeof(Object), 0, kFlags, slots};

// Where the stack of the caller ends, so that two of them say how much lies between.
PyObject* stack_address(PyObject* /*module*/, PyObject* /*none*/) {
  return PyLong_FromVoidPtr(__builtin_frame_address(0));
}

PyMethodDef methods[] = {{"stack_address", stack_address, METH_NOARGS, nullptr},
                         {nullptr, nullptr, 0, nullptr}};
PyModuleDef module = {PyModuleDef_HEAD_INIT, "corsac_floor", nullptr, 0, methods};

}  // namespace

PyMODINIT_FUNC PyInit_corsac_floor() {
  send_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&send_spec));
  PyObject* floor_type = PyType_FromSpec(&floor_spec);
  PyObject* made = PyModule_Create(&module);
#ifdef Py_GIL_DISABLED
  if (made != nullptr) PyUnstable_Module_SetGIL(made, Py_MOD_GIL_NOT_USED);
#endif
  const bool is_complete = send_type != nullptr && floor_type != nullptr && made != nullptr;
  return is_complete && PyModule_AddObjectRef(made, "Floor", floor_type) == 0 ? made : nullptr;
}
