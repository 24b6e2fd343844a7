#include "response_callable.hpp"

#include <structmember.h>

#include <cstddef>

namespace corsac::bindings {
namespace {

void free_memory(PyObject* memory) noexcept {
  PyTypeObject* type = Py_TYPE(memory);
  type->tp_free(memory);
  Py_DECREF(type);
}

/// Frees what is untracked already, or parks its memory.
void let_go(PyObject* self_object) noexcept {
  auto* self = reinterpret_cast<ResponseCallable*>(self_object);
  Py_XDECREF(self->server);
  Py_XDECREF(self->change.request);
  Py_XDECREF(self->change.allow_origin);
  Py_XDECREF(self->change.more);
  // The last use of `self`: the policy may go, and take the memory that is parked there with it.
  PyObject* compiled = self->change.compiled;
#ifndef Py_GIL_DISABLED
  ParkedCallables& parked = self->change.policy->parked_callables;
  if (!parked.is_full()) {
    parked.push(self_object);  // With its reference to the type.
    Py_DECREF(compiled);
    return;
  }
#endif
  free_memory(self_object);
  Py_DECREF(compiled);
}

}  // namespace

PyMemberDef kResponseCallableMembers[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(ResponseCallable, vectorcall), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};

int response_callable_traverse(PyObject* self_object, visitproc visit, void* arg) noexcept {
  const auto* self = as_response_callable(self_object);
  Py_VISIT(Py_TYPE(self_object));
  Py_VISIT(self->server);
  Py_VISIT(self->change.request);
  Py_VISIT(self->change.allow_origin);  // The request's own object may be of any class.
  Py_VISIT(self->change.more);
  Py_VISIT(self->change.compiled);  // Its function may refer to the application, and that to us.
  return 0;
}

int response_callable_clear(PyObject* self_object) noexcept {
  // `compiled` is not cleared: `policy` points into it. Whatever else is in a cycle with it is.
  auto* self = reinterpret_cast<ResponseCallable*>(self_object);
  Py_CLEAR(self->server);
  Py_CLEAR(self->change.request);
  Py_CLEAR(self->change.allow_origin);
  Py_CLEAR(self->change.more);
  return 0;
}

void response_callable_dealloc(PyObject* self_object) noexcept {
  PyObject_GC_UnTrack(self_object);
  PyObject* server = as_response_callable(self_object)->server;
  if (server == nullptr || Py_TYPE(server)->tp_dealloc != response_callable_dealloc) {
    let_go(self_object);
    return;
  }
  // Many around one another are freed as deep as they are many.
  Py_TRASHCAN_BEGIN(self_object, response_callable_dealloc) let_go(self_object);
  Py_TRASHCAN_END
}

bool is_response_callable_type(PyObject* type) noexcept {
  return PyType_Check(type) &&
         reinterpret_cast<PyTypeObject*>(type)->tp_dealloc == response_callable_dealloc;
}

PyObject* make_response_callable(PyTypeObject* type, vectorcallfunc vectorcall, PyObject* server,
                                 const ResponseChange& change) noexcept {
  PyObject* self_object = nullptr;
  ParkedCallables& parked = change.policy->parked_callables;
  if (parked.is_empty()) {
    self_object = PyType_GenericAlloc(type, 0);
    if (self_object == nullptr) return nullptr;
    PyObject_GC_UnTrack(self_object);
  } else {
    PyObject* memory = parked.pop();
    PyTypeObject* parked_type = Py_TYPE(memory);  // The other protocol's is as large.
    self_object = PyObject_Init(memory, type);
    Py_DECREF(parked_type);  // It was parked with one.
  }
  auto* self = reinterpret_cast<ResponseCallable*>(self_object);
  self->vectorcall = vectorcall;
  self->server = Py_NewRef(server);
  self->change = change;
  Py_INCREF(change.compiled);
  Py_INCREF(change.request);
  Py_XINCREF(change.allow_origin);
  Py_XINCREF(change.more);
  PyObject_GC_Track(self_object);
  return self_object;
}

int ParkedCallables::traverse(visitproc visit, void* arg) const noexcept {
  for (std::size_t i = 0; i < size_; ++i) Py_VISIT(Py_TYPE(parked_[i]));
  return 0;
}

ParkedCallables::~ParkedCallables() {
  while (!is_empty()) free_memory(pop());
}

}  // namespace corsac::bindings
