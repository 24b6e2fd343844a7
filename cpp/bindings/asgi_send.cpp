#include <array>

#include "asgi.hpp"

// The `send` that the application is given: it changes the start of the response and hands on
// everything else as it came.

namespace corsac::bindings {
namespace {

/// Calls the server's `send`; what the message is called, if anything, stays as it was.
PyObject* call_server(PyObject* server, PyObject* const* args, std::size_t nargsf,
                      PyObject* names) noexcept {
  return names == nullptr ? call_positional(server, args, nargsf)
                          : PyObject_Vectorcall(server, args, nargsf, names);
}

/// Sends the start of a response, changed. Apart from other messages, which need few registers.
[[gnu::noinline]] PyObject* send_start(PyObject* self, PyObject* message,
                                       PyObject* names) noexcept {
  try {
    Ref changed;
    PyObject* server = change_by_each(self, [message, &changed](const ResponseChange& change) {
      changed = change_start(change, changed ? changed.get() : message);
      return static_cast<bool>(changed);
    });
    if (server == nullptr) return nullptr;
    PyObject* call[] = {nullptr, changed.get()};
    const std::size_t positional = names == nullptr ? 1 : 0;
    return call_server(server, call + 1, positional | PY_VECTORCALL_ARGUMENTS_OFFSET, names);
  } catch (const std::bad_alloc&) {
    return PyErr_NoMemory();
  }
}

PyObject* send_vectorcall(PyObject* self, PyObject* const* args, std::size_t nargsf,
                          PyObject* names) noexcept {
  if (PyVectorcall_NARGS(nargsf) + (names == nullptr ? 0 : PyTuple_GET_SIZE(names)) != 1) {
    PyErr_SetString(PyExc_TypeError, "send is called with one message");
    return nullptr;
  }
  const Names& texts = as_response_callable(self)->change.policy->names;
  bool is_start = false;
  {
    const Ref type = get_early_item(args[0], texts.type.ptr());
    if (!type && PyErr_Occurred() != nullptr) return nullptr;
    is_start = is_text(type.get(), texts.response_start);
  }
  if (is_start) return send_start(self, args[0], names);
  PyObject* server = change_by_each(self, [](const ResponseChange&) { return true; });
  return server == nullptr ? nullptr : call_server(server, args, nargsf, names);
}

PyObject* send_repr(PyObject* self_object) noexcept {
  if (!has_stack_left()) return refuse_depth();  // It may be that of another one.
  return PyUnicode_FromFormat("<corsac send around %R>", as_response_callable(self_object)->server);
}

/// What marks a callable as a coroutine function, which asgiref's async_to_sync and others look
/// for. The mark itself has another name in the first releases of 3.12 than since 3.13.
#if PY_VERSION_HEX >= 0x030C0000
constexpr const char* kMarkModule = "inspect";
constexpr std::array kMarks = {"_is_coroutine_mark", "_is_coroutine_marker"};
constexpr const char* kMarkAttribute = "_is_coroutine_marker";
#else
constexpr const char* kMarkModule = "asyncio.coroutines";
constexpr std::array kMarks = {"_is_coroutine"};
constexpr const char* kMarkAttribute = "_is_coroutine";
#endif

PyObject* send_mark(PyObject* /*self*/, void* /*closure*/) noexcept {
  const Ref module(PyImport_ImportModule(kMarkModule));
  PyObject* mark = nullptr;
  for (std::size_t i = 0; module && mark == nullptr && i < kMarks.size(); ++i) {
    PyErr_Clear();
    mark = PyObject_GetAttrString(module.get(), kMarks[i]);
  }
  return mark;
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
  return make_response_callable(type, send_vectorcall, send, change);
}

}  // namespace corsac::bindings
