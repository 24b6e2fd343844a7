#include <cstddef>
#include <cstdint>

#include "asgi.hpp"

// The `send` that the application is given: it changes the start of the response and hands on
// everything else as it came.

namespace corsac::bindings {
namespace {

struct Send {
  PyObject head;  ///< What every Python object begins with.
  vectorcallfunc vectorcall;
  PyObject* send;
  ResponseChange change;  ///< Owns its objects.
};

Send* as_send(PyObject* self) noexcept { return reinterpret_cast<Send*>(self); }

void free_send(PyObject* memory) noexcept {
  PyTypeObject* type = Py_TYPE(memory);
  type->tp_free(memory);
  Py_DECREF(type);
}

/// Calls the server's `send`; what the message is called, if anything, stays as it was.
PyObject* pass_on(const Send* self, PyObject* const* args, std::size_t nargsf,
                  PyObject* names) noexcept {
  return names == nullptr ? call_positional(self->send, args, nargsf)
                          : PyObject_Vectorcall(self->send, args, nargsf, names);
}

#if PY_VERSION_HEX < 0x030E0000
/// True if arguments that we were called with stand on the stack of C functions.
bool are_on_c_stack(PyObject* const* args) noexcept {
  constexpr std::uintptr_t kFarthest = 1U << 18U;
  const char here = 0;
  // Frames of callers are above ours, and the one that called is near.
  return reinterpret_cast<std::uintptr_t>(args) - reinterpret_cast<std::uintptr_t>(&here) <
         kFarthest;
}
#endif

/// True if nothing but the call that we are in refers to the message: `await send({...})`, as most
/// applications write it. Nobody can look at it again, so it need not be copied.
///
/// That there is one reference does not say so. It may be that of a tuple, in `send(*messages)`: a
/// tuple's items come without a free place before them. Or it may be that of a variable of compiled
/// code, which lends it: such code has its arguments on the stack of C functions. Python code has
/// them, with references of their own, on the interpreter's stack, which is elsewhere. Since 3.14
/// that lends too, and the interpreter answers the question itself.
bool is_temporary([[maybe_unused]] PyObject* const* args,
                  [[maybe_unused]] std::size_t nargsf) noexcept {
#ifdef Py_GIL_DISABLED
  return false;
#elif PY_VERSION_HEX >= 0x030E0000
  return PyDict_CheckExact(args[0]) && PyUnstable_Object_IsUniqueReferencedTemporary(args[0]) != 0;
#else
  return Py_REFCNT(args[0]) == 1 && (nargsf & PY_VECTORCALL_ARGUMENTS_OFFSET) != 0 &&
         PyDict_CheckExact(args[0]) && !are_on_c_stack(args);
#endif
}

PyObject* send_vectorcall(PyObject* self_object, PyObject* const* args, std::size_t nargsf,
                          PyObject* names) noexcept {
  const Send* self = as_send(self_object);
  if (self->send == nullptr) {
    PyErr_SetString(PyExc_RuntimeError, "send was already collected as garbage");
    return nullptr;
  }
  if (PyVectorcall_NARGS(nargsf) + (names == nullptr ? 0 : PyTuple_GET_SIZE(names)) != 1) {
    PyErr_SetString(PyExc_TypeError, "send is called with one message");
    return nullptr;
  }
  const Names& texts = self->change.policy->names;
  const Ref type = get_early_item(args[0], texts.type.ptr());
  if (!type && PyErr_Occurred() != nullptr) return nullptr;
  if (!is_text(type.get(), texts.response_start)) return pass_on(self, args, nargsf, names);
  try {
    const Ref changed = change_start(self->change, args[0], is_temporary(args, nargsf));
    if (!changed) return nullptr;
    PyObject* call[] = {nullptr, changed.get()};
    const std::size_t positional = names == nullptr ? 1 : 0;
    return pass_on(self, call + 1, positional | PY_VECTORCALL_ARGUMENTS_OFFSET, names);
  } catch (const std::bad_alloc&) {
    return PyErr_NoMemory();
  }
}

int send_traverse(PyObject* self_object, visitproc visit, void* arg) noexcept {
  const Send* self = as_send(self_object);
  Py_VISIT(Py_TYPE(self_object));
  Py_VISIT(self->send);
  Py_VISIT(self->change.preflight);
  return 0;
}

int send_clear(PyObject* self_object) noexcept {
  // `compiled` is neither visited nor cleared: `policy` points into it, and it refers to nothing
  // but text.
  Send* self = as_send(self_object);
  Py_CLEAR(self->send);
  Py_CLEAR(self->change.preflight);
  return 0;
}

void send_dealloc(PyObject* self_object) noexcept {
  Send* self = as_send(self_object);
  PyObject_GC_UnTrack(self_object);
  Py_XDECREF(self->send);
  Py_XDECREF(self->change.allow_origin);
  Py_XDECREF(self->change.preflight);
  // The last use of `self`: the policy may go, and take the memory that is parked there with it.
  PyObject* compiled = self->change.compiled;
#ifndef Py_GIL_DISABLED
  ParkedSends& parked = self->change.policy->parked_sends;
  if (!parked.is_full()) {
    parked.push(self_object);  // With its reference to the type.
    Py_DECREF(compiled);
    return;
  }
#endif
  free_send(self_object);
  Py_DECREF(compiled);
}
PyObject* send_repr(PyObject* self_object) noexcept {
  return PyUnicode_FromFormat("<corsac send around %R>", as_send(self_object)->send);
}

PyMemberDef kSendMembers[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Send, vectorcall), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};

PyType_Slot kSendSlots[] = {
    {Py_tp_doc, const_cast<char*>("The `send` that an application is given.")},
    {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
    {Py_tp_traverse, reinterpret_cast<void*>(send_traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(send_clear)},
    {Py_tp_dealloc, reinterpret_cast<void*>(send_dealloc)},
    {Py_tp_repr, reinterpret_cast<void*>(send_repr)},
    {Py_tp_members, kSendMembers},
    {0, nullptr}};

PyType_Spec kSendSpec = {"corsac._core._Send", sizeof(Send), 0,
                         Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL |
                             Py_TPFLAGS_DISALLOW_INSTANTIATION,
                         kSendSlots};

}  // namespace

bool is_send_type(PyObject* type) noexcept {
  return PyType_Check(type) && reinterpret_cast<PyTypeObject*>(type)->tp_dealloc == send_dealloc;
}

PyTypeObject* make_send_type(PyObject* module) {
  return reinterpret_cast<PyTypeObject*>(PyType_FromModuleAndSpec(module, &kSendSpec, nullptr));
}

PyObject* make_send(PyTypeObject* type, PyObject* send, const ResponseChange& change) {
  PyObject* self_object = nullptr;
  ParkedSends& parked = change.policy->parked_sends;
  if (parked.is_empty()) {
    self_object = PyType_GenericAlloc(type, 0);
    if (self_object == nullptr) return nullptr;
    PyObject_GC_UnTrack(self_object);
  } else {
    self_object = PyObject_Init(parked.pop(), type);
    Py_DECREF(type);  // It was parked with one.
  }
  Send* self = as_send(self_object);
  self->vectorcall = send_vectorcall;
  self->send = Py_NewRef(send);
  self->change = change;
  Py_INCREF(change.compiled);
  Py_XINCREF(change.allow_origin);
  Py_XINCREF(change.preflight);
  PyObject_GC_Track(self_object);
  return self_object;
}

ParkedSends::~ParkedSends() {
  while (!is_empty()) free_send(pop());
}

}  // namespace corsac::bindings
