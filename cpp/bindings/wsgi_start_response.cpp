#include "response_lines.hpp"
#include "wsgi.hpp"

// The `start_response` that the application is given: it changes the headers, and hands on
// everything else as it came. What the server returns, its `write`, is returned untouched.

namespace corsac::bindings {
namespace {

/// The headers to hand on: the list itself if nobody else can see it, else a changed copy; what is
/// no iterable as it is, for the server to judge. Empty with an exception set.
Ref change_headers(const ResponseChange& change, PyObject* headers) {
#ifndef Py_GIL_DISABLED
  if (PyList_CheckExact(headers) && change.more == nullptr &&
      has_only_other_lines<TextLines>(headers)) {
    const PolicyLines<TextLines> lines(change, true);
    if (is_temporary(headers)) return lines.append_to(headers) ? Ref::borrowed(headers) : Ref();
    Ref copy = lines.appended_copy(headers);
    if (copy || PyErr_Occurred() != nullptr) return copy;
  }
#endif
  if (!is_iterable(headers)) return Ref::borrowed(headers);
  return with_policy_lines<TextLines>(change, headers);
}

/// Where the headers stand among the arguments; they are the second, or have one of the names that
/// servers and PEP 3333 give them. Negative if there are none.
Py_ssize_t place_of_headers(Py_ssize_t positional, PyObject* names) noexcept {
  if (positional > 1) return 1;
  for (Py_ssize_t i = 0; names != nullptr && i < PyTuple_GET_SIZE(names); ++i) {
    for (const char* wanted : {"headers", "response_headers"}) {
      if (PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, i), wanted) == 0)
        return positional + i;
    }
  }
  return -1;
}

constexpr Py_ssize_t kMostArguments = 3;

PyObject* call_server(PyObject* self, PyObject* const* args, std::size_t nargsf, PyObject* names) {
  const Py_ssize_t positional = PyVectorcall_NARGS(nargsf);
  const Py_ssize_t total = positional + (names == nullptr ? 0 : PyTuple_GET_SIZE(names));
  const Py_ssize_t place = place_of_headers(positional, names);
  if (place < 0 || total < 2 || total > kMostArguments) {
    PyErr_SetString(PyExc_TypeError,
                    "start_response is called with status, headers and perhaps exc_info");
    return nullptr;
  }
  Ref changed;
  PyObject* server =
      change_by_each(self, [headers = args[place], &changed](const ResponseChange& change) {
        changed = change_headers(change, changed ? changed.get() : headers);
        return static_cast<bool>(changed);
      });
  if (server == nullptr) return nullptr;
  PyObject* call[kMostArguments + 1] = {nullptr};
  for (Py_ssize_t i = 0; i < total; ++i) call[i + 1] = i == place ? changed.get() : args[i];
  const std::size_t flags = static_cast<std::size_t>(positional) | PY_VECTORCALL_ARGUMENTS_OFFSET;
  return names == nullptr ? call_positional(server, call + 1, flags)
                          : call_python(server, call + 1, flags, names);
}

PyObject* start_response_vectorcall(PyObject* self, PyObject* const* args, std::size_t nargsf,
                                    PyObject* names) noexcept {
  try {
    return call_server(self, args, nargsf, names);
  } catch (const std::bad_alloc&) {
    return PyErr_NoMemory();
  }
}

PyObject* start_response_repr(PyObject* self) noexcept {
  if (!has_stack_left()) return refuse_depth();  // It may be that of another one.
  return PyUnicode_FromFormat("<corsac start_response around %R>",
                              as_response_callable(self)->server);
}

PyType_Slot kStartResponseSlots[] = {
    {Py_tp_doc, const_cast<char*>("The `start_response` that an application is given.")},
    {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
    {Py_tp_traverse, reinterpret_cast<void*>(response_callable_traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(response_callable_clear)},
    {Py_tp_dealloc, reinterpret_cast<void*>(response_callable_dealloc)},
    {Py_tp_repr, reinterpret_cast<void*>(start_response_repr)},
    {Py_tp_members, kResponseCallableMembers},
    {0, nullptr}};

}  // namespace

PyType_Spec kStartResponseSpec = {"corsac._core._StartResponse", sizeof(ResponseCallable), 0,
                                  kResponseCallableFlags, kStartResponseSlots};

PyObject* make_start_response(PyTypeObject* type, PyObject* start_response,
                              const ResponseChange& change) noexcept {
  return make_response_callable(type, start_response_vectorcall, start_response, change);
}

}  // namespace corsac::bindings
