#include "corsac/browser.hpp"

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "bindings.hpp"
#include "made_here.hpp"

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

py::list headers_to_python(const std::vector<browser::OwnedHeader>& headers) {
  py::list result;
  for (const auto& [name, value] : headers) {
    result.append(py::make_tuple(py::bytes(name), py::bytes(value)));
  }
  return result;
}

const browser::Engine& engine_called(std::string_view name) {
  const browser::Engine* const engine = browser::find_engine(name);
  if (engine == nullptr) throw py::value_error("no engine is called " + std::string(name));
  return *engine;
}

/// A request as Python passes it, with the views that the core looks at.
class RequestArguments {
 public:
  RequestArguments(std::string_view origin, bool credentials_include, std::string_view method,
                   const BytesPairs& headers, bool use_cors_preflight, std::string_view engine)
      : headers_(view_headers(headers)),
        request_{.origin = origin,
                 .method = method,
                 .headers = headers_,
                 .credentials_include = credentials_include,
                 .use_cors_preflight = use_cors_preflight,
                 .engine = &engine_called(engine)} {}
  RequestArguments(const RequestArguments&) = delete;
  RequestArguments& operator=(const RequestArguments&) = delete;

  [[nodiscard]] const browser::CorsRequest& get() const noexcept { return request_; }

 private:
  std::vector<browser::Header> headers_;
  browser::CorsRequest request_;
};

std::optional<py::list> request_headers(const BytesPairs& author, const py::bytes& content_type,
                                        bool no_cors, std::string_view engine) {
  const std::optional<std::vector<browser::OwnedHeader>> headers = browser::request_headers(
      view_headers(author), view_of_bytes(content_type.ptr()), no_cors, engine_called(engine));
  if (!headers) return std::nullopt;
  return headers_to_python(*headers);
}

py::list unsafe_request_header_names(const BytesPairs& headers, std::string_view engine) {
  return names_to_python(
      browser::cors_unsafe_request_header_names(view_headers(headers), engine_called(engine)));
}

bool needs_preflight(std::string_view method, const BytesPairs& headers, bool use_cors_preflight,
                     std::string_view engine) {
  return browser::needs_preflight(
      RequestArguments({}, false, method, headers, use_cors_preflight, engine).get());
}

py::list preflight_request_headers(std::string_view origin, std::string_view method,
                                   const BytesPairs& headers, std::string_view engine) {
  return headers_to_python(browser::preflight_request_headers(
      RequestArguments(origin, false, method, headers, false, engine).get()));
}

std::string_view serialize_request_origin(std::string_view origin,
                                          const std::vector<std::string>& url_origins) {
  const std::vector<std::string_view> views(url_origins.begin(), url_origins.end());
  return browser::serialize_request_origin(origin, views);
}

/// Fetch's names of the referrer policies; nothing is the default policy.
browser::OriginPolicy origin_policy(std::string_view referrer_policy) {
  using browser::OriginPolicy;
  if (referrer_policy == "no-referrer") return OriginPolicy::kNever;
  if (referrer_policy == "same-origin") return OriginPolicy::kSameOriginOnly;
  if (referrer_policy == "origin" || referrer_policy == "origin-when-cross-origin" ||
      referrer_policy == "unsafe-url") {
    return OriginPolicy::kAlways;
  }
  return OriginPolicy::kNoDowngrade;
}

std::optional<std::string_view> origin_header(std::string_view origin, std::string_view url_origin,
                                              std::string_view method, bool cors_tainting,
                                              bool cors_mode, std::string_view referrer_policy,
                                              std::string_view engine) {
  return browser::origin_header({.origin = origin,
                                 .url_origin = url_origin,
                                 .method = method,
                                 .cors_tainting = cors_tainting,
                                 .cors_mode = cors_mode,
                                 .policy = origin_policy(referrer_policy)},
                                engine_called(engine));
}

std::string_view cors_check(std::string_view origin, bool credentials_include,
                            const BytesPairs& response_headers) {
  return browser::block_code(
      browser::cors_check(origin, credentials_include, view_headers(response_headers)));
}

std::pair<std::string, std::string> preflight_check(
    std::string_view origin, bool credentials_include, std::string_view method,
    const BytesPairs& request_headers, int status, const BytesPairs& response_headers,
    bool use_cors_preflight, std::string_view engine) {
  const RequestArguments request(origin, credentials_include, method, request_headers,
                                 use_cors_preflight, engine);
  browser::PreflightVerdict verdict =
      browser::preflight_check(request.get(), status, view_headers(response_headers));
  return {verdict.code(), std::move(verdict.header_name)};
}

py::list readable_header_names(bool credentials_include, const BytesPairs& response_headers) {
  return names_to_python(
      browser::readable_header_names(credentials_include, view_headers(response_headers)));
}

py::list basic_readable_header_names(const BytesPairs& response_headers) {
  return names_to_python(browser::basic_readable_header_names(view_headers(response_headers)));
}

/// @return nothing without a Location; with one its bytes, or false if it cannot be read.
std::optional<std::variant<py::bytes, bool>> redirect_location(const BytesPairs& response_headers,
                                                               std::string_view engine) {
  const std::vector<browser::Header> viewed = view_headers(response_headers);
  const browser::Location location = browser::redirect_location(viewed, engine_called(engine));
  switch (location.state) {
    case browser::Location::State::kAbsent:
      return std::nullopt;
    case browser::Location::State::kFailure:
      return false;
    case browser::Location::State::kPresent:
      break;
  }
  return py::bytes(location.value.data(), location.value.size());
}

bool resource_policy_blocks(bool same_origin, bool same_site, bool page_is_https,
                            bool response_is_https, std::string_view embedder_policy,
                            bool includes_credentials, const BytesPairs& response_headers) {
  browser::EmbedderPolicy embedder = browser::EmbedderPolicy::kUnsafeNone;
  if (embedder_policy == "require-corp") embedder = browser::EmbedderPolicy::kRequireCorp;
  if (embedder_policy == "credentialless") embedder = browser::EmbedderPolicy::kCredentialless;
  return browser::resource_policy_blocks({.same_origin = same_origin,
                                          .same_site = same_site,
                                          .page_is_https = page_is_https,
                                          .response_is_https = response_is_https},
                                         embedder, includes_credentials,
                                         view_headers(response_headers));
}

bool asks_for_password(int status, const BytesPairs& response_headers) {
  return browser::asks_for_password(status, view_headers(response_headers));
}

std::int64_t preflight_max_age(const BytesPairs& response_headers, std::string_view engine) {
  return browser::preflight_max_age(view_headers(response_headers), engine_called(engine));
}

/// The core's cache behind a lock: a user may share one between threads.
class SharedPreflightCache {
 public:
  explicit SharedPreflightCache(std::size_t capacity) : cache_(capacity) {}

  bool covers(std::string_view origin, bool credentials_include, std::string_view method,
              const BytesPairs& headers, bool use_cors_preflight, std::string_view engine,
              std::string_view url, double now) {
    const RequestArguments request(origin, credentials_include, method, headers, use_cors_preflight,
                                   engine);
    const std::lock_guard lock(mutex_);
    return cache_.covers(request.get(), url, now);
  }

  void store(std::string_view origin, bool credentials_include, std::string_view method,
             const BytesPairs& headers, bool use_cors_preflight, std::string_view engine,
             std::string_view url, const BytesPairs& response_headers, double now) {
    const RequestArguments request(origin, credentials_include, method, headers, use_cors_preflight,
                                   engine);
    const std::vector<browser::Header> answer = view_headers(response_headers);
    const std::lock_guard lock(mutex_);
    cache_.store(request.get(), url, answer, now);
  }

  void clear_entries(std::string_view origin, std::string_view url) {
    const std::lock_guard lock(mutex_);
    cache_.clear(origin, url);
  }

  void clear() {
    const std::lock_guard lock(mutex_);
    cache_.clear();
  }

  std::size_t size() {
    const std::lock_guard lock(mutex_);
    return cache_.size();
  }

 private:
  std::mutex mutex_;
  browser::PreflightCache cache_;
};

void bind_requests(py::module_& module) {
  using py::operator""_a;
  module.def("browser_request_method", &browser::request_method, "method"_a);
  module.def("browser_request_headers", &request_headers, "author"_a, "content_type"_a, "no_cors"_a,
             "engine"_a = "standard");
  module.def("browser_unsafe_request_header_names", &unsafe_request_header_names, "headers"_a,
             "engine"_a = "standard");
  module.def("browser_needs_preflight", &needs_preflight, "method"_a, "headers"_a,
             "use_cors_preflight"_a = false, "engine"_a = "standard");
  module.def("browser_preflight_request_headers", &preflight_request_headers, "origin"_a,
             "method"_a, "headers"_a, "engine"_a = "standard");
  module.def("browser_serialize_request_origin", &serialize_request_origin, "origin"_a,
             "url_origins"_a);
  module.def("browser_origin_header", &origin_header, "origin"_a, "url_origin"_a, "method"_a,
             "cors_tainting"_a, "cors_mode"_a, "referrer_policy"_a, "engine"_a = "standard");
  module.def("browser_is_redirect_status", &browser::is_redirect_status, "status"_a);
  module.def("browser_redirect_makes_get", &browser::redirect_makes_get, "status"_a, "method"_a);
  module.def("browser_is_request_body_header_name", &browser::is_request_body_header_name,
             "name"_a);
  module.def("browser_is_bad_port", &browser::is_bad_port, "port"_a);
  module.def("browser_serialize_origin", &browser::serialize_origin, "scheme"_a, "host"_a,
             "port"_a);
}

void bind_responses(py::module_& module) {
  using py::operator""_a;
  module.def("browser_cors_check", &cors_check, "origin"_a, "credentials_include"_a,
             "response_headers"_a);
  module.def("browser_preflight_check", &preflight_check, "origin"_a, "credentials_include"_a,
             "method"_a, "request_headers"_a, "status"_a, "response_headers"_a,
             "use_cors_preflight"_a = false, "engine"_a = "standard");
  module.def("browser_readable_header_names", &readable_header_names, "credentials_include"_a,
             "response_headers"_a);
  module.def("browser_basic_readable_header_names", &basic_readable_header_names,
             "response_headers"_a);
  module.def("browser_redirect_location", &redirect_location, "response_headers"_a,
             "engine"_a = "standard");
  module.def("browser_resource_policy_blocks", &resource_policy_blocks, "same_origin"_a,
             "same_site"_a, "page_is_https"_a, "response_is_https"_a, "embedder_policy"_a,
             "includes_credentials"_a, "response_headers"_a);
  module.def("browser_asks_for_password", &asks_for_password, "status"_a, "response_headers"_a);
  module.def("browser_preflight_max_age", &preflight_max_age, "response_headers"_a,
             "engine"_a = "standard");
}

}  // namespace

void bind_browser(py::module_& module) {
  using py::operator""_a;
  bind_requests(module);
  bind_responses(module);
  py::class_<SharedPreflightCache>(module, "PreflightCache", py::is_final(), made_here_alone())
      .def("covers", &SharedPreflightCache::covers, "origin"_a, "credentials_include"_a, "method"_a,
           "headers"_a, "use_cors_preflight"_a, "engine"_a, "url"_a, "now"_a)
      .def("store", &SharedPreflightCache::store, "origin"_a, "credentials_include"_a, "method"_a,
           "headers"_a, "use_cors_preflight"_a, "engine"_a, "url"_a, "response_headers"_a, "now"_a)
      .def("clear_entries", &SharedPreflightCache::clear_entries, "origin"_a, "url"_a)
      .def("clear", &SharedPreflightCache::clear)
      .def("__len__", &SharedPreflightCache::size);
  module.def(
      "make_preflight_cache",
      [](std::size_t capacity) {
        return object_around(std::make_unique<SharedPreflightCache>(capacity));
      },
      "capacity"_a);
}

}  // namespace corsac::bindings
