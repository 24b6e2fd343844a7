#include "asgi.hpp"
#include "response_lines.hpp"

// Answers that the middleware gives itself: to preflights, and refusals.

namespace corsac::bindings {
namespace {

/// Sets an item unless the template that was copied has it already.
bool set_if_other(PyObject* dictionary, const py::str& key, PyObject* value,
                  PyObject* in_template) noexcept {
  return value == in_template || PyDict_SetItem(dictionary, key.ptr(), value) == 0;
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
  return PyObject_Vectorcall(self->respond, args, 3, nullptr);
}

}  // namespace corsac::bindings
