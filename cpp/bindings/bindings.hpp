#pragma once

#include <structmember.h>

#include <array>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "corsac/cors_protocol.hpp"
#include "corsac/host_set.hpp"
#include "corsac/path_rules.hpp"
#include "corsac/policy.hpp"
#include "pybind.hpp"
#include "thread_end.hpp"

/// The extension module: the core's functions with Python's types.
///
/// What crosses the boundary: header names and values as `bytes`, since they are wire bytes and
/// need not be text; in WSGI as `str` of the same bytes, as PEP 3333 has it; options, codes and
/// reasons as `str`. The objects on the path of every request, the two middlewares and the `send`
/// or `start_response` that an application is given, are plain C types with vectorcall
/// (middleware.cpp, response_callable.cpp), because a call through pybind11 costs several times the
/// work it would do. Compiled policies and routings are C types too (native_object.hpp), for the
/// garbage collector's sake; everything else is pybind11.
namespace corsac::bindings {

namespace py = pybind11;

/// Owns one reference, or none. For the C types, where py::object's checks are not wanted.
class Ref {
 public:
  Ref() = default;
  /// Takes over a new reference; null is allowed.
  explicit Ref(PyObject* stolen) noexcept : object_(stolen) {}
  static Ref borrowed(PyObject* object) noexcept {
    Py_XINCREF(object);
    return Ref(object);
  }
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  Ref(const Ref&) = delete;
  Ref& operator=(const Ref&) = delete;
  [[gnu::always_inline]] ~Ref() { Py_XDECREF(object_); }

  [[nodiscard]] PyObject* get() const noexcept { return object_; }
  /// Exchanges what is owned with a plain pointer that owns its object.
  void swap(PyObject*& other) noexcept { std::swap(object_, other); }
  [[nodiscard]] PyObject* release() noexcept { return std::exchange(object_, nullptr); }
  explicit operator bool() const noexcept { return object_ != nullptr; }

 private:
  PyObject* object_ = nullptr;
};

inline std::string_view view_of_bytes(PyObject* bytes) noexcept {
  return {PyBytes_AS_STRING(bytes), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes))};
}

inline Ref bytes_from(std::string_view text) noexcept {
  return Ref(PyBytes_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size())));
}

/// Sets aside an exception that only says what an object is not. @return false if it says more:
/// memory ran out, or, as it is not an Exception, the program is being stopped. It stays set.
inline bool clear_if_about_object() noexcept {
  if (PyErr_ExceptionMatches(PyExc_MemoryError) || !PyErr_ExceptionMatches(PyExc_Exception))
    return false;
  PyErr_Clear();
  return true;
}

/// Text that is one object within an interpreter. Throws error_already_set.
py::str interned(const char* text);

/// The text that stands for these bytes in WSGI (PEP 3333, "A Note On String Types"): latin-1,
/// which any bytes are. Empty with an exception set.
inline Ref latin1_text(std::string_view bytes) noexcept {
  return Ref(PyUnicode_DecodeLatin1(bytes.data(), static_cast<Py_ssize_t>(bytes.size()), nullptr));
}

/// The same as an object. Throws error_already_set.
py::str to_latin1(std::string_view bytes);

/// Where keys stood in the last dictionary of a kind, as PyDict_Next counts. A server makes all its
/// scopes alike, so they are mostly there again. Not used without a global lock.
struct KeyPlaces {
  Py_ssize_t type = 0;
  Py_ssize_t headers = 0;
};

/// Interned texts: the keys and values of ASGI dictionaries. Each owner has its own, so that
/// sub-interpreters share nothing; that they are interned makes them one object within an
/// interpreter.
struct Names {
  Names();
  py::str type, http, websocket, method, path, root_path, scheme, headers, status, body,
      response_start, response_body;
  mutable KeyPlaces in_scope, in_message;
};

/// Memory of response callables that are gone, kept for the next ones (response_callable.cpp).
class ParkedCallables {
 public:
  static constexpr std::size_t kCapacity = 32;

  ParkedCallables() = default;
  ParkedCallables(const ParkedCallables&) = delete;
  ParkedCallables& operator=(const ParkedCallables&) = delete;
  ~ParkedCallables();

  [[nodiscard]] bool is_empty() const noexcept { return size_ == 0; }
  [[nodiscard]] bool is_full() const noexcept { return size_ == kCapacity; }
  int traverse(visitproc visit, void* arg) const noexcept;
  void push(PyObject* memory) noexcept { parked_[size_++] = memory; }
  PyObject* pop() noexcept { return parked_[--size_]; }

 private:
  std::array<PyObject*, kCapacity> parked_;
  std::size_t size_ = 0;
};

/// Pairs of header lines whose bytes live as long as a policy does, found by where those stand
/// (response_lines.cpp). Not used without a global lock.
class ConstantPairs {
 public:
  /// The pair of a line, made if it is new; empty with an exception set.
  Ref get(const HeaderLine& line, Ref (*make)(const HeaderLine&) noexcept) noexcept;

 private:
  struct Pair {
    const char* name = nullptr;
    const char* value = nullptr;
    Ref pair;
  };
  std::array<Pair, 16> pairs_;
  std::size_t size_ = 0;
};

/// The lines of a policy's answers as the pairs of one protocol, built once: of `bytes` for ASGI,
/// of `str` for WSGI. What a policy does not send is None.
struct PolicyPairs {
  /// @param make_text makes the object that stands for some bytes.
  PolicyPairs(const Policy& policy, py::object (*make_text)(std::string_view));

  py::object allow_origin_name;
  py::object constant_allow_origin;  ///< Where each response has the same, see Policy.
  py::object allow_credentials;
  py::object expose_headers;
  /// `allow_credentials` and `expose_headers`, those that are sent, and how many they are: what
  /// stands after Access-Control-Allow-Origin.
  std::array<PyObject*, 2> after_allow_origin{};
  std::size_t after_allow_origin_size = 0;
  /// What a response has whoever asks: Vary, and Timing-Allow-Origin where it is constant; those
  /// that are sent, in this order, and how many they are.
  struct Always {
    std::array<PyObject*, 2> pairs{};
    std::size_t size = 0;
    bool has_vary = false;
  };
  /// @param isolated see `corsac::is_isolated`.
  [[nodiscard]] const Always& always(bool isolated) const noexcept {
    return isolated ? always_if_isolated_ : always_;
  }
  PyObject* constant_allow_origin_or_null = nullptr;
  py::object vary_name;
  py::object timing_name;
  mutable ConstantPairs constant;
  /// The last pair that allowed a listed origin, since most policies are asked about one origin
  /// most of the time. Not used without a global lock.
  mutable Ref last_allow_origin;

 private:
  py::object vary_;
  py::object vary_if_isolated_;
  py::object constant_timing_;
  Always always_;
  Always always_if_isolated_;
};

/// A compiled policy with the Python objects that its answers are made of, built once. Per policy
/// and not per process, so that sub-interpreters share nothing.
///
/// It also stands for several policies in one place, which are its `members`: the first that covers
/// the request's origin decides, the last one where none does. What it is itself is the last one.
class CompiledPolicy {
 public:
  static constexpr char kTypeName[] = "CompiledPolicy";

  CompiledPolicy(std::shared_ptr<const Policy> policy, py::object decide_origin,
                 py::object app_headers_log);

  /// Several in one place. @param members of which there is at least one.
  explicit CompiledPolicy(const std::vector<const CompiledPolicy*>& members, py::tuple objects);

  [[nodiscard]] const Policy& core() const noexcept { return *policy_; }
  [[nodiscard]] const std::shared_ptr<const Policy>& shared_core() const noexcept {
    return policy_;
  }
  /// A user's function may well refer to the application that it decides for. What is not visited
  /// refers to nothing that could refer back.
  int traverse(visitproc visit, void* arg) const noexcept;

  Names names;
  /// Asked about an origin that is not listed: (bytes) -> bool or an awaitable of one; or None.
  py::object decide_origin;
  /// It is called with the request too: the scope or environ. It says so by `takes_request`.
  bool decides_by_request;
  /// Told of headers of the protocol that the application sets: (request, fate, pairs); or None.
  py::object app_headers_log;

  py::tuple members;  ///< CompiledPolicy objects; empty: it is one policy.

  PolicyPairs byte_pairs;  ///< For ASGI.
  PolicyPairs text_pairs;  ///< For WSGI.

  // What answers to preflights are copied from.
  py::int_ answer_status;
  py::bytes empty_body;
  py::dict answer_start;  ///< `http.response.start` with that status.
  py::dict answer_body;   ///< `http.response.body` without a body.
  py::str status_line;    ///< The same status as WSGI has it, such as "204 No Content".

  /// No part of the policy: it stands here because a response callable refers to its policy and to
  /// nothing else that lives as long as its interpreter. Not used without a global lock.
  mutable ParkedCallables parked_callables;

 private:
  std::shared_ptr<const Policy> policy_;
};

/// Who learns of refusals, beside the log. Part of a Routing, so that a request meets those that
/// were in force when it began, with the policy of that time.
struct Observers {
  py::object on_refusal;                    ///< A callable, see `tell`; or None.
  py::object report_only;                   ///< The Routing of the policies on trial, or None.
  std::optional<std::string> debug_header;  ///< The response header that gives the reason.
};

/// Which policy a path has: the first rule that matches, else the fallback.
class Routing {
 public:
  static constexpr char kTypeName[] = "Routing";

  /// Each policy is a CompiledPolicy, or None: its paths are left alone. Else that is a TypeError,
  /// thrown as error_already_set.
  /// @param fallback for paths without a rule.
  /// @param policies for each rule.
  /// @param for_ambiguous_paths allows nobody; None where there are no rules.
  /// @param hosts those that are served; null: any.
  Routing(const py::object& fallback, std::shared_ptr<const PathRules> rules,
          const std::vector<py::object>& policies, const py::object& for_ambiguous_paths,
          const Observers& observers, std::shared_ptr<const HostSet> hosts);
  Routing(const Routing&) = delete;  // Its entries refer to it.
  Routing& operator=(const Routing&) = delete;

  /// What decides about some paths. It stays where it is as long as the Routing does.
  struct Entry {
    PyObject* object = nullptr;              ///< Keeps `policy` alive; null: hands off.
    const CompiledPolicy* policy = nullptr;  ///< Null also for several policies in one place.
    const Routing* trial = nullptr;          ///< The policies on trial, or null.
    PyObject* rule = nullptr;                ///< The pattern, or "default", "ambiguous" or "hosts".
    const Routing* routing = nullptr;
    Py_ssize_t place = kFallback;  ///< Of the rule, or one of its own for a member.
    /// Of several policies the first one; of a member the next one, null after the last.
    const Entry* next = nullptr;
    std::size_t member = 0;  ///< Its number among several policies, from 1; 0 where it is alone.

    /// There is no policy here: the first of `next` that covers the request's origin decides.
    [[nodiscard]] bool is_several() const noexcept { return policy == nullptr && next != nullptr; }
    /// There is no policy here at all.
    [[nodiscard]] bool is_left_alone() const noexcept {
      return policy == nullptr && next == nullptr;
    }
  };
  static constexpr Py_ssize_t kFallback = -1;
  static constexpr Py_ssize_t kAmbiguous = -2;
  static constexpr Py_ssize_t kFirstMember = -3;  ///< And downwards.

  [[nodiscard]] bool has_rules() const noexcept { return !entries_.empty(); }
  [[nodiscard]] const Entry& fallback() const noexcept { return fallback_; }
  /// Where repeated slashes choose another policy for routers that take them for one than for
  /// routers that do not, it is one that allows nobody.
  [[nodiscard]] const Entry& select(std::string_view path) const noexcept;
  /// The entry at a place; null if there is none.
  [[nodiscard]] const Entry* at(Py_ssize_t place) const noexcept;

  /// The hosts that are served, whatever the path; null: any.
  [[nodiscard]] const HostSet* hosts() const noexcept { return hosts_.get(); }
  /// What decides where a host is not served.
  [[nodiscard]] const Entry& for_hosts() const noexcept { return for_hosts_; }

  /// Called with each refusal; null: nobody is.
  [[nodiscard]] PyObject* on_refusal() const noexcept { return on_refusal_; }
  /// The name of the response header that gives the reason, in lower case; empty: none does.
  [[nodiscard]] std::string_view debug_header() const noexcept { return debug_header_; }

  /// The rule that matches the path as it is; nothing: the fallback decides.
  [[nodiscard]] std::optional<std::size_t> match(std::string_view path) const noexcept {
    return rules_->match(path);
  }
  /// True if `select` gives the policy that allows nobody.
  [[nodiscard]] bool is_ambiguous(std::string_view path) const noexcept {
    return &select(path) == &for_ambiguous_paths_;
  }
  int traverse(visitproc visit, void* arg) const noexcept;

  Names names;
  py::list owners;  ///< Alone keeps alive what everything here refers to.

 private:
  [[nodiscard]] const Entry& entry_at(const std::optional<std::size_t>& index) const noexcept {
    return index ? entries_[*index] : fallback_;
  }

  Entry make_entry(const py::handle& policy, const py::handle& rule, Py_ssize_t place);
  const Entry* make_members(const py::tuple& policies, const py::handle& rule);

  PyObject* on_refusal_ = nullptr;
  const Routing* trial_ = nullptr;
  std::string debug_header_;
  Entry fallback_;
  Entry for_ambiguous_paths_;
  Entry for_hosts_;
  std::shared_ptr<const HostSet> hosts_;
  std::shared_ptr<const PathRules> rules_;
  std::vector<Entry> entries_;
  std::deque<Entry> members_;  ///< Of all places with several policies.
};

/// A function for pybind11 with its first argument given already, such as what belongs to one
/// interpreter.
template <typename First, typename Result, typename... Rest>
auto bind_first(First first, Result (*function)(const First&, Rest...)) {
  return [first = std::move(first), function](Rest... rest) {
    return function(first, std::forward<Rest>(rest)...);
  };
}

void bind_facts(py::module_& module);
void bind_live_origins(py::module_& module);
void bind_policy(py::module_& module);
void bind_asgi(py::module_& module);
void bind_wsgi(py::module_& module);
void bind_browser(py::module_& module);
void bind_exchange(py::module_& module);
void bind_environ_switch(py::module_& module);

}  // namespace corsac::bindings
