#include "wsgi.hpp"

#include <new>

#include "middleware_type.hpp"

// The WSGI middleware (PEP 3333) as a C type: it looks at the environ, makes one small
// `start_response` and returns what the application returned.

namespace corsac::bindings {
namespace {

/// See MiddlewareType.
struct WSGI {
  using Self = WSGIMiddleware;
  static constexpr const char* kName = "WSGIMiddleware";
  static constexpr const char* kFullName = "corsac._core.WSGIMiddleware";
  static constexpr const char* kDoc = "The native part of corsac.wsgi.CORSMiddleware.";
  static constexpr std::array<const char*, 2> kCallArguments = {"environ", "start_response"};
  static constexpr const char* kCallFormat =
      "OO;CORSMiddleware is called with environ and start_response";
  static constexpr std::array<InitArgument<Self>, 7> kInitArguments = {
      {{"app", &Self::app},
       {"configuration", &Self::configuration},
       {"routing", nullptr},
       {"decide_at_once", &Self::decide_at_once},
       {"refuse", &Self::refuse},
       {"report", &Self::report},
       {"report_trial", &Self::report_trial}}};
  static constexpr const char* kInitFormat = "OOOOOOO";
  static constexpr const char* kCallableTypeName = "_start_response_type";
  static constexpr PyMethodDef kMethod = {nullptr, nullptr, 0, nullptr};

  static bool prepare(Self* self) noexcept {
    try {
      self->names = new EnvironNames();
      return true;
    } catch (py::error_already_set& error) {
      error.restore();
      return false;
    } catch (const std::bad_alloc&) {
      PyErr_NoMemory();
      return false;
    }
  }
  static void release(Self* self) noexcept { delete self->names; }

  [[gnu::always_inline]] static PyObject* judge(PyObject* self_object, PyObject* const* args,
                                                AppCall<2>& call) noexcept {
    WSGIMiddleware* self = as_wsgi_middleware(self_object);
    const RoutingInForce in_force = routing_in_force(self);
    if (in_force.routing == nullptr) {
      set_not_initialized();
      return nullptr;
    }
    const Routing& routing = *in_force.routing;
    WSGIExchange exchange{self, &routing.fallback(), args[0], args[1]};
    Ref host;
    if (routing.hosts() != nullptr) {
      PyObject* answer = nullptr;
      if (!is_host_served(exchange, host, answer)) return answer;
      exchange.host = host.get();
    }
    if (routing.has_rules()) {
      const PathInfo path(args[0], *self->names);
      if (PyErr_Occurred() != nullptr) return nullptr;
      exchange.entry = &routing.select(path.view());
    }
    return handle(exchange, call);
  }
};

}  // namespace

EnvironNames::EnvironNames()
    : origin(interned("HTTP_ORIGIN")),
      request_method_header(interned("HTTP_ACCESS_CONTROL_REQUEST_METHOD")),
      request_headers(interned("HTTP_ACCESS_CONTROL_REQUEST_HEADERS")),
      request_private_network(interned("HTTP_ACCESS_CONTROL_REQUEST_PRIVATE_NETWORK")),
      sec_fetch_site(interned("HTTP_SEC_FETCH_SITE")),
      sec_fetch_mode(interned("HTTP_SEC_FETCH_MODE")),
      sec_fetch_dest(interned("HTTP_SEC_FETCH_DEST")),
      host(interned("HTTP_HOST")),
      upgrade(interned("HTTP_UPGRADE")),
      cookie(interned("HTTP_COOKIE")),
      method(interned("REQUEST_METHOD")),
      path_info(interned("PATH_INFO")),
      forbidden(interned("403 Forbidden")),
      url_scheme(interned("wsgi.url_scheme")) {}

void bind_wsgi(py::module_& module) { MiddlewareType<WSGI>::add_to(module, kStartResponseSpec); }

}  // namespace corsac::bindings
