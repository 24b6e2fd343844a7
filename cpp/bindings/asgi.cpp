#include "asgi.hpp"

#include <array>

#include "middleware_type.hpp"
#include "native_object.hpp"

// The ASGI 3 middleware as a C type. Its call is no coroutine: it looks at the scope, makes one
// small `send` and returns what the application returned.

namespace corsac::bindings {
namespace {

PyObject* middleware_continue(PyObject* self_object, PyObject* const* args,
                              Py_ssize_t count) noexcept;

/// See MiddlewareType.
struct ASGI {
  using Self = ASGIMiddleware;
  static constexpr const char* kName = "ASGIMiddleware";
  static constexpr const char* kFullName = "corsac._core.ASGIMiddleware";
  static constexpr const char* kDoc = "The native part of corsac.asgi.CORSMiddleware.";
  static constexpr std::array<const char*, 3> kCallArguments = {"scope", "receive", "send"};
  static constexpr const char* kCallFormat =
      "OOO;CORSMiddleware is called with scope, receive and send";
  static constexpr std::array<InitArgument<Self>, 9> kInitArguments = {
      {{"app", &Self::app},
       {"configuration", &Self::configuration},
       {"routing", nullptr},
       {"respond", &Self::respond},
       {"refuse", &Self::refuse},
       {"continue_when_decided", &Self::continue_when_decided},
       {"report", &Self::report},
       {"report_trial", &Self::report_trial},
       {"root_path_owner", &Self::root_path_owner}}};
  static constexpr const char* kInitFormat = "OOOOOOOO|O";
  static constexpr const char* kCallableTypeName = "_send_type";
  static inline const PyMethodDef kMethod = {
      "_continue", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(middleware_continue)),
      METH_FASTCALL, "Go on with a request once its origin was decided about."};

  static bool prepare(Self* /*self*/) noexcept { return true; }
  static void release(Self* /*self*/) noexcept {}

  [[gnu::always_inline]] static PyObject* judge(PyObject* self_object, PyObject* const* args,
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
};

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
  Exchange exchange{self, args[0], entry, args[2] == Py_True, args[3], true};
  AppCall<3> call;
  PyObject* answer = nullptr;
  if (!*exchange.answered && entry->policy != nullptr && entry->next != nullptr) {
    exchange = {self,         args[0], entry->next,
                std::nullopt, nullptr, true};  // Perhaps the next one covers it.
    answer = handle_by_first(exchange, args + 4, call);
  } else {
    answer = handle(exchange, args + 4, call);
  }
  return MiddlewareType<ASGI>::pass_on_from(call, answer);
}

}  // namespace

void bind_asgi(py::module_& module) { MiddlewareType<ASGI>::add_to(module, kSendSpec); }

}  // namespace corsac::bindings
