#include "corsac/guard.hpp"
#include "response_lines.hpp"
#include "wsgi.hpp"

// What becomes of one request: answered here, handed to the application with a `start_response` of
// ours, or handed on as it is.

namespace corsac::bindings {
namespace {

PyObject* call_app(const WSGIExchange& exchange, const ResponseChange& change) noexcept {
  WSGIMiddleware* self = exchange.self;
  const Ref wrapped(make_start_response(reinterpret_cast<PyTypeObject*>(self->callable_type),
                                        exchange.start_response, change));
  if (!wrapped) return nullptr;
  // One free place before the arguments lets a bound method put its `self` there without a copy.
  PyObject* args[] = {nullptr, exchange.environment, wrapped.get()};
  const Ref app = Ref::borrowed(self->app);  // `__init__` may be called once more meanwhile.
  return call_positional(app.get(), args + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET);
}

/// Starts a whole answer. @return its body: a tuple, so that the server knows that it is all.
PyObject* respond(const WSGIExchange& exchange, const ReadEnviron& read,
                  const Answer& answer) noexcept {
  const CompiledPolicy& policy = exchange.policy();
  const Ref headers = make_pairs<TextLines>(policy, read.request(), read.origin(), answer);
  const Ref chunk(answer.body.empty() ? nullptr : bytes_from(answer.body).release());
  Ref body(answer.body.empty() ? PyTuple_New(0) : chunk ? PyTuple_Pack(1, chunk.get()) : nullptr);
  if (!headers || !body) return nullptr;
  const py::str& status = answer.status == policy.core().preflight_status()
                              ? policy.status_line
                              : exchange.self->names->forbidden;
  PyObject* args[] = {nullptr, status.ptr(), headers.get()};
  const Ref write(PyObject_Vectorcall(exchange.start_response, args + 1,
                                      2 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr));
  return write ? body.release() : nullptr;
}

PyObject* refuse_by_guard(const WSGIExchange& exchange, Refusal refusal,
                          const ReadEnviron& read) noexcept {
  count(exchange.self, Counter::kGuardRefused);
  report(exchange.self, refusal, read.origin(), exchange.environment);
  Answer answer;
  refuse(exchange.policy().core(), refusal, answer);
  return respond(exchange, read, answer);
}

PyObject* handle_preflight(const WSGIExchange& exchange, const Decision& decision,
                           const ReadEnviron& read) noexcept {
  const Policy& core = exchange.policy().core();
  count(exchange.self, decision.allowed ? Counter::kPreflightAllowed : Counter::kPreflightRefused);
  if (!decision.allowed)
    report(exchange.self, decision.refusal, read.origin(), exchange.environment);
  Answer answer;
  if (!core.preflight_continue()) {
    answer_preflight(core, read.request(), decision, answer);
    return respond(exchange, read, answer);
  }
  preflight_headers(core, read.request(), decision, answer);
  const Ref pairs = make_pairs<TextLines>(exchange.policy(), read.request(), read.origin(), answer);
  if (!pairs) return nullptr;
  return call_app(exchange, {exchange.entry.object, &exchange.policy(), nullptr, pairs.get()});
}

/// Asks outside the core about the request's origin; nothing with an exception set.
std::optional<bool> ask_about(const WSGIExchange& exchange, PyObject* origin) noexcept {
  const Ref bytes = bytes_from(TextLines::view(origin));
  if (!bytes) return std::nullopt;
  Ref awaitable;
  const Verdict verdict = ask(exchange.policy(), bytes.get(), awaitable);
  if (verdict == Verdict::kError) return std::nullopt;
  if (verdict != Verdict::kLater) return verdict == Verdict::kAllowed;
  // There is no event loop to wait in.
  PyObject* args[] = {nullptr, awaitable.get()};
  const Ref answer(PyObject_Vectorcall(exchange.self->decide_at_once, args + 1,
                                       1 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr));
  if (!answer) return std::nullopt;
  return answer.get() == Py_True;
}

Refusal judge_by_guard(const Policy& policy, const ReadEnviron& read, bool settled) noexcept {
  return read.asks_for_websocket() ? guard_websocket(policy, read.request(), settled)
                                   : guard_request(policy, read.request(), settled);
}

PyObject* handle_under_policy(const WSGIExchange& exchange) noexcept {
  WSGIMiddleware* self = exchange.self;
  const CompiledPolicy& policy = exchange.policy();
  ReadEnviron read;
  if (!read.read(*self->names, exchange.environment, policy.core().guard())) return nullptr;

  Decision decision = decide(policy.core(), read.request(), last_allowed<TextLines>(policy));
  bool settled = false;
  if (decision.asks) {
    const std::optional<bool> answered = ask_about(exchange, read.origin());
    if (!answered) return nullptr;
    settled = *answered;
    decision = settle(decision, settled);
  }
  if (policy.core().guard()) {
    const Refusal refusal = judge_by_guard(policy.core(), read, settled);
    if (refusal != Refusal::kNone) return refuse_by_guard(exchange, refusal, read);
  }

  ResponseChange change{exchange.entry.object, &policy};
  Ref allow_origin;
  switch (decision.kind) {
    case RequestKind::kPreflight:
      return handle_preflight(exchange, decision, read);
    case RequestKind::kActual:
      if (decision.allowed) {
        count(self, Counter::kActualAllowed);
        if (policy.core().varies_by_origin()) {
          allow_origin = allow_origin_pair<TextLines>(policy, read.origin());
          if (!allow_origin) return nullptr;
          change.allow_origin = allow_origin.get();
        }
      } else {
        count(self, Counter::kActualRefused);
        report(self, decision.refusal, read.origin(), exchange.environment);
      }
      break;
    case RequestKind::kNotCors:
      count(self, Counter::kNotCors);
      break;
  }
  return call_app(exchange, change);
}

}  // namespace

PyObject* handle(const WSGIExchange& exchange) noexcept {
  if (exchange.entry.policy != nullptr) return handle_under_policy(exchange);
  PyObject* args[] = {nullptr, exchange.environment, exchange.start_response};
  const Ref app = Ref::borrowed(exchange.self->app);
  return call_positional(app.get(), args + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET);
}

}  // namespace corsac::bindings
