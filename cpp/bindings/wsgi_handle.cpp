#include "corsac/guard.hpp"
#include "response_lines.hpp"
#include "wsgi.hpp"

// What becomes of one request: answered here, handed to the application with a `start_response` of
// ours, or handed on as it is.

namespace corsac::bindings {
namespace {

/// Has the application called. @param start_response its own, or the server's.
void call_app(const WSGIExchange& exchange, PyObject* start_response, AppCall<2>& call) noexcept {
  call.places = {nullptr, exchange.environment, start_response};
  call.app = Ref::borrowed(exchange.self->app);
}

/// Has the application called with a `start_response` that changes its response.
/// @return null; with an exception set if it is not called.
[[gnu::always_inline]] inline PyObject* call_app(const WSGIExchange& exchange,
                                                 const ResponseChange& change,
                                                 AppCall<2>& call) noexcept {
  Ref wrapped(make_start_response(reinterpret_cast<PyTypeObject*>(exchange.self->callable_type),
                                  exchange.start_response, change));
  if (!wrapped) return nullptr;
  call_app(exchange, wrapped.get(), call);
  call.made[0] = std::move(wrapped);
  return nullptr;
}

/// Starts a whole answer. @param more a tuple of one more header pair, or null.
/// @return its body: a tuple, so that the server knows that it is all.
PyObject* respond(const WSGIExchange& exchange, const ReadEnviron& read, const Answer& answer,
                  PyObject* more) noexcept {
  const CompiledPolicy& policy = exchange.policy();
  const Ref headers = make_pairs<TextLines>(policy, read.request(), read.origin(), answer);
  const Ref chunk(answer.body.empty() ? nullptr : bytes_from(answer.body).release());
  Ref body(answer.body.empty() ? PyTuple_New(0) : chunk ? PyTuple_Pack(1, chunk.get()) : nullptr);
  if (!headers || !body) return nullptr;
  if (more != nullptr && PyList_Append(headers.get(), PyTuple_GET_ITEM(more, 0)) < 0)
    return nullptr;
  const py::str& status = answer.status == policy.core().preflight_status()
                              ? policy.status_line
                              : exchange.self->names->forbidden;
  PyObject* args[] = {nullptr, status.ptr(), headers.get()};
  const Ref write(
      call_python(exchange.start_response, args + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET));
  return write ? body.release() : nullptr;
}

[[gnu::always_inline]] inline bool try_if_wanted(const WSGIExchange& exchange,
                                                 std::optional<Outcome> outcome) noexcept {
  return exchange.entry->trial == nullptr || try_environ(exchange, outcome);
}

/// What is done about every refusal.
/// @param line out: the header line with the reason, if such is wanted.
/// @return false with an exception set.
[[gnu::cold, gnu::noinline]] bool report_refusal(const WSGIExchange& exchange, Outcome outcome,
                                                 Refusal refusal, const ReadEnviron& read,
                                                 Ref& line) noexcept {
  const Routing::Entry& entry = *exchange.entry;
  if (is_refused_by_cors_check(outcome)) {
    const std::optional<bool> beyond_cors =
        is_beyond_cors(*exchange.self->names, exchange.environment);
    if (!beyond_cors) return false;
    if (*beyond_cors) outcome = Outcome::kNotCors;
  }
  return report(exchange.self, {outcome, entry, read.origin(), exchange.environment}) &&
         try_if_wanted(exchange, outcome) &&
         debug_line<TextLines>(*entry.routing, reason_code(refusal), line);
}

[[gnu::cold, gnu::noinline]] PyObject* refuse_by_guard(const WSGIExchange& exchange,
                                                       Refusal refusal,
                                                       const ReadEnviron& read) noexcept {
  Ref line;
  if (!report_refusal(exchange, outcome_of_guard(refusal), refusal, read, line)) return nullptr;
  Answer answer;
  refuse(exchange.policy().core(), refusal, answer);
  return respond(exchange, read, answer, line.get());
}

/// Apart from other requests, since an Answer takes 4 KiB of stack.
[[gnu::noinline]] PyObject* handle_preflight(const WSGIExchange& exchange, const Decision& decision,
                                             const ReadEnviron& read, AppCall<2>& call) noexcept {
  const Policy& core = exchange.policy().core();
  Ref line;
  if (decision.allowed) {
    const Routing::Entry& entry = *exchange.entry;
    Outcome outcome{};
    if (!report_preflight(exchange.self, entry, read.request(), read.origin(), exchange.environment,
                          outcome) ||
        !try_if_wanted(exchange, outcome) ||
        (is_refused(outcome) &&
         !debug_line<TextLines>(*entry.routing, reason_code(outcome), line))) {
      return nullptr;
    }
  } else if (!report_refusal(exchange, outcome_of(decision), decision.refusal, read, line)) {
    return nullptr;
  }
  Answer answer;
  if (!core.preflight_continue()) {
    answer_preflight(core, read.request(), decision, answer);
    return respond(exchange, read, answer, line.get());
  }
  preflight_headers(core, read.request(), decision, answer);
  const Ref pairs = make_pairs<TextLines>(exchange.policy(), read.request(), read.origin(), answer);
  if (!pairs || (line && PyList_Append(pairs.get(), PyTuple_GET_ITEM(line.get(), 0)) < 0))
    return nullptr;
  return call_app(
      exchange,
      {exchange.entry->object, &exchange.policy(), exchange.environment, nullptr, pairs.get()},
      call);
}

/// Asks outside the core about the request's origin; nothing with an exception set.
[[gnu::cold, gnu::noinline]] std::optional<bool> ask_about(const WSGIExchange& exchange,
                                                           PyObject* origin) noexcept {
  const Ref bytes = bytes_from(TextLines::view(origin));
  if (!bytes) return std::nullopt;
  Ref awaitable;
  const Verdict verdict = ask(exchange.policy(), bytes.get(), exchange.environment, awaitable);
  if (verdict == Verdict::kError) return std::nullopt;
  if (verdict != Verdict::kLater) return verdict == Verdict::kAllowed;
  // There is no event loop to wait in.
  PyObject* args[] = {nullptr, awaitable.get()};
  const Ref answer(
      call_python(exchange.self->decide_at_once, args + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET));
  if (!answer) return std::nullopt;
  return answer.get() == Py_True;
}

/// Whether the guard leaves the path of a request alone; nothing with an exception set.
[[gnu::noinline]] std::optional<bool> is_exempt(const WSGIExchange& exchange) noexcept {
  const GuardRules& guard = exchange.policy().core().guard_rules();
  if (!guard.has_exempt_paths()) return false;
  const PathInfo path(exchange.environment, *exchange.self->names);
  if (PyErr_Occurred() != nullptr) return std::nullopt;
  return guard.is_exempt(path.view());
}

/// Whether the guard lets a request pass. It reads what it has to look at, which for most is little
/// or nothing. Precondition: there is a guard.
/// @param change out: `is_isolated`.
/// @param answer out: if it does not, what the call of the middleware gives.
[[gnu::noinline]] bool passes_guard(const WSGIExchange& exchange, bool allowed, ReadEnviron& read,
                                    ResponseChange& change, PyObject*& answer) noexcept {
  answer = nullptr;
  const Policy& core = exchange.policy().core();
  const EnvironNames& names = *exchange.self->names;
  if (!read.read_for_guard(names, exchange.environment, exchange.host, core, allowed)) return false;
  if (guard_needs_scheme(core, read.request(), allowed) &&
      !read.read_scheme(names, exchange.environment)) {
    return false;
  }
  const Refusal refusal = read.judge_by_guard(core, allowed);
  change.is_isolated = read.is_isolated(core);
  if (refusal == Refusal::kNone && !change.is_isolated) return true;
  const std::optional<bool> exempt = is_exempt(exchange);
  if (!exempt) return false;
  if (*exempt) {
    change.is_isolated = false;
    return true;
  }
  if (refusal == Refusal::kNone) return true;
  answer = refuse_by_guard(exchange, refusal, read);
  return false;
}

PyObject* handle_under_policy(const WSGIExchange& exchange, AppCall<2>& call) noexcept {
  WSGIMiddleware* self = exchange.self;
  const CompiledPolicy& policy = exchange.policy();
  ReadEnviron read;
  if (!read.read(*self->names, exchange.environment, Reading::kNoMore)) return nullptr;

  bool is_last = is_last_allowed<TextLines>(policy, read.request());
  Decision decision = decide(policy.core(), read.request(), is_last);
  if (decision.asks) {
    const bool is_known =
        exchange.allowed_origin != nullptr &&
        TextLines::view(exchange.allowed_origin) == TextLines::view(read.origin());
    const std::optional<bool> answered = is_known ? true : ask_about(exchange, read.origin());
    if (!answered) return nullptr;
    decision = settle(decision, *answered);
  }
  ResponseChange change{exchange.entry->object, &policy, exchange.environment};
  if (policy.core().guard() && !passes_guard_by_origin(policy.core(), decision.allowed)) {
    PyObject* answer = nullptr;
    if (!passes_guard(exchange, decision.allowed, read, change, answer)) return answer;
    is_last = false;  // What is read may run code, and that have another request answered.
  }

  Ref allow_origin;
  Ref line;
  switch (decision.kind) {
    case RequestKind::kPreflight:
      return handle_preflight(exchange, decision, read, call);
    case RequestKind::kActual:
      if (decision.allowed) {
        count(self, Outcome::kActualAllowed);
        if (!policy.core().has_constant_origin()) {
          allow_origin = allow_origin_pair<TextLines>(policy, read.origin(), is_last);
          if (!allow_origin) return nullptr;
          change.allow_origin = allow_origin.get();
        }
        if (policy.core().echoes_timing()) {
          if (!timing_line<TextLines>(policy, read.origin(), line)) return nullptr;
          change.more = line.get();
        }
        if (!try_if_wanted(exchange, Outcome::kActualAllowed)) return nullptr;
      } else {
        if (!report_refusal(exchange, outcome_of(decision), decision.refusal, read, line))
          return nullptr;
        change.more = line.get();
      }
      break;
    case RequestKind::kNotCors:
      count(self, Outcome::kNotCors);
      if (!try_if_wanted(exchange, Outcome::kNotCors)) return nullptr;
      break;
  }
  return call_app(exchange, change, call);
}

/// Has the first policy decide that covers the request's origin, or the last one.
[[gnu::noinline]] PyObject* handle_by_first(WSGIExchange exchange, AppCall<2>& call) noexcept {
  ReadEnviron read;
  if (!read.read(*exchange.self->names, exchange.environment, Reading::kNoMore)) return nullptr;
  exchange.entry = exchange.entry->next;
  for (; exchange.entry->next != nullptr; exchange.entry = exchange.entry->next) {
    const Policy& core = exchange.policy().core();
    if (covers_origin(core, read.request())) break;
    if (!asks_about_origin(core, read.request())) continue;
    const std::optional<bool> answered = ask_about(exchange, read.origin());
    if (!answered) return nullptr;
    if (!*answered) continue;
    exchange.allowed_origin = read.origin();
    break;
  }
  return handle_under_policy(exchange, call);
}

}  // namespace

PyObject* handle(const WSGIExchange& exchange, AppCall<2>& call) noexcept {
  if (exchange.entry->policy != nullptr) return handle_under_policy(exchange, call);
  if (exchange.entry->is_several()) return handle_by_first(exchange, call);
  if (!try_if_wanted(exchange, std::nullopt)) return nullptr;
  call_app(exchange, exchange.start_response, call);
  return nullptr;
}

}  // namespace corsac::bindings
