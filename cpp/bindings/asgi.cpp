#include "asgi.hpp"

#include <cstddef>
#include <new>

#include "corsac/guard.hpp"

// The ASGI 3 middleware as a C type. Its call is no coroutine: it looks at the scope, makes one
// small `send` and returns what the application returned.

namespace corsac::bindings {
namespace {

enum class Counter : std::size_t {
  kNotCors,
  kActualAllowed,
  kActualRefused,
  kPreflightAllowed,
  kPreflightRefused,
  kGuardRefused,
};
constexpr std::array<const char*, 6> kCounterNames = {"not_cors",          "actual_allowed",
                                                      "actual_refused",    "preflight_allowed",
                                                      "preflight_refused", "guard_refused"};

struct Middleware {
  PyObject_HEAD vectorcallfunc vectorcall;
  PyObject* app;
  PyObject* policy;                       ///< The CORSPolicy that the user sees.
  PyObject* compiled;                     ///< Its CompiledPolicy.
  const CompiledPolicy* compiled_policy;  ///< Inside `compiled`.
  PyObject* send_type;                    ///< The type of the wrapped `send`.
  PyObject* respond;                      ///< async (send, start message, body message)
  PyObject* refuse_websocket;             ///< async (scope, receive, send, reason)
  PyObject* report;                       ///< (reason, origin or None, scope); must not raise
  std::array<std::atomic<std::uint64_t>, kCounterNames.size()> counters;
};

Middleware* as_middleware(PyObject* self) noexcept { return reinterpret_cast<Middleware*>(self); }

void count(Middleware* self, Counter counter) noexcept {
  self->counters[static_cast<std::size_t>(counter)].fetch_add(1, std::memory_order_relaxed);
}

// Without a global lock, reading and replacing the policy need the object's own.
#ifdef Py_GIL_DISABLED
#define CORSAC_BEGIN_LOCKED(object) Py_BEGIN_CRITICAL_SECTION(object)
#define CORSAC_END_LOCKED() Py_END_CRITICAL_SECTION()
#else
#define CORSAC_BEGIN_LOCKED(object) {
#define CORSAC_END_LOCKED() }
#endif

struct PolicyInForce {
  Ref compiled;
  const CompiledPolicy* policy = nullptr;
};

/// The policy in force now. A request keeps the one it began with when another is put in its place.
PolicyInForce policy_in_force(Middleware* self) noexcept {
  PolicyInForce result;
  CORSAC_BEGIN_LOCKED(reinterpret_cast<PyObject*>(self));
  result.compiled = Ref::borrowed(self->compiled);
  result.policy = self->compiled_policy;
  CORSAC_END_LOCKED();
  return result;
}

Ref make_pairs(const HeaderLines& lines) noexcept {
  Ref list(PyList_New(0));
  if (!list) return {};
  for (const HeaderLine& line : lines) {
    const Ref name = bytes_from(line.name);
    const Ref value = bytes_from(line.value);
    if (!name || !value) return {};
    const Ref pair(PyTuple_Pack(2, name.get(), value.get()));
    if (!pair || PyList_Append(list.get(), pair.get()) < 0) return {};
  }
  return list;
}

/// The awaitable that sends a whole answer. Messages are made anew each time: servers may change
/// them.
PyObject* respond(Middleware* self, const CompiledPolicy& policy, PyObject* send,
                  const Answer& answer) noexcept {
  const Ref headers = make_pairs(answer.headers);
  const Ref status(PyLong_FromLong(answer.status));
  const Ref body = bytes_from(answer.body);
  const Ref start(PyDict_New());
  const Ref end(PyDict_New());
  if (!headers || !status || !body || !start || !end ||
      PyDict_SetItem(start.get(), policy.type.ptr(), policy.response_start.ptr()) < 0 ||
      PyDict_SetItem(start.get(), policy.status.ptr(), status.get()) < 0 ||
      PyDict_SetItem(start.get(), policy.headers.ptr(), headers.get()) < 0 ||
      PyDict_SetItem(end.get(), policy.type.ptr(), policy.response_body.ptr()) < 0 ||
      PyDict_SetItem(end.get(), policy.body.ptr(), body.get()) < 0) {
    return nullptr;
  }
  PyObject* args[] = {send, start.get(), end.get()};
  return PyObject_Vectorcall(self->respond, args, 3, nullptr);
}

void report(Middleware* self, Refusal refusal, PyObject* origin, PyObject* scope) noexcept {
  if (self->report == nullptr || self->report == Py_None) return;
  const std::string_view code = reason_code(refusal);
  const Ref reason(PyUnicode_FromStringAndSize(code.data(), static_cast<Py_ssize_t>(code.size())));
  if (reason) {
    PyObject* args[] = {reason.get(), origin == nullptr ? Py_None : origin, scope};
    const Ref result(PyObject_Vectorcall(self->report, args, 3, nullptr));
    if (result) return;
  }
  PyErr_WriteUnraisable(self->report);  // A log that fails must not fail the request.
}

/// Calls the application with a `send` that changes its response.
PyObject* call_app(Middleware* self, PyObject* scope, PyObject* receive, PyObject* send,
                   const ResponseChange& change) noexcept {
  const Ref wrapped(make_send(reinterpret_cast<PyTypeObject*>(self->send_type), send, change));
  if (!wrapped) return nullptr;
  // One free place before the arguments lets a bound method put its `self` there without a copy.
  PyObject* args[] = {nullptr, scope, receive, wrapped.get()};
  return PyObject_Vectorcall(self->app, args + 1, 3 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
}

PyObject* refuse_request(Middleware* self, const CompiledPolicy& policy, Refusal refusal,
                         const ReadRequest& read, PyObject* scope, PyObject* send) noexcept {
  count(self, Counter::kGuardRefused);
  report(self, refusal, read.origin, scope);
  Answer answer;
  refuse(policy.core(), refusal, answer);
  return respond(self, policy, send, answer);
}

PyObject* handle_preflight(Middleware* self, const ResponseChange& change, const Decision& decision,
                           const ReadRequest& read, PyObject* const* args) noexcept {
  const Policy& core = change.policy->core();
  count(self, decision.allowed ? Counter::kPreflightAllowed : Counter::kPreflightRefused);
  if (!decision.allowed) report(self, decision.refusal, read.origin, args[0]);
  Answer answer;
  if (!core.preflight_continue()) {
    answer_preflight(core, read.request, decision, answer);
    return respond(self, *change.policy, args[2], answer);
  }
  preflight_headers(core, read.request, decision, answer);
  const Ref pairs = make_pairs(answer.headers);
  if (!pairs) return nullptr;
  ResponseChange with_preflight = change;
  with_preflight.preflight = pairs.get();
  return call_app(self, args[0], args[1], args[2], with_preflight);
}

PyObject* handle_http(Middleware* self, PyObject* compiled, const CompiledPolicy& policy,
                      PyObject* const* caller_args) noexcept {
  const Policy& core = policy.core();
  Ref scope = Ref::borrowed(caller_args[0]);
  ReadRequest read(get_item(scope.get(), policy.method.ptr()));
  if (!read_headers(read, policy, scope)) return nullptr;
  PyObject* const args[] = {scope.get(), caller_args[1], caller_args[2]};

  const Decision decision = decide(core, read.request);
  if (core.guard()) {
    const Refusal refusal = guard_request(core, read.request);
    if (refusal != Refusal::kNone) {
      return refuse_request(self, policy, refusal, read, args[0], args[2]);
    }
  }
  ResponseChange change{compiled, &policy};
  switch (decision.kind) {
    case RequestKind::kPreflight:
      return handle_preflight(self, change, decision, read, args);
    case RequestKind::kActual:
      if (decision.allowed) {
        count(self, Counter::kActualAllowed);
        change.origin = read.origin;
      } else {
        count(self, Counter::kActualRefused);
        report(self, decision.refusal, read.origin, args[0]);
      }
      break;
    case RequestKind::kNotCors:
      count(self, Counter::kNotCors);
      break;
  }
  return call_app(self, args[0], args[1], args[2], change);
}

/// Refuses a handshake, or gives null without an exception if it may go on.
/// @param scope in: the scope; out: the one to hand on, as from `read_headers`.
PyObject* guard_handshake(Middleware* self, const CompiledPolicy& policy, Ref& scope,
                          PyObject* const* args) noexcept {
  ReadRequest read{Ref()};
  if (!read_headers(read, policy, scope)) return nullptr;
  const Refusal refusal = guard_websocket(policy.core(), read.request);
  if (refusal == Refusal::kNone) return nullptr;
  count(self, Counter::kGuardRefused);
  report(self, refusal, read.origin, scope.get());
  const std::string_view code = reason_code(refusal);
  const Ref reason(PyUnicode_FromStringAndSize(code.data(), static_cast<Py_ssize_t>(code.size())));
  if (!reason) return nullptr;
  PyObject* call[] = {scope.get(), args[1], args[2], reason.get()};
  return PyObject_Vectorcall(self->refuse_websocket, call, 4, nullptr);
}

/// Brings `scope`, `receive` and `send` into order when some are given by name.
bool sort_arguments(PyObject* const* args, Py_ssize_t positional, PyObject* names,
                    std::array<PyObject*, 3>& sorted) noexcept {
  constexpr std::array<const char*, 3> kNames = {"scope", "receive", "send"};
  const Py_ssize_t named = names == nullptr ? 0 : PyTuple_GET_SIZE(names);
  bool complete = positional <= 3 && positional + named == 3;
  for (Py_ssize_t i = 0; complete && i < positional; ++i)
    sorted[static_cast<std::size_t>(i)] = args[i];
  for (Py_ssize_t i = 0; complete && i < named; ++i) {
    std::size_t place = 0;
    while (place < 3 &&
           PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, i), kNames[place]) != 0) {
      ++place;
    }
    complete = place < 3 && sorted[place] == nullptr;
    if (complete) sorted[place] = args[positional + i];
  }
  if (!complete)
    PyErr_SetString(PyExc_TypeError, "CORSMiddleware is called with scope, receive and send");
  return complete;
}

PyObject* middleware_vectorcall(PyObject* self_object, PyObject* const* args, std::size_t nargsf,
                                PyObject* names) noexcept {
  Middleware* self = as_middleware(self_object);
  std::array<PyObject*, 3> sorted{};
  const Py_ssize_t positional = PyVectorcall_NARGS(nargsf);
  if (positional != 3 || names != nullptr) {
    if (!sort_arguments(args, positional, names, sorted)) return nullptr;
    args = sorted.data();
  }
  const PolicyInForce in_force = policy_in_force(self);
  if (!in_force.compiled) {
    PyErr_SetString(PyExc_RuntimeError, "CORSMiddleware.__init__ was not called");
    return nullptr;
  }
  const CompiledPolicy& policy = *in_force.policy;
  const Ref type = get_item(args[0], policy.type.ptr());
  if (is_text(type.get(), policy.http))
    return handle_http(self, in_force.compiled.get(), policy, args);
  if (policy.core().guard() && is_text(type.get(), policy.websocket)) {
    Ref scope = Ref::borrowed(args[0]);
    PyObject* refused = guard_handshake(self, policy, scope, args);
    if (refused != nullptr || PyErr_Occurred()) return refused;
    PyObject* call[] = {nullptr, scope.get(), args[1], args[2]};
    return PyObject_Vectorcall(self->app, call + 1, 3 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
  }
  return PyObject_Vectorcall(self->app, args, 3, nullptr);
}

/// Puts a policy in force: one swap, so a request sees the old one or the new one, whole.
/// @return false with an exception set if `compiled` is no CompiledPolicy.
bool put_in_force(Middleware* self, PyObject* policy, PyObject* compiled) noexcept {
  if (!py::isinstance<CompiledPolicy>(py::handle(compiled))) {
    PyErr_SetString(PyExc_TypeError, "compiled must be a CompiledPolicy");
    return false;
  }
  const auto* compiled_policy = py::handle(compiled).cast<const CompiledPolicy*>();
  // The old ones are let go after the lock, since that can run other code.
  Ref old_policy = Ref::borrowed(policy);
  Ref old_compiled = Ref::borrowed(compiled);
  CORSAC_BEGIN_LOCKED(reinterpret_cast<PyObject*>(self));
  old_policy.swap(self->policy);
  old_compiled.swap(self->compiled);
  self->compiled_policy = compiled_policy;
  CORSAC_END_LOCKED();
  return true;
}

int middleware_init(PyObject* self_object, PyObject* args, PyObject* keywords) noexcept {
  static const char* const kNames[] = {
      "app", "policy", "compiled", "respond", "refuse_websocket", "report", nullptr};
  PyObject* app = nullptr;
  PyObject* policy = nullptr;
  PyObject* compiled = nullptr;
  PyObject* respond_function = nullptr;
  PyObject* refuse_websocket = nullptr;
  PyObject* report_function = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "OOOOOO", const_cast<char**>(kNames), &app,
                                   &policy, &compiled, &respond_function, &refuse_websocket,
                                   &report_function)) {
    return -1;
  }
  Middleware* self = as_middleware(self_object);
  PyObject* send_type = PyObject_GetAttrString(self_object, "_send_type");
  if (send_type == nullptr) return -1;
  Py_XSETREF(self->send_type, send_type);
  Py_XSETREF(self->app, Py_NewRef(app));
  Py_XSETREF(self->respond, Py_NewRef(respond_function));
  Py_XSETREF(self->refuse_websocket, Py_NewRef(refuse_websocket));
  Py_XSETREF(self->report, Py_NewRef(report_function));
  return put_in_force(self, policy, compiled) ? 0 : -1;
}

PyObject* middleware_new(PyTypeObject* type, PyObject* /*args*/, PyObject* /*keywords*/) noexcept {
  PyObject* self_object = type->tp_alloc(type, 0);
  if (self_object == nullptr) return nullptr;
  Middleware* self = as_middleware(self_object);
  self->vectorcall = middleware_vectorcall;
  new (&self->counters) decltype(self->counters){};
  return self_object;
}

int middleware_traverse(PyObject* self_object, visitproc visit, void* arg) noexcept {
  Middleware* self = as_middleware(self_object);
  Py_VISIT(Py_TYPE(self_object));
  Py_VISIT(self->app);
  Py_VISIT(self->policy);
  Py_VISIT(self->compiled);
  Py_VISIT(self->send_type);
  Py_VISIT(self->respond);
  Py_VISIT(self->refuse_websocket);
  Py_VISIT(self->report);
  return 0;
}

int middleware_clear(PyObject* self_object) noexcept {
  Middleware* self = as_middleware(self_object);
  Py_CLEAR(self->app);
  Py_CLEAR(self->policy);
  Py_CLEAR(self->compiled);
  Py_CLEAR(self->send_type);
  Py_CLEAR(self->respond);
  Py_CLEAR(self->refuse_websocket);
  Py_CLEAR(self->report);
  return 0;
}

void middleware_dealloc(PyObject* self_object) noexcept {
  PyTypeObject* type = Py_TYPE(self_object);
  PyObject_GC_UnTrack(self_object);
  middleware_clear(self_object);
  type->tp_free(self_object);
  Py_DECREF(type);
}

PyObject* middleware_set_policy(PyObject* self_object, PyObject* args) noexcept {
  PyObject* policy = nullptr;
  PyObject* compiled = nullptr;
  if (!PyArg_ParseTuple(args, "OO", &policy, &compiled)) return nullptr;
  if (!put_in_force(as_middleware(self_object), policy, compiled)) return nullptr;
  Py_RETURN_NONE;
}

PyObject* middleware_counters(PyObject* self_object, PyObject* /*unused*/) noexcept {
  Middleware* self = as_middleware(self_object);
  Ref result(PyDict_New());
  for (std::size_t i = 0; result && i < kCounterNames.size(); ++i) {
    const Ref value(PyLong_FromUnsignedLongLong(self->counters[i].load(std::memory_order_relaxed)));
    if (!value || PyDict_SetItemString(result.get(), kCounterNames[i], value.get()) < 0)
      return nullptr;
  }
  return result.release();
}

PyObject* get_app(PyObject* self, void* /*closure*/) noexcept {
  PyObject* app = as_middleware(self)->app;
  return Py_NewRef(app == nullptr ? Py_None : app);
}

PyObject* get_policy(PyObject* self_object, void* /*closure*/) noexcept {
  Middleware* self = as_middleware(self_object);
  PyObject* policy = nullptr;
  CORSAC_BEGIN_LOCKED(self_object);
  policy = Py_NewRef(self->policy == nullptr ? Py_None : self->policy);
  CORSAC_END_LOCKED();
  return policy;
}

PyMethodDef kMiddlewareMethods[] = {
    {"_set_policy", middleware_set_policy, METH_VARARGS, "Put another policy in force."},
    {"_counters", middleware_counters, METH_NOARGS, "The number of requests by kind and outcome."},
    {nullptr, nullptr, 0, nullptr}};

PyGetSetDef kMiddlewareAttributes[] = {
    {"app", get_app, nullptr, "The wrapped application.", nullptr},
    {"policy", get_policy, nullptr, "The policy in force.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyMemberDef kMiddlewareMembers[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Middleware, vectorcall), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};

PyType_Slot kMiddlewareSlots[] = {
    {Py_tp_doc, const_cast<char*>("The native part of corsac.asgi.CORSMiddleware.")},
    {Py_tp_new, reinterpret_cast<void*>(middleware_new)},
    {Py_tp_init, reinterpret_cast<void*>(middleware_init)},
    {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
    {Py_tp_traverse, reinterpret_cast<void*>(middleware_traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(middleware_clear)},
    {Py_tp_dealloc, reinterpret_cast<void*>(middleware_dealloc)},
    {Py_tp_methods, kMiddlewareMethods},
    {Py_tp_getset, kMiddlewareAttributes},
    {Py_tp_members, kMiddlewareMembers},
    {0, nullptr}};

PyType_Spec kMiddlewareSpec = {
    "corsac._core.ASGIMiddleware", sizeof(Middleware), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    kMiddlewareSlots};

}  // namespace

void bind_asgi(py::module_& module) {
  const Ref send_type(reinterpret_cast<PyObject*>(make_send_type(module.ptr())));
  const Ref type(send_type ? PyType_FromModuleAndSpec(module.ptr(), &kMiddlewareSpec, nullptr)
                           : nullptr);
  if (!type || PyObject_SetAttrString(type.get(), "_send_type", send_type.get()) < 0 ||
      PyModule_AddObjectRef(module.ptr(), "ASGIMiddleware", type.get()) < 0) {
    throw py::error_already_set();
  }
}

}  // namespace corsac::bindings
