#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corsac/config_problem.hpp"
#include "corsac/guard_rules.hpp"
#include "corsac/live_origins.hpp"
#include "corsac/origin_set.hpp"
#include "corsac/origin_verdicts.hpp"

namespace corsac {

inline constexpr std::int64_t kMaxMaxAge =
    86400;  ///< Seconds; the largest value any engine honours.
inline constexpr std::int64_t kDefaultMaxAge = 600;
inline constexpr int kDefaultPreflightStatus = 204;
/// The most origins that Timing-Allow-Origin lists on every response; of more, each gets its own.
inline constexpr std::size_t kMaxTimingOrigins = 8;

/// What a user writes. Plain data: every combination can be held, build_policy() judges it.
struct PolicyOptions {
  std::vector<std::string> allow_origins;
  std::vector<std::string> allow_methods;
  std::vector<std::string> allow_headers;
  std::vector<std::string> expose_headers;
  std::vector<std::string> tolerate;
  std::optional<std::int64_t> max_age = kDefaultMaxAge;  ///< Seconds; absent: no header is sent.
  int preflight_status = kDefaultPreflightStatus;
  bool allow_credentials = false;
  bool allow_private_network = false;
  bool preflight_continue = false;
  bool guard = false;
  GuardOptions guard_options;  ///< Looked at with `guard` alone.
  bool allow_timing = false;
  /// Access-Control-Allow-Origin is the same on every response, also without Origin; it takes
  /// exactly one exact origin.
  bool always_send = false;
  /// Headers of the protocol that the application sets stay where the policy sets none.
  bool keep_app_headers = false;
  /// Origins that are not listed are asked about outside the core: by a regular expression or a
  /// function.
  bool asks_about_origins = false;
  /// What whoever is asked keeps of the answers that never change; null: nothing.
  std::shared_ptr<const OriginVerdicts> verdicts;
  /// A refusal in `verdicts` is the answer; else only what is allowed there is.
  bool refusals_are_final = true;
  /// Not an option of users: the policy stands where it is not known which one a path has.
  bool for_ambiguous_paths = false;
};

/// A list option compiled to what goes on the wire.
struct CompiledList {
  bool any = false;                  ///< `*` was listed.
  std::string value;                 ///< The header's value; empty: the header is not sent.
  std::vector<std::string> members;  ///< Those of `value`; names of headers in lower case.
};

/// A compiled policy: immutable, shared by threads, everything that can be decided early is.
class Policy {
 public:
  /// What Access-Control-Allow-Origin depends on.
  enum class OriginMode : std::uint8_t {
    kAny,         ///< `*` without credentials: the constant `*`, on every response, and no Vary.
    kReflectAny,  ///< `*` with credentials, knowingly tolerated: the request's origin, but never
                  ///< `null`.
    kListed,      ///< The request's origin if it is in the set.
  };

  /// What is known about an origin.
  enum class Standing : std::uint8_t {
    kRefused,
    kAllowed,
    kAsked,  ///< It may still be allowed by whoever is asked outside the core.
  };

  /// The CORS check's server half: may this origin read responses? Bytes are compared as they are.
  /// `null` is never asked about: any site can send it. Where somebody is asked it may say
  /// something else the next time, as verdicts come and go: whoever needs it twice keeps it.
  /// https://fetch.spec.whatwg.org/#concept-cors-check
  [[nodiscard]] Standing standing_of(std::string_view origin) const noexcept;

  /// True if an origin is known to be allowed.
  [[nodiscard]] bool allows_origin(std::string_view origin) const noexcept {
    return standing_of(origin) == Standing::kAllowed;
  }

  /// Access-Control-Allow-Origin where every response that is no preflight's has the same: `*`, or
  /// the one origin of `always_send`, which the browser compares with its own (Fetch, "CORS
  /// check"); empty: it depends on the request's Origin.
  /// https://fetch.spec.whatwg.org/#concept-cors-check
  [[nodiscard]] const std::string& constant_origin() const noexcept { return constant_origin_; }

  /// True if `constant_origin` is there.
  [[nodiscard]] bool has_constant_origin() const noexcept { return !constant_origin_.empty(); }

  /// True if a response depends on the request's Origin, so that caches must be told: what is sent
  /// does, or which of several policies sends it. Whether a preflight is refused may still depend
  /// on it (`preflight_vary`).
  [[nodiscard]] bool varies_by_origin() const noexcept {
    return constant_origin_.empty() || is_one_of_several_;
  }

  /// The same policy as one of several in one place, of which the request's Origin chooses one: all
  /// that it sends says so to caches.
  [[nodiscard]] std::shared_ptr<const Policy> as_one_of_several() const;

  /// The same policy that allows some more origins, which must not change any more. Those that it
  /// lists itself stay; Timing-Allow-Origin is then for each of its own.
  [[nodiscard]] std::shared_ptr<const Policy> with_live_origins(
      std::shared_ptr<const LiveOrigins> live) const;

  /// True if Access-Control-Allow-Methods is an echo: `*` means nothing when credentials are
  /// allowed.
  /// https://fetch.spec.whatwg.org/#cors-protocol-and-credentials
  [[nodiscard]] bool echoes_methods() const noexcept { return methods_.any && allow_credentials_; }
  [[nodiscard]] bool echoes_headers() const noexcept { return headers_.any && allow_credentials_; }

  [[nodiscard]] OriginMode origin_mode() const noexcept { return origin_mode_; }
  [[nodiscard]] const OriginSet& origins() const noexcept { return origins_; }
  [[nodiscard]] const CompiledList& methods() const noexcept { return methods_; }
  [[nodiscard]] const CompiledList& headers() const noexcept { return headers_; }
  [[nodiscard]] const std::string& expose_headers() const noexcept { return expose_headers_; }
  [[nodiscard]] const std::string& max_age() const noexcept { return max_age_; }
  [[nodiscard]] int preflight_status() const noexcept { return preflight_status_; }
  /// The Vary value of a preflight answer; empty: none is sent.
  [[nodiscard]] const std::string& preflight_vary() const noexcept { return preflight_vary_; }
  [[nodiscard]] bool allow_credentials() const noexcept { return allow_credentials_; }
  [[nodiscard]] bool allow_private_network() const noexcept { return allow_private_network_; }
  [[nodiscard]] bool preflight_continue() const noexcept { return preflight_continue_; }
  /// The Vary value of a response that is no preflight's; empty: none is sent.
  /// @param isolated the response depends on Fetch Metadata (`is_isolated`).
  [[nodiscard]] const std::string& vary(bool isolated) const noexcept {
    return isolated ? isolated_vary_ : vary_;
  }
  /// It refuses requests before the application runs.
  [[nodiscard]] bool guard() const noexcept { return guard_ != nullptr; }
  /// What the guard judges by. Precondition: `guard()`.
  [[nodiscard]] const GuardRules& guard_rules() const noexcept { return *guard_; }
  /// It sends Timing-Allow-Origin (Resource Timing), and the application's own is not passed on.
  [[nodiscard]] bool allows_timing() const noexcept { return allows_timing_; }
  /// Timing-Allow-Origin where every response that is no preflight's has the same: `*`, or a short
  /// list. That is the form that helps images and scripts, whose requests have no Origin to send
  /// back. Empty: the request's origin, where it is allowed.
  /// https://fetch.spec.whatwg.org/#concept-tao-check
  [[nodiscard]] const std::string& constant_timing() const noexcept { return constant_timing_; }
  /// True if Timing-Allow-Origin is the request's origin. `null` never is: opaque origins of any
  /// site have it, and redirects across origins make it of others.
  [[nodiscard]] bool echoes_timing() const noexcept { return echoes_timing_; }
  /// True if headers of the protocol that the application sets stay on a response to which the
  /// policy sets none (`app_headers="keep"`).
  [[nodiscard]] bool keeps_app_headers() const noexcept { return keeps_app_headers_; }
  /// True if the reason for a refusal is the path (`Refusal::kPathAmbiguous`).
  [[nodiscard]] bool for_ambiguous_paths() const noexcept { return for_ambiguous_paths_; }
  /// True if whoever is asked outside the core has to be asked about an origin.
  [[nodiscard]] bool asks_about(std::string_view origin) const noexcept {
    return standing_of(origin) == Standing::kAsked;
  }

 private:
  friend class PolicyBuilder;
  explicit Policy(std::uint64_t seed) : origins_(seed) {}

  /// Precondition: an origin has to be listed.
  [[nodiscard]] bool lists(std::string_view origin) const noexcept {
    return origins_.contains(origin) || (live_ != nullptr && live_->contains(origin));
  }

  OriginSet origins_;
  std::shared_ptr<const LiveOrigins> live_;         ///< Null: there are no others.
  std::shared_ptr<const OriginVerdicts> verdicts_;  ///< Null: no answers are kept.
  std::string constant_origin_;
  CompiledList methods_;
  CompiledList headers_;
  std::string expose_headers_;
  std::string max_age_;
  std::string preflight_vary_;
  std::string vary_;
  std::string isolated_vary_;
  std::string constant_timing_;
  std::shared_ptr<const GuardRules> guard_;  ///< Null: nothing is refused.
  int preflight_status_ = kDefaultPreflightStatus;
  OriginMode origin_mode_ = OriginMode::kListed;
  bool null_listed_ = false;
  bool allow_credentials_ = false;
  bool allow_private_network_ = false;
  bool preflight_continue_ = false;
  bool allows_timing_ = false;
  bool echoes_timing_ = false;
  bool keeps_app_headers_ = false;
  bool asks_about_origins_ = false;
  bool refusals_are_final_ = true;
  bool for_ambiguous_paths_ = false;
  bool is_one_of_several_ = false;
};

/// What came of building: a policy if no error stands, and every problem in any case.
struct PolicyBuild {
  std::shared_ptr<const Policy> policy;  ///< Null if a problem is an error.
  std::vector<ConfigProblem> problems;   ///< In the order of the options and their entries.
};

/// Validates all options at once and compiles them.
[[nodiscard]] PolicyBuild build_policy(const PolicyOptions& options);

}  // namespace corsac
