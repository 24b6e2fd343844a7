#include <cstddef>
#include <string>
#include <vector>

#include "asgi.hpp"
#include "corsac/ascii.hpp"

// The `send` that the application is given: it changes the start of the response and hands on
// everything else as it came. Neither the application's message nor its header list is changed in
// place, since an application may use one for many responses.

namespace corsac::bindings {
namespace {

struct Send {
  PyObject head;  ///< What every Python object begins with.
  vectorcallfunc vectorcall;
  PyObject* send;
  PyObject* compiled;
  const CompiledPolicy* policy;  ///< Inside `compiled`.
  PyObject* origin;              ///< The allowed origin's bytes, or null.
  PyObject* preflight;           ///< The pairs to set on the answer to a preflight, or null.
};

Send* as_send(PyObject* self) noexcept { return reinterpret_cast<Send*>(self); }

/// The application's header lines, filtered, and what its Vary lines were.
struct Filtered {
  Ref list;
  std::vector<Py_ssize_t> vary_places;  ///< Where Vary lines stand in `list`.
  std::string vary;                     ///< Their values, joined.
};

bool is_owned(ResponseHeaderRole role, bool preflight) noexcept {
  return role == ResponseHeaderRole::kOwned ||
         (preflight && role == ResponseHeaderRole::kPreflightOwned);
}

/// Appends one line to the list unless the policy owns it.
/// @param value the line's value, or null if it is nothing like bytes.
/// @return false with an exception set.
bool filter_line(Filtered& filtered, PyObject* pair, PyObject* name, PyObject* value,
                 bool preflight) {
  const ResponseHeaderRole role = response_header_role(view_of_bytes(name));
  if (is_owned(role, preflight)) return true;
  if (role == ResponseHeaderRole::kVary && value != nullptr) {
    filtered.vary_places.push_back(PyList_GET_SIZE(filtered.list.get()));
    const std::string_view text = ascii::trim_tab_or_space(view_of_bytes(value));
    if (!text.empty()) {
      if (!filtered.vary.empty()) filtered.vary += ", ";
      filtered.vary += text;
    }
  }
  return PyList_Append(filtered.list.get(), pair) == 0;
}

bool filter_headers(Filtered& filtered, PyObject* headers, bool preflight) {
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(headers); ++i) {
    const Ref pair = Ref::borrowed(PySequence_Fast_GET_ITEM(headers, i));
    if (is_plain_pair(pair.get())) {
      if (!filter_line(filtered, pair.get(), PySequence_Fast_GET_ITEM(pair.get(), 0),
                       PySequence_Fast_GET_ITEM(pair.get(), 1), preflight)) {
        return false;
      }
      continue;
    }
    const HeaderPair line = take_pair(pair.get());
    // What was judged is what is sent: what is neither tuple nor list may be readable only once, or
    // say something else the second time.
    const bool lasting = PyTuple_CheckExact(pair.get()) || PyList_CheckExact(pair.get());
    const Ref read(!lasting && line.name && line.value
                       ? PyTuple_Pack(2, line.name.get(), line.value.get())
                       : Ref::borrowed(pair.get()).release());
    if (!read) return false;
    // What is no header line is the server's to judge, as it would be without a middleware.
    const bool done =
        line.name ? filter_line(filtered, read.get(), line.name.get(), line.value.get(), preflight)
                  : PyList_Append(filtered.list.get(), pair.get()) == 0;
    if (!done) return false;
  }
  return true;
}

/// Makes the list say that the response varies by each member of `wanted`.
bool merge_vary(Filtered& filtered, const CompiledPolicy& policy, std::string_view wanted) {
  std::string merged = filtered.vary;
  for (std::string_view rest = wanted; !rest.empty();) {
    const std::string_view member = ascii::take_list_member(rest);
    std::string lower(member);
    for (char& byte : lower) byte = ascii::to_lower(byte);
    if (vary_covers(filtered.vary, lower)) continue;
    if (!merged.empty()) merged += ", ";
    merged += member;
  }
  if (merged == filtered.vary) return true;
  const Ref value = bytes_from(merged);
  Ref pair(value ? PyTuple_Pack(2, policy.vary_name.ptr(), value.get()) : nullptr);
  if (!pair) return false;
  PyObject* list = filtered.list.get();
  if (filtered.vary_places.empty()) return PyList_Append(list, pair.get()) == 0;
  // One line in the place of the first; the others are in it now.
  for (std::size_t i = filtered.vary_places.size(); i-- > 1;) {
    const Py_ssize_t place = filtered.vary_places[i];
    if (PyList_SetSlice(list, place, place + 1, nullptr) < 0) return false;
  }
  return PyList_SetItem(list, filtered.vary_places.front(), pair.release()) == 0;
}

bool append_if_any(PyObject* list, const py::object& pair) noexcept {
  return pair.is_none() || PyList_Append(list, pair.ptr()) == 0;
}

/// What `corsac::actual_headers` says, in pairs that are built already.
bool append_policy_headers(const Send* self, PyObject* list) {
  const CompiledPolicy& policy = *self->policy;
  if (self->preflight != nullptr) {
    const Py_ssize_t end = PyList_GET_SIZE(list);
    return PyList_SetSlice(list, end, end, self->preflight) == 0;
  }
  if (!policy.allow_origin_any.is_none()) {
    return append_if_any(list, policy.allow_origin_any) &&
           append_if_any(list, policy.expose_headers);
  }
  if (self->origin == nullptr) return true;
  const Ref allow_origin(PyTuple_Pack(2, policy.allow_origin_name.ptr(), self->origin));
  return allow_origin && PyList_Append(list, allow_origin.get()) == 0 &&
         append_if_any(list, policy.allow_credentials) &&
         append_if_any(list, policy.expose_headers);
}

bool append_vary(const Send* self, Filtered& filtered) {
  const CompiledPolicy& policy = *self->policy;
  if (self->preflight != nullptr)
    return merge_vary(filtered, policy, policy.core().preflight_vary());
  if (policy.vary_origin.is_none()) return true;
  if (filtered.vary_places.empty())
    return PyList_Append(filtered.list.get(), policy.vary_origin.ptr()) == 0;
  return merge_vary(filtered, policy, "Origin");
}

/// A changed copy of `http.response.start`; the message itself if its headers cannot be read at
/// all.
Ref change_start(const Send* self, PyObject* message) {
  const CompiledPolicy& policy = *self->policy;
  Ref headers = get_item(message, policy.names.headers.ptr());
  if (!headers && PyErr_Occurred() != nullptr) return {};
  if (!headers || headers.get() == Py_None) {
    headers = Ref(PyTuple_New(0));
  } else {
    headers = Ref(PySequence_Fast(headers.get(), "headers is no iterable"));
    if (!headers && PyErr_ExceptionMatches(PyExc_TypeError)) {
      // The server will say what is wrong with it, as it would without a middleware.
      PyErr_Clear();
      return Ref::borrowed(message);
    }
  }
  if (!headers) return {};
  Filtered filtered;
  filtered.list = Ref(PyList_New(0));
  if (!filtered.list || !filter_headers(filtered, headers.get(), self->preflight != nullptr))
    return {};
  // Vary first: its places are those of the application's lines.
  if (!append_vary(self, filtered) || !append_policy_headers(self, filtered.list.get())) return {};
  Ref changed(PyDict_New());
  if (!changed || PyDict_Update(changed.get(), message) < 0 ||
      PyDict_SetItem(changed.get(), policy.names.headers.ptr(), filtered.list.get()) < 0) {
    return {};
  }
  return changed;
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
  const Ref type = get_item(args[0], self->policy->names.type.ptr());
  if (!type && PyErr_Occurred() != nullptr) return nullptr;
  if (!is_text(type.get(), self->policy->names.response_start)) {
    return PyObject_Vectorcall(self->send, args,
                               static_cast<std::size_t>(PyVectorcall_NARGS(nargsf)), names);
  }
  try {
    const Ref changed = change_start(self, args[0]);
    if (!changed) return nullptr;
    PyObject* call[] = {nullptr, changed.get()};
    const std::size_t positional = names == nullptr ? 1 : 0;
    return PyObject_Vectorcall(self->send, call + 1, positional | PY_VECTORCALL_ARGUMENTS_OFFSET,
                               names);
  } catch (const std::bad_alloc&) {
    return PyErr_NoMemory();
  }
}

int send_traverse(PyObject* self_object, visitproc visit, void* arg) noexcept {
  const Send* self = as_send(self_object);
  Py_VISIT(Py_TYPE(self_object));
  Py_VISIT(self->send);
  Py_VISIT(self->preflight);
  return 0;
}

int send_clear(PyObject* self_object) noexcept {
  // `compiled` is neither visited nor cleared: `policy` points into it, and it refers to nothing
  // but text.
  Send* self = as_send(self_object);
  Py_CLEAR(self->send);
  Py_CLEAR(self->preflight);
  return 0;
}

void send_dealloc(PyObject* self_object) noexcept {
  PyTypeObject* type = Py_TYPE(self_object);
  Send* self = as_send(self_object);
  PyObject_GC_UnTrack(self_object);
  Py_XDECREF(self->send);
  Py_XDECREF(self->origin);
  Py_XDECREF(self->preflight);
  Py_XDECREF(self->compiled);
  type->tp_free(self_object);
  Py_DECREF(type);
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
  PyObject* self_object = type->tp_alloc(type, 0);
  if (self_object == nullptr) return nullptr;
  Send* self = as_send(self_object);
  self->vectorcall = send_vectorcall;
  self->send = Py_NewRef(send);
  self->compiled = Py_NewRef(change.compiled);
  self->policy = change.policy;
  self->origin = Py_XNewRef(change.origin);
  self->preflight = Py_XNewRef(change.preflight);
  return self_object;
}

}  // namespace corsac::bindings
