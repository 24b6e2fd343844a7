#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "bindings.hpp"
#include "corsac/cors_protocol.hpp"
#include "corsac/guard.hpp"
#include "corsac/origin.hpp"
#include "corsac/origin_set.hpp"
#include "corsac/outcome.hpp"
#include "native_object.hpp"
#include "wsgi.hpp"

// One request at a time, for frameworks whose middleware gets objects for requests and responses
// and no messages of a protocol. What a request is comes as a dictionary with the names of CGI
// (PEP 3333), which such frameworks have whatever server runs them.

namespace corsac::bindings {
namespace {

/// The keys of such a dictionary. Each interpreter has its own.
using Keys = std::shared_ptr<const EnvironNames>;

/// Throws what a strange key or value raised.
ReadEnviron read_variables(const Keys& keys, std::string_view method, const py::dict& variables,
                           std::string_view scheme, bool guard) {
  ReadEnviron read;
  const Reading reading = guard ? Reading::kEverything : Reading::kNoMore;
  if (!read.read(*keys, method, scheme, variables.ptr(), reading)) throw py::error_already_set();
  return read;
}

template <typename Lines>
py::list pairs_of(const Lines& lines) {
  py::list pairs;
  for (const HeaderLine& line : lines)
    pairs.append(py::make_tuple(to_latin1(line.name), to_latin1(line.value)));
  return pairs;
}

/// What is to be told about an outcome: (kind, reason, method that is missing or None, names of
/// headers that are), how far the request gets, and which of several policies decided; see the
/// stub.
py::tuple told(Outcome outcome, const Missing& missing, std::size_t member = 0) {
  py::list headers;
  for (const std::string& name : missing.headers) headers.append(to_latin1(name));
  py::object method = py::none();
  if (!missing.method.empty()) method = to_latin1(missing.method);
  py::object what = py::none();
  if (!missing.method.empty() || !missing.headers.empty())
    what = py::make_tuple(method, py::tuple(headers));
  py::object number = py::none();
  if (member != 0) number = py::int_(member);
  return py::make_tuple(to_latin1(kind_name(outcome)), to_latin1(reason_code(outcome)), what,
                        static_cast<int>(reach_of(outcome)), number);
}

/// Throws what a strange key or value raised.
bool is_beyond_cors_environ(const Keys& keys, const py::dict& variables,
                            const std::string& scheme) {
  const std::optional<bool> beyond_cors = is_beyond_cors(*keys, variables.ptr(), scheme);
  if (!beyond_cors) throw py::error_already_set();
  return *beyond_cors;
}

/// One request as its caller gives it.
struct Asked {
  const Keys& keys;
  const CompiledPolicy& policy;
  const std::string& method;
  const py::dict& variables;
  const std::string& scheme;
};

/// kNotCors for what only a CORS check would refuse, where no browser carries one out.
Outcome unless_beyond_cors(Outcome outcome, const Asked& asked) {
  const bool beyond_cors = is_refused_by_cors_check(outcome) &&
                           is_beyond_cors_environ(asked.keys, asked.variables, asked.scheme);
  return beyond_cors ? Outcome::kNotCors : outcome;
}

/// What `decide_request` gives; see the stub.
py::tuple outcome(const Asked& asked, const Request& request, const Answer& answer,
                  std::string_view vary, const Decision& decision, Refusal by_guard) {
  Missing missing;
  Outcome outcome = by_guard == Refusal::kNone ? outcome_of(decision) : outcome_of_guard(by_guard);
  if (outcome == Outcome::kPreflightAllowed)
    outcome = seen_by_browser(asked.policy.core(), request, outcome, false, &missing);
  const Refusal refusal = by_guard == Refusal::kNone ? decision.refusal : by_guard;
  return py::make_tuple(answer.status, pairs_of(answer.headers), to_latin1(vary),
                        py::bytes(answer.body.data(), answer.body.size()),
                        to_latin1(kind_name(decision.kind)), decision.allowed,
                        to_latin1(reason_code(refusal)),
                        told(unless_beyond_cors(outcome, asked), missing));
}

/// Asks outside the core about an origin: a bool, or what has to be awaited for one.
py::object ask(const CompiledPolicy& policy, std::string_view origin, const py::dict& variables) {
  const py::bytes bytes(origin.data(), origin.size());
  try {
    return policy.decides_by_request ? policy.decide_origin(bytes, variables)
                                     : policy.decide_origin(bytes);
  } catch (py::error_already_set& error) {
    // What is no Exception (KeyboardInterrupt, a cancelled task) is not an answer.
    if (!error.matches(PyExc_Exception)) throw;
    error.discard_as_unraisable(policy.decide_origin);
    return py::bool_(false);
  }
}

/// The bytes of a path that is text.
Ref path_bytes(const py::handle& path) {
  // Lone surrogates match nothing, but what stands before them does.
  Ref bytes(PyUnicode_AsEncodedString(path.ptr(), "utf-8", "surrogatepass"));
  if (!bytes) throw py::error_already_set();
  return bytes;
}

/// What a policy makes of a request, whoever else has a say in it.
struct Judged {
  Decision decision;
  Refusal by_guard = Refusal::kNone;
  bool is_isolated = false;  ///< See `corsac::is_isolated`; not on an exempt path.
  py::object later;  ///< What has to be awaited for an answer, and nothing is decided yet; or null.
};

/// @param answer what was found out about the origin elsewhere. It counts for an origin that is
/// not listed, also under a policy that asks nobody, and never for `null` or a malformed one.
/// @param path as rules see it; without one no path is exempt.
Judged judge(const CompiledPolicy& policy, const ReadEnviron& read, const py::dict& variables,
             std::optional<bool> answer, const std::optional<py::str>& path) {
  const Policy& core = policy.core();
  const std::string_view origin = read.request().origin();
  Decision decision = decide(core, read.request());
  if (decision.asks && !answer) {
    py::object given = ask(policy, origin, variables);
    if (!PyBool_Check(given.ptr())) return {decision, Refusal::kNone, false, std::move(given)};
    answer = given.ptr() == Py_True;
  } else if (answer && decision.refusal == Refusal::kOriginNotAllowed) {
    decision.asks = is_serialized_origin(origin);
  }
  const bool settled = answer.value_or(false) && is_serialized_origin(origin);
  Judged judged{settle(decision, settled), Refusal::kNone, false, {}};
  if (!core.guard()) return judged;
  if (path && core.guard_rules().is_exempt(view_of_bytes(path_bytes(*path).get()))) return judged;
  judged.by_guard = read.judge_by_guard(core, judged.decision.allowed || settled);
  judged.is_isolated = read.is_isolated(core);
  return judged;
}

/// The policy in an object; throws a TypeError for anything else.
const CompiledPolicy& policy_of(py::handle object) {
  const CompiledPolicy* policy = NativeType<CompiledPolicy>::value_of(object.ptr());
  if (policy == nullptr) throw py::type_error("a CompiledPolicy is wanted");
  return *policy;
}

/// Which of several policies decides.
struct Member {
  std::size_t place;
  /// What was found out about the origin: that it is allowed, or what has to be awaited; else null.
  py::object answer;
};

/// The first one from a place on that covers the request's origin, or the last.
/// @param answer what was found out about the origin for the member at that place.
Member first_covering(const py::tuple& members, const Request& request, const py::dict& variables,
                      std::size_t place, std::optional<bool> answer) {
  for (; place + 1 < members.size(); ++place, answer.reset()) {
    const CompiledPolicy& policy = policy_of(members[place]);
    if (!answer && covers_origin(policy.core(), request)) break;
    if (!asks_about_origin(policy.core(), request)) continue;
    py::object given =
        answer ? py::object(py::bool_(*answer)) : ask(policy, request.origin(), variables);
    if (given.ptr() != Py_False) return {place, std::move(given)};
  }
  return {place, {}};
}

/// The policy that decides about a request, its place among several, and what was found out about
/// the origin; see the stub.
py::tuple select_member(const Keys& keys, const py::object& object, const py::dict& variables,
                        std::size_t place, std::optional<bool> answer) {
  const CompiledPolicy& policy = policy_of(object);
  if (policy.members.empty()) return py::make_tuple(object, 0, py::none());
  const ReadEnviron read = read_variables(keys, {}, variables, {}, false);
  Member member = first_covering(policy.members, read.request(), variables, place, answer);
  return py::make_tuple(policy.members[member.place], member.place,
                        member.answer ? std::move(member.answer) : py::none());
}

/// @param answer see `judge`.
py::object decide_request(const Keys& keys, const CompiledPolicy& policy, const std::string& method,
                          const py::dict& variables, std::optional<bool> answer,
                          const std::string& scheme, const std::optional<py::str>& path) {
  const Policy& core = policy.core();
  const Asked asked{keys, policy, method, variables, scheme};
  const ReadEnviron read = read_variables(keys, method, variables, scheme, core.guard());
  const Request& request = read.request();
  Judged judged = judge(policy, read, variables, answer, path);
  if (judged.later) return std::move(judged.later);
  const auto& [decision, by_guard, is_isolated, later] = judged;

  Answer response;
  if (by_guard != Refusal::kNone) {
    refuse(core, by_guard, response);
    return outcome(asked, request, response, {}, decision, by_guard);
  }
  if (decision.kind != RequestKind::kPreflight) {
    for (const HeaderLine& line : actual_headers(core, request.origin(), decision.allowed))
      response.headers.add(line.name, line.value);
    // Whoever else decides about origins allows more of them than the constant one.
    const bool varies = answer && core.origin_mode() != Policy::OriginMode::kAny;
    std::string vary = core.vary(is_isolated);
    if (varies && !core.varies_by_origin()) vary = vary.empty() ? "Origin" : "Origin, " + vary;
    return outcome(asked, request, response, vary, decision, by_guard);
  }
  if (core.preflight_continue()) {
    preflight_headers(core, request, decision, response);
    return outcome(asked, request, response, core.preflight_vary(), decision, by_guard);
  }
  answer_preflight(core, request, decision, response);
  return outcome(asked, request, response, {}, decision, by_guard);
}

/// None, for a request about which an answer would have to be awaited.
py::object undecided(const py::object& later) {
  if (PyCoro_CheckExact(later.ptr())) later.attr("close")();
  return py::none();
}

/// What a policy and the browser would make of a request, as `told` has it; None if it is not
/// known, since whoever is asked about the origin needs time.
/// @param number its place among several, from 1; 0: it stands alone.
py::object try_policy(const Keys& keys, const CompiledPolicy& policy, const std::string& method,
                      const py::dict& variables, std::optional<bool> answer,
                      const std::string& scheme, const std::optional<py::str>& path,
                      std::size_t number) {
  const Policy& core = policy.core();
  const ReadEnviron read = read_variables(keys, method, variables, scheme, core.guard());
  if (!policy.members.empty()) {
    const Member member = first_covering(policy.members, read.request(), variables, 0, {});
    if (member.answer && !PyBool_Check(member.answer.ptr())) return undecided(member.answer);
    if (member.answer) answer = true;
    return try_policy(keys, policy_of(policy.members[member.place]), method, variables, answer,
                      scheme, path, member.place + 1);
  }
  const Judged judged = judge(policy, read, variables, answer, path);
  if (judged.later) return undecided(judged.later);
  Outcome outcome = judged.by_guard == Refusal::kNone ? outcome_of(judged.decision)
                                                      : outcome_of_guard(judged.by_guard);
  Missing missing;
  outcome =
      seen_by_browser(core, read.request(), outcome, variables.contains("HTTP_COOKIE"), &missing);
  return told(unless_beyond_cors(outcome, {keys, policy, method, variables, scheme}), missing,
              number);
}

py::object try_variables(const Keys& keys, const CompiledPolicy& policy, const std::string& method,
                         const py::dict& variables, std::optional<bool> answer,
                         const std::string& scheme, const std::optional<py::str>& path) {
  return try_policy(keys, policy, method, variables, answer, scheme, path, 0);
}

/// What a path has: (policy or None, rule).
py::tuple select_policy(const Routing& routing, const py::str& path) {
  const Routing::Entry& entry = routing.select(view_of_bytes(path_bytes(path).get()));
  return py::make_tuple(py::handle(entry.object == nullptr ? Py_None : entry.object),
                        py::handle(entry.rule));
}

/// The index of the rule that decides about a path, or None: the fallback does; and whether it is
/// neither, since repeated slashes choose between two.
py::tuple match_rule(const Routing& routing, const py::bytes& path_bytes) {
  const std::string_view path = view_of_bytes(path_bytes.ptr());
  const std::optional<std::size_t> index = routing.match(path);
  return py::make_tuple(index ? py::object(py::int_(*index)) : py::none(),
                        routing.is_ambiguous(path));
}

/// The reason code for Host lines that are not served, or an empty text.
std::string check_host(const Routing& routing, const std::vector<py::bytes>& lines) {
  if (routing.hosts() == nullptr) return {};
  const std::string_view first = lines.empty() ? std::string_view() : view_of_bytes(lines[0].ptr());
  return std::string(reason_code(routing.hosts()->check(lines.size(), first)));
}

bool matches_origin_entry(const std::string& entry, const py::bytes& origin) {
  const std::variant<OriginPattern, OriginError> read = parse_origin_pattern(entry);
  const auto* pattern = std::get_if<OriginPattern>(&read);
  if (pattern == nullptr || pattern->is_exact()) return entry == view_of_bytes(origin.ptr());
  OriginSet one(0);
  one.add_pattern(*pattern);
  return one.contains(view_of_bytes(origin.ptr()));
}

}  // namespace

void bind_exchange(py::module_& module) {
  const Keys keys = std::make_shared<const EnvironNames>();
  module.def("select_policy", &select_policy, py::arg("routing"), py::arg("path"),
             "The compiled policy of a path, or None for hands off; and the rule that says so.");
  module.def("select_member", bind_first(keys, &select_member), py::arg("policy"),
             py::arg("environ"), py::arg("place") = 0, py::arg("answer") = py::none(),
             "Which of several policies decides about a request, or what has to be awaited first.");
  module.def("match_rule", &match_rule, py::arg("routing"), py::arg("path"),
             "Which rule decides about a path, and whether repeated slashes leave that open.");
  module.def("check_host", &check_host, py::arg("routing"), py::arg("lines"),
             "Why a request with these Host lines is refused; empty if it is not.");
  module.def("matches_origin_entry", &matches_origin_entry, py::arg("entry"), py::arg("origin"),
             "Whether one entry of allow_origins, no `*`, allows an origin.");
  module.def("try_request", bind_first(keys, &try_variables), py::arg("policy"), py::arg("method"),
             py::arg("environ"), py::arg("answer") = py::none(), py::arg("scheme") = "",
             py::arg("path") = py::none(),
             "What would become of a request under a policy, the browser's part included, or None "
             "if whoever is asked about its origin needs time.");
  module.def("is_beyond_cors", bind_first(keys, &is_beyond_cors_environ), py::arg("environ"),
             py::arg("scheme") = "",
             "Whether no browser carries out a CORS check on the response to an actual request.");
  module.def("decide_request", bind_first(keys, &decide_request), py::arg("policy"),
             py::arg("method"), py::arg("environ"), py::arg("answer") = py::none(),
             py::arg("scheme") = "", py::arg("path") = py::none(),
             "What becomes of one request under a policy, or an awaitable if whoever is asked "
             "about its origin needs time: then call again with the answer.");
}

}  // namespace corsac::bindings
