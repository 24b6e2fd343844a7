#include "wsgi.hpp"

#include <new>

// The WSGI middleware (PEP 3333) as a C type: it looks at the environ, makes one small
// `start_response` and returns what the application returned.

namespace corsac::bindings {
namespace {

constexpr std::array<const char*, 2> kArgumentNames = {"environ", "start_response"};
constexpr const char* kWantedArguments = "CORSMiddleware is called with environ and start_response";

/// What a middleware makes of a request.
[[gnu::always_inline]] inline PyObject* judge(PyObject* self_object, PyObject* const* args,
                                              AppCall<2>& call) noexcept {
  WSGIMiddleware* self = as_wsgi_middleware(self_object);
  const RoutingInForce in_force = routing_in_force(self);
  if (in_force.routing == nullptr) {
    set_not_initialized();
    return nullptr;
  }
  const Routing& routing = *in_force.routing;
  WSGIExchange exchange{self, &routing.fallback(), args[0], args[1]};
  if (routing.has_rules()) {
    const PathInfo path(args[0], *self->names);
    if (PyErr_Occurred() != nullptr) return nullptr;
    exchange.entry = &routing.select(path.view());
  }
  return handle(exchange, call);
}

PyObject* middleware_call(PyObject* self, PyObject* args, PyObject* keywords) noexcept;

PyObject* handle_call(PyObject* self, PyObject* const* args) noexcept {
  if (!has_stack_left()) return refuse_depth();
  AppCall<2> call;
  PyObject* answer = judge(self, args, call);
  return pass_on<2, judge>(call, answer, middleware_call);
}

/// A call with arguments by name.
[[gnu::noinline]] PyObject* handle_call_by_name(PyObject* self, PyObject* const* args,
                                                Py_ssize_t positional, PyObject* names) noexcept {
  std::array<PyObject*, 2> sorted{};
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
  if (positional == 2 && names == nullptr) return handle_call(self, args);
  return handle_call_by_name(self, args, positional, names);
}

/// The call by tuple and dictionary, which is also what `super().__call__` reaches.
PyObject* middleware_call(PyObject* self, PyObject* args, PyObject* keywords) noexcept {
  static const char* const kNames[] = {"environ", "start_response", nullptr};
  std::array<PyObject*, 2> sorted{};
  if (!PyArg_ParseTupleAndKeywords(args, keywords,
                                   "OO;CORSMiddleware is called with environ and start_response",
                                   const_cast<char**>(kNames), &sorted[0], &sorted[1])) {
    return nullptr;
  }
  return handle_call(self, sorted.data());
}

PyObject* middleware_new(PyTypeObject* type, PyObject* /*args*/, PyObject* /*keywords*/) noexcept {
  Ref self(new_middleware(type, middleware_vectorcall));
  if (!self) return nullptr;
  try {
    as_wsgi_middleware(self.get())->names = new EnvironNames();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_MemoryError, error.what());
    return nullptr;
  }
  return self.release();
}

int middleware_init(PyObject* self_object, PyObject* args, PyObject* keywords) noexcept {
  static const char* const kNames[] = {"app",    "configuration", "routing", "decide_at_once",
                                       "report", "report_trial",  nullptr};
  PyObject* app = nullptr;
  PyObject* configuration = nullptr;
  PyObject* routing = nullptr;
  PyObject* decide_at_once = nullptr;
  PyObject* report_function = nullptr;
  PyObject* report_trial_function = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "OOOOOO", const_cast<char**>(kNames), &app,
                                   &configuration, &routing, &decide_at_once, &report_function,
                                   &report_trial_function)) {
    return -1;
  }
  WSGIMiddleware* self = as_wsgi_middleware(self_object);
  return init_middleware(self, routing, "_start_response_type",
                         {{&self->app, app},
                          {&self->configuration, configuration},
                          {&self->decide_at_once, decide_at_once},
                          {&self->report, report_function},
                          {&self->report_trial, report_trial_function}});
}

int middleware_traverse(PyObject* self_object, visitproc visit, void* arg) noexcept {
  WSGIMiddleware* self = as_wsgi_middleware(self_object);
  Py_VISIT(self->decide_at_once);
  return traverse_middleware(self, visit, arg);
}

int middleware_clear(PyObject* self_object) noexcept {
  WSGIMiddleware* self = as_wsgi_middleware(self_object);
  Py_CLEAR(self->decide_at_once);
  clear_middleware(self);
  return 0;
}

void middleware_dealloc(PyObject* self_object) noexcept {
  PyTypeObject* type = Py_TYPE(self_object);
  PyObject_GC_UnTrack(self_object);
  middleware_clear(self_object);
  delete as_wsgi_middleware(self_object)->names;
  type->tp_free(self_object);
  Py_DECREF(type);
}

PyMethodDef kMethods[] = {
    {"_put_in_force", middleware_put_in_force, METH_VARARGS, "Put another configuration in force."},
    {"_outcomes", middleware_outcomes, METH_NOARGS, "The number of requests by what came of them."},
    {"_trial_outcomes", middleware_trial_outcomes, METH_NOARGS,
     "The same under the policy on trial, and how many differ."},
    {nullptr, nullptr, 0, nullptr}};

PyType_Slot kSlots[] = {
    {Py_tp_doc, const_cast<char*>("The native part of corsac.wsgi.CORSMiddleware.")},
    {Py_tp_new, reinterpret_cast<void*>(middleware_new)},
    {Py_tp_init, reinterpret_cast<void*>(middleware_init)},
    {Py_tp_call, reinterpret_cast<void*>(middleware_call)},
    {Py_tp_traverse, reinterpret_cast<void*>(middleware_traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(middleware_clear)},
    {Py_tp_dealloc, reinterpret_cast<void*>(middleware_dealloc)},
    {Py_tp_methods, kMethods},
    {Py_tp_getset, kMiddlewareAttributes},
    {Py_tp_members, kMiddlewareMembers},
    {0, nullptr}};

PyType_Spec kSpec = {
    "corsac._core.WSGIMiddleware", sizeof(WSGIMiddleware), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    kSlots};

py::str interned(const char* text) {
  return py::reinterpret_steal<py::str>(PyUnicode_InternFromString(text));
}

}  // namespace

EnvironNames::EnvironNames()
    : origin(interned("HTTP_ORIGIN")),
      request_method_header(interned("HTTP_ACCESS_CONTROL_REQUEST_METHOD")),
      request_headers(interned("HTTP_ACCESS_CONTROL_REQUEST_HEADERS")),
      request_private_network(interned("HTTP_ACCESS_CONTROL_REQUEST_PRIVATE_NETWORK")),
      sec_fetch_site(interned("HTTP_SEC_FETCH_SITE")),
      sec_fetch_mode(interned("HTTP_SEC_FETCH_MODE")),
      host(interned("HTTP_HOST")),
      upgrade(interned("HTTP_UPGRADE")),
      cookie(interned("HTTP_COOKIE")),
      method(interned("REQUEST_METHOD")),
      path_info(interned("PATH_INFO")),
      forbidden(interned("403 Forbidden")),
      url_scheme(interned("wsgi.url_scheme")) {}

void bind_wsgi(py::module_& module) {
  add_middleware_type(module, "WSGIMiddleware", kSpec, "_start_response_type", kStartResponseSpec);
}

}  // namespace corsac::bindings
