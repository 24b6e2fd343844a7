#include "asgi.hpp"

// Reading what a server hands over: scopes, header lists and their pairs, in whatever containers
// they come.

namespace corsac::bindings {
namespace {

/// Notes one header line; both are bytes.
void read_header_line(ReadRequest& read, PyObject* name, PyObject* value) noexcept {
  const bool had_origin = read.request.has_origin();
  read.request.add_header_line(view_of_bytes(name), view_of_bytes(value));
  if (!had_origin && read.request.has_origin()) read.origin = value;
}

/// Notes a line that is no tuple or list of two bytes. @return false with an exception set if
/// memory ran out.
bool read_odd_header_line(ReadRequest& read, PyObject* pair) noexcept {
  HeaderPair line = take_pair(pair);
  if (!line.name || !line.value) return true;
  if (!read.converted) read.converted = Ref(PyList_New(0));
  if (!read.converted || PyList_Append(read.converted.get(), line.value.get()) < 0) return false;
  read_header_line(read, line.name.get(), line.value.get());
  return true;
}

}  // namespace

Ref get_item(PyObject* mapping, PyObject* key) noexcept {
  if (PyDict_Check(mapping)) {
#if PY_VERSION_HEX >= 0x030D0000
    PyObject* value = nullptr;
    if (PyDict_GetItemRef(mapping, key, &value) < 0) PyErr_Clear();
    return Ref(value);
#else
    PyObject* value = PyDict_GetItemWithError(mapping, key);
    if (value == nullptr) PyErr_Clear();
    return Ref::borrowed(value);
#endif
  }
  Ref value(PyObject_GetItem(mapping, key));
  if (!value) PyErr_Clear();
  return value;
}

Ref as_bytes(PyObject* object) noexcept {
  if (PyBytes_Check(object)) return Ref::borrowed(object);
  Ref bytes;
  if (PyUnicode_Check(object)) {
    bytes = Ref(PyUnicode_AsLatin1String(object));
  } else if (PyObject_CheckBuffer(object)) {
    bytes = Ref(PyBytes_FromObject(object));
  }
  if (!bytes) PyErr_Clear();
  return bytes;
}

HeaderPair take_pair(PyObject* pair) noexcept {
  HeaderPair line;
  if (PyBytes_Check(pair) || PyUnicode_Check(pair)) return line;
  const Ref items(PySequence_Fast(pair, "a header is a pair"));
  if (!items || PySequence_Fast_GET_SIZE(items.get()) != 2) {
    PyErr_Clear();
    return line;
  }
  line.name = as_bytes(PySequence_Fast_GET_ITEM(items.get(), 0));
  line.value = as_bytes(PySequence_Fast_GET_ITEM(items.get(), 1));
  return line;
}

std::string_view view_of_text(PyObject* text) noexcept {
  if (text == nullptr || !PyUnicode_Check(text)) return {};
  Py_ssize_t size = 0;
  const char* utf8 = PyUnicode_AsUTF8AndSize(text, &size);
  if (utf8 == nullptr) {
    PyErr_Clear();  // A lone surrogate; no method we know of has one.
    return {};
  }
  return {utf8, static_cast<std::size_t>(size)};
}

bool read_headers(ReadRequest& read, const CompiledPolicy& policy, Ref& scope) noexcept {
  Ref headers = get_item(scope.get(), policy.names.headers.ptr());
  if (!headers || headers.get() == Py_None) return true;
  if (!PyList_Check(headers.get()) && !PyTuple_Check(headers.get())) {
    headers = Ref(PySequence_List(headers.get()));
    if (!headers) {
      PyErr_Clear();
      return true;
    }
    Ref copy(PyDict_New());
    if (!copy || PyDict_Update(copy.get(), scope.get()) < 0 ||
        PyDict_SetItem(copy.get(), policy.names.headers.ptr(), headers.get()) < 0) {
      return false;
    }
    scope = std::move(copy);
  }
#ifdef Py_GIL_DISABLED
  // Another thread could change a list; a tuple of its items cannot change under us.
  headers = Ref(PySequence_Tuple(headers.get()));
  if (!headers) return false;
#endif
  PyObject** items = PySequence_Fast_ITEMS(headers.get());
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(headers.get()); ++i) {
    PyObject* pair = items[i];
    const bool plain = (PyTuple_CheckExact(pair) || PyList_CheckExact(pair)) &&
                       PySequence_Fast_GET_SIZE(pair) == 2 &&
                       PyBytes_Check(PySequence_Fast_GET_ITEM(pair, 0)) &&
                       PyBytes_Check(PySequence_Fast_GET_ITEM(pair, 1));
    if (plain) {
      read_header_line(read, PySequence_Fast_GET_ITEM(pair, 0), PySequence_Fast_GET_ITEM(pair, 1));
      continue;
    }
    // Converting runs other code, which could change the list: hold the pair, read the items anew.
    const Ref held = Ref::borrowed(pair);
    if (!read_odd_header_line(read, pair)) return false;
    items = PySequence_Fast_ITEMS(headers.get());
  }
  read.header_list = std::move(headers);
  return true;
}

RoutePath::RoutePath(PyObject* scope, const Names& names) noexcept
    : path_(get_item(scope, names.path.ptr())) {
  if (!path_ || !PyUnicode_Check(path_.get())) return;
  view_ = view_of_text(path_.get());
  if (view_.empty() && PyUnicode_GetLength(path_.get()) > 0) {
    // Lone surrogates. They match nothing, but what stands before them does.
    encoded_ = Ref(PyUnicode_AsEncodedString(path_.get(), "utf-8", "surrogatepass"));
    if (!encoded_) PyErr_Clear();
    if (encoded_) view_ = view_of_bytes(encoded_.get());
  }
  const Ref root = get_item(scope, names.root_path.ptr());
  const std::string_view prefix = view_of_text(root.get());
  if (prefix.empty() || !view_.starts_with(prefix)) return;
  const std::string_view rest = view_.substr(prefix.size());
  if (rest.empty() || rest.front() == '/') view_ = rest;
}

}  // namespace corsac::bindings
