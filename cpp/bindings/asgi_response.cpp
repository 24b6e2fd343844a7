#include "asgi.hpp"
#include "response_lines.hpp"

// What becomes of the start of a response in ASGI: a message whose header list is changed.

namespace corsac::bindings {
namespace {

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

Ref change_start(const ResponseChange& change, PyObject* message) {
  const CompiledPolicy& policy = *change.policy;
  const Ref headers = get_early_item(message, policy.names.headers.ptr());
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

}  // namespace corsac::bindings
