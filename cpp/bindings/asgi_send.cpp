#include "asgi.hpp"

// The `send` that the application is given: it changes the start of the response and hands on
// everything else as it came.

namespace corsac::bindings {
namespace {

/// Calls the server's `send`; what the message is called, if anything, stays as it was.
PyObject* pass_on(const ResponseCallable* self, PyObject* const* args, std::size_t nargsf,
                  PyObject* names) noexcept {
  return names == nullptr ? call_positional(self->server, args, nargsf)
                          : PyObject_Vectorcall(self->server, args, nargsf, names);
}

PyObject* send_vectorcall(PyObject* self_object, PyObject* const* args, std::size_t nargsf,
                          PyObject* names) noexcept {
  const ResponseCallable* self = as_response_callable(self_object);
  if (self->server == nullptr) {
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
    const Ref changed = change_start(self->change, args[0]);
    if (!changed) return nullptr;
    PyObject* call[] = {nullptr, changed.get()};
    const std::size_t positional = names == nullptr ? 1 : 0;
    return pass_on(self, call + 1, positional | PY_VECTORCALL_ARGUMENTS_OFFSET, names);
  } catch (const std::bad_alloc&) {
    return PyErr_NoMemory();
  }
}

PyObject* send_repr(PyObject* self_object) noexcept {
  return PyUnicode_FromFormat("<corsac send around %R>", as_response_callable(self_object)->server);
}

/// What marks a callable as a coroutine function, which asgiref's async_to_sync and others look
/// for.
#if PY_VERSION_HEX >= 0x030C0000
constexpr const char* kMarkModule = "inspect";
constexpr const char* kMark = "_is_coroutine_mark";
constexpr const char* kMarkAttribute = "_is_coroutine_marker";
#else
constexpr const char* kMarkModule = "asyncio.coroutines";
constexpr const char* kMark = "_is_coroutine";
constexpr const char* kMarkAttribute = "_is_coroutine";
#endif

PyObject* send_mark(PyObject* /*self*/, void* /*closure*/) noexcept {
  const Ref module(PyImport_ImportModule(kMarkModule));
  return module ? PyObject_GetAttrString(module.get(), kMark) : nullptr;
}

PyGetSetDef kSendAttributes[] = {
    {kMarkAttribute, send_mark, nullptr, "That it is to be awaited.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyType_Slot kSendSlots[] = {
    {Py_tp_doc, const_cast<char*>("The `send` that an application is given.")},
    {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
    {Py_tp_traverse, reinterpret_cast<void*>(response_callable_traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(response_callable_clear)},
    {Py_tp_dealloc, reinterpret_cast<void*>(response_callable_dealloc)},
    {Py_tp_repr, reinterpret_cast<void*>(send_repr)},
    {Py_tp_members, kResponseCallableMembers},
    {Py_tp_getset, kSendAttributes},
    {0, nullptr}};

}  // namespace

PyType_Spec kSendSpec = {"corsac._core._Send", sizeof(ResponseCallable), 0, kResponseCallableFlags,
                         kSendSlots};

PyObject* make_send(PyTypeObject* type, PyObject* send, const ResponseChange& change) noexcept {
  return make_response_callable(type, send_vectorcall, call_nested<send_vectorcall>, send, change);
}

}  // namespace corsac::bindings
