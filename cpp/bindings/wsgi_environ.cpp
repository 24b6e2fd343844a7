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

bool ReadEnviron::read_preflight_lines(const EnvironNames& names, PyObject* environment) noexcept {
  return read_line(environment, names.request_method_header, header_names::kRequestMethod,
                   preflight_lines_[0]) &&
         read_line(environment, names.request_headers, header_names::kRequestHeaders,
                   preflight_lines_[1]) &&
         read_line(environment, names.request_private_network, header_names::kRequestPrivateNetwork,
                   preflight_lines_[2]);
}

bool ReadEnviron::read_guarded_lines(const EnvironNames& names, PyObject* environment) noexcept {
  const Ref upgrade = get_item(environment, names.upgrade.ptr());
  if (!upgrade && PyErr_Occurred() != nullptr) return false;
  asks_for_websocket_ = upgrade && bindings::asks_for_websocket(view_of_value(upgrade.get()));
  return read_line(environment, names.sec_fetch_site, header_names::kSecFetchSite,
                   guarded_lines_[0]) &&
         read_line(environment, names.host, header_names::kHost, guarded_lines_[1]);
}

[[gnu::always_inline]] inline bool ReadEnviron::read_other_lines(const EnvironNames& names,
                                                                 PyObject* environment,
                                                                 bool guard) noexcept {
  // Only with this method are the other lines more than any request's.
  if (origin_ && request_.method() == "OPTIONS" && !read_preflight_lines(names, environment))
    return false;
  return !guard || read_guarded_lines(names, environment);
}

bool ReadEnviron::read(const EnvironNames& names, PyObject* environment, bool guard) noexcept {
  if (!read_line(environment, names.origin, header_names::kOrigin, origin_)) return false;
  if (!origin_ && !guard) return true;
  method_ = get_item(environment, names.method.ptr());
  if (!method_ && PyErr_Occurred() != nullptr) return false;
  if (method_) request_.set_method(view_of_value(method_.get()));
  return read_other_lines(names, environment, guard);
}

bool ReadEnviron::read(const EnvironNames& names, std::string_view method, std::string_view scheme,
                       PyObject* environment, bool guard) noexcept {
  request_.set_method(method);
  request_.set_server_scheme(scheme);
  return read_line(environment, names.origin, header_names::kOrigin, origin_) &&
         read_other_lines(names, environment, guard);
}

bool ReadEnviron::read_scheme(const EnvironNames& names, PyObject* environment) noexcept {
  const Ref scheme = get_item(environment, names.url_scheme.ptr());
  if (!scheme && PyErr_Occurred() != nullptr) return false;
  request_.set_server_scheme(view_of_text(scheme.get()));
  return true;
}

bool ReadEnviron::read_mode(const EnvironNames& names, PyObject* environment) noexcept {
  const Ref mode = get_item(environment, names.sec_fetch_mode.ptr());
  if (!mode) return PyErr_Occurred() == nullptr;
  // The core notes what it says, and no view of it.
  request_.add_mode_line(header_names::kSecFetchMode, view_of_value(mode.get()));
  return true;
}

std::optional<bool> is_beyond_cors(const EnvironNames& names, PyObject* environment,
                                   std::optional<std::string_view> scheme) noexcept {
  ReadEnviron read;
  const bool done =
      scheme ? read.read(names, {}, *scheme, environment, true)
             : read.read(names, environment, true) && read.read_scheme(names, environment);
  if (!done || !read.read_mode(names, environment)) return std::nullopt;
  return corsac::is_beyond_cors(read.request());
}

PathInfo::PathInfo(PyObject* environment, const EnvironNames& names) noexcept
    : path_(get_item(environment, names.path_info.ptr())) {
  if (!path_) return;
  // Other code points are no bytes: such a server decodes paths itself, and so do its users.
  view_ = is_latin1(path_.get()) ? view_of_latin1(path_.get()) : view_of_text(path_.get());
}

}  // namespace corsac::bindings
