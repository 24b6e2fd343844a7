#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bindings.hpp"
#include "corsac/ascii.hpp"
#include "corsac/origin.hpp"
#include "response_callable.hpp"

/// The header lines of a response as pairs of Python objects: the policy's are set, what the
/// application set of them is not passed on (or is, see `PolicyOptions::keep_app_headers`), and
/// Vary is merged. The application's list is copied before it is changed, since an application may
/// use one for many responses; only what nobody else can see any more is changed in place.
///
/// What differs between the protocols is the kind of pair: ByteLines for ASGI, TextLines for WSGI.
/// Everything here is a template of it, so that neither pays for the other.
namespace corsac::bindings {

/// One header line taken apart.
struct HeaderPair {
  Ref name;
  Ref value;
};

/// PyBytes_Check, quicker where there is no subclass.
inline bool is_bytes(PyObject* object) noexcept {
  return PyBytes_CheckExact(object) || PyBytes_Check(object);
}

/// A text of code points to U+00FF, as all of WSGI's are: its bytes can be looked at.
inline bool is_latin1(PyObject* object) noexcept {
  return PyUnicode_Check(object) && PyUnicode_KIND(object) == PyUnicode_1BYTE_KIND;
}

/// The bytes that such a text stands for.
inline std::string_view view_of_latin1(PyObject* text) noexcept {
  return {static_cast<const char*>(PyUnicode_DATA(text)),
          static_cast<std::size_t>(PyUnicode_GET_LENGTH(text))};
}

/// A pair that stays what it is while we look at it.
inline bool is_lasting_pair(PyObject* pair) noexcept {
#ifdef Py_GIL_DISABLED
  return PyTuple_CheckExact(pair);  // Another thread can change a list.
#else
  return PyTuple_CheckExact(pair) || PyList_CheckExact(pair);
#endif
}

/// The two items of a tuple or list of two, the first of which is `Lines::is_plain`: they can be
/// looked at without running other code. Null for anything else.
template <typename Lines>
PyObject* const* plain_pair_of_any_value(PyObject* pair) noexcept {
  PyObject* const* items = nullptr;
  if (PyTuple_CheckExact(pair)) {
    if (PyTuple_GET_SIZE(pair) != 2) return nullptr;
    items = &PyTuple_GET_ITEM(pair, 0);
  } else {
    if (!is_lasting_pair(pair) || PyList_GET_SIZE(pair) != 2) return nullptr;
    items = &PyList_GET_ITEM(pair, 0);
  }
  return Lines::is_plain(items[0]) ? items : nullptr;
}

/// The same if both are plain, as servers and applications hand over.
template <typename Lines>
PyObject* const* plain_pair(PyObject* pair) noexcept {
  PyObject* const* items = plain_pair_of_any_value<Lines>(pair);
  return items != nullptr && Lines::is_plain(items[1]) ? items : nullptr;
}

/// Takes a two-element tuple, list or other sequence apart. What is not readable is empty; both are
/// for anything else, and with an exception set.
template <typename Lines>
HeaderPair take_pair(PyObject* pair) noexcept {
  HeaderPair line;
  if (PyBytes_Check(pair) || PyUnicode_Check(pair)) return line;
  // A tuple, since reading one item runs code that could change a list and drop the other.
  const Ref items(PySequence_Tuple(pair));
  if (!items) clear_if_about_object();
  if (!items || PyTuple_GET_SIZE(items.get()) != 2) return line;
  line.name = Lines::readable(PyTuple_GET_ITEM(items.get(), 0));
  if (PyErr_Occurred() == nullptr) line.value = Lines::readable(PyTuple_GET_ITEM(items.get(), 1));
  if (PyErr_Occurred() != nullptr) line = HeaderPair();
  return line;
}

/// `object` as bytes: itself if it is, a copy of anything bytes-like, latin-1 of a text. Empty for
/// anything else, and with an exception set that is not about the object.
Ref as_bytes(PyObject* object) noexcept;

/// False for what has no iterator at all, and then no exception is set. What making one raises
/// beyond "it has none" is left to come again when it is really made.
bool is_iterable(PyObject* object) noexcept;

/// A list or tuple of the items of an iterable that no other thread changes meanwhile; empty with
/// an exception set.
Ref snapshot_of(PyObject* iterable) noexcept;

/// Pairs of bytes, as ASGI has them.
struct ByteLines {
  static const PolicyPairs& pairs(const CompiledPolicy& policy) noexcept {
    return policy.byte_pairs;
  }
  static bool is_plain(PyObject* object) noexcept { return is_bytes(object); }
  /// Its class has no code of its own, and it refers to nothing.
  static bool is_exact(PyObject* object) noexcept { return PyBytes_CheckExact(object); }
  /// Of what `is_plain` or `readable` gave.
  static std::string_view view(PyObject* object) noexcept { return view_of_bytes(object); }
  static Ref readable(PyObject* object) noexcept { return as_bytes(object); }
  static Ref make(std::string_view bytes) noexcept { return bytes_from(bytes); }
  /// An object of so many bytes, into which the caller writes at once what has the bytes of some
  /// texts; empty with an exception set. @param bytes out: where they stand.
  static Ref make_empty(std::size_t size, std::span<const std::string_view> /*texts*/,
                        char*& bytes) noexcept {
    Ref made(PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(size)));
    if (made) bytes = PyBytes_AS_STRING(made.get());
    return made;
  }
};

/// Pairs of text whose code points are the bytes, as WSGI has them (PEP 3333, "A Note On String
/// Types").
struct TextLines {
  static const PolicyPairs& pairs(const CompiledPolicy& policy) noexcept {
    return policy.text_pairs;
  }
  static bool is_plain(PyObject* object) noexcept { return is_latin1(object); }
  static bool is_exact(PyObject* object) noexcept { return PyUnicode_CheckExact(object); }
  static std::string_view view(PyObject* object) noexcept {
    return PyUnicode_Check(object) ? view_of_latin1(object) : view_of_bytes(object);
  }
  /// Text with other code points is empty: the server will say that it cannot be sent. Some servers
  /// send bytes, so those are looked at too.
  static Ref readable(PyObject* object) noexcept {
    if (!PyUnicode_Check(object)) return as_bytes(object);
    return is_latin1(object) ? Ref::borrowed(object) : Ref();
  }
  static Ref make(std::string_view bytes) noexcept { return latin1_text(bytes); }
  static Ref make_empty(std::size_t size, std::span<const std::string_view> texts,
                        char*& bytes) noexcept {
    unsigned char bits = 0;  // Those that any byte has; one loop without a branch.
    for (const std::string_view text : texts) {
      for (const char byte : text)
        bits = static_cast<unsigned char>(bits | static_cast<unsigned char>(byte));
    }
    const bool is_ascii = bits < 0x80;
    Ref made(PyUnicode_New(static_cast<Py_ssize_t>(size), is_ascii ? 0x7F : 0xFF));
    if (made) bytes = static_cast<char*>(PyUnicode_DATA(made.get()));
    return made;
  }
};

template <typename Lines>
Ref make_pair(const HeaderLine& line) noexcept {
  const Ref name = Lines::make(line.name);
  const Ref value = Lines::make(line.value);
  return Ref(name && value ? PyTuple_Pack(2, name.get(), value.get()) : nullptr);
}

/// The origin of the last pair that allowed one; empty if there is none.
template <typename Lines>
std::string_view last_allowed(const CompiledPolicy& policy) noexcept {
  const Ref& pair = Lines::pairs(policy).last_allow_origin;
  return pair ? Lines::view(PyTuple_GET_ITEM(pair.get(), 1)) : std::string_view();
}

/// The pair `access-control-allow-origin: <origin>`, with the request's own object.
/// @return empty with an exception set.
template <typename Lines>
Ref allow_origin_pair(const CompiledPolicy& policy, PyObject* origin) noexcept {
  const PolicyPairs& pairs = Lines::pairs(policy);
  if (pairs.last_allow_origin && last_allowed<Lines>(policy) == Lines::view(origin))
    return Ref::borrowed(pairs.last_allow_origin.get());
  // Until Python 3.12 a new tuple may set off the garbage collector, and that other code.
  Ref kept = Ref::borrowed(origin);
  Ref pair(PyTuple_New(2));
  if (!pair) return pair;
  PyTuple_SET_ITEM(pair.get(), 0, Py_NewRef(pairs.allow_origin_name.ptr()));
  PyTuple_SET_ITEM(pair.get(), 1, kept.release());
#ifndef Py_GIL_DISABLED
  // What a function allowed may be refused next time, and a subclass may refer to anything.
  if (Lines::is_exact(origin) && policy.core().allows_origin(Lines::view(origin)))
    pairs.last_allow_origin = Ref::borrowed(pair.get());
#endif
  return pair;
}

/// True if the policy allowed the origin of this request in the last pair too.
template <typename Lines>
bool is_last_allowed(const CompiledPolicy& policy, const Request& request) noexcept {
  const std::string_view last = last_allowed<Lines>(policy);
  return !last.empty() && request.origin_lines() == 1 && request.origin() == last;
}

/// The same as `allow_origin_pair`, quicker where the origin `is_last_allowed` and no other code
/// has run since that was asked.
template <typename Lines>
Ref allow_origin_pair(const CompiledPolicy& policy, PyObject* origin, bool is_last) noexcept {
  return is_last ? Ref::borrowed(Lines::pairs(policy).last_allow_origin.get())
                 : allow_origin_pair<Lines>(policy, origin);
}

/// The header line with a refusal's reason, if such is wanted.
/// @param line out: a tuple of one pair; empty if none is wanted.
/// @return false with an exception set.
template <typename Lines>
bool debug_line(const Routing& routing, std::string_view reason, Ref& line) noexcept {
  if (routing.debug_header().empty()) return true;
  const Ref pair = make_pair<Lines>({routing.debug_header(), reason});
  line = Ref(pair ? PyTuple_Pack(1, pair.get()) : nullptr);
  return static_cast<bool>(line);
}

/// The header line that lets an allowed origin see how long the response took, where the policy
/// sends each its own.
/// @param line out: a tuple of one pair; empty if none is sent.
/// @return false with an exception set.
template <typename Lines>
[[gnu::cold, gnu::noinline]] bool timing_line(const CompiledPolicy& policy, PyObject* origin,
                                              Ref& line) noexcept {
  if (Lines::view(origin) == kNullOrigin) return true;
  const Ref pair(PyTuple_Pack(2, Lines::pairs(policy).timing_name.ptr(), origin));
  line = Ref(pair ? PyTuple_Pack(1, pair.get()) : nullptr);
  return static_cast<bool>(line);
}

/// The header lines of an answer as a list of pairs; empty with an exception set.
/// @param request what is answered. @param origin the object of its Origin line, or null.
template <typename Lines>
Ref make_pairs(const CompiledPolicy& policy, const Request& request, PyObject* origin,
               const Answer& answer) noexcept;

/// True if a pair of ours has this name, given in any case, and this value.
template <typename Lines>
bool is_pair(PyObject* pair, std::string_view name, std::string_view value) noexcept {
  return ascii::equals_lowercased(name, Lines::view(PyTuple_GET_ITEM(pair, 0))) &&
         value == Lines::view(PyTuple_GET_ITEM(pair, 1));
}

/// True if the policy's lines can be appended to a list and nothing else has to be done.
template <typename Lines>
bool has_only_other_lines(PyObject* list) noexcept {
  PyObject* const* pairs = PySequence_Fast_ITEMS(list);
  PyObject* const* const end = pairs + PyList_GET_SIZE(list);
  for (; pairs != end; ++pairs) {
    PyObject* const* pair = plain_pair<Lines>(*pairs);
    if (pair == nullptr) return false;
    const std::string_view name = Lines::view(pair[0]);
    if (is_padded_name(name)) return false;
    if (!kResponseNames.has(name.size())) continue;
    const ResponseHeaderRole role = response_header_role(name);
    if (role == ResponseHeaderRole::kOwned || role == ResponseHeaderRole::kVary ||
        role == ResponseHeaderRole::kTiming) {
      return false;
    }
  }
  return true;
}

/// The header lines that the policy sets on a response that is no answer to a preflight: what
/// `corsac::actual_headers` says, in pairs that are built already, and Vary.
template <typename Lines>
class PolicyLines {
 public:
  static constexpr std::size_t kCapacity = 5;

  [[gnu::always_inline]] inline PolicyLines(const ResponseChange& change, bool with_vary) noexcept {
    const PolicyPairs& pairs = Lines::pairs(*change.policy);
    const PolicyPairs::Always& always = pairs.always(change.is_isolated);
    // Both places, of which those that are used count.
    pairs_[0] = always.pairs[0];
    pairs_[1] = always.pairs[1];
    size_ = always.size;
    if (!with_vary && always.has_vary) {
      pairs_[0] = pairs_[1];
      --size_;
    }
    // Where each response has the same origin none is the request's.
    PyObject* allow_origin = change.allow_origin;
    if (allow_origin == nullptr) allow_origin = pairs.constant_allow_origin_or_null;
    if (allow_origin == nullptr) return;
    pairs_[size_] = allow_origin;
    pairs_[size_ + 1] = pairs.after_allow_origin[0];
    pairs_[size_ + 2] = pairs.after_allow_origin[1];
    size_ += 1 + pairs.after_allow_origin_size;
  }

  /// True if one of the pairs is this one. @param name a header name in any case.
  [[nodiscard]] bool has(std::string_view name, std::string_view value) const noexcept {
    for (std::size_t i = 0; i < size_; ++i) {
      if (is_pair<Lines>(pairs_[i], name, value)) return true;
    }
    return false;
  }

  bool append_to(PyObject* list) const noexcept {
    for (std::size_t i = 0; i < size_; ++i) {
      if (PyList_Append(list, pairs_[i]) < 0) return false;
    }
    return true;
  }

  /// A new list: all items of `list`, then these. Empty with an exception set; and without one if
  /// the list is no longer what `has_only_other_lines` found, since until Python 3.12 a new list
  /// may set off the garbage collector, and that other code.
  [[nodiscard]] Ref appended_copy(PyObject* list) const noexcept {
    const Py_ssize_t before = PyList_GET_SIZE(list);
    Ref copy(PyList_New(before + static_cast<Py_ssize_t>(size_)));
    if (!copy) return copy;
#if PY_VERSION_HEX < 0x030C0000
    if (PyList_GET_SIZE(list) != before || !has_only_other_lines<Lines>(list)) return {};
#endif
    for (Py_ssize_t i = 0; i < before; ++i)
      PyList_SET_ITEM(copy.get(), i, Py_NewRef(PyList_GET_ITEM(list, i)));
    for (std::size_t i = 0; i < size_; ++i) {
      PyList_SET_ITEM(copy.get(), before + static_cast<Py_ssize_t>(i), Py_NewRef(pairs_[i]));
    }
    return copy;
  }

 private:
  std::array<PyObject*, kCapacity> pairs_;
  std::size_t size_ = 0;
};

/// The lines of an iterable, without those that the policy decides, and with the policy's.
/// @param headers any iterable, or null for no lines.
/// @return a new list. Empty with an exception set, which is a TypeError if it is no iterable.
template <typename Lines>
Ref with_policy_lines(const ResponseChange& change, PyObject* headers);

}  // namespace corsac::bindings
