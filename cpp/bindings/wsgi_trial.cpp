#include "corsac/guard.hpp"
#include "wsgi.hpp"

// A WSGI request for the policy on trial.

namespace corsac::bindings {

bool try_environ(const WSGIExchange& exchange, std::optional<Outcome> outcome) noexcept {
  WSGIMiddleware* self = exchange.self;
  const EnvironNames& names = *self->names;
  const Routing& trial = *exchange.entry->trial;
  if (trial.hosts() != nullptr) {
    HostVariable host;
    if (!host.read(names, exchange.environment)) return leave_undecided(self);
    const Refusal refusal = host.check(*trial.hosts());
    if (refusal != Refusal::kNone) {
      const Ref origin = get_item(exchange.environment, names.origin.ptr());
      if (!origin && PyErr_Occurred() != nullptr) return leave_undecided(self);
      const Outcome would = outcome_of_host(refusal);
      return compare_with_trial(
          self, *exchange.entry, outcome, would,
          {would, trial.for_hosts(), origin.get(), exchange.environment, nullptr, host.object()});
    }
  }
  const PathInfo path(exchange.environment, names);
  if (PyErr_Occurred() != nullptr) return leave_undecided(self);
  const Routing::Entry& entry = trial.has_rules() ? trial.select(path.view()) : trial.fallback();
  if (entry.is_left_alone()) return leave_alone_on_trial(self, outcome);
  ReadEnviron read;
  if (!read.read(names, exchange.environment, Reading::kEverything) ||
      !read.read_scheme(names, exchange.environment)) {
    return leave_undecided(self);
  }
  const std::optional<bool> beyond_cors = is_beyond_cors(names, exchange.environment);
  if (!beyond_cors) return leave_undecided(self);
  const Ref cookie = get_item(exchange.environment, names.cookie.ptr());
  if (!cookie && PyErr_Occurred() != nullptr) return leave_undecided(self);
  return try_request(self, entry, *exchange.entry, outcome,
                     {.request = read.request(),
                      .origin = read.origin(),
                      .object = exchange.environment,
                      .path = path.view(),
                      .has_cookie = static_cast<bool>(cookie),
                      .is_beyond_cors = *beyond_cors,
                      .is_handshake = read.asks_for_websocket()});
}

}  // namespace corsac::bindings
