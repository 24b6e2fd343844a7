#include "asgi.hpp"
#include "corsac/host_set.hpp"
#include "response_lines.hpp"

// Which hosts are served: judged before policies and the application, also where a path is left
// alone. Which rule matches is known by then, so that the header lines are read once, and counts
// for nothing.

namespace corsac::bindings {
PyObject* refuse_host(const Exchange& exchange, Refusal refusal, PyObject* const* args) noexcept {
  const Routing& routing = *exchange.entry->routing;
  Exchange refused = exchange;
  refused.entry = &routing.for_hosts();
  const Outcome outcome = outcome_of_host(refusal);
  HostLines lines;
  Ref line;
  if (!lines.read(routing.names, args[0]) ||
      !report(exchange.self,
              {outcome, *refused.entry, lines.origin(), args[0], nullptr, lines.host()}) ||
      // What is not served never reaches a policy, on trial or not; hosts on trial may serve it.
      (refused.entry->trial != nullptr && refused.entry->trial->hosts() != nullptr &&
       !try_scope(refused, outcome, args[0])) ||
      !debug_line<ByteLines>(routing, reason_code(refusal), line)) {
    return nullptr;
  }
  return refuse_plainly(exchange.self, refusal, args, line.get());
}

bool HostLines::read(const Names& names, PyObject* scope) noexcept {
  Ref unchanged;
  read_.with_host = true;
  if (!read_headers_apart(read_, names, scope, unchanged)) return false;
  if (read_.request.host_lines() == 0) return true;
  host_ = bytes_from(read_.request.host());
  return static_cast<bool>(host_);
}

PyObject* refuse_plainly(const ASGIMiddleware* self, Refusal refusal, PyObject* const* args,
                         PyObject* line) noexcept {
  const Ref status(PyLong_FromLong(refused_status(refusal)));
  const Ref reason = text_from(reason_code(refusal));
  if (!status || !reason) return nullptr;
  PyObject* call[] = {args[0],      args[1],
                      args[2],      status.get(),
                      reason.get(), line == nullptr ? Py_None : PyTuple_GET_ITEM(line, 0)};
  return call_python(self->refuse, call, 6);
}

bool is_host_served(const Exchange& exchange, PyObject* const* args, Ref& changed,
                    PyObject*& answer) noexcept {
  answer = nullptr;
  const Routing& routing = *exchange.entry->routing;
  const Ref type = get_item_at(args[0], routing.names.type.ptr(), routing.names.in_scope.type);
  if (!is_text(type.get(), routing.names.http) && !is_text(type.get(), routing.names.websocket))
    return PyErr_Occurred() == nullptr;
  // HTTP/2 and HTTP/3 have `:authority`, which servers hand over as Host (ASGI, "HTTP Connection
  // Scope"). A request of HTTP/1.0 may do without Host (RFC 9112 section 3.2 asks it of HTTP/1.1);
  // it is refused all the same: nothing says which of the server's names it means.
  ReadRequest read;
  if (!read_host(read, routing.names, args[0], changed)) return false;
  const Refusal refusal = routing.hosts()->check(read.request.host_lines(), read.request.host());
  if (refusal == Refusal::kNone) return true;
  PyObject* const with_scope[] = {changed ? changed.get() : args[0], args[1], args[2]};
  answer = refuse_host(exchange, refusal, with_scope);
  return false;
}

}  // namespace corsac::bindings
