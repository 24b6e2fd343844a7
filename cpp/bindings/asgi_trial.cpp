#include "asgi.hpp"
#include "corsac/ascii.hpp"
#include "response_lines.hpp"

// An ASGI request for the policy on trial. It is read anew, since another policy may look at other
// header lines.

namespace corsac::bindings {
namespace {

bool has_line(PyObject* headers, std::string_view lower_case_name) noexcept {
  if (headers == nullptr) return false;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(headers); ++i) {
    PyObject* const* pair =
        plain_pair_of_any_value<ByteLines>(PySequence_Fast_GET_ITEM(headers, i));
    if (pair != nullptr && ascii::equals_lowercased(view_of_bytes(pair[0]), lower_case_name))
      return true;
  }
  return false;
}

/// True if the header lines can be read again and again: reading others could use them up.
bool has_lasting_headers(PyObject* scope, const Names& names) noexcept {
  const Ref headers = get_item(scope, names.headers.ptr());
  if (!headers) return PyErr_Occurred() == nullptr;
  return headers.get() == Py_None || PyList_Check(headers.get()) || PyTuple_Check(headers.get());
}

/// @return false if the request is not judged, and then an exception may be set.
bool read_for_trial(ReadRequest& read, const Names& names, PyObject* scope) noexcept {
  Ref unchanged;
  return has_lasting_headers(scope, names) && read_headers_apart(read, names, scope, unchanged) &&
         read_guard_lines(read) && read_method(read, names, scope) &&
         read_scheme(read.request, names, scope);
}

}  // namespace

bool try_scope(const Exchange& exchange, std::optional<Outcome> outcome, PyObject* scope) noexcept {
  ASGIMiddleware* self = exchange.self;
  const Routing& trial = *exchange.entry->trial;
  const Ref type = get_item(scope, trial.names.type.ptr());
  const bool is_http = is_text(type.get(), trial.names.http);
  const bool is_handshake = is_text(type.get(), trial.names.websocket);
  if (PyErr_Occurred() != nullptr) return leave_undecided(self);
  if (!is_http && !is_handshake) return true;
  if (trial.hosts() != nullptr && !has_lasting_headers(scope, trial.names)) {
    if (PyErr_Occurred() != nullptr) return leave_undecided(self);
    increment(self->trial_counters.undecided);
    return true;
  }
  if (trial.hosts() != nullptr) {
    HostLines lines;
    if (!lines.read(trial.names, scope)) return leave_undecided(self);
    const Request& request = lines.request();
    const Refusal refusal = trial.hosts()->check(request.host_lines(), request.host());
    if (refusal != Refusal::kNone) {
      const Outcome would = outcome_of_host(refusal);
      return compare_with_trial(
          self, *exchange.entry, outcome, would,
          {would, trial.for_hosts(), lines.origin(), scope, nullptr, lines.host()});
    }
  }
  const RoutePath path(scope, trial.names, exchange.self->root_path_owner);
  if (PyErr_Occurred() != nullptr) return leave_undecided(self);
  const Routing::Entry& entry = trial.has_rules() ? trial.select(path.view()) : trial.fallback();
  if (entry.is_left_alone()) return leave_alone_on_trial(self, outcome);
  ReadRequest read;
  if (!read_for_trial(read, trial.names, scope)) {
    if (PyErr_Occurred() != nullptr) return leave_undecided(self);
    increment(self->trial_counters.undecided);
    return true;
  }
  const std::optional<bool> beyond_cors = is_beyond_cors(read, trial.names, scope);
  if (!beyond_cors) return leave_undecided(self);
  return try_request(self, entry, *exchange.entry, outcome,
                     {.request = read.request,
                      .origin = read.origin,
                      .object = scope,
                      .path = path.view(),
                      .has_cookie = has_line(read.header_list.get(), "cookie"),
                      .is_beyond_cors = *beyond_cors,
                      .is_handshake = is_handshake,
                      .has_response = is_http});
}

}  // namespace corsac::bindings
