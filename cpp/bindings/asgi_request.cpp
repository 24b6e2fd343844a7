#include "asgi.hpp"
#include "corsac/guard.hpp"
#include "response_lines.hpp"

// Reading what a server hands over: scopes, header lists and their pairs, in whatever containers
// they come.

namespace corsac::bindings {
namespace {

constexpr NameLengths kHostName{header_names::kHost};
constexpr NameLengths kGuardNamesButHost{header_names::kCookie, header_names::kSecFetchSite};
static_assert(header_names::kSecFetchSite.size() == header_names::kSecFetchMode.size() &&
              header_names::kSecFetchSite.size() == header_names::kSecFetchDest.size());

/// Which header lines are looked at: those of the protocol; these and Host; Host alone; what a
/// guard looks at beside these; the same without Host.
enum class Looked : std::uint8_t { kProtocol, kHosted, kHost, kGuard, kGuardButHost };

/// Keeps the value of a line that a view is kept of. @return false with an exception set if it
/// cannot be kept, which cannot be: nothing may look at it then.
[[gnu::always_inline]] inline bool keep_value(ReadRequest& read, PyObject* value) noexcept {
  if (read.values.keep(value)) return true;
  PyErr_SetString(PyExc_SystemError, "a request keeps more header values than it may");
  return false;
}

/// Notes one header line; both are bytes. @return see `keep_value`.
template <Looked kLooked>
[[gnu::always_inline]] inline bool read_header_line(ReadRequest& read, PyObject* name,
                                                    PyObject* value) noexcept {
  if constexpr (kLooked != Looked::kProtocol) {
    constexpr bool kAll = kLooked != Looked::kHosted;
    if (kAll || view_of_bytes(name).size() == header_names::kHost.size()) {
      return !read.request.add_guard_line(view_of_bytes(name), view_of_bytes(value)) ||
             keep_value(read, value);
    }
  }
  if (!read.request.add_header_line(view_of_bytes(name), view_of_bytes(value))) return true;
  if (!keep_value(read, value)) return false;
  if (read.origin == nullptr && read.request.has_origin()) read.origin = value;
  return true;
}

/// Notes the lines that are looked at. @return false at the first that is not a plain pair, or with
/// an exception set.
template <Looked kLooked>
bool read_plain_pairs(ReadRequest& read, PyObject* headers) noexcept {
  constexpr NameLengths names = kLooked == Looked::kProtocol ? kProtocolNames
                                : kLooked == Looked::kHosted ? kHostedNames
                                : kLooked == Looked::kHost   ? kHostName
                                : kLooked == Looked::kGuard  ? kGuardNames
                                                             : kGuardNamesButHost;
  PyObject* const* pairs = PySequence_Fast_ITEMS(headers);
  PyObject* const* const end = pairs + PySequence_Fast_GET_SIZE(headers);
  for (; pairs != end; ++pairs) {
    PyObject* const* pair = plain_pair_of_any_value<ByteLines>(*pairs);
    if (pair == nullptr) return false;
    if (!names.has(static_cast<std::size_t>(PyBytes_GET_SIZE(pair[0])))) continue;
    if (!is_bytes(pair[1])) return false;
    if (!read_header_line<kLooked>(read, pair[0], pair[1])) return false;
  }
  return true;
}

/// The same lines as plain pairs in a list that nobody else knows: converting runs other code,
/// which may change what it was given. A value that is nothing like bytes becomes an empty one, so
/// that the line counts and an ambiguous request stays ambiguous.
Ref as_plain_pairs(PyObject* headers) noexcept {
  const Ref snapshot(PySequence_Tuple(headers));
  Ref lines(snapshot ? PyList_New(0) : nullptr);
  for (Py_ssize_t i = 0; lines && i < PyTuple_GET_SIZE(snapshot.get()); ++i) {
    HeaderPair line = take_pair<ByteLines>(PyTuple_GET_ITEM(snapshot.get(), i));
    if (!line.name && PyErr_Occurred() != nullptr) return {};
    if (!line.name) continue;
    if (!line.value) line.value = bytes_from({});
    const Ref pair(line.value ? PyTuple_Pack(2, line.name.get(), line.value.get()) : nullptr);
    if (!pair || PyList_Append(lines.get(), pair.get()) < 0) return {};
  }
  return lines;
}

/// Reads what `read_headers` does; the rest is as for `read_plain_pairs`.
[[gnu::always_inline]] inline bool read_known_lines(ReadRequest& read) noexcept {
  PyObject* const headers = read.header_list.get();
  return read.with_host ? read_plain_pairs<Looked::kHosted>(read, headers)
                        : read_plain_pairs<Looked::kProtocol>(read, headers);
}

/// Reads what `read_guard_lines` does; the rest is as for `read_plain_pairs`.
bool read_plain_guard_lines(ReadRequest& read) noexcept {
  PyObject* const headers = read.header_list.get();
  return read.with_host ? read_plain_pairs<Looked::kGuardButHost>(read, headers)
                        : read_plain_pairs<Looked::kGuard>(read, headers);
}

/// Takes scope["headers"] as a list or tuple; empty if there are none, or with an exception set.
/// @param changed out: see `read_headers`.
[[gnu::always_inline]] inline Ref take_header_list(const Names& names, PyObject* scope,
                                                   Ref& changed) noexcept {
  Ref headers = get_item_at(scope, names.headers.ptr(), names.in_scope.headers);
  if (!headers || headers.get() == Py_None) return {};
  if (!PyList_Check(headers.get()) && !PyTuple_Check(headers.get())) {
    const bool once = PyIter_Check(headers.get()) != 0;
    // No iterable: the application would see no headers either.
    if (!is_iterable(headers.get())) return {};
    headers = Ref(PySequence_List(headers.get()));
    if (!headers) return {};
    Ref copy(once ? PyDict_New() : nullptr);
    if (once && (!copy || PyDict_Update(copy.get(), scope) < 0 ||
                 PyDict_SetItem(copy.get(), names.headers.ptr(), headers.get()) < 0)) {
      return {};
    }
    if (once) changed = std::move(copy);
  }
#ifdef Py_GIL_DISABLED
  headers = snapshot_of(headers.get());
#endif
  return headers;
}

}  // namespace

Ref find_item(PyObject* mapping, PyObject* key, Py_ssize_t& place) noexcept {
  constexpr int kMostLooks = 32;  // A scope may be of any size.
  Py_ssize_t position = 0;
  for (int look = 0; look < kMostLooks && PyDict_CheckExact(mapping); ++look) {
    const Py_ssize_t here = position;
    PyObject* found = nullptr;
    PyObject* value = nullptr;
    if (PyDict_Next(mapping, &position, &found, &value) == 0) break;
    if (found != key) continue;
    place = here;
    return Ref::borrowed(value);
  }
  return get_item(mapping, key);
}

bool read_method(ReadRequest& read, const Names& names, PyObject* scope) noexcept {
  read.method = get_item(scope, names.method.ptr());
  const std::string_view method = view_of_text(read.method.get());
  read.request.set_method(method);
  return !method.empty() || PyErr_Occurred() == nullptr;
}

bool read_headers(ReadRequest& read, const Names& names, PyObject* scope, Ref& changed) noexcept {
  read.header_list = take_header_list(names, scope, changed);
  if (!read.header_list) return PyErr_Occurred() == nullptr;
  if (read_known_lines(read)) return true;
  return PyErr_Occurred() == nullptr && keep_headers(read);
}

bool read_headers_apart(ReadRequest& read, const Names& names, PyObject* scope,
                        Ref& changed) noexcept {
  return read_headers(read, names, scope, changed);
}

bool keep_headers(ReadRequest& read) noexcept {
  if (!read.header_list) return true;
  Ref list = as_plain_pairs(read.header_list.get());
  if (!list) return false;
  read.origin = nullptr;
  read.values.clear();
  read.request = Request(view_of_text(read.method.get()));
  read.header_list = std::move(list);
  return read_known_lines(read);
}

bool read_host(ReadRequest& read, const Names& names, PyObject* scope, Ref& changed) noexcept {
  read.header_list = take_header_list(names, scope, changed);
  if (!read.header_list) return PyErr_Occurred() == nullptr;
  if (read_plain_pairs<Looked::kHost>(read, read.header_list.get())) return true;
  // Of what is converted the other lines are read too, and nobody looks at them.
  read.with_host = true;
  return PyErr_Occurred() == nullptr && keep_headers(read);
}

bool read_guard_lines(ReadRequest& read) noexcept {
  read.with_guard_lines = true;
  if (!read.header_list) return true;
  const Request before = read.request;
  const std::size_t kept = read.values.size();
  if (read_plain_guard_lines(read)) return true;
  if (PyErr_Occurred() != nullptr) return false;
  // A value that is no bytes. What was decided about stays as it was read: converting, as making a
  // tuple until Python 3.12, may run code that changes the list.
  Ref list = as_plain_pairs(read.header_list.get());
  if (!list) return false;
  read.request = before;
  read.values.keep_first(kept);
  read.header_list = std::move(list);
  return read_plain_guard_lines(read);
}

bool read_scheme(Request& request, const Names& names, PyObject* scope) noexcept {
  const Ref scheme = get_item(scope, names.scheme.ptr());
  const std::string_view text = view_of_text(scheme.get());
  request.set_server_scheme(text);
  return !text.empty() || PyErr_Occurred() == nullptr;
}

std::optional<bool> is_beyond_cors(ReadRequest& read, const Names& names,
                                   PyObject* scope) noexcept {
  // Odd containers stand for other lines than the protocol's own: in doubt, a refusal is told.
  if (!read.header_list) return false;
  if (!read.with_guard_lines && !read_plain_guard_lines(read))
    return PyErr_Occurred() == nullptr ? std::optional(false) : std::nullopt;
  if (beyond_cors_needs_scheme(read.request) && !read_scheme(read.request, names, scope))
    return std::nullopt;
  return corsac::is_beyond_cors(read.request);
}

RoutePath::RoutePath(PyObject* scope, const Names& names, PyObject* root_path_owner) noexcept
    : path_(get_item(scope, names.path.ptr())) {
  if (!path_ || !PyUnicode_Check(path_.get())) return;
  view_ = view_of_text(path_.get());
  if (view_.empty() && PyErr_Occurred() != nullptr) return;
  if (view_.empty() && PyUnicode_GetLength(path_.get()) > 0) {
    // Lone surrogates. They match nothing, but what stands before them does.
    encoded_ = Ref(PyUnicode_AsEncodedString(path_.get(), "utf-8", "surrogatepass"));
    if (!encoded_ && !clear_if_about_object()) return;
    if (encoded_) view_ = view_of_bytes(encoded_.get());
  }
  Ref root;
  if (root_path_owner != nullptr && root_path_owner != Py_None) {
    root = Ref(PyObject_GetAttr(root_path_owner, names.root_path.ptr()));
    if (!root && !clear_if_about_object()) return;
  }
  std::string_view prefix = view_of_text(root.get());
  // An empty one of the application leaves the server's as it is.
  if (prefix.empty() && PyErr_Occurred() == nullptr) {
    root = get_item(scope, names.root_path.ptr());
    prefix = view_of_text(root.get());
  }
  if (prefix.empty() || !view_.starts_with(prefix)) return;
  const std::string_view rest = view_.substr(prefix.size());
  if (rest.empty() || rest.front() == '/') view_ = rest;
}

}  // namespace corsac::bindings
