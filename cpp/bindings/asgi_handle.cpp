#include "asgi.hpp"
#include "corsac/guard.hpp"
#include "corsac/host_set.hpp"
#include "response_lines.hpp"

// What becomes of one request: answered here, handed to the application with a `send` of ours, or
// handed on as it is.

namespace corsac::bindings {
namespace {

/// Has the application called with these arguments.
void call_app(const ASGIMiddleware* self, PyObject* const* args, AppCall<3>& call) noexcept {
  call.places = {nullptr, args[0], args[1], args[2]};
  call.app = Ref::borrowed(self->app);
}

/// Has the application called with a `send` that changes its response.
/// @return null; with an exception set if it is not called.
[[gnu::always_inline]] inline PyObject* call_app(ASGIMiddleware* self, PyObject* const* args,
                                                 const ResponseChange& change,
                                                 AppCall<3>& call) noexcept {
  Ref send(make_send(reinterpret_cast<PyTypeObject*>(self->callable_type), args[2], change));
  if (!send) return nullptr;
  PyObject* const with_send[] = {args[0], args[1], send.get()};
  call_app(self, with_send, call);
  call.made[1] = std::move(send);
  return nullptr;
}

/// Has the policy on trial judge a request, if there is one.
[[gnu::always_inline]] inline bool try_if_wanted(const Exchange& exchange, Outcome outcome,
                                                 PyObject* scope) noexcept {
  return exchange.entry->trial == nullptr || try_scope(exchange, outcome, scope);
}

/// What is done about every refusal.
/// @param line out: the header line with the reason, if such is wanted.
/// @return false with an exception set.
[[gnu::cold, gnu::noinline]] bool report_refusal(const Exchange& exchange, Outcome outcome,
                                                 Refusal refusal, ReadRequest& read,
                                                 PyObject* scope, Ref& line) noexcept {
  const Routing::Entry& entry = *exchange.entry;
  if (is_refused_by_cors_check(outcome)) {
    const std::optional<bool> beyond_cors = is_beyond_cors(read, entry.policy->names, scope);
    if (!beyond_cors) return false;
    if (*beyond_cors) outcome = Outcome::kNotCors;
  }
  return report(exchange.self, {outcome, entry, read.origin, scope}) &&
         try_if_wanted(exchange, outcome, scope) &&
         debug_line<ByteLines>(*entry.routing, reason_code(refusal), line);
}

[[gnu::cold, gnu::noinline]] PyObject* refuse_by_guard(const Exchange& exchange, Refusal refusal,
                                                       ReadRequest& read,
                                                       PyObject* const* args) noexcept {
  Ref line;
  if (!report_refusal(exchange, outcome_of_guard(refusal), refusal, read, args[0], line))
    return nullptr;
  Answer answer;
  refuse(exchange.policy().core(), refusal, answer);
  return respond(exchange.self, exchange.policy(), args[2], read, answer, line.get());
}

/// Apart from other requests, since an Answer takes 4 KiB of stack.
[[gnu::noinline]] PyObject* handle_preflight(const Exchange& exchange, const ResponseChange& change,
                                             const Decision& decision, ReadRequest& read,
                                             PyObject* const* args, AppCall<3>& call) noexcept {
  const Policy& core = change.policy->core();
  Ref line;
  if (decision.allowed) {
    const Routing::Entry& entry = *exchange.entry;
    Outcome outcome{};
    if (!report_preflight(exchange.self, entry, read.request, read.origin, args[0], outcome) ||
        !try_if_wanted(exchange, outcome, args[0]) ||
        (is_refused(outcome) &&
         !debug_line<ByteLines>(*entry.routing, reason_code(outcome), line))) {
      return nullptr;
    }
  } else if (!report_refusal(exchange, outcome_of(decision), decision.refusal, read, args[0],
                             line)) {
    return nullptr;
  }
  Answer answer;
  if (!core.preflight_continue()) {
    answer_preflight(core, read.request, decision, answer);
    return respond(exchange.self, *change.policy, args[2], read, answer, line.get());
  }
  preflight_headers(core, read.request, decision, answer);
  const Ref pairs = make_pairs<ByteLines>(*change.policy, read.request, read.origin, answer);
  if (!pairs || (line && PyList_Append(pairs.get(), PyTuple_GET_ITEM(line.get(), 0)) < 0))
    return nullptr;
  ResponseChange with_preflight = change;
  with_preflight.more = pairs.get();
  return call_app(exchange.self, args, with_preflight, call);
}

/// The coroutine that waits for the answer and then begins this request anew with it.
[[gnu::cold, gnu::noinline]] PyObject* continue_later(const Exchange& exchange, PyObject* awaitable,
                                                      PyObject* origin,
                                                      PyObject* const* args) noexcept {
  const Ref place(PyLong_FromSsize_t(exchange.entry->place));
  if (!place) return nullptr;
  PyObject* call[] = {reinterpret_cast<PyObject*>(exchange.self),
                      exchange.routing,
                      place.get(),
                      awaitable,
                      origin,
                      args[0],
                      args[1],
                      args[2]};
  return call_python(exchange.self->continue_when_decided, call, 8);
}

/// Whether the guard leaves the path of a request alone; nothing with an exception set.
[[gnu::noinline]] std::optional<bool> is_exempt(const Exchange& exchange,
                                                PyObject* scope) noexcept {
  const CompiledPolicy& policy = exchange.policy();
  if (!policy.core().guard_rules().has_exempt_paths()) return false;
  const RoutePath path(scope, policy.names, exchange.self->root_path_owner);
  if (PyErr_Occurred() != nullptr) return std::nullopt;
  return policy.core().guard_rules().is_exempt(path.view());
}

/// Forgets an answer that was given about another origin than the one that is there now.
void keep_answer_about(Exchange& exchange, const ReadRequest& read) noexcept {
  if (exchange.asked_about == nullptr) return;
  if (read.request.origin() != view_of_bytes(exchange.asked_about)) exchange.answered = false;
}

/// Whether the guard lets a request pass. It reads what it has to look at, which for most is little
/// or nothing. Precondition: there is a guard.
/// @param change out: `is_isolated`.
/// @param answer out: if it does not, what the call of the middleware gives.
[[gnu::noinline]] bool passes_guard(const Exchange& exchange, bool allowed, ReadRequest& read,
                                    PyObject* const* args, ResponseChange& change,
                                    PyObject*& answer) noexcept {
  answer = nullptr;
  const CompiledPolicy& policy = exchange.policy();
  if (!read.method && !read_method(read, policy.names, args[0])) return false;
  if (!guard_needs_lines(policy.core(), read.request, allowed)) return true;
  if (!read_guard_lines(read)) return false;
  if (guard_needs_scheme(policy.core(), read.request, allowed) &&
      !read_scheme(read.request, policy.names, args[0])) {
    return false;
  }
  const Refusal refusal = guard_request(policy.core(), read.request, allowed);
  change.is_isolated = is_isolated(policy.core(), read.request);
  if (refusal == Refusal::kNone && !change.is_isolated) return true;
  const std::optional<bool> exempt = is_exempt(exchange, args[0]);
  if (!exempt) return false;
  if (*exempt) {
    change.is_isolated = false;
    return true;
  }
  if (refusal == Refusal::kNone) return true;
  answer = refuse_by_guard(exchange, refusal, read, args);
  return false;
}

/// @param is_last see `is_last_allowed`.
PyObject* answer_http(const Exchange& exchange, const Decision& decision, bool is_last,
                      ReadRequest& read, PyObject* const* args, AppCall<3>& call) noexcept {
  const CompiledPolicy& policy = exchange.policy();
  ASGIMiddleware* self = exchange.self;
  ResponseChange change{exchange.entry->object, &policy, args[0]};
  if (policy.core().guard() && !passes_guard_by_origin(policy.core(), decision.allowed)) {
    PyObject* answer = nullptr;
    if (!passes_guard(exchange, decision.allowed, read, args, change, answer)) return answer;
    is_last = false;  // What is read may run code, and that have another request answered.
  }
  Ref allow_origin;
  Ref line;
  switch (decision.kind) {
    case RequestKind::kPreflight:
      return handle_preflight(exchange, change, decision, read, args, call);
    case RequestKind::kActual:
      if (decision.allowed) {
        count(self, Outcome::kActualAllowed);
        if (!policy.core().has_constant_origin()) {
          allow_origin = allow_origin_pair<ByteLines>(policy, read.origin, is_last);
          if (!allow_origin) return nullptr;
          change.allow_origin = allow_origin.get();
        }
        if (policy.core().echoes_timing()) {
          if (!timing_line<ByteLines>(policy, read.origin, line)) return nullptr;
          change.more = line.get();
        }
        if (!try_if_wanted(exchange, Outcome::kActualAllowed, args[0])) return nullptr;
      } else {
        if (!report_refusal(exchange, outcome_of(decision), decision.refusal, read, args[0], line))
          return nullptr;
        change.more = line.get();
      }
      break;
    case RequestKind::kNotCors:
      count(self, Outcome::kNotCors);
      if (!try_if_wanted(exchange, Outcome::kNotCors, args[0])) return nullptr;
      break;
  }
  return call_app(self, args, change, call);
}

PyObject* handle_http(Exchange& exchange, PyObject* const* caller_args, AppCall<3>& call) noexcept {
  const CompiledPolicy& policy = exchange.policy();
  Ref changed_scope;
  ReadRequest read;
  const HostSet* const hosts = exchange.hosts();
  read.with_host = hosts != nullptr;
  if (!read_headers(read, policy.names, caller_args[0], changed_scope)) return nullptr;
  PyObject* const scope = changed_scope ? changed_scope.get() : caller_args[0];
  if (hosts != nullptr) {
    const Refusal refusal = hosts->check(read.request.host_lines(), read.request.host());
    PyObject* const with_scope[] = {scope, caller_args[1], caller_args[2]};
    if (refusal != Refusal::kNone) return refuse_host(exchange, refusal, with_scope);
  }
  if (read.request.may_be_preflight() && !read_method(read, policy.names, scope)) return nullptr;
  PyObject* const args[] = {scope, caller_args[1], caller_args[2]};

  keep_answer_about(exchange, read);
  const bool is_last = is_last_allowed<ByteLines>(policy, read.request);
  Decision decision = decide(policy.core(), read.request, is_last);
  if (decision.asks && !exchange.answered) {
    if (!keep_headers(read)) return nullptr;
    decision = decide(policy.core(), read.request);  // What is kept is what is judged.
  }
  if (decision.asks && !exchange.answered) {
    Ref awaitable;
    const Verdict verdict = ask(policy, read.origin, args[0], awaitable);
    if (verdict == Verdict::kError) return nullptr;
    if (verdict == Verdict::kLater)
      return continue_later(exchange, awaitable.get(), read.origin, args);
    exchange.answered = verdict == Verdict::kAllowed;
  }
  decision = settle(decision, exchange.answered.value_or(false));
  PyObject* answer = answer_http(exchange, decision, is_last, read, args, call);
  if (changed_scope) call.made[0] = std::move(changed_scope);
  return answer;
}

[[gnu::cold, gnu::noinline]] PyObject* refuse_handshake(const Exchange& exchange, Refusal refusal,
                                                        ReadRequest& read,
                                                        PyObject* const* args) noexcept {
  Ref line;
  if (!report_refusal(exchange, outcome_of_guard(refusal), refusal, read, args[0], line))
    return nullptr;
  return refuse_plainly(exchange.self, refusal, args, line.get());
}

/// A WebSocket handshake under a policy with `guard`.
PyObject* handle_websocket(Exchange& exchange, PyObject* const* caller_args,
                           AppCall<3>& call) noexcept {
  const CompiledPolicy& policy = exchange.policy();
  Ref changed_scope;
  ReadRequest read;
  const HostSet* const hosts = exchange.hosts();
  read.with_host = hosts != nullptr;
  if (!read_headers_apart(read, policy.names, caller_args[0], changed_scope)) return nullptr;
  PyObject* const scope = changed_scope ? changed_scope.get() : caller_args[0];
  if (hosts != nullptr) {
    const Refusal refusal = hosts->check(read.request.host_lines(), read.request.host());
    PyObject* const with_scope[] = {scope, caller_args[1], caller_args[2]};
    if (refusal != Refusal::kNone) return refuse_host(exchange, refusal, with_scope);
  }
  PyObject* const args[] = {scope, caller_args[1], caller_args[2]};

  keep_answer_about(exchange, read);
  using Standing = Policy::Standing;
  const auto standing = [&read, &policy] {
    return read.request.has_one_origin() ? policy.core().standing_of(read.request.origin())
                                         : Standing::kRefused;
  };
  if (!exchange.answered && standing() == Standing::kAsked && !keep_headers(read)) return nullptr;
  const Standing known = exchange.answered ? Standing::kRefused : standing();
  if (known == Standing::kAllowed) exchange.answered = true;
  if (known == Standing::kAsked) {
    Ref awaitable;
    const Verdict verdict = ask(policy, read.origin, args[0], awaitable);
    if (verdict == Verdict::kError) return nullptr;
    if (verdict == Verdict::kLater)
      return continue_later(exchange, awaitable.get(), read.origin, args);
    exchange.answered = verdict == Verdict::kAllowed;
  }
  if (!read_guard_lines(read) || !read_scheme(read.request, policy.names, args[0])) return nullptr;
  const Refusal refusal =
      guard_websocket(policy.core(), read.request, exchange.answered.value_or(false));
  if (refusal != Refusal::kNone) {
    const std::optional<bool> exempt = is_exempt(exchange, args[0]);
    if (!exempt) return nullptr;
    if (!*exempt) return refuse_handshake(exchange, refusal, read, args);
  }
  // A handshake that passes is not counted, and what passes here has nothing to be compared with.
  if (exchange.entry->trial != nullptr && !try_scope(exchange, std::nullopt, args[0]))
    return nullptr;
  call_app(exchange.self, args, call);
  if (changed_scope) call.made[0] = std::move(changed_scope);
  return nullptr;
}

/// Handles what no header lines are read of for a policy, or those of several, if its host is
/// served.
[[gnu::noinline]] PyObject* handle_if_served(Exchange& exchange, PyObject* const* args,
                                             AppCall<3>& call) noexcept {
  Ref changed_scope;
  PyObject* answer = nullptr;
  if (!is_host_served(exchange, args, changed_scope, answer)) return answer;
  exchange.host_is_judged = true;
  if (!changed_scope) return handle(exchange, args, call);
  PyObject* const changed_args[] = {changed_scope.get(), args[1], args[2]};
  answer = handle(exchange, changed_args, call);
  // What was changed here can be read again and again, so nothing further on changed it too.
  call.made[0] = std::move(changed_scope);
  return answer;
}

}  // namespace

PyObject* handle_by_first(Exchange& exchange, PyObject* const* caller_args,
                          AppCall<3>& call) noexcept {
  const Names& names = exchange.policy().names;
  const Ref type = get_item_at(caller_args[0], names.type.ptr(), names.in_scope.type);
  if (!type && PyErr_Occurred() != nullptr) return nullptr;
  if (!is_text(type.get(), names.http) && !is_text(type.get(), names.websocket)) {
    call_app(exchange.self, caller_args, call);
    return nullptr;
  }
  Ref changed_scope;
  ReadRequest read;
  if (!read_headers_apart(read, names, caller_args[0], changed_scope)) return nullptr;
  PyObject* const scope = changed_scope ? changed_scope.get() : caller_args[0];
  PyObject* const args[] = {scope, caller_args[1], caller_args[2]};

  exchange.answered.reset();
  for (; exchange.entry->next != nullptr; exchange.entry = exchange.entry->next) {
    const Policy& core = exchange.policy().core();
    if (covers_origin(core, read.request)) break;
    if (!asks_about_origin(core, read.request)) continue;
    // The lines may change meanwhile: what is chosen here is read and judged anew, and an answer
    // counts for the origin that it was given about.
    Ref awaitable;
    const Verdict verdict = ask(exchange.policy(), read.origin, scope, awaitable);
    if (verdict == Verdict::kError) return nullptr;
    if (verdict == Verdict::kLater)
      return continue_later(exchange, awaitable.get(), read.origin, args);
    if (verdict != Verdict::kAllowed) continue;
    exchange.answered = true;
    exchange.asked_about = read.origin;
    break;
  }
  PyObject* answer = handle(exchange, args, call);
  if (changed_scope) call.made[0] = std::move(changed_scope);
  return answer;
}

PyObject* handle(Exchange& exchange, PyObject* const* args, AppCall<3>& call) noexcept {
  if (exchange.entry->policy != nullptr) {
    const CompiledPolicy& policy = exchange.policy();
    const Names& names = policy.names;
    const Ref type = get_item_at(args[0], names.type.ptr(), names.in_scope.type);
    if (!type && PyErr_Occurred() != nullptr) return nullptr;
    if (is_text(type.get(), names.http)) return handle_http(exchange, args, call);
    if (policy.core().guard() && is_text(type.get(), names.websocket)) {
      return handle_websocket(exchange, args, call);
    }
  }
  if (exchange.hosts() != nullptr) return handle_if_served(exchange, args, call);
  if (exchange.entry->is_several()) {
    exchange.entry = exchange.entry->next;
    return handle_by_first(exchange, args, call);
  }
  if (exchange.entry->trial != nullptr && !try_scope(exchange, std::nullopt, args[0]))
    return nullptr;
  call_app(exchange.self, args, call);
  return nullptr;
}

}  // namespace corsac::bindings
