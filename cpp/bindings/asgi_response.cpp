#include <string>
#include <vector>

#include "asgi.hpp"
#include "corsac/ascii.hpp"

// What becomes of the start of a response: the policy's headers are set, what the application set
// of them is not passed on, and Vary is merged. The application's message and its header list are
// copied before they are changed, since an application may use one for many responses; only what
// nobody else can see any more is changed in place.

namespace corsac::bindings {
namespace {

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
    if (PyObject* const* items = plain_pair(pair.get())) {
      if (!filter_line(filtered, pair.get(), items[0], items[1], preflight)) return false;
      continue;
    }
    const HeaderPair line = take_pair(pair.get());
    // What was judged is what is sent: what is neither tuple nor list may be readable only once, or
    // say something else the second time.
    const Ref read(!is_lasting_pair(pair.get()) && line.name && line.value
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

/// The header lines that the policy sets on a response that is no answer to a preflight: what
/// `corsac::actual_headers` says, in pairs that are built already, and Vary.
class PolicyLines {
 public:
  static constexpr std::size_t kCapacity = 4;

  PolicyLines(const ResponseChange& change, bool with_vary) noexcept {
    const CompiledPolicy& policy = *change.policy;
    if (with_vary) add(policy.vary_origin);
    if (!policy.allow_origin_any.is_none()) {
      add(policy.allow_origin_any);
      add(policy.expose_headers);
    } else if (change.allow_origin != nullptr) {
      pairs_[size_++] = change.allow_origin;
      add(policy.allow_credentials);
      add(policy.expose_headers);
    }
  }

  bool append_to(PyObject* list) const noexcept {
    for (std::size_t i = 0; i < size_; ++i) {
      if (PyList_Append(list, pairs_[i]) < 0) return false;
    }
    return true;
  }

  /// A new list: all items of `list`, then these.
  [[nodiscard]] Ref appended_copy(PyObject* list) const noexcept {
    const Py_ssize_t before = PyList_GET_SIZE(list);
    Ref copy(PyList_New(before + static_cast<Py_ssize_t>(size_)));
    if (!copy) return copy;
    for (Py_ssize_t i = 0; i < before; ++i)
      PyList_SET_ITEM(copy.get(), i, Py_NewRef(PyList_GET_ITEM(list, i)));
    for (std::size_t i = 0; i < size_; ++i) {
      PyList_SET_ITEM(copy.get(), before + static_cast<Py_ssize_t>(i), Py_NewRef(pairs_[i]));
    }
    return copy;
  }

 private:
  void add(const py::object& pair) noexcept {
    if (!pair.is_none()) pairs_[size_++] = pair.ptr();
  }

  std::array<PyObject*, kCapacity> pairs_;
  std::size_t size_ = 0;
};

bool append_policy_lines(const ResponseChange& change, Filtered& filtered) {
  const CompiledPolicy& policy = *change.policy;
  PyObject* list = filtered.list.get();
  if (change.preflight != nullptr) {
    if (!merge_vary(filtered, policy, policy.core().preflight_vary())) return false;
    const Py_ssize_t end = PyList_GET_SIZE(list);
    return PyList_SetSlice(list, end, end, change.preflight) == 0;
  }
  const bool merges = !policy.vary_origin.is_none() && !filtered.vary_places.empty();
  if (merges && !merge_vary(filtered, policy, "Origin")) return false;
  return PolicyLines(change, !merges).append_to(list);
}

#ifndef Py_GIL_DISABLED
/// True if the policy's lines can be appended and nothing else has to be done.
bool has_only_other_lines(PyObject* list) noexcept {
  PyObject* const* pairs = PySequence_Fast_ITEMS(list);
  PyObject* const* const end = pairs + PyList_GET_SIZE(list);
  for (; pairs != end; ++pairs) {
    PyObject* const* pair = plain_pair(*pairs);
    if (pair == nullptr) return false;
    const ResponseHeaderRole role = response_header_role(view_of_bytes(pair[0]));
    if (role == ResponseHeaderRole::kOwned || role == ResponseHeaderRole::kVary) return false;
  }
  return true;
}
#endif

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

Ref change_start(const ResponseChange& change, PyObject* message, bool temporary) {
  const CompiledPolicy& policy = *change.policy;
  Ref headers = get_early_item(message, policy.names.headers.ptr());
  if (!headers && PyErr_Occurred() != nullptr) return {};
#ifndef Py_GIL_DISABLED
  if (headers && PyList_CheckExact(headers.get()) && change.preflight == nullptr &&
      has_only_other_lines(headers.get())) {
    const PolicyLines lines(change, true);
    // One reference is the message's, one is ours.
    if (temporary && Py_REFCNT(headers.get()) == 2) {
      return lines.append_to(headers.get()) ? Ref::borrowed(message) : Ref();
    }
    const Ref list = lines.appended_copy(headers.get());
    return list ? with_headers(policy, message, temporary, list.get()) : Ref();
  }
#endif
  if (!headers || headers.get() == Py_None) {
    headers = Ref(PyTuple_New(0));
  } else {
    headers = snapshot_of(headers.get());
    if (!headers && PyErr_ExceptionMatches(PyExc_TypeError)) {
      // The server will say what is wrong with it, as it would without a middleware.
      PyErr_Clear();
      return Ref::borrowed(message);
    }
  }
  if (!headers) return {};
  Filtered filtered;
  filtered.list = Ref(PyList_New(0));
  if (!filtered.list || !filter_headers(filtered, headers.get(), change.preflight != nullptr) ||
      !append_policy_lines(change, filtered)) {
    return {};
  }
  return with_headers(policy, message, temporary, filtered.list.get());
}

}  // namespace corsac::bindings
