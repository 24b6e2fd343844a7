#include "corsac/ascii.hpp"
#include "corsac/guard.hpp"
#include "corsac/header_names.hpp"
#include "response_lines.hpp"
#include "wsgi.hpp"

// Reading what a server hands over: an environ (PEP 3333, "environ Variables").

namespace corsac::bindings {
namespace {

/// Stands for a value that is no header line's: neither origin nor token.
constexpr std::string_view kUnreadable = "\x80";

std::string_view view_of_value(PyObject* value) noexcept {
  return is_latin1(value) ? view_of_latin1(value) : kUnreadable;
}

}  // namespace

bool asks_for_websocket(std::string_view upgrade) noexcept {
  while (!upgrade.empty()) {
    const std::string_view member = ascii::take_list_member(upgrade);
    constexpr std::string_view kWebSocket = "websocket";
    bool same = member.size() == kWebSocket.size();
    for (std::size_t i = 0; same && i < member.size(); ++i)
      same = ascii::to_lower(member[i]) == kWebSocket[i];
    if (same) return true;
  }
  return false;
}

bool ReadEnviron::read_line(PyObject* environment, const py::str& key, std::string_view name,
                            Ref& kept) noexcept {
  kept = get_item(environment, key.ptr());
  if (!kept) return PyErr_Occurred() == nullptr;
  request_.add_header_line(name, view_of_value(kept.get()));
  return true;
}

bool ReadEnviron::read_guard_line(PyObject* environment, const py::str& key, std::string_view name,
                                  Ref& kept) noexcept {
  kept = get_item(environment, key.ptr());
  if (!kept) return PyErr_Occurred() == nullptr;
  request_.add_guard_line(name, view_of_value(kept.get()));
  return true;
}

bool ReadEnviron::read_preflight_lines(const EnvironNames& names, PyObject* environment) noexcept {
  return read_line(environment, names.request_method_header, header_names::kRequestMethod,
                   preflight_lines_[0]) &&
         read_line(environment, names.request_headers, header_names::kRequestHeaders,
                   preflight_lines_[1]) &&
         read_line(environment, names.request_private_network, header_names::kRequestPrivateNetwork,
                   preflight_lines_[2]);
}

/// Reads a line of whose value no view is kept.
bool ReadEnviron::note_line(PyObject* environment, const py::str& key,
                            std::string_view name) noexcept {
  const Ref value = get_item(environment, key.ptr());
  if (value) request_.add_guard_line(name, view_of_value(value.get()));
  return value || PyErr_Occurred() == nullptr;
}

bool ReadEnviron::read_upgrade(const EnvironNames& names, PyObject* environment) noexcept {
  const Ref upgrade = get_item(environment, names.upgrade.ptr());
  if (!upgrade && PyErr_Occurred() != nullptr) return false;
  asks_for_websocket_ = upgrade && bindings::asks_for_websocket(view_of_value(upgrade.get()));
  return true;
}

bool ReadEnviron::read_site(const EnvironNames& names, PyObject* environment) noexcept {
  return read_guard_line(environment, names.sec_fetch_site, header_names::kSecFetchSite,
                         guarded_lines_[0]);
}

bool ReadEnviron::read_host(const EnvironNames& names, PyObject* environment) noexcept {
  return read_guard_line(environment, names.host, header_names::kHost, guarded_lines_[1]);
}

bool ReadEnviron::note_mode(const EnvironNames& names, PyObject* environment) noexcept {
  return note_line(environment, names.sec_fetch_mode, header_names::kSecFetchMode) &&
         note_line(environment, names.sec_fetch_dest, header_names::kSecFetchDest);
}

bool ReadEnviron::note_cookie(const EnvironNames& names, PyObject* environment) noexcept {
  return note_line(environment, names.cookie, header_names::kCookie);
}

bool ReadEnviron::read_method(const EnvironNames& names, PyObject* environment) noexcept {
  if (method_) return true;
  method_ = get_item(environment, names.method.ptr());
  if (!method_) return PyErr_Occurred() == nullptr;
  request_.set_method(view_of_value(method_.get()));
  return true;
}

bool ReadEnviron::read_for_guard(const EnvironNames& names, PyObject* environment, PyObject* host,
                                 const Policy& policy, bool allowed) noexcept {
  // Then a cookie alone can keep it from passing.
  const bool cookie_first = allowed && !policy.guard_rules().isolates_reads();
  if (cookie_first && !note_cookie(names, environment)) return false;
  if (cookie_first && !request_.has_cookie()) return true;
  if (!read_upgrade(names, environment) || !read_method(names, environment)) return false;
  if (asks_for_websocket_ || !is_safe_method(request_.method())) {
    if (allowed && policy.allow_credentials()) return true;
    if (!cookie_first && !note_cookie(names, environment)) return false;
    if (allowed && !request_.has_cookie()) return true;
    if (!read_site(names, environment)) return false;
    if (host == nullptr) return read_host(names, environment);
    request_.add_guard_line(header_names::kHost, view_of_value(host));
    return true;
  }
  if (!corsac::is_isolated(policy, request_)) return true;
  if (!read_site(names, environment)) return false;
  return request_.sec_fetch_site().empty() || note_mode(names, environment);
}

[[gnu::always_inline]] inline bool ReadEnviron::read_other_lines(const EnvironNames& names,
                                                                 PyObject* environment,
                                                                 Reading reading) noexcept {
  // Only with this method are the other lines more than any request's.
  if (origin_ && request_.method() == "OPTIONS" && !read_preflight_lines(names, environment))
    return false;
  if (reading != Reading::kEverything) return true;
  return read_upgrade(names, environment) && read_site(names, environment) &&
         read_host(names, environment) && note_mode(names, environment) &&
         note_cookie(names, environment);
}

bool ReadEnviron::read(const EnvironNames& names, PyObject* environment, Reading reading) noexcept {
  if (!read_line(environment, names.origin, header_names::kOrigin, origin_)) return false;
  if (!origin_ && reading == Reading::kNoMore) return true;
  return read_method(names, environment) && read_other_lines(names, environment, reading);
}

bool ReadEnviron::read(const EnvironNames& names, std::string_view method, std::string_view scheme,
                       PyObject* environment, Reading reading) noexcept {
  request_.set_method(method);
  request_.set_server_scheme(scheme);
  return read_line(environment, names.origin, header_names::kOrigin, origin_) &&
         read_other_lines(names, environment, reading);
}

bool ReadEnviron::read_scheme(const EnvironNames& names, PyObject* environment) noexcept {
  const Ref scheme = get_item(environment, names.url_scheme.ptr());
  const std::string_view text = view_of_text(scheme.get());
  request_.set_server_scheme(text);
  return !text.empty() || PyErr_Occurred() == nullptr;
}

bool ReadEnviron::read_beyond_cors(const EnvironNames& names, PyObject* environment,
                                   std::optional<std::string_view> scheme) noexcept {
  if (!read_site(names, environment) || !note_mode(names, environment)) return false;
  if (!beyond_cors_needs_scheme(request_)) return true;
  if (!read_line(environment, names.origin, header_names::kOrigin, origin_) ||
      !read_host(names, environment)) {
    return false;
  }
  if (!scheme) return read_scheme(names, environment);
  request_.set_server_scheme(*scheme);
  return true;
}

std::optional<bool> is_beyond_cors(const EnvironNames& names, PyObject* environment,
                                   std::optional<std::string_view> scheme) noexcept {
  ReadEnviron read;
  if (!read.read_beyond_cors(names, environment, scheme)) return std::nullopt;
  return corsac::is_beyond_cors(read.request());
}

PathInfo::PathInfo(PyObject* environment, const EnvironNames& names) noexcept
    : path_(get_item(environment, names.path_info.ptr())) {
  if (!path_) return;
  // Other code points are no bytes: such a server decodes paths itself, and so do its users.
  view_ = is_latin1(path_.get()) ? view_of_latin1(path_.get()) : view_of_text(path_.get());
}

}  // namespace corsac::bindings
