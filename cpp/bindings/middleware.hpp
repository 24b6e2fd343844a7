#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "bindings.hpp"
#include "calls.hpp"
#include "corsac/outcome.hpp"

/// What the ASGI and the WSGI middleware have in common as Python objects: what they hold, counting
/// and reporting, and the configuration in force.
namespace corsac::bindings {

// Without a global lock, reading and replacing the policy need the object's own.
#ifdef Py_GIL_DISABLED
#define CORSAC_BEGIN_LOCKED(object) Py_BEGIN_CRITICAL_SECTION(object)
#define CORSAC_END_LOCKED() Py_END_CRITICAL_SECTION()
#else
#define CORSAC_BEGIN_LOCKED(object) {
#define CORSAC_END_LOCKED() }
#endif

/// What tells one refusal from another in a log: its reason, its origin, what it misses.
struct RefusalKey {
  std::size_t reason;  ///< The place of `first_with_reason`.
  std::uint64_t hash;  ///< Of all of it.
};

/// For how long, in seconds, a log would do nothing about refusals; what is no such time is none.
struct Silence {
  double same = 0;  ///< About refusals with the same key.
  double any = 0;   ///< About all with the same reason.
};

/// Which refusals are reported to a log now. The log says itself how long it will not listen; until
/// then a refusal costs a look at the clock, so that a flood of them stays cheap, and one origin's
/// flood does not keep another's first refusal from the log.
///
/// The keys about which it does not listen have kPlaces places by their hashes, and a newer one
/// takes an older one's: the log is then asked in vain.
class Reporting {
 public:
  static constexpr std::size_t kPlaces = 128;

  /// @param seed see `random_seed`.
  explicit Reporting(std::uint64_t seed) noexcept : seed_(seed) {}

  /// The number of refusals for the reason that were not reported since the last one that was, if
  /// this one is to be; nothing if it is not, and then it is counted.
  /// @param make_key gives the RefusalKey; it is not called while all are silent.
  template <typename MakeKey>
  std::optional<std::uint64_t> begin(Outcome outcome, MakeKey make_key, RefusalKey& key) noexcept;
  void be_silent(const RefusalKey& key, Silence silence) noexcept;

  [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }

 private:
  struct Reason {
    std::atomic<std::int64_t> same_until{0};  ///< Nanoseconds of the steady clock.
    std::atomic<std::int64_t> any_until{0};
    std::atomic<std::uint64_t> unreported{0};
  };

  static std::int64_t now() noexcept;

  std::array<Reason, kOutcomes> reasons_;
  std::array<std::atomic<std::uint64_t>, kPlaces> silent_keys_{};
  std::uint64_t seed_;
};

template <typename MakeKey>
std::optional<std::uint64_t> Reporting::begin(Outcome outcome, MakeKey make_key,
                                              RefusalKey& key) noexcept {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  key.reason = static_cast<std::size_t>(first_with_reason(outcome));
  Reason& reason = reasons_[key.reason];
  const std::int64_t any_until = reason.any_until.load(kRelaxed);
  const std::int64_t same_until = reason.same_until.load(kRelaxed);
  const std::int64_t time = any_until == 0 && same_until == 0 ? 0 : now();
  if (time < any_until) {
    reason.unreported.fetch_add(1, kRelaxed);
    return std::nullopt;
  }
  key.hash = make_key();
  if (time < same_until && silent_keys_[key.hash % kPlaces].load(kRelaxed) == key.hash) {
    reason.unreported.fetch_add(1, kRelaxed);
    return std::nullopt;
  }
  return reason.unreported.exchange(0, kRelaxed);
}

using Counter = std::atomic<std::uint64_t>;

/// What the policy on trial made of requests.
struct TrialCounters {
  std::array<Counter, kOutcomes> outcomes;
  Counter undecided;      ///< Its function wanted to be awaited, or the request could not be read.
  Counter newly_refused;  ///< Let through by the policy in force.
  Counter newly_allowed;  ///< Refused by the policy in force.
};

/// Where the object of each middleware begins. `__init__` fills it in, once: but for what the
/// policy consists of, it is read without a lock.
struct Middleware {
  PyObject head;  ///< What every Python object begins with.
  vectorcallfunc vectorcall;
  PyObject* app;
  PyObject* configuration;   ///< What the user sees: the policy and the rules.
  PyObject* routing_object;  ///< Its Routing; null before `__init__`.
  const Routing* routing;    ///< Inside `routing_object`.
  PyObject* callable_type;   ///< The type of the `send` or `start_response` that the app is given.
  /// (reason, origin, or host if it is refused for that, or None, scope or environ, unreported,
  /// rule, (method or None, header names) or None) -> (seconds, seconds); see `Silence`.
  PyObject* report;
  PyObject* report_trial;  ///< The same for the policy on trial.
  std::array<Counter, kServerOutcomes> counters;
  Reporting reporting;
  TrialCounters trial_counters;
  Reporting trial_reporting;
};

inline Middleware* as_middleware(PyObject* self) noexcept {
  return reinterpret_cast<Middleware*>(self);
}

inline void increment(Counter& value) noexcept {
#ifdef Py_GIL_DISABLED
  value.fetch_add(1, std::memory_order_relaxed);
#else
  // One thread at a time is here, so that two plain moves do, which are a fraction of a locked one.
  value.store(value.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
#endif
}

inline void count(Middleware* self, Outcome outcome) noexcept {
  increment(self->counters[static_cast<std::size_t>(outcome)]);
}

/// These bytes, which are ASCII, as Python's text; empty with an exception set if memory ran out.
Ref text_from(std::string_view ascii) noexcept;

/// Sets aside what must not fail a request, such as a failing log, and has it printed.
/// @param culprit what raised.
/// @return false if the exception is no Exception (KeyboardInterrupt, SystemExit): it stays set,
/// since whoever stops the program is not to be answered with a response.
bool set_aside_exception(PyObject* culprit) noexcept;

/// A refusal, as a log and a callback are told of it.
struct Refused {
  Outcome outcome;
  const Routing::Entry& entry;       ///< What decided.
  PyObject* origin;                  ///< The Origin line, or null.
  PyObject* request;                 ///< The scope or environ.
  const Missing* missing = nullptr;  ///< What a preflight misses, if that is the reason.
  PyObject* host = nullptr;          ///< The Host line, or None, if that is the reason.
};

/// Logs a refusal unless the log does not listen now.
/// @return false with an exception set that is not an Exception.
[[gnu::cold, gnu::noinline]] bool write_to_log(PyObject* log, Reporting& reporting,
                                               const Refused& refused) noexcept;

/// Tells a callback about a refusal. @param callback null: there is none.
/// @return false with an exception set that is not an Exception.
[[gnu::cold, gnu::noinline]] bool tell(PyObject* callback, const Refused& refused,
                                       PyObject* report_only) noexcept;

/// Counts an outcome. A refusal is logged, unless the log does not listen now, and the callback is
/// told.
/// @return false with an exception set that is not an Exception.
[[gnu::cold, gnu::noinline]] bool report(Middleware* self, const Refused& refused) noexcept;

/// Counts a preflight of an allowed origin. If the browser refuses it all the same, since a method
/// or header is not listed, it is counted and reported as refused; its answer is that of any other.
/// @param outcome out: what came of it.
/// @return false with an exception set that is not an Exception.
[[gnu::cold, gnu::noinline]] bool report_preflight(Middleware* self, const Routing::Entry& entry,
                                                   const Request& read, PyObject* origin,
                                                   PyObject* request, Outcome& outcome) noexcept;

/// A request for the policy on trial.
struct TrialRequest {
  const Request& request;
  PyObject* origin;       ///< The Origin line, or null.
  PyObject* object;       ///< The scope or environ.
  std::string_view path;  ///< As rules see it.
  bool has_cookie = false;
  bool is_beyond_cors = false;  ///< See `corsac::is_beyond_cors`.
  bool is_handshake = false;    ///< It asks for a WebSocket.
  bool has_response = true;  ///< It will have a response with headers, as no handshake has in ASGI.
};

/// Judges a request by the policy on trial; counts, logs and tells what would become of it.
/// @param trial what decides there. @param in_force what has decided.
/// @param outcome what came of the request, or nothing if its path is left alone.
/// @return false with an exception set that is no Exception.
[[gnu::cold, gnu::noinline]] bool try_request(Middleware* self, const Routing::Entry& trial,
                                              const Routing::Entry& in_force,
                                              std::optional<Outcome> outcome,
                                              const TrialRequest& tried) noexcept;

/// Counts what would become of a request on trial beside what becomes of it; what would get less
/// far is logged and told.
/// @param in_force what has decided. @param outcome what came of the request, see `try_request`.
/// @param would what would come of it, or nothing if it is left alone.
/// @param refused what is logged and told.
/// @return false with an exception set that is no Exception.
[[gnu::cold, gnu::noinline]] bool compare_with_trial(Middleware* self,
                                                     const Routing::Entry& in_force,
                                                     std::optional<Outcome> outcome,
                                                     std::optional<Outcome> would,
                                                     const Refused& refused) noexcept;

/// Counts a request on whose path nothing is on trial but its host, which passed.
/// @return true.
bool leave_alone_on_trial(Middleware* self, std::optional<Outcome> outcome) noexcept;

/// Counts a request that the policy on trial says nothing about, because of an exception that is
/// set. @return false if that is no Exception.
bool leave_undecided(Middleware* self) noexcept;

/// What whoever is asked outside the core says about an origin.
enum class Verdict : std::uint8_t { kRefused, kAllowed, kLater, kError };

/// Asks. @param origin its bytes. @param request the scope or environ.
/// @param awaitable out: for kLater, what to wait for.
Verdict ask(const CompiledPolicy& policy, PyObject* origin, PyObject* request,
            Ref& awaitable) noexcept;

struct RoutingInForce {
  Ref object;
  const Routing* routing = nullptr;  ///< Inside `object`; null before `__init__`.
};

/// The routing in force now. A request keeps the policy it began with when another is put in its
/// place.
inline RoutingInForce routing_in_force(Middleware* self) noexcept {
  RoutingInForce result;
  CORSAC_BEGIN_LOCKED(reinterpret_cast<PyObject*>(self));
  result.object = Ref::borrowed(self->routing_object);
  result.routing = self->routing;
  CORSAC_END_LOCKED();
  return result;
}

/// Sets the exception for what is done to a middleware before its `__init__`.
void set_not_initialized() noexcept;

/// Puts a configuration in force: one swap, so a request sees the old one or the new one, whole.
/// @return false with an exception set if `routing_object` is not a Routing, or none was in force.
bool put_in_force(Middleware* self, PyObject* configuration, PyObject* routing_object) noexcept;

/// A new middleware that its `__init__` has to fill. @return null with an exception set.
PyObject* new_middleware(PyTypeObject* type, vectorcallfunc vectorcall) noexcept;

/// A place in a middleware that owns a reference, and what it gets.
struct Filling {
  PyObject** place;
  PyObject* object;
};

/// Fills in a middleware: everything, or nothing if it cannot be used or was filled in before.
/// @param filling everything but the routing and `callable_type`.
/// @param type_name the attribute of the class that holds the type for `callable_type`.
/// @return 0, or -1 with an exception set.
int init_middleware(Middleware* self, PyObject* routing, const char* type_name,
                    std::span<const Filling> filling) noexcept;

/// The vectorcall of a class that was given another `__call__`: calls it by tuple and dictionary.
PyObject* call_other(ternaryfunc call, PyObject* self, PyObject* const* args, std::size_t nargsf,
                     PyObject* names) noexcept;

/// Brings arguments into the order of `names_wanted` when some are given by name.
/// @return false with a TypeError of the text `message` set if they are others.
template <std::size_t kCount>
bool sort_arguments(PyObject* const* args, Py_ssize_t positional, PyObject* names,
                    const std::array<const char*, kCount>& names_wanted,
                    std::array<PyObject*, kCount>& sorted, const char* message) noexcept {
  const auto given = static_cast<std::size_t>(positional);
  const auto named = static_cast<std::size_t>(names == nullptr ? 0 : PyTuple_GET_SIZE(names));
  bool complete = given + named == kCount;
  for (std::size_t i = 0; complete && i < given; ++i) sorted[i] = args[i];
  for (std::size_t i = 0; complete && i < named; ++i) {
    PyObject* name = PyTuple_GET_ITEM(names, static_cast<Py_ssize_t>(i));
    std::size_t place = 0;
    while (place < kCount && PyUnicode_CompareWithASCIIString(name, names_wanted[place]) != 0)
      ++place;
    complete = place < kCount && sorted[place] == nullptr;
    if (complete) sorted[place] = args[given + i];
  }
  if (!complete) PyErr_SetString(PyExc_TypeError, message);
  return complete;
}

/// The methods `_put_in_force`, `_outcomes` and `_trial_outcomes`.
PyObject* middleware_put_in_force(PyObject* self, PyObject* args) noexcept;
PyObject* middleware_outcomes(PyObject* self, PyObject* unused) noexcept;
PyObject* middleware_trial_outcomes(PyObject* self, PyObject* unused) noexcept;

extern PyGetSetDef kMiddlewareAttributes[];
extern PyMemberDef kMiddlewareMembers[];

/// Adds a middleware type to the module, with the type of its response callables as attribute.
void add_middleware_type(py::module_& module, const char* name, PyType_Spec& spec,
                         const char* type_name, PyType_Spec& callable_spec);

/// The value for a key of a dictionary, or of any mapping; empty if there is none. What a strange
/// mapping raises beyond "there is none" stays set, for the caller to hand on.
Ref get_item(PyObject* mapping, PyObject* key) noexcept;

/// The bytes of a text in UTF-8; empty for anything else, and with a MemoryError set.
std::string_view view_of_text(PyObject* text) noexcept;

}  // namespace corsac::bindings
