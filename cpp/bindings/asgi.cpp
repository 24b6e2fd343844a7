#include "asgi.hpp"

#include <cstddef>
#include <new>

// The ASGI 3 middleware as a C type. Its call is no coroutine: it looks at the scope, makes one
// small `send` and returns what the application returned.

namespace corsac::bindings {
namespace {

// Without a global lock, reading and replacing the policy need the object's own.
#ifdef Py_GIL_DISABLED
#define CORSAC_BEGIN_LOCKED(object) Py_BEGIN_CRITICAL_SECTION(object)
#define CORSAC_END_LOCKED() Py_END_CRITICAL_SECTION()
#else
#define CORSAC_BEGIN_LOCKED(object) {
#define CORSAC_END_LOCKED() }
#endif

struct RoutingInForce {
  Ref object;
  const Routing* routing = nullptr;
};

/// The routing in force now. A request keeps the policy it began with when another is put in its
/// place.
RoutingInForce routing_in_force(Middleware* self) noexcept {
  RoutingInForce result;
  CORSAC_BEGIN_LOCKED(reinterpret_cast<PyObject*>(self));
  result.object = Ref::borrowed(self->routing_object);
  result.routing = self->routing;
  CORSAC_END_LOCKED();
  return result;
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

/// How many middlewares may call one another without an await in between.
constexpr int kMaxDepth = 500;

PyObject* handle_call(PyObject* self_object, PyObject* const* args, std::size_t nargsf,
                      PyObject* names) noexcept {
  Middleware* self = as_middleware(self_object);
  std::array<PyObject*, 3> sorted{};
  const Py_ssize_t positional = PyVectorcall_NARGS(nargsf);
  if (positional != 3 || names != nullptr) {
    if (!sort_arguments(args, positional, names, sorted)) return nullptr;
    args = sorted.data();
  }
  const RoutingInForce in_force = routing_in_force(self);
  if (!in_force.object || self->app == nullptr) {
    PyErr_SetString(PyExc_RuntimeError, "CORSMiddleware.__init__ was not called");
    return nullptr;
  }
  const Routing& routing = *in_force.routing;
  Exchange exchange{self, routing.fallback(), std::nullopt};
  if (routing.has_rules()) {
    const RoutePath path(args[0], routing.names);
    if (PyErr_Occurred() != nullptr) return nullptr;
    exchange.entry = routing.select(path.view());
  }
  return handle(exchange, args);
}

PyObject* guarded_call(PyObject* self, PyObject* const* args, std::size_t nargsf,
                       PyObject* names) noexcept {
  // No Python frame of ours stands between one middleware and the next to count the depth, and
  // Python's own count of C calls allows for smaller frames than the stack has room for.
  thread_local int depth = 0;
  if (depth >= kMaxDepth) {
    PyErr_SetString(PyExc_RecursionError, "too many CORSMiddleware inside one another");
    return nullptr;
  }
  ++depth;
  PyObject* result = handle_call(self, args, nargsf, names);
  --depth;
  return result;
}

PyObject* middleware_call(PyObject* self, PyObject* args, PyObject* keywords) noexcept;

/// What a vectorcall of an instance runs. A class may have been given another `__call__` since:
/// some tracers do that to every middleware class they meet.
PyObject* middleware_vectorcall(PyObject* self, PyObject* const* args, std::size_t nargsf,
                                PyObject* names) noexcept {
  const ternaryfunc call = Py_TYPE(self)->tp_call;
  if (call == middleware_call) return guarded_call(self, args, nargsf, names);
  const Py_ssize_t positional = PyVectorcall_NARGS(nargsf);
  const Ref tuple(PyTuple_New(positional));
  const Ref keywords(names == nullptr ? nullptr : PyDict_New());
  if (!tuple || (names != nullptr && !keywords)) return nullptr;
  for (Py_ssize_t i = 0; i < positional; ++i) PyTuple_SET_ITEM(tuple.get(), i, Py_NewRef(args[i]));
  for (Py_ssize_t i = 0; names != nullptr && i < PyTuple_GET_SIZE(names); ++i) {
    if (PyDict_SetItem(keywords.get(), PyTuple_GET_ITEM(names, i), args[positional + i]) < 0)
      return nullptr;
  }
  return call(self, tuple.get(), keywords.get());
}

/// The call by tuple and dictionary, which is also what `super().__call__` reaches.
PyObject* middleware_call(PyObject* self, PyObject* args, PyObject* keywords) noexcept {
  static const char* const kNames[] = {"scope", "receive", "send", nullptr};
  std::array<PyObject*, 3> sorted{};
  if (!PyArg_ParseTupleAndKeywords(
          args, keywords, "OOO;CORSMiddleware is called with scope, receive and send",
          const_cast<char**>(kNames), &sorted[0], &sorted[1], &sorted[2])) {
    return nullptr;
  }
  return guarded_call(self, sorted.data(), sorted.size(), nullptr);
}

/// Goes on with a request once its origin was decided about: (policy, allowed, origin, scope,
/// receive, send).
PyObject* middleware_continue(PyObject* self_object, PyObject* const* args,
                              Py_ssize_t count) noexcept {
  if (count != 6 || !PyBytes_Check(args[2]) ||
      !py::isinstance<CompiledPolicy>(py::handle(args[0])) ||
      !py::detail::is_holder_constructed(args[0]) || as_middleware(self_object)->app == nullptr) {
    PyErr_SetString(PyExc_TypeError, "policy, allowed, origin, scope, receive and send are wanted");
    return nullptr;
  }
  const auto* policy = py::handle(args[0]).cast<const CompiledPolicy*>();
  Exchange exchange{as_middleware(self_object), {args[0], policy}, args[1] == Py_True, args[2]};
  return handle(exchange, args + 3);
}

/// Puts a configuration in force: one swap, so a request sees the old one or the new one, whole.
/// @return false with an exception set if `routing_object` is no Routing.
bool put_in_force(Middleware* self, PyObject* configuration, PyObject* routing_object) noexcept {
  // What `__new__` alone has made holds no Routing.
  if (!py::isinstance<Routing>(py::handle(routing_object)) ||
      !py::detail::is_holder_constructed(routing_object)) {
    PyErr_SetString(PyExc_TypeError, "routing must be a Routing");
    return false;
  }
  const auto* routing = py::handle(routing_object).cast<const Routing*>();
  // The old ones are let go after the lock, since that can run other code.
  Ref old_configuration = Ref::borrowed(configuration);
  Ref old_routing = Ref::borrowed(routing_object);
  CORSAC_BEGIN_LOCKED(reinterpret_cast<PyObject*>(self));
  old_configuration.swap(self->configuration);
  old_routing.swap(self->routing_object);
  self->routing = routing;
  CORSAC_END_LOCKED();
  return true;
}

int middleware_init(PyObject* self_object, PyObject* args, PyObject* keywords) noexcept {
  static const char* const kNames[] = {
      "app",    "configuration", "routing", "respond", "refuse_websocket", "continue_when_decided",
      "report", nullptr};
  PyObject* app = nullptr;
  PyObject* configuration = nullptr;
  PyObject* routing = nullptr;
  PyObject* respond_function = nullptr;
  PyObject* refuse_websocket = nullptr;
  PyObject* continue_when_decided = nullptr;
  PyObject* report_function = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "OOOOOOO", const_cast<char**>(kNames), &app,
                                   &configuration, &routing, &respond_function, &refuse_websocket,
                                   &continue_when_decided, &report_function)) {
    return -1;
  }
  Middleware* self = as_middleware(self_object);
  PyObject* send_type = PyObject_GetAttrString(self_object, "_send_type");
  if (send_type == nullptr) return -1;
  if (!is_send_type(send_type)) {
    Py_DECREF(send_type);
    PyErr_SetString(PyExc_TypeError, "_send_type is not for subclasses to set");
    return -1;
  }
  Py_XSETREF(self->send_type, send_type);
  Py_XSETREF(self->app, Py_NewRef(app));
  Py_XSETREF(self->respond, Py_NewRef(respond_function));
  Py_XSETREF(self->refuse_websocket, Py_NewRef(refuse_websocket));
  Py_XSETREF(self->continue_when_decided, Py_NewRef(continue_when_decided));
  Py_XSETREF(self->report, Py_NewRef(report_function));
  return put_in_force(self, configuration, routing) ? 0 : -1;
}

PyObject* middleware_new(PyTypeObject* type, PyObject* /*args*/, PyObject* /*keywords*/) noexcept {
  PyObject* self_object = type->tp_alloc(type, 0);
  if (self_object == nullptr) return nullptr;
  Middleware* self = as_middleware(self_object);
  self->vectorcall = middleware_vectorcall;
#if PY_VERSION_HEX < 0x030C0000
  // Classes written in Python inherit it only since 3.12. That a class with a `__call__` of its own
  // gets it too is right: middleware_vectorcall looks for that.
  type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
#endif
  new (&self->counters) decltype(self->counters){};
  new (&self->reporting) decltype(self->reporting){};
  return self_object;
}

int middleware_traverse(PyObject* self_object, visitproc visit, void* arg) noexcept {
  Middleware* self = as_middleware(self_object);
  Py_VISIT(Py_TYPE(self_object));
  Py_VISIT(self->app);
  Py_VISIT(self->configuration);
  Py_VISIT(self->routing_object);
  Py_VISIT(self->send_type);
  Py_VISIT(self->respond);
  Py_VISIT(self->refuse_websocket);
  Py_VISIT(self->continue_when_decided);
  Py_VISIT(self->report);
  return 0;
}

int middleware_clear(PyObject* self_object) noexcept {
  Middleware* self = as_middleware(self_object);
  Py_CLEAR(self->app);
  Py_CLEAR(self->configuration);
  Py_CLEAR(self->routing_object);
  Py_CLEAR(self->send_type);
  Py_CLEAR(self->respond);
  Py_CLEAR(self->refuse_websocket);
  Py_CLEAR(self->continue_when_decided);
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

PyObject* middleware_put_in_force(PyObject* self_object, PyObject* args) noexcept {
  PyObject* configuration = nullptr;
  PyObject* routing = nullptr;
  if (!PyArg_ParseTuple(args, "OO", &configuration, &routing)) return nullptr;
  if (as_middleware(self_object)->app == nullptr) {
    PyErr_SetString(PyExc_RuntimeError, "CORSMiddleware.__init__ was not called");
    return nullptr;
  }
  if (!put_in_force(as_middleware(self_object), configuration, routing)) return nullptr;
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

PyObject* get_configuration(PyObject* self_object, void* /*closure*/) noexcept {
  Middleware* self = as_middleware(self_object);
  PyObject* configuration = nullptr;
  CORSAC_BEGIN_LOCKED(self_object);
  configuration = Py_NewRef(self->configuration == nullptr ? Py_None : self->configuration);
  CORSAC_END_LOCKED();
  return configuration;
}

PyMethodDef kMiddlewareMethods[] = {
    {"_put_in_force", middleware_put_in_force, METH_VARARGS, "Put another configuration in force."},
    {"_continue", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(middleware_continue)),
     METH_FASTCALL, "Go on with a request once its origin was decided about."},
    {"_counters", middleware_counters, METH_NOARGS, "The number of requests by kind and outcome."},
    {nullptr, nullptr, 0, nullptr}};

PyGetSetDef kMiddlewareAttributes[] = {
    {"app", get_app, nullptr, "The wrapped application.", nullptr},
    {"_configuration", get_configuration, nullptr, "What is in force.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyMemberDef kMiddlewareMembers[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Middleware, vectorcall), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};

PyType_Slot kMiddlewareSlots[] = {
    {Py_tp_doc, const_cast<char*>("The native part of corsac.asgi.CORSMiddleware.")},
    {Py_tp_new, reinterpret_cast<void*>(middleware_new)},
    {Py_tp_init, reinterpret_cast<void*>(middleware_init)},
    {Py_tp_call, reinterpret_cast<void*>(middleware_call)},
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
