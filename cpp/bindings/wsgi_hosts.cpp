#include "corsac/host_set.hpp"
#include "response_lines.hpp"
#include "wsgi.hpp"

// Which hosts are served: judged before rules, policies and the application, also where a path is
// left alone.

namespace corsac::bindings {
namespace {

/// What is done about a host that is not served, and the answer.
[[gnu::cold, gnu::noinline]] PyObject* refuse_host(const WSGIExchange& exchange, Refusal refusal,
                                                   const HostVariable& host) noexcept {
  const Routing& routing = *exchange.entry->routing;
  WSGIExchange refused = exchange;
  refused.entry = &routing.for_hosts();
  const Outcome outcome = outcome_of_host(refusal);
  const Ref origin = get_item(exchange.environment, exchange.self->names->origin.ptr());
  Ref line;
  if ((!origin && PyErr_Occurred() != nullptr) ||
      !report(exchange.self, {outcome, *refused.entry, origin.get(), exchange.environment, nullptr,
                              host.object()}) ||
      // What is not served never reaches a policy, on trial or not; hosts on trial may serve it.
      (refused.entry->trial != nullptr && refused.entry->trial->hosts() != nullptr &&
       !try_environ(refused, outcome)) ||
      !debug_line<TextLines>(routing, reason_code(refusal), line)) {
    return nullptr;
  }
  const Ref status(PyLong_FromLong(refused_status(refusal)));
  const Ref reason = text_from(reason_code(refusal));
  if (!status || !reason) return nullptr;
  PyObject* call[] = {exchange.environment, exchange.start_response, status.get(), reason.get(),
                      line ? PyTuple_GET_ITEM(line.get(), 0) : Py_None};
  return call_python(exchange.self->refuse, call, 5);
}

}  // namespace

bool HostVariable::read(const EnvironNames& names, PyObject* environment) noexcept {
  host_ = get_item(environment, names.host.ptr());
  return host_ || PyErr_Occurred() == nullptr;
}

Refusal HostVariable::check(const HostSet& hosts) const noexcept {
  if (!host_ || !is_latin1(host_.get())) return Refusal::kHostMalformed;
  return hosts.check(1, view_of_latin1(host_.get()));
}

bool is_host_served(const WSGIExchange& exchange, Ref& host, PyObject*& answer) noexcept {
  answer = nullptr;
  HostVariable variable;
  if (!variable.read(*exchange.self->names, exchange.environment)) return false;
  const Refusal refusal = variable.check(*exchange.entry->routing->hosts());
  if (refusal == Refusal::kNone) {
    host = variable.take();
    return true;
  }
  answer = refuse_host(exchange, refusal, variable);
  return false;
}

}  // namespace corsac::bindings
