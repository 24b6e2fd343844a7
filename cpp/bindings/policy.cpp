#include "corsac/policy.hpp"

#include <tuple>

#include "bindings.hpp"
#include "corsac/header_names.hpp"
#include "corsac/origin.hpp"
#include "corsac/seeded_hash.hpp"
#include "live_origins.hpp"
#include "made_here.hpp"
#include "native_object.hpp"

namespace corsac::bindings {
namespace {

/// The types of the objects that are compiled. Each interpreter has its own.
struct CompiledTypes {
  py::object policy;
  py::object routing;
};

py::object to_bytes(std::string_view text) { return py::bytes(text.data(), text.size()); }

py::object to_text(std::string_view bytes) { return to_latin1(bytes); }

/// Whether a function is called with the request too.
bool takes_request(const py::object& function) {
  if (function.is_none()) return false;
  const Ref given(PyObject_GetAttrString(function.ptr(), "takes_request"));
  if (!given && !clear_if_about_object()) throw py::error_already_set();
  return given.get() == Py_True;
}

py::str make_status_line(int status) {
  // RFC 9110 section 15.3; a client looks at the number alone.
  constexpr std::array<std::string_view, 7> kPhrases = {
      "OK",         "Created",       "Accepted",       "Non-Authoritative Information",
      "No Content", "Reset Content", "Partial Content"};
  const auto place = static_cast<std::size_t>(status - 200);
  const std::string_view phrase = place < kPhrases.size() ? kPhrases[place] : kPhrases[0];
  return py::str(std::to_string(status) + " " + std::string(phrase));
}

py::list problems_to_python(const std::vector<ConfigProblem>& problems) {
  py::list result;
  for (const ConfigProblem& problem : problems) {
    result.append(py::make_tuple(std::string(code_name(problem.code)),
                                 std::string(severity_name(problem.severity)), problem.option,
                                 problem.value, problem.message, problem.hint));
  }
  return result;
}

py::object make_policy(const CompiledTypes& types, std::shared_ptr<const Policy> policy,
                       py::object decide_origin, py::object app_headers_log) {
  return NativeType<CompiledPolicy>::make(
      types.policy, std::make_unique<const CompiledPolicy>(
                        std::move(policy), std::move(decide_origin), std::move(app_headers_log)));
}

/// Verdicts that Python and policies share. An instance of its own around them, since pybind11
/// frees a shared value twice where memory runs out half-way.
struct SharedVerdicts {
  std::shared_ptr<OriginVerdicts> verdicts = std::make_shared<OriginVerdicts>(random_seed());
};

/// What whoever is asked about origins keeps for good, see `PolicyOptions::verdicts`.
std::shared_ptr<const OriginVerdicts> verdicts_of(const py::object& decide_origin) {
  const py::object shared = py::getattr(decide_origin, "verdicts", py::none());
  return shared.is_none() ? nullptr : shared.cast<const SharedVerdicts&>().verdicts;
}

bool are_refusals_final(const py::object& decide_origin) {
  return py::getattr(decide_origin, "refusals_are_final", py::bool_(true)).cast<bool>();
}

/// The trusted origins, the exempt paths, whether reads are isolated, whether writes are judged.
using GuardArguments = std::tuple<std::vector<std::string>, std::vector<std::string>, bool, bool>;

GuardOptions guard_options(const GuardArguments& given) {
  const auto& [trusted_origins, exempt_paths, isolate_reads, writes] = given;
  return {trusted_origins, exempt_paths, isolate_reads, writes};
}

py::tuple compile_policy(const CompiledTypes& types, std::vector<std::string> allow_origins,
                         std::vector<std::string> allow_methods,
                         std::vector<std::string> allow_headers,
                         std::vector<std::string> expose_headers, std::vector<std::string> tolerate,
                         std::optional<std::int64_t> max_age, int preflight_status,
                         bool allow_credentials, bool allow_private_network,
                         bool preflight_continue, std::optional<GuardArguments> guard,
                         bool always_send, bool allow_timing, const std::string& app_headers,
                         py::object decide_origin, py::object app_headers_log) {
  const PolicyOptions options{.allow_origins = std::move(allow_origins),
                              .allow_methods = std::move(allow_methods),
                              .allow_headers = std::move(allow_headers),
                              .expose_headers = std::move(expose_headers),
                              .tolerate = std::move(tolerate),
                              .max_age = max_age,
                              .preflight_status = preflight_status,
                              .allow_credentials = allow_credentials,
                              .allow_private_network = allow_private_network,
                              .preflight_continue = preflight_continue,
                              .guard = guard.has_value(),
                              .guard_options = guard ? guard_options(*guard) : GuardOptions{},
                              .allow_timing = allow_timing,
                              .always_send = always_send,
                              .keep_app_headers = app_headers == "keep",
                              .asks_about_origins = !decide_origin.is_none(),
                              .verdicts = verdicts_of(decide_origin),
                              .refusals_are_final = are_refusals_final(decide_origin)};
  PolicyBuild build;
  {
    const GlobalLockReleased unlocked;
    build = build_policy(options);
  }
  py::object compiled = py::none();
  if (build.policy)
    compiled = make_policy(types, std::move(build.policy), std::move(decide_origin),
                           std::move(app_headers_log));
  return py::make_tuple(std::move(compiled), problems_to_python(build.problems));
}

/// The policy in an object, or null for None. Throws a TypeError for anything else.
const CompiledPolicy* policy_in(const py::handle& object) {
  if (object.is_none()) return nullptr;
  const CompiledPolicy* policy = NativeType<CompiledPolicy>::value_of(object.ptr());
  if (policy == nullptr) throw py::type_error("a policy must be a CompiledPolicy or None");
  return policy;
}

/// Several policies in one place, each a CompiledPolicy; else a TypeError is thrown.
py::object compile_several(const CompiledTypes& types, const std::vector<py::object>& policies) {
  if (policies.empty()) throw py::value_error("at least one policy");
  std::vector<const CompiledPolicy*> members;
  py::tuple objects(policies.size());
  for (std::size_t i = 0; i < policies.size(); ++i) {
    const CompiledPolicy* policy = policy_in(policies[i]);
    if (policy == nullptr) throw py::type_error("none of several policies is None");
    const Policy& core = policy->core();
    objects[i] = core.varies_by_origin()
                     ? policies[i]  // It says so already.
                     : make_policy(types, core.as_one_of_several(), policy->decide_origin,
                                   policy->app_headers_log);
    members.push_back(policy_in(objects[i]));
  }
  return NativeType<CompiledPolicy>::make(
      types.policy, std::make_unique<const CompiledPolicy>(members, std::move(objects)));
}

/// One policy with some more origins. Throws a TypeError if it is several.
py::object with_live_origins(const CompiledTypes& types, const CompiledPolicy& policy,
                             SharedLiveOrigins& live) {
  if (!policy.members.empty()) throw py::type_error("one policy is wanted, not several");
  std::shared_ptr<const LiveOrigins> origins = live.sealed();
  std::shared_ptr<const Policy> made;
  {
    const GlobalLockReleased unlocked;
    made = policy.core().with_live_origins(std::move(origins));
  }
  return make_policy(types, std::move(made), policy.decide_origin, policy.app_headers_log);
}

/// Has options guard what a policy does, or any of several.
void guard_as(PolicyOptions& options, const py::handle& object) {
  const CompiledPolicy* policy = policy_in(object);
  if (policy == nullptr) return;
  for (const py::handle& member : policy->members) guard_as(options, member);
  if (!policy->core().guard()) return;
  const GuardRules& guard = policy->core().guard_rules();
  options.guard = true;
  options.guard_options.writes = options.guard_options.writes || guard.writes();
  options.guard_options.isolate_reads =
      options.guard_options.isolate_reads || guard.isolates_reads();
}

/// The policy of paths whose repeated slashes choose another one. It allows nobody, and guards what
/// any of the others does.
py::object policy_for_ambiguous_paths(const CompiledTypes& types, const py::object& fallback,
                                      const std::vector<py::object>& policies) {
  PolicyOptions options;
  options.for_ambiguous_paths = true;
  options.guard_options.writes = false;
  guard_as(options, fallback);
  for (const py::object& policy : policies) guard_as(options, policy);
  return make_policy(types, build_policy(options).policy, py::none(), py::none());
}

/// @param policies a copy of what was given: that may change meanwhile.
py::tuple compile_routing(const CompiledTypes& types, py::object fallback,
                          const std::vector<std::string>& patterns,
                          const std::vector<py::object>& policies, py::object on_refusal,
                          py::object report_only, std::optional<std::string> debug_header,
                          const std::optional<std::vector<std::string>>& allowed_hosts) {
  if (patterns.size() != policies.size()) throw py::value_error("one policy for each pattern");
  PathRulesBuild build = build_path_rules(patterns);
  std::shared_ptr<const HostSet> hosts;
  if (allowed_hosts) hosts = build_host_set(*allowed_hosts).hosts;
  if (allowed_hosts && !hosts) throw py::value_error("check_host_entries says what is wrong");
  py::object routing = py::none();
  if (build.rules) {
    const py::object for_ambiguous_paths =
        policies.empty() ? py::none() : policy_for_ambiguous_paths(types, fallback, policies);
    const Observers observers{std::move(on_refusal), std::move(report_only),
                              std::move(debug_header)};
    routing = NativeType<Routing>::make(
        types.routing,
        std::make_unique<const Routing>(fallback, std::move(build.rules), policies,
                                        for_ambiguous_paths, observers, std::move(hosts)));
  }
  return py::make_tuple(std::move(routing), problems_to_python(build.problems));
}

PyObject* same_object(PyObject* self, PyObject* /*memo*/) noexcept { return Py_NewRef(self); }

PyObject* get_decide_origin(PyObject* self, void* /*closure*/) noexcept {
  return Py_NewRef(NativeType<CompiledPolicy>::value_of(self)->decide_origin.ptr());
}

PyObject* get_app_headers_log(PyObject* self, void* /*closure*/) noexcept {
  return Py_NewRef(NativeType<CompiledPolicy>::value_of(self)->app_headers_log.ptr());
}

PyObject* get_allows_timing(PyObject* self, void* /*closure*/) noexcept {
  return PyBool_FromLong(NativeType<CompiledPolicy>::value_of(self)->core().allows_timing());
}

PyMethodDef kPolicyMethods[] = {{"__deepcopy__", same_object, METH_O, "Itself: it cannot change."},
                                {nullptr, nullptr, 0, nullptr}};
PyGetSetDef kPolicyAttributes[] = {
    {"decide_origin", get_decide_origin, nullptr,
     "Whom it asks about origins that are not listed, or None.", nullptr},
    {"allows_timing", get_allows_timing, nullptr, "Whether Timing-Allow-Origin is its own.",
     nullptr},
    {"app_headers_log", get_app_headers_log, nullptr,
     "Who is told of CORS headers that the application itself sets, or None.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

}  // namespace

py::str interned(const char* text) {
  auto object = py::reinterpret_steal<py::str>(PyUnicode_InternFromString(text));
  if (!object) throw py::error_already_set();
  return object;
}

py::str to_latin1(std::string_view bytes) {
  Ref text = latin1_text(bytes);
  if (!text) throw py::error_already_set();
  return py::reinterpret_steal<py::str>(text.release());
}

Names::Names()
    : type(interned("type")),
      http(interned("http")),
      websocket(interned("websocket")),
      method(interned("method")),
      path(interned("path")),
      root_path(interned("root_path")),
      scheme(interned("scheme")),
      headers(interned("headers")),
      status(interned("status")),
      body(interned("body")),
      response_start(interned("http.response.start")),
      response_body(interned("http.response.body")) {}

PolicyPairs::PolicyPairs(const Policy& policy, py::object (*make_text)(std::string_view)) {
  const auto pair_or_none = [make_text](bool wanted, std::string_view name,
                                        std::string_view value) -> py::object {
    if (!wanted) return py::none();
    return py::make_tuple(make_text(name), make_text(value));
  };
  allow_origin_name = make_text(header_names::kAllowOrigin);
  constant_allow_origin = pair_or_none(policy.has_constant_origin(), header_names::kAllowOrigin,
                                       policy.constant_origin());
  allow_credentials =
      pair_or_none(policy.allow_credentials(), header_names::kAllowCredentials, "true");
  expose_headers = pair_or_none(!policy.expose_headers().empty(), header_names::kExposeHeaders,
                                policy.expose_headers());
  for (const py::object& pair : {allow_credentials, expose_headers}) {
    if (!pair.is_none()) after_allow_origin[after_allow_origin_size++] = pair.ptr();
  }
  vary_name = make_text(header_names::kVary);
  timing_name = make_text(header_names::kTimingAllowOrigin);
  vary_ = pair_or_none(!policy.vary(false).empty(), header_names::kVary, policy.vary(false));
  vary_if_isolated_ = pair_or_none(policy.guard() && policy.guard_rules().isolates_reads(),
                                   header_names::kVary, policy.vary(true));
  constant_timing_ = pair_or_none(!policy.constant_timing().empty(),
                                  header_names::kTimingAllowOrigin, policy.constant_timing());
  const auto fill = [this](Always& always, const py::object& vary) {
    always.has_vary = !vary.is_none();
    for (const py::object& pair : {vary, constant_timing_}) {
      if (!pair.is_none()) always.pairs[always.size++] = pair.ptr();
    }
  };
  fill(always_, vary_);
  fill(always_if_isolated_, vary_if_isolated_);
  if (!constant_allow_origin.is_none()) constant_allow_origin_or_null = constant_allow_origin.ptr();
}

CompiledPolicy::CompiledPolicy(std::shared_ptr<const Policy> policy, py::object asked,
                               py::object log)
    : decide_origin(std::move(asked)),
      decides_by_request(takes_request(decide_origin)),
      app_headers_log(std::move(log)),
      byte_pairs(*policy, to_bytes),
      text_pairs(*policy, to_text),
      answer_status(policy->preflight_status()),
      status_line(make_status_line(policy->preflight_status())),
      policy_(std::move(policy)) {
  answer_start[names.type] = names.response_start;
  answer_start[names.status] = answer_status;
  answer_start[names.headers] = py::none();
  answer_body[names.type] = names.response_body;
  answer_body[names.body] = empty_body;
}

CompiledPolicy::CompiledPolicy(const std::vector<const CompiledPolicy*>& several, py::tuple objects)
    : CompiledPolicy(several.back()->shared_core(), several.back()->decide_origin,
                     several.back()->app_headers_log) {
  members = std::move(objects);
}

int CompiledPolicy::traverse(visitproc visit, void* arg) const noexcept {
  Py_VISIT(members.ptr());
  Py_VISIT(decide_origin.ptr());
  Py_VISIT(app_headers_log.ptr());
  return parked_callables.traverse(visit, arg);
}

Routing::Routing(const py::object& fallback, std::shared_ptr<const PathRules> rules,
                 const std::vector<py::object>& policies, const py::object& for_ambiguous_paths,
                 const Observers& observers, std::shared_ptr<const HostSet> hosts)
    : debug_header_(observers.debug_header.value_or("")),
      hosts_(std::move(hosts)),
      rules_(std::move(rules)) {
  if (!observers.on_refusal.is_none()) on_refusal_ = observers.on_refusal.ptr();
  if (!observers.report_only.is_none()) {
    trial_ = NativeType<Routing>::value_of(observers.report_only.ptr());
    if (trial_ == nullptr) throw py::type_error("report_only must be a Routing or None");
  }
  owners.append(observers.on_refusal);
  owners.append(observers.report_only);
  for (std::size_t i = 0; i < policies.size(); ++i) {
    entries_.push_back(
        make_entry(policies[i], py::str(rules_->pattern(i)), static_cast<Py_ssize_t>(i)));
  }
  fallback_ = make_entry(fallback, py::str("default"), kFallback);
  for_ambiguous_paths_ = make_entry(for_ambiguous_paths, py::str("ambiguous"), kAmbiguous);
  for_hosts_ = make_entry(py::none(), py::str("hosts"), kFallback);
}

Routing::Entry Routing::make_entry(const py::handle& policy, const py::handle& rule,
                                   Py_ssize_t place) {
  owners.append(policy);
  owners.append(rule);
  Entry entry{nullptr, policy_in(policy), trial_, rule.ptr(), this, place};
  if (entry.policy == nullptr) return entry;
  entry.object = policy.ptr();
  if (entry.policy->members.empty()) return entry;
  entry.next = make_members(entry.policy->members, rule);
  entry.policy = nullptr;
  return entry;
}

const Routing::Entry* Routing::make_members(const py::tuple& policies, const py::handle& rule) {
  const std::size_t first = members_.size();
  for (const py::handle& policy : policies) {
    const auto place = kFirstMember - static_cast<Py_ssize_t>(members_.size());
    members_.push_back(make_entry(policy, rule, place));
    members_.back().member = members_.size() - first;
  }
  for (std::size_t i = first; i + 1 < members_.size(); ++i) members_[i].next = &members_[i + 1];
  return &members_[first];
}

int Routing::traverse(visitproc visit, void* arg) const noexcept {
  Py_VISIT(owners.ptr());
  return 0;
}

const Routing::Entry& Routing::select(std::string_view path) const noexcept {
  const std::optional<std::size_t> index = rules_->match(path);
  const Entry& entry = entry_at(index);
  const PathRules::Merged merged = rules_->match_merged(path);
  if (merged.repeated == PathRules::Repeated::kNone) return entry;
  if (index && rules_->names_repeated_slashes(*index)) return entry;
  if (merged.repeated == PathRules::Repeated::kTooMany) return for_ambiguous_paths_;
  return entry_at(merged.match).object == entry.object ? entry : for_ambiguous_paths_;
}

const Routing::Entry* Routing::at(Py_ssize_t place) const noexcept {
  if (place == kFallback) return &fallback_;
  if (place == kAmbiguous) return entries_.empty() ? nullptr : &for_ambiguous_paths_;
  if (place <= kFirstMember) {
    const auto member = static_cast<std::size_t>(kFirstMember - place);
    return member < members_.size() ? &members_[member] : nullptr;
  }
  const bool known = place >= 0 && static_cast<std::size_t>(place) < entries_.size();
  return known ? &entries_[static_cast<std::size_t>(place)] : nullptr;
}

void bind_policy(py::module_& module) {
  const CompiledTypes types{
      NativeType<CompiledPolicy>::add_to(
          module, "corsac._core.CompiledPolicy",
          {{Py_tp_doc, const_cast<char*>("An immutable compiled policy, shared by threads.")},
           {Py_tp_methods, kPolicyMethods},
           {Py_tp_getset, kPolicyAttributes}}),
      NativeType<Routing>::add_to(
          module, "corsac._core.Routing",
          {{Py_tp_doc,
            const_cast<char*>("Which policy a path has; immutable, shared by threads.")}})};
  py::class_<SharedVerdicts>(module, "OriginVerdicts", py::is_final(), made_here_alone())
      .def(
          "find",
          [](const SharedVerdicts& shared, const py::bytes& origin) {
            return shared.verdicts->find(view_of_bytes(origin.ptr()));
          },
          py::arg("origin"), "Whether an origin is allowed, or None if that is not kept.")
      .def(
          "put",
          [](const SharedVerdicts& shared, const py::bytes& origin, bool allowed) {
            shared.verdicts->put(view_of_bytes(origin.ptr()), allowed);
          },
          py::arg("origin"), py::arg("allowed"),
          "Keep for good what was found out about an origin.")
      .def("__len__", [](const SharedVerdicts& shared) { return shared.verdicts->size(); });
  module.def(
      "make_origin_verdicts", [] { return object_around(std::make_unique<SharedVerdicts>()); },
      "No verdicts yet.");
  module.def(
      "is_serialized_origin",
      [](const py::bytes& origin) { return is_serialized_origin(view_of_bytes(origin.ptr())); },
      py::arg("origin"), "Whether these bytes are a tuple origin as browsers send it.");
  module.def(
      "is_origin_entry",
      [](const std::string& entry) {
        return std::holds_alternative<OriginPattern>(parse_origin_pattern(entry));
      },
      py::arg("entry"), "Whether this can be an entry of allow_origins other than `*` and null.");
  module.def("compile_several", bind_first(types, &compile_several), py::arg("policies"),
             "Several policies in one place as one: the first that covers the request's origin "
             "decides, the last one where none does.");
  module.def("with_live_origins", bind_first(types, &with_live_origins), py::arg("policy"),
             py::arg("live"), "A policy with more origins, which must not change any more.");
  module.def(
      "check_host_entries",
      [](const std::vector<std::string>& entries) {
        return problems_to_python(build_host_set(entries).problems);
      },
      py::arg("entries"), "The problems of the entries of allowed_hosts, as of compile_policy.");
  module.def("compile_routing", bind_first(types, &compile_routing), py::kw_only(),
             py::arg("fallback"), py::arg("patterns"), py::arg("policies"),
             py::arg("on_refusal") = py::none(), py::arg("report_only") = py::none(),
             py::arg("debug_header") = py::none(), py::arg("allowed_hosts") = py::none(),
             "Compile path rules. Gives (Routing or None, problems), problems as "
             "compile_policy does.");
  module.def(
      "guard_problems",
      [](const GuardArguments& guard) {
        return problems_to_python(build_guard(guard_options(guard)).problems);
      },
      py::arg("guard"),
      "What is wrong with a guard, as compile_policy takes it; problems as there.");
  module.def(
      "compile_policy", bind_first(types, &compile_policy), py::kw_only(), py::arg("allow_origins"),
      py::arg("allow_methods"), py::arg("allow_headers"), py::arg("expose_headers"),
      py::arg("tolerate"), py::arg("max_age"), py::arg("preflight_status"),
      py::arg("allow_credentials"), py::arg("allow_private_network"), py::arg("preflight_continue"),
      py::arg("guard"), py::arg("always_send"), py::arg("allow_timing"), py::arg("app_headers"),
      py::arg("decide_origin"), py::arg("app_headers_log"),
      "Validate and compile options. Gives (policy or None, problems), a problem being (code, "
      "severity, option, value, message, hint).");
}

}  // namespace corsac::bindings
