#include "asgi.hpp"

#include <array>

#include "native_object.hpp"

// The ASGI 3 middleware as a C type. Its call is no coroutine: it looks at the scope, makes one
// small `send` and returns what the application returned.

namespace corsac::bindings {
namespace {

constexpr std::array<const char*, 3> kArgumentNames = {"scope", "receive", "send"};
constexpr const char* kWantedArguments = "CORSMiddleware is called with scope, receive and send";

/// What a middleware makes of a request.
[[gnu::always_inline]] inline PyObject* judge(PyObject* self_object, PyObject* const* args,
                                              AppCall<3>& call) noexcept {
  ASGIMiddleware* self = as_asgi_middleware(self_object);
  const RoutingInForce in_force = routing_in_force(self);
  if (in_force.routing == nullptr) {
    set_not_initialized();
    return nullptr;
  }
  const Routing& routing = *in_force.routing;
  Exchange exchange{self, in_force.object.get(), &routing.fallback(), std::nullopt};
  if (routing.has_rules()) {
    const RoutePath path(args[0], routing.names, self->root_path_owner);
    if (PyErr_Occurred() != nullptr) return nullptr;
    exchange.entry = &routing.select(path.view());
  }
  return handle(exchange, args, call);
}

PyObject* middleware_call(PyObject* self, PyObject* args, PyObject* keywords) noexcept;

PyObject* handle_call(PyObject* self, PyObject* const* args) noexcept {
  if (!has_stack_left()) return refuse_depth();
  AppCall<3> call;
  PyObject* answer = judge(self, args, call);
  return pass_on<3, judge>(call, answer, middleware_call);
}

/// A call with arguments by name.
[[gnu::noinline]] PyObject* handle_call_by_name(PyObject* self, PyObject* const* args,
                                                Py_ssize_t positional, PyObject* names) noexcept {
  std::array<PyObject*, 3> sorted{};
  if (!sort_arguments(args, positional, names, kArgumentNames, sorted, kWantedArguments))
    return nullptr;
  return handle_call(self, sorted.data());
}

/// What a vectorcall of an instance runs. A class may have been given another `__call__` since:
/// some tracers do that to every middleware class they meet.
PyObject* middleware_vectorcall(PyObject* self, PyObject* const* args, std::size_t nargsf,
                                PyObject* names) noexcept {
  const ternaryfunc call = Py_TYPE(self)->tp_call;
  if (call != middleware_call) return call_other(call, self, args, nargsf, names);
  const Py_ssize_t positional = PyVectorcall_NARGS(nargsf);
  if (positional == 3 && names == nullptr) return handle_call(self, args);
  return handle_call_by_name(self, args, positional, names);
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
  return handle_call(self, sorted.data());
}

/// Goes on with a request once its origin was decided about: (routing, place of the rule, allowed,
/// origin, scope, receive, send).
PyObject* middleware_continue(PyObject* self_object, PyObject* const* args,
                              Py_ssize_t count) noexcept {
  ASGIMiddleware* self = as_asgi_middleware(self_object);
  if (routing_in_force(self).routing == nullptr) {
    set_not_initialized();
    return nullptr;
  }
  // That of the time when the request began.
  const Routing* routing = count == 7 ? NativeType<Routing>::value_of(args[0]) : nullptr;
  const Routing::Entry* entry = nullptr;
  if (routing != nullptr && PyLong_Check(args[1]) && PyBytes_Check(args[3])) {
    const Py_ssize_t place = PyLong_AsSsize_t(args[1]);
    if (place == -1 && PyErr_Occurred() != nullptr) return nullptr;
    entry = routing->at(place);
  }
  if (entry == nullptr) {
    PyErr_SetString(PyExc_TypeError,
                    "routing, place, allowed, origin, scope, receive and send are wanted");
    return nullptr;
  }
  Exchange exchange{self, args[0], entry, args[2] == Py_True, args[3]};
  AppCall<3> call;
  PyObject* answer = handle(exchange, args + 4, call);
  return pass_on<3, judge>(call, answer, middleware_call);
}

int middleware_init(PyObject* self_object, PyObject* args, PyObject* keywords) noexcept {
  static const char* const kNames[] = {"app",     "configuration",    "routing",
                                       "respond", "refuse_websocket", "continue_when_decided",
                                       "report",  "report_trial",     "root_path_owner",
                                       nullptr};
  PyObject* app = nullptr;
  PyObject* configuration = nullptr;
  PyObject* routing = nullptr;
  PyObject* respond_function = nullptr;
  PyObject* refuse_websocket = nullptr;
  PyObject* continue_when_decided = nullptr;
  PyObject* report_function = nullptr;
  PyObject* report_trial_function = nullptr;
  PyObject* root_path_owner = Py_None;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "OOOOOOOO|O", const_cast<char**>(kNames), &app,
                                   &configuration, &routing, &respond_function, &refuse_websocket,
                                   &continue_when_decided, &report_function, &report_trial_function,
                                   &root_path_owner)) {
    return -1;
  }
  ASGIMiddleware* self = as_asgi_middleware(self_object);
  return init_middleware(self, routing, "_send_type",
                         {{&self->app, app},
                          {&self->configuration, configuration},
                          {&self->respond, respond_function},
                          {&self->refuse_websocket, refuse_websocket},
                          {&self->continue_when_decided, continue_when_decided},
                          {&self->root_path_owner, root_path_owner},
                          {&self->report, report_function},
                          {&self->report_trial, report_trial_function}});
}

PyObject* middleware_new(PyTypeObject* type, PyObject* /*args*/, PyObject* /*keywords*/) noexcept {
  return new_middleware(type, middleware_vectorcall);
}

int middleware_traverse(PyObject* self_object, visitproc visit, void* arg) noexcept {
  ASGIMiddleware* self = as_asgi_middleware(self_object);
  Py_VISIT(self->respond);
  Py_VISIT(self->refuse_websocket);
  Py_VISIT(self->continue_when_decided);
  Py_VISIT(self->root_path_owner);
  return traverse_middleware(self, visit, arg);
}

int middleware_clear(PyObject* self_object) noexcept {
  ASGIMiddleware* self = as_asgi_middleware(self_object);
  Py_CLEAR(self->respond);
  Py_CLEAR(self->refuse_websocket);
  Py_CLEAR(self->continue_when_decided);
  Py_CLEAR(self->root_path_owner);
  clear_middleware(self);
  return 0;
}

void middleware_dealloc(PyObject* self_object) noexcept {
  PyTypeObject* type = Py_TYPE(self_object);
  PyObject_GC_UnTrack(self_object);
  middleware_clear(self_object);
  type->tp_free(self_object);
  Py_DECREF(type);
}

PyMethodDef kMiddlewareMethods[] = {
    {"_put_in_force", middleware_put_in_force, METH_VARARGS, "Put another configuration in force."},
    {"_continue", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(middleware_continue)),
     METH_FASTCALL, "Go on with a request once its origin was decided about."},
    {"_outcomes", middleware_outcomes, METH_NOARGS, "The number of requests by what came of them."},
    {"_trial_outcomes", middleware_trial_outcomes, METH_NOARGS,
     "The same under the policy on trial, and how many differ."},
    {nullptr, nullptr, 0, nullptr}};

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
    "corsac._core.ASGIMiddleware", sizeof(ASGIMiddleware), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    kMiddlewareSlots};

}  // namespace

void bind_asgi(py::module_& module) {
  add_middleware_type(module, "ASGIMiddleware", kMiddlewareSpec, "_send_type", kSendSpec);
}

}  // namespace corsac::bindings
