#include "asgi.hpp"

// Answers that the middleware gives itself: to preflights, and refusals.

namespace corsac::bindings {
namespace {

Ref make_pair(const HeaderLine& line) noexcept {
  const Ref name = bytes_from(line.name);
  const Ref value = bytes_from(line.value);
  return Ref(name && value ? PyTuple_Pack(2, name.get(), value.get()) : nullptr);
}

/// True if the bytes of `part` are some of those of `whole`.
bool is_within(std::string_view part, std::string_view whole) noexcept {
  const std::less_equal<const char*> before_or_at;
  return before_or_at(whole.data(), part.data()) &&
         before_or_at(part.data() + part.size(), whole.data() + whole.size());
}

/// The pair of one line of an answer.
Ref pair_of(const CompiledPolicy& policy, const ReadRequest& read, const Answer& answer,
            const HeaderLine& line) noexcept {
  if (read.origin != nullptr && line.value.data() == read.request.origin().data())
    return policy.allow_origin_pair(read.origin);
  // What is the request's own is different each time; all else is the policy's.
  if (line.value.data() == read.request.request_method().data() ||
      is_within(line.value, {answer.echo.data(), answer.echo.size()})) {
    return make_pair(line);
  }
  return policy.constant_pairs.get(line, make_pair);
}

/// Sets an item unless the template that was copied has it already.
bool set_if_other(PyObject* dictionary, const py::str& key, PyObject* value,
                  PyObject* in_template) noexcept {
  return value == in_template || PyDict_SetItem(dictionary, key.ptr(), value) == 0;
}

}  // namespace

Ref ConstantPairs::get(const HeaderLine& line, Ref (*make)(const HeaderLine&) noexcept) noexcept {
#ifndef Py_GIL_DISABLED
  for (std::size_t i = 0; i < size_; ++i) {
    if (pairs_[i].value == line.value.data() && pairs_[i].name == line.name.data())
      return Ref::borrowed(pairs_[i].pair.get());
  }
#endif
  Ref pair = make(line);
#ifndef Py_GIL_DISABLED
  if (pair && size_ < pairs_.size())
    pairs_[size_++] = {line.name.data(), line.value.data(), Ref::borrowed(pair.get())};
#endif
  return pair;
}

Ref make_pairs(const CompiledPolicy& policy, const ReadRequest& read,
               const Answer& answer) noexcept {
  Ref list(PyList_New(static_cast<Py_ssize_t>(answer.headers.size())));
  Py_ssize_t place = 0;
  for (const HeaderLine& line : answer.headers) {
    Ref pair(list ? pair_of(policy, read, answer, line) : Ref());
    if (!pair) return {};
    PyList_SET_ITEM(list.get(), place++, pair.release());
  }
  return list;
}

PyObject* respond(Middleware* self, const CompiledPolicy& policy, PyObject* send,
                  const ReadRequest& read, const Answer& answer) noexcept {
  const Names& names = policy.names;
  const Ref headers = make_pairs(policy, read, answer);
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
