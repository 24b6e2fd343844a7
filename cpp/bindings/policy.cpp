#include "corsac/policy.hpp"

#include <pybind11/stl.h>

#include "bindings.hpp"

namespace corsac::bindings {
namespace {

py::bytes to_bytes(std::string_view text) { return py::bytes(text.data(), text.size()); }

py::str interned(const char* text) {
  return py::reinterpret_steal<py::str>(PyUnicode_InternFromString(text));
}

py::object pair_or_none(bool wanted, std::string_view name, std::string_view value) {
  if (!wanted) return py::none();
  return py::make_tuple(to_bytes(name), to_bytes(value));
}

py::list problems_to_python(const std::vector<ConfigProblem>& problems) {
  py::list result;
  for (const ConfigProblem& problem : problems) {
    result.append(py::make_tuple(std::string(code_name(problem.code)),
                                 std::string(severity_name(problem.severity)), problem.option,
                                 problem.value, problem.message, problem.hint));
  }
  return result;
}

py::tuple compile_policy(std::vector<std::string> allow_origins,
                         std::vector<std::string> allow_methods,
                         std::vector<std::string> allow_headers,
                         std::vector<std::string> expose_headers, std::vector<std::string> tolerate,
                         std::optional<std::int64_t> max_age, int preflight_status,
                         bool allow_credentials, bool allow_private_network,
                         bool preflight_continue, bool guard) {
  const PolicyOptions options{.allow_origins = std::move(allow_origins),
                              .allow_methods = std::move(allow_methods),
                              .allow_headers = std::move(allow_headers),
                              .expose_headers = std::move(expose_headers),
                              .tolerate = std::move(tolerate),
                              .max_age = max_age,
                              .preflight_status = preflight_status,
                              .allow_credentials = allow_credentials,
                              .allow_private_network = allow_private_network,
                              .preflight_continue = preflight_continue,
                              .guard = guard};
  PolicyBuild build;
  {
    const py::gil_scoped_release unlocked;
    build = build_policy(options);
  }
  py::object compiled = py::none();
  if (build.policy) compiled = py::cast(std::make_unique<CompiledPolicy>(std::move(build.policy)));
  return py::make_tuple(std::move(compiled), problems_to_python(build.problems));
}

}  // namespace

CompiledPolicy::CompiledPolicy(std::shared_ptr<const Policy> policy)
    : type(interned("type")),
      http(interned("http")),
      websocket(interned("websocket")),
      method(interned("method")),
      path(interned("path")),
      headers(interned("headers")),
      status(interned("status")),
      body(interned("body")),
      response_start(interned("http.response.start")),
      response_body(interned("http.response.body")),
      allow_origin_name(to_bytes("access-control-allow-origin")),
      allow_origin_any(
          pair_or_none(!policy->varies_by_origin(), "access-control-allow-origin", "*")),
      allow_credentials(
          pair_or_none(policy->allow_credentials(), "access-control-allow-credentials", "true")),
      expose_headers(pair_or_none(!policy->expose_headers().empty(),
                                  "access-control-expose-headers", policy->expose_headers())),
      vary_origin(pair_or_none(policy->varies_by_origin(), "vary", "Origin")),
      vary_name(to_bytes("vary")),
      policy_(std::move(policy)) {}

void bind_policy(py::module_& module) {
  py::classh<CompiledPolicy>(module, "CompiledPolicy", py::is_final(),
                             "An immutable compiled policy, shared by threads.");
  module.def(
      "compile_policy", &compile_policy, py::kw_only(), py::arg("allow_origins"),
      py::arg("allow_methods"), py::arg("allow_headers"), py::arg("expose_headers"),
      py::arg("tolerate"), py::arg("max_age"), py::arg("preflight_status"),
      py::arg("allow_credentials"), py::arg("allow_private_network"), py::arg("preflight_continue"),
      py::arg("guard"),
      "Validate and compile options. Gives (policy or None, problems), a problem being (code, "
      "severity, option, value, message, hint).");
}

}  // namespace corsac::bindings
