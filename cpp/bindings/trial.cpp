#include <new>

#include "corsac/guard.hpp"
#include "middleware.hpp"

// A second policy that judges the same requests and changes nothing: what would become of them.

namespace corsac::bindings {
namespace {

/// What is known about the origin of a request, where it matters.
Policy::Standing standing_under(const Policy& policy, const TrialRequest& tried) noexcept {
  using Standing = Policy::Standing;
  if (tried.has_response) {
    const Decision decision = decide(policy, tried.request);
    if (decision.asks) return Standing::kAsked;
    return decision.allowed ? Standing::kAllowed : Standing::kRefused;
  }
  const bool matters = policy.guard() && tried.request.has_one_origin();
  return matters ? policy.standing_of(tried.request.origin()) : Standing::kRefused;
}

/// What the browser makes of an outcome.
Outcome seen(const Policy& policy, const TrialRequest& tried, Outcome outcome,
             Missing* missing = nullptr) {
  const Outcome seen = seen_by_browser(policy, tried.request, outcome, tried.has_cookie, missing);
  return tried.is_beyond_cors && is_refused_by_cors_check(seen) ? Outcome::kNotCors : seen;
}

/// What a policy and the browser make of a request; nothing for a handshake that the guard
/// passes.
/// @param answered the origin is allowed: it is known to be, or so whoever was asked said.
std::optional<Outcome> outcome_under(const Policy& policy, const TrialRequest& tried, bool answered,
                                     Missing& missing) {
  const Request& request = tried.request;
  if (policy.guard()) {
    const Refusal refusal = tried.is_handshake ? guard_websocket(policy, request, answered)
                                               : guard_request(policy, request, answered);
    if (refusal != Refusal::kNone && !policy.guard_rules().is_exempt(tried.path))
      return outcome_of_guard(refusal);
  }
  if (!tried.has_response) return std::nullopt;
  const Decision decision = settle(decide(policy, request), answered);
  return seen(policy, tried, outcome_of(decision), &missing);
}

/// Says that a coroutine is not wanted, so that Python does not warn that nobody awaited it.
bool close_unawaited(PyObject* awaitable) noexcept {
  if (!PyCoro_CheckExact(awaitable)) return true;
  if (Ref(PyObject_CallMethod(awaitable, "close", nullptr))) return true;
  return set_aside_exception(awaitable);
}

}  // namespace

bool leave_undecided(Middleware* self) noexcept {
  if (!PyErr_ExceptionMatches(PyExc_Exception)) return false;
  PyErr_Clear();
  increment(self->trial_counters.undecided);
  return true;
}

bool try_request(Middleware* self, const Routing::Entry& on_trial, const Routing::Entry& in_force,
                 std::optional<Outcome> outcome, const TrialRequest& tried) noexcept {
  TrialCounters& counters = self->trial_counters;
  bool answered = false;  // The origin is known to be allowed, or who was asked allows it.
  const Routing::Entry* decides = on_trial.is_several() ? on_trial.next : &on_trial;
  for (;; decides = decides->next) {
    const Policy& core = decides->policy->core();
    const bool is_last = decides->next == nullptr;
    answered = !is_last && covers_origin(core, tried.request);
    if (answered) break;
    const Policy::Standing known =
        is_last ? standing_under(core, tried) : Policy::Standing::kRefused;
    answered = known == Policy::Standing::kAllowed;
    if (known == Policy::Standing::kAsked || (!is_last && asks_about_origin(core, tried.request))) {
      const Ref origin = bytes_from(tried.request.origin());
      if (!origin) return leave_undecided(self);
      Ref awaitable;
      const Verdict verdict = ask(*decides->policy, origin.get(), tried.object, awaitable);
      if (verdict == Verdict::kError) return false;
      if (verdict == Verdict::kLater) {
        increment(counters.undecided);
        return close_unawaited(awaitable.get());
      }
      answered = verdict == Verdict::kAllowed;
    }
    if (is_last || answered) break;
  }
  const Routing::Entry& trial = *decides;
  std::optional<Outcome> would;
  Missing missing;
  try {
    would = outcome_under(trial.policy->core(), tried, answered, missing);
    if (outcome && in_force.policy != nullptr)
      outcome = seen(in_force.policy->core(), tried, *outcome);
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
    return leave_undecided(self);
  }
  const Refused refused{would.value_or(Outcome::kNotCors), trial, tried.origin, tried.object,
                        &missing};
  return compare_with_trial(self, in_force, outcome, would, refused);
}

bool leave_alone_on_trial(Middleware* self, std::optional<Outcome> outcome) noexcept {
  // Only a host that is not served keeps a request from a path that is left alone.
  if (outcome == Outcome::kHostMalformed || outcome == Outcome::kHostNotAllowed)
    increment(self->trial_counters.newly_allowed);
  return true;
}

bool compare_with_trial(Middleware* self, const Routing::Entry& in_force,
                        std::optional<Outcome> outcome, std::optional<Outcome> would,
                        const Refused& refused) noexcept {
  TrialCounters& counters = self->trial_counters;
  if (would) increment(counters.outcomes[static_cast<std::size_t>(*would)]);
  // A handshake that passes, and a path that is left alone, are the application's business.
  const Reach now = outcome ? reach_of(*outcome) : Reach::kPage;
  const Reach then = would ? reach_of(*would) : Reach::kPage;
  if (then == now) return true;
  if (then > now) {
    increment(counters.newly_allowed);
    return true;
  }
  increment(counters.newly_refused);
  return write_to_log(self->report_trial, self->trial_reporting, refused) &&
         tell(in_force.routing->on_refusal(), refused, Py_True);
}

}  // namespace corsac::bindings
