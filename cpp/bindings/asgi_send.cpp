#include <array>

#include "asgi.hpp"
#include "response_lines.hpp"

// The messages of responses: those of an answer that the middleware gives itself; the start of the
// application's with other headers; and the `send` that the application is given, which changes
// that start and hands on everything else as it came.

namespace corsac::bindings {
namespace {

/// Sets an item unless the template that was copied has it already.
bool set_if_other(PyObject* dictionary, const py::str& key, PyObject* value,
                  PyObject* in_template) noexcept {
  return value == in_template || PyDict_SetItem(dictionary, key.ptr(), value) == 0;
}

/// The message with other headers: itself if it is temporary, else a changed copy.
Ref with_headers(const CompiledPolicy& policy, PyObject* message, bool temporary, PyObject* list) {
  Ref changed;
  if (temporary) {
    changed = Ref::borrowed(message);
  } else if (PyDict_CheckExact(message)) {
    changed = Ref(PyDict_Copy(message));
  } else {
    changed = Ref(PyDict_New());
    if (changed && PyDict_Update(changed.get(), message) < 0) return {};
  }
  if (!changed || PyDict_SetItem(changed.get(), policy.names.headers.ptr(), list) < 0) return {};
  return changed;
}

}  // namespace

PyObject* respond(ASGIMiddleware* self, const CompiledPolicy& policy, PyObject* send,
                  const ReadRequest& read, const Answer& answer, PyObject* more) noexcept {
  const Names& names = policy.names;
  const Ref headers = make_pairs<ByteLines>(policy, read.request, read.origin, answer);
  if (headers && more != nullptr && PyList_Append(headers.get(), PyTuple_GET_ITEM(more, 0)) < 0)
    return nullptr;
  const Ref status(PyLong_FromLong(answer.status));
  const Ref body = bytes_from(answer.body);
  const Ref start(PyDict_Copy(policy.answer_start.ptr()));
  const Ref end(PyDict_Copy(policy.answer_body.ptr()));
  if (!headers || !status || !body || !start || !end ||
      PyDict_SetItem(start.get(), names.headers.ptr(), headers.get()) < 0 ||
      !set_if_other(start.get(), names.status, status.get(), policy.answer_status.ptr()) ||
      !set_if_other(end.get(), names.body, body.get(), policy.empty_body.ptr())) {
    return nullptr;
  }
  PyObject* args[] = {send, start.get(), end.get()};
  return call_python(self->respond, args, 3);
}

Ref change_start(const ResponseChange& change, PyObject* message) {
  const CompiledPolicy& policy = *change.policy;
  const Names& names = policy.names;
  const Ref headers = get_item_at(message, names.headers.ptr(), names.in_message.headers);
  if (!headers && PyErr_Occurred() != nullptr) return {};
  // Now and not before: the look-up may have run code that took the message.
  const bool temporary = PyDict_CheckExact(message) && is_temporary(message);
#ifndef Py_GIL_DISABLED
  if (headers && PyList_CheckExact(headers.get()) && change.more == nullptr &&
      has_only_other_lines<ByteLines>(headers.get())) {
    const PolicyLines<ByteLines> lines(change, true);
    // One reference is the message's, one is ours.
    if (temporary && Py_REFCNT(headers.get()) == 2) {
      return lines.append_to(headers.get()) ? Ref::borrowed(message) : Ref();
    }
    const Ref list = lines.appended_copy(headers.get());
    if (list) return with_headers(policy, message, temporary, list.get());
    if (PyErr_Occurred() != nullptr) return {};
  }
#endif
  const bool any = headers && headers.get() != Py_None;
  // No iterable: the server will say what is wrong with it, as it would without a middleware.
  if (any && !is_iterable(headers.get())) return Ref::borrowed(message);
  const Ref list = with_policy_lines<ByteLines>(change, any ? headers.get() : nullptr);
  return list ? with_headers(policy, message, temporary, list.get()) : Ref();
}

namespace {

/// Calls the server's `send`; what the message is called, if anything, stays as it was.
PyObject* call_server(PyObject* server, PyObject* const* args, std::size_t nargsf,
                      PyObject* names) noexcept {
  return names == nullptr ? call_positional(server, args, nargsf)
                          : call_python(server, args, nargsf, names);
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
    const Ref type = get_item_at(args[0], texts.type.ptr(), texts.in_message.type);
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
    if (i > 0 && !clear_if_about_object()) break;
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
