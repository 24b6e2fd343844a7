#include "asgi.hpp"
#include "corsac/guard.hpp"
#include "response_lines.hpp"

// What becomes of one request: answered here, handed to the application with a `send` of ours, or
// handed on as it is.

namespace corsac::bindings {
namespace {

/// Calls the application with a `send` that changes its response.
[[gnu::always_inline]] inline PyObject* call_app(ASGIMiddleware* self, PyObject* scope,
                                                 PyObject* receive, PyObject* send,
                                                 const ResponseChange& change) noexcept {
  const Ref wrapped(make_send(reinterpret_cast<PyTypeObject*>(self->callable_type), send, change));
  if (!wrapped) return nullptr;
  // One free place before the arguments lets a bound method put its `self` there without a copy.
  PyObject* args[] = {nullptr, scope, receive, wrapped.get()};
  const Ref app = Ref::borrowed(self->app);  // `__init__` may be called once more meanwhile.
  return call_positional(app.get(), args + 1, 3 | PY_VECTORCALL_ARGUMENTS_OFFSET);
}

PyObject* refuse_by_guard(ASGIMiddleware* self, const CompiledPolicy& policy, Refusal refusal,
                          const ReadRequest& read, PyObject* scope, PyObject* send) noexcept {
  count(self, Counter::kGuardRefused);
  report(self, refusal, read.origin, scope);
  Answer answer;
  refuse(policy.core(), refusal, answer);
  return respond(self, policy, send, read, answer);
}

PyObject* handle_preflight(ASGIMiddleware* self, const ResponseChange& change,
                           const Decision& decision, const ReadRequest& read,
                           PyObject* const* args) noexcept {
  const Policy& core = change.policy->core();
  count(self, decision.allowed ? Counter::kPreflightAllowed : Counter::kPreflightRefused);
  if (!decision.allowed) report(self, decision.refusal, read.origin, args[0]);
  Answer answer;
  if (!core.preflight_continue()) {
    answer_preflight(core, read.request, decision, answer);
    return respond(self, *change.policy, args[2], read, answer);
  }
  preflight_headers(core, read.request, decision, answer);
  const Ref pairs = make_pairs<ByteLines>(*change.policy, read.request, read.origin, answer);
  if (!pairs) return nullptr;
  ResponseChange with_preflight = change;
  with_preflight.preflight = pairs.get();
  return call_app(self, args[0], args[1], args[2], with_preflight);
}

/// The coroutine that waits for the answer and then begins this request anew with it.
PyObject* continue_later(const Exchange& exchange, PyObject* awaitable, PyObject* origin,
                         PyObject* const* args) noexcept {
  PyObject* call[] = {reinterpret_cast<PyObject*>(exchange.self),
                      exchange.entry.object,
                      awaitable,
                      origin,
                      args[0],
                      args[1],
                      args[2]};
  return PyObject_Vectorcall(exchange.self->continue_when_decided, call, 7, nullptr);
}

/// Forgets an answer that was given about another origin than the one that is there now.
void keep_answer_about(Exchange& exchange, const ReadRequest& read) noexcept {
  if (exchange.asked_about == nullptr) return;
  if (read.request.origin() != view_of_bytes(exchange.asked_about)) exchange.answered = false;
}

PyObject* answer_http(const Exchange& exchange, const Decision& decision, const ReadRequest& read,
                      PyObject* const* args) noexcept {
  const CompiledPolicy& policy = exchange.policy();
  ASGIMiddleware* self = exchange.self;
  if (policy.core().guard()) {
    const Refusal refusal =
        guard_request(policy.core(), read.request, exchange.answered.value_or(false));
    if (refusal != Refusal::kNone) {
      return refuse_by_guard(self, policy, refusal, read, args[0], args[2]);
    }
  }
  ResponseChange change{exchange.entry.object, &policy};
  Ref allow_origin;
  switch (decision.kind) {
    case RequestKind::kPreflight:
      return handle_preflight(self, change, decision, read, args);
    case RequestKind::kActual:
      if (decision.allowed) {
        count(self, Counter::kActualAllowed);
        if (policy.core().varies_by_origin()) {
          allow_origin = allow_origin_pair<ByteLines>(policy, read.origin);
          if (!allow_origin) return nullptr;
          change.allow_origin = allow_origin.get();
        }
      } else {
        count(self, Counter::kActualRefused);
        report(self, decision.refusal, read.origin, args[0]);
      }
      break;
    case RequestKind::kNotCors:
      count(self, Counter::kNotCors);
      break;
  }
  return call_app(self, args[0], args[1], args[2], change);
}

PyObject* handle_http(Exchange& exchange, PyObject* const* caller_args) noexcept {
  const CompiledPolicy& policy = exchange.policy();
  Ref scope = Ref::borrowed(caller_args[0]);
  ReadRequest read;
  if (!read_headers(read, policy, scope)) return nullptr;
  if ((read.request.may_be_preflight() || policy.core().guard()) &&
      !read_method(read, policy, scope.get())) {
    return nullptr;
  }
  PyObject* const args[] = {scope.get(), caller_args[1], caller_args[2]};

  keep_answer_about(exchange, read);
  Decision decision = decide(policy.core(), read.request, last_allowed<ByteLines>(policy));
  if (decision.asks && !exchange.answered) {
    if (!keep_headers(read, policy)) return nullptr;
    decision = decide(policy.core(), read.request);  // What is kept is what is judged.
  }
  if (decision.asks && !exchange.answered) {
    Ref awaitable;
    const Verdict verdict = ask(policy, read.origin, awaitable);
    if (verdict == Verdict::kError) return nullptr;
    if (verdict == Verdict::kLater)
      return continue_later(exchange, awaitable.get(), read.origin, args);
    exchange.answered = verdict == Verdict::kAllowed;
  }
  decision = settle(decision, exchange.answered.value_or(false));
  return answer_http(exchange, decision, read, args);
}

PyObject* refuse_handshake(ASGIMiddleware* self, Refusal refusal, const ReadRequest& read,
                           PyObject* const* args) noexcept {
  count(self, Counter::kGuardRefused);
  report(self, refusal, read.origin, args[0]);
  const Ref reason = reason_text(refusal);
  if (!reason) return nullptr;
  PyObject* call[] = {args[0], args[1], args[2], reason.get()};
  return PyObject_Vectorcall(self->refuse_websocket, call, 4, nullptr);
}

/// A WebSocket handshake under a policy with `guard`.
PyObject* handle_websocket(Exchange& exchange, PyObject* const* caller_args) noexcept {
  const CompiledPolicy& policy = exchange.policy();
  Ref scope = Ref::borrowed(caller_args[0]);
  ReadRequest read;
  if (!read_headers(read, policy, scope)) return nullptr;
  PyObject* args[] = {nullptr, scope.get(), caller_args[1], caller_args[2]};

  keep_answer_about(exchange, read);
  const auto asks = [&exchange, &read, &policy] {
    return !exchange.answered && read.request.has_one_origin() &&
           policy.core().asks_about(read.request.origin());
  };
  if (asks() && !keep_headers(read, policy)) return nullptr;
  if (asks()) {
    Ref awaitable;
    const Verdict verdict = ask(policy, read.origin, awaitable);
    if (verdict == Verdict::kError) return nullptr;
    if (verdict == Verdict::kLater)
      return continue_later(exchange, awaitable.get(), read.origin, args + 1);
    exchange.answered = verdict == Verdict::kAllowed;
  }
  const Refusal refusal =
      guard_websocket(policy.core(), read.request, exchange.answered.value_or(false));
  if (refusal != Refusal::kNone) return refuse_handshake(exchange.self, refusal, read, args + 1);
  const Ref app = Ref::borrowed(exchange.self->app);
  return call_positional(app.get(), args + 1, 3 | PY_VECTORCALL_ARGUMENTS_OFFSET);
}

}  // namespace

PyObject* handle(Exchange& exchange, PyObject* const* args) noexcept {
  if (exchange.entry.policy != nullptr) {
    const CompiledPolicy& policy = exchange.policy();
    const Ref type = get_early_item(args[0], policy.names.type.ptr());
    if (!type && PyErr_Occurred() != nullptr) return nullptr;
    if (is_text(type.get(), policy.names.http)) return handle_http(exchange, args);
    if (policy.core().guard() && is_text(type.get(), policy.names.websocket)) {
      return handle_websocket(exchange, args);
    }
  }
  const Ref app = Ref::borrowed(exchange.self->app);
  return call_positional(app.get(), args, 3);
}

}  // namespace corsac::bindings
