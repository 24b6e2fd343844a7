#include "corsac/browser.hpp"

#include <pybind11/stl.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bindings.hpp"

namespace corsac::bindings {
namespace {

/// Header lines as Python passes them, and the core's views into them. The bytes objects are kept
/// alive by the caller's list for the length of the call, and nothing here runs Python code.
using BytesPairs = std::vector<std::pair<py::bytes, py::bytes>>;

std::vector<browser::Header> view_headers(const BytesPairs& pairs) {
  std::vector<browser::Header> headers;
  headers.reserve(pairs.size());
  for (const auto& [name, value] : pairs) {
    headers.push_back({view_of_bytes(name.ptr()), view_of_bytes(value.ptr())});
  }
  return headers;
}

py::list names_to_python(const std::vector<std::string>& names) {
  py::list result;
  for (const std::string& name : names) result.append(py::bytes(name));
  return result;
}

py::list unsafe_request_header_names(const BytesPairs& headers) {
  return names_to_python(browser::cors_unsafe_request_header_names(view_headers(headers)));
}

bool needs_preflight(std::string_view method, const BytesPairs& headers) {
  const std::vector<browser::Header> viewed = view_headers(headers);
  return browser::needs_preflight({.origin = {}, .method = method, .headers = viewed});
}

std::string_view cors_check(std::string_view origin, bool credentials_include,
                            const BytesPairs& response_headers) {
  return browser::block_code(
      browser::cors_check(origin, credentials_include, view_headers(response_headers)));
}

std::pair<std::string, std::string> preflight_check(std::string_view origin,
                                                    bool credentials_include,
                                                    std::string_view method,
                                                    const BytesPairs& request_headers, int status,
                                                    const BytesPairs& response_headers) {
  const std::vector<browser::Header> viewed = view_headers(request_headers);
  browser::PreflightVerdict verdict =
      browser::preflight_check({.origin = origin,
                                .method = method,
                                .headers = viewed,
                                .credentials_include = credentials_include},
                               status, view_headers(response_headers));
  return {verdict.code(), std::move(verdict.header_name)};
}

py::list readable_header_names(bool credentials_include, const BytesPairs& response_headers) {
  return names_to_python(
      browser::readable_header_names(credentials_include, view_headers(response_headers)));
}

}  // namespace

void bind_browser(py::module_& module) {
  using py::operator""_a;
  module.def("browser_unsafe_request_header_names", &unsafe_request_header_names, "headers"_a);
  module.def("browser_needs_preflight", &needs_preflight, "method"_a, "headers"_a);
  module.def("browser_cors_check", &cors_check, "origin"_a, "credentials_include"_a,
             "response_headers"_a);
  module.def("browser_preflight_check", &preflight_check, "origin"_a, "credentials_include"_a,
             "method"_a, "request_headers"_a, "status"_a, "response_headers"_a);
  module.def("browser_readable_header_names", &readable_header_names, "credentials_include"_a,
             "response_headers"_a);
}

}  // namespace corsac::bindings
