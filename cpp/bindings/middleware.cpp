#include "middleware.hpp"

#include <chrono>
#include <cstddef>
#include <exception>
#include <new>

#include "corsac/seeded_hash.hpp"
#include "native_object.hpp"
#include "response_callable.hpp"
#include "response_lines.hpp"

namespace corsac::bindings {
namespace {

PyObject* get_app(PyObject* self_object, void* /*closure*/) noexcept {
  Middleware* self = as_middleware(self_object);
  // Once there is a routing, the application is there and stays.
  const bool initialized = routing_in_force(self).routing != nullptr;
  return Py_NewRef(initialized ? self->app : Py_None);
}

PyObject* get_configuration(PyObject* self_object, void* /*closure*/) noexcept {
  Middleware* self = as_middleware(self_object);
  PyObject* configuration = nullptr;
  CORSAC_BEGIN_LOCKED(self_object);
  configuration = Py_NewRef(self->configuration == nullptr ? Py_None : self->configuration);
  CORSAC_END_LOCKED();
  return configuration;
}

/// The Routing in an object; null with a TypeError set for anything else.
const Routing* routing_in(PyObject* object) noexcept {
  const Routing* routing = NativeType<Routing>::value_of(object);
  if (routing == nullptr) PyErr_SetString(PyExc_TypeError, "routing must be a Routing");
  return routing;
}

/// (kind, reason, count) for each outcome. @return empty with an exception set.
Ref outcomes_to_python(const Counter* counters, std::size_t size) noexcept {
  Ref list(PyList_New(0));
  for (std::size_t i = 0; list && i < size; ++i) {
    const Ref kind = text_from(kind_name(static_cast<Outcome>(i)));
    const Ref reason = text_from(reason_code(static_cast<Outcome>(i)));
    const Ref count(PyLong_FromUnsignedLongLong(counters[i].load(std::memory_order_relaxed)));
    const Ref item(kind && reason && count ? PyTuple_Pack(3, kind.get(), reason.get(), count.get())
                                           : nullptr);
    if (!item || PyList_Append(list.get(), item.get()) < 0) return {};
  }
  return list;
}

/// The bytes of an Origin line; of what cannot be one origin for its length, none: all such are
/// one.
std::string_view view_of_origin(PyObject* origin) noexcept {
  if (origin == nullptr) return {};
  const std::string_view view = PyBytes_Check(origin) ? view_of_bytes(origin)
                                : is_latin1(origin)   ? view_of_latin1(origin)
                                                      : std::string_view();
  return view.size() <= kMaxOriginLength ? view : std::string_view();
}

/// What a log names beside the reason, or null: the host that is refused, else the origin.
PyObject* named_in_log(const Refused& refused) noexcept {
  return refused.host == nullptr ? refused.origin : refused.host;
}

/// No rule decides about hosts.
bool names_rule(const Refused& refused) noexcept {
  return refused.host == nullptr && refused.entry.routing->has_rules();
}

std::uint64_t hash_of(const Refused& refused, std::uint64_t seed) noexcept {
  std::uint64_t hash = hash_bytes(reason_code(refused.outcome), seed);
  hash = hash_bytes(view_of_origin(named_in_log(refused)), hash);
  if (refused.missing == nullptr) return hash;
  hash = hash_bytes(refused.missing->method, hash);
  for (const std::string& name : refused.missing->headers) hash = hash_bytes(name, hash);
  return hash;
}

/// (method or None, names of headers), or None if nothing is missing; empty with an exception set.
Ref missing_to_python(const Missing* missing) noexcept {
  if (missing == nullptr || (missing->method.empty() && missing->headers.empty()))
    return Ref::borrowed(Py_None);
  const Ref method = missing->method.empty() ? Ref::borrowed(Py_None) : text_from(missing->method);
  const Ref names(PyTuple_New(static_cast<Py_ssize_t>(missing->headers.size())));
  if (!method || !names) return {};
  for (std::size_t i = 0; i < missing->headers.size(); ++i) {
    PyObject* name = text_from(missing->headers[i]).release();
    if (name == nullptr) return {};
    PyTuple_SET_ITEM(names.get(), static_cast<Py_ssize_t>(i), name);
  }
  return Ref(PyTuple_Pack(2, method.get(), names.get()));
}

/// Which of several policies decided, or None where it stands alone; empty with an exception set.
Ref member_to_python(const Routing::Entry& entry) noexcept {
  return entry.member == 0 ? Ref::borrowed(Py_None) : Ref(PyLong_FromSize_t(entry.member));
}

/// What a log gave; anything but two numbers is no silence.
Silence silence_from(PyObject* given) noexcept {
  if (!PyTuple_Check(given) || PyTuple_GET_SIZE(given) != 2) return {};
  PyObject* same = PyTuple_GET_ITEM(given, 0);
  PyObject* any = PyTuple_GET_ITEM(given, 1);
  if (!PyFloat_Check(same) || !PyFloat_Check(any)) return {};
  return {PyFloat_AS_DOUBLE(same), PyFloat_AS_DOUBLE(any)};
}

/// When a time from now ends; 0: there is none.
std::int64_t end_of(double seconds, std::int64_t now) noexcept {
  constexpr double kLongest = 3600;
  return seconds > 0 && seconds <= kLongest ? now + static_cast<std::int64_t>(seconds * 1e9) : 0;
}

}  // namespace

std::int64_t Reporting::now() noexcept {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void Reporting::be_silent(const RefusalKey& key, Silence silence) noexcept {
  Reason& reason = reasons_[key.reason];
  const std::int64_t time = now();
  const std::int64_t same_until = end_of(silence.same, time);
  reason.any_until.store(end_of(silence.any, time), std::memory_order_relaxed);
  // A log that listens to this key now may still not listen to the others.
  if (same_until == 0) return;
  reason.same_until.store(same_until, std::memory_order_relaxed);
  silent_keys_[key.hash % kPlaces].store(key.hash, std::memory_order_relaxed);
}

PyGetSetDef kMiddlewareAttributes[] = {
    {"app", get_app, nullptr, "The wrapped application.", nullptr},
    {"_configuration", get_configuration, nullptr, "What is in force.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyMemberDef kMiddlewareMembers[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Middleware, vectorcall), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};

Ref text_from(std::string_view ascii) noexcept {
  return Ref(PyUnicode_FromStringAndSize(ascii.data(), static_cast<Py_ssize_t>(ascii.size())));
}

bool set_aside_exception(PyObject* culprit) noexcept {
  if (!PyErr_ExceptionMatches(PyExc_Exception)) return false;
  PyErr_WriteUnraisable(culprit);
  return true;
}

bool write_to_log(PyObject* log, Reporting& reporting, const Refused& refused) noexcept {
  if (log == nullptr || log == Py_None) return true;
  RefusalKey key{};
  const auto hash = [&reporting, &refused] { return hash_of(refused, reporting.seed()); };
  const std::optional<std::uint64_t> unreported = reporting.begin(refused.outcome, hash, key);
  if (!unreported) return true;
  const Ref reason = text_from(reason_code(refused.outcome));
  const Ref count(PyLong_FromUnsignedLongLong(*unreported));
  const Ref missing = missing_to_python(refused.missing);
  const Ref member = member_to_python(refused.entry);
  if (reason && count && missing && member) {
    PyObject* const named = named_in_log(refused);
    PyObject* args[] = {reason.get(),
                        named == nullptr ? Py_None : named,
                        refused.request,
                        count.get(),
                        names_rule(refused) ? refused.entry.rule : Py_None,
                        missing.get(),
                        member.get()};
    const Ref silence(call_python(log, args, 7));
    if (silence) {
      reporting.be_silent(key, silence_from(silence.get()));
      return true;
    }
  }
  return set_aside_exception(log);
}

bool tell(PyObject* callback, const Refused& refused, PyObject* report_only) noexcept {
  if (callback == nullptr) return true;
  const Ref kind = text_from(kind_name(refused.outcome));
  const Ref reason = text_from(reason_code(refused.outcome));
  const Ref missing = missing_to_python(refused.missing);
  const Ref member = member_to_python(refused.entry);
  if (kind && reason && missing && member) {
    PyObject* args[] = {kind.get(),
                        reason.get(),
                        refused.origin == nullptr ? Py_None : refused.origin,
                        refused.request,
                        refused.entry.rule,
                        report_only,
                        missing.get(),
                        refused.host == nullptr ? Py_None : refused.host,
                        member.get()};
    if (Ref(call_python(callback, args, 9))) return true;
  }
  return set_aside_exception(callback);
}

bool report(Middleware* self, const Refused& refused) noexcept {
  count(self, refused.outcome);
  if (!is_refused(refused.outcome)) return true;
  return write_to_log(self->report, self->reporting, refused) &&
         tell(refused.entry.routing->on_refusal(), refused, Py_False);
}

bool report_preflight(Middleware* self, const Routing::Entry& entry, const Request& read,
                      PyObject* origin, PyObject* request, Outcome& outcome) noexcept {
  outcome = Outcome::kPreflightAllowed;
  const Policy& policy = entry.policy->core();
  Missing missing;
  if (!is_plainly_listed(policy, read)) {
    try {
      outcome = seen_by_browser(policy, read, outcome, false, &missing);
    } catch (const std::exception&) {
      outcome = Outcome::kPreflightAllowed;  // Out of memory: what the server answers is known.
    }
  }
  return report(self, {outcome, entry, origin, request, &missing});
}

Verdict ask(const CompiledPolicy& policy, PyObject* origin, PyObject* request,
            Ref& awaitable) noexcept {
  PyObject* args[] = {nullptr, origin, request};
  const std::size_t count = policy.decides_by_request ? 2 : 1;
  Ref answer(
      call_python(policy.decide_origin.ptr(), args + 1, count | PY_VECTORCALL_ARGUMENTS_OFFSET));
  if (answer.get() == Py_True) return Verdict::kAllowed;
  if (answer.get() == Py_False) return Verdict::kRefused;
  if (answer) {
    awaitable = std::move(answer);
    return Verdict::kLater;
  }
  // What is no Exception (KeyboardInterrupt, a cancelled task) is not an answer.
  if (!PyErr_ExceptionMatches(PyExc_Exception)) return Verdict::kError;
  PyErr_WriteUnraisable(policy.decide_origin.ptr());
  return Verdict::kRefused;
}

void set_not_initialized() noexcept {
  PyErr_SetString(PyExc_RuntimeError, "CORSMiddleware.__init__ was not called");
}

bool put_in_force(Middleware* self, PyObject* configuration, PyObject* routing_object) noexcept {
  const Routing* routing = routing_in(routing_object);
  if (routing == nullptr) return false;
  // The old ones are let go after the lock, since that can run other code.
  Ref old_configuration = Ref::borrowed(configuration);
  Ref old_routing = Ref::borrowed(routing_object);
  bool initialized = false;
  CORSAC_BEGIN_LOCKED(reinterpret_cast<PyObject*>(self));
  initialized = self->routing != nullptr;
  if (initialized) {
    old_configuration.swap(self->configuration);
    old_routing.swap(self->routing_object);
    self->routing = routing;
  }
  CORSAC_END_LOCKED();
  if (!initialized) set_not_initialized();
  return initialized;
}

PyObject* new_middleware(PyTypeObject* type, vectorcallfunc vectorcall) noexcept {
  PyObject* self_object = type->tp_alloc(type, 0);
  if (self_object == nullptr) return nullptr;
  Middleware* self = as_middleware(self_object);
  self->vectorcall = vectorcall;
#if PY_VERSION_HEX < 0x030C0000
  // Classes written in Python inherit it only since 3.12. That a class with a `__call__` of its own
  // gets it too is right: the vectorcall looks for that.
  type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
#endif
  new (&self->counters) decltype(self->counters){};
  new (&self->trial_counters) decltype(self->trial_counters){};
  try {
    const std::uint64_t seed = random_seed();
    new (&self->reporting) Reporting(seed);
    new (&self->trial_reporting) Reporting(seed);
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
    Py_DECREF(self_object);
    return nullptr;
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_OSError, error.what());
    Py_DECREF(self_object);
    return nullptr;
  }
  return self_object;
}

int init_middleware(Middleware* self, PyObject* routing_object, const char* type_name,
                    std::span<const Filling> filling) noexcept {
  const Ref type(PyObject_GetAttrString(reinterpret_cast<PyObject*>(self), type_name));
  if (!type) return -1;
  if (!is_response_callable_type(type.get())) {
    PyErr_Format(PyExc_TypeError, "%s is not for subclasses to set", type_name);
    return -1;
  }
  const Routing* routing = routing_in(routing_object);
  if (routing == nullptr) return -1;
  bool first = false;
  CORSAC_BEGIN_LOCKED(reinterpret_cast<PyObject*>(self));
  first = self->routing == nullptr;
  if (first) {
    for (const Filling& one : filling) *one.place = Py_NewRef(one.object);
    self->callable_type = Py_NewRef(type.get());
    self->routing_object = Py_NewRef(routing_object);
    self->routing = routing;
  }
  CORSAC_END_LOCKED();
  if (first) return 0;
  PyErr_SetString(PyExc_RuntimeError,
                  "CORSMiddleware.__init__ was called before; make another, or reconfigure it");
  return -1;
}

PyObject* call_other(ternaryfunc call, PyObject* self, PyObject* const* args, std::size_t nargsf,
                     PyObject* names) noexcept {
  const Py_ssize_t positional = PyVectorcall_NARGS(nargsf);
  const Ref tuple(PyTuple_New(positional));
  const Ref keywords(names == nullptr ? nullptr : PyDict_New());
  if (!tuple || (names != nullptr && !keywords)) return nullptr;
  for (Py_ssize_t i = 0; i < positional; ++i) PyTuple_SET_ITEM(tuple.get(), i, Py_NewRef(args[i]));
  for (Py_ssize_t i = 0; names != nullptr && i < PyTuple_GET_SIZE(names); ++i) {
    if (PyDict_SetItem(keywords.get(), PyTuple_GET_ITEM(names, i), args[positional + i]) < 0)
      return nullptr;
  }
  return call(self, tuple.get(), keywords.get());
}

PyObject* middleware_put_in_force(PyObject* self_object, PyObject* args) noexcept {
  PyObject* configuration = nullptr;
  PyObject* routing = nullptr;
  if (!PyArg_ParseTuple(args, "OO", &configuration, &routing)) return nullptr;
  if (!put_in_force(as_middleware(self_object), configuration, routing)) return nullptr;
  Py_RETURN_NONE;
}

PyObject* middleware_outcomes(PyObject* self, PyObject* /*unused*/) noexcept {
  const auto& counters = as_middleware(self)->counters;
  return outcomes_to_python(counters.data(), counters.size()).release();
}

PyObject* middleware_trial_outcomes(PyObject* self, PyObject* /*unused*/) noexcept {
  const TrialCounters& counters = as_middleware(self)->trial_counters;
  const Ref outcomes = outcomes_to_python(counters.outcomes.data(), counters.outcomes.size());
  if (!outcomes) return nullptr;
  return Py_BuildValue("(OKKK)", outcomes.get(), counters.undecided.load(std::memory_order_relaxed),
                       counters.newly_refused.load(std::memory_order_relaxed),
                       counters.newly_allowed.load(std::memory_order_relaxed));
}

void add_middleware_type(py::module_& module, const char* name, PyType_Spec& spec,
                         const char* type_name, PyType_Spec& callable_spec) {
  const Ref callable_type(PyType_FromModuleAndSpec(module.ptr(), &callable_spec, nullptr));
  const Ref type(callable_type ? PyType_FromModuleAndSpec(module.ptr(), &spec, nullptr) : nullptr);
  if (!type || PyObject_SetAttrString(type.get(), type_name, callable_type.get()) < 0 ||
      PyModule_AddObjectRef(module.ptr(), name, type.get()) < 0) {
    throw py::error_already_set();
  }
}

Ref get_item(PyObject* mapping, PyObject* key) noexcept {
  if (PyDict_Check(mapping)) {
#if PY_VERSION_HEX >= 0x030D0000
    PyObject* value = nullptr;
    PyDict_GetItemRef(mapping, key, &value);
    return Ref(value);
#else
    return Ref::borrowed(PyDict_GetItemWithError(mapping, key));
#endif
  }
  Ref value(PyObject_GetItem(mapping, key));
  if (!value &&
      (PyErr_ExceptionMatches(PyExc_LookupError) || PyErr_ExceptionMatches(PyExc_TypeError) ||
       PyErr_ExceptionMatches(PyExc_AttributeError))) {
    PyErr_Clear();
  }
  return value;
}

std::string_view view_of_text(PyObject* text) noexcept {
  if (text == nullptr || !PyUnicode_Check(text)) return {};
  Py_ssize_t size = 0;
  const char* utf8 = PyUnicode_AsUTF8AndSize(text, &size);
  if (utf8 == nullptr) {
    clear_if_about_object();  // A lone surrogate; no method we know of has one.
    return {};
  }
  return {utf8, static_cast<std::size_t>(size)};
}

}  // namespace corsac::bindings
