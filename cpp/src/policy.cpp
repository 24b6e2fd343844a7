#include "corsac/policy.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "corsac/ascii.hpp"
#include "corsac/fetch_names.hpp"
#include "corsac/seeded_hash.hpp"
#include "origin_list.hpp"

namespace corsac {
namespace {

std::string lowercase(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), ascii::to_lower);
  return result;
}

void append_member(std::string& list, std::string_view member) {
  if (!list.empty()) list += ", ";
  list += member;
}

}  // namespace

/// Judges each option in turn and fills the policy; the only place that writes one.
class PolicyBuilder {
 public:
  explicit PolicyBuilder(const PolicyOptions& options)
      : options_(options), policy_(new Policy(random_seed())) {}

  PolicyBuild build() {
    read_tolerate();
    read_origins();
    read_always_send();
    read_methods();
    read_request_headers();
    read_expose_headers();
    read_max_age();
    read_preflight_status();
    read_guard();
    read_timing();
    policy_->allow_credentials_ = options_.allow_credentials;
    policy_->allow_private_network_ = options_.allow_private_network;
    policy_->preflight_continue_ = options_.preflight_continue;
    policy_->keeps_app_headers_ = options_.keep_app_headers;
    policy_->asks_about_origins_ = options_.asks_about_origins;
    if (options_.asks_about_origins) policy_->verdicts_ = options_.verdicts;
    policy_->refusals_are_final_ = options_.refusals_are_final;
    policy_->for_ambiguous_paths_ = options_.for_ambiguous_paths;
    compile_vary();

    PolicyBuild result;
    const bool failed = std::ranges::any_of(problems_, [](const ConfigProblem& problem) {
      return problem.severity == Severity::kError;
    });
    if (!failed) result.policy = std::move(policy_);
    result.problems = std::move(problems_);
    return result;
  }

 private:
  void report(ProblemCode code, std::string_view option, std::string_view value,
              std::string message, std::string hint) {
    // A tolerated problem is kept, as an info: it was accepted, it did not go away.
    const bool tolerated =
        is_tolerable(code) &&
        std::ranges::find(options_.tolerate, code_name(code)) != options_.tolerate.end();
    problems_.push_back({code, tolerated ? Severity::kInfo : default_severity(code),
                         std::string(option), std::string(value), std::move(message),
                         std::move(hint)});
  }

  OriginListReader::Report reporter() {
    return [this](ProblemCode code, std::string_view option, std::string_view value,
                  std::string message, std::string hint) {
      report(code, option, value, std::move(message), std::move(hint));
    };
  }

  void read_tolerate() {
    for (const std::string& name : options_.tolerate) {
      if (!is_tolerable_name(name)) {
        report(
            ProblemCode::kTolerateUnknown, "tolerate", name,
            "this is not a code that can be tolerated",
            "the four are origin.insecure_with_credentials, origin.public_suffix_with_credentials, "
            "origin.any_with_credentials and origin.null");
      }
    }
  }

  static bool is_tolerable_name(std::string_view name) {
    for (std::size_t i = 0; i < kProblemCodes; ++i) {
      const auto code = static_cast<ProblemCode>(i);
      if (is_tolerable(code) && code_name(code) == name) return true;
    }
    return false;
  }

  void read_origins() {
    constexpr std::string_view kOption = "allow_origins";
    const bool any = std::ranges::find(options_.allow_origins, "*") != options_.allow_origins.end();
    if (any) {
      policy_->origin_mode_ =
          options_.allow_credentials ? Policy::OriginMode::kReflectAny : Policy::OriginMode::kAny;
    }
    if (policy_->origin_mode_ == Policy::OriginMode::kAny) policy_->constant_origin_ = "*";
    if (any && options_.allow_credentials) {
      report(ProblemCode::kOriginAnyWithCredentials, kOption, "*",
             "any site could read responses and act with the user's cookies",
             "list the origins that need credentials, or set allow_credentials=False");
    }
    if (std::ranges::count(options_.allow_origins, "*") > 1) {
      report(ProblemCode::kOriginRedundant, kOption, "*", "it is listed twice",
             "remove one of them");
    }
    OriginListReader reader(kOption, options_.allow_credentials, any, policy_->origins_,
                            reporter());
    reader.read(options_.allow_origins);
    policy_->null_listed_ = reader.has_null();
    if (options_.allow_origins.empty() && !options_.guard && !options_.asks_about_origins) {
      report(ProblemCode::kOriginNone, kOption, "",
             "no origin is allowed, so every cross-origin read is refused",
             "list at least one origin, such as \"https://app.example.com\"");
    }
    reader.find_missing_apexes(options_.allow_origins);
    reader.find_swallowed_origins(options_.allow_origins);
  }

  void read_always_send() {
    if (!options_.always_send) return;
    const std::vector<std::string>& origins = options_.allow_origins;
    const bool all_same = std::ranges::all_of(
        origins, [&origins](const std::string& entry) { return entry == origins.front(); });
    const bool has_one = all_same && !origins.empty() && !options_.asks_about_origins;
    if (has_one && is_exact_origin_or_invalid(origins.front())) {
      policy_->constant_origin_ = origins.front();
      return;
    }
    const bool any = policy_->origin_mode_ != Policy::OriginMode::kListed;
    report(ProblemCode::kAlwaysSendNeedsOneOrigin, "always_send", "True",
           "Access-Control-Allow-Origin can be the same on every response only where exactly one "
           "exact origin may read it",
           any ? "remove always_send; without credentials \"*\" is sent on every response anyway"
               : "list that one origin in allow_origins and nothing else, or remove always_send");
  }

  /// An invalid entry has a problem of its own: what it would be is not known.
  static bool is_exact_origin_or_invalid(const std::string& entry) {
    if (entry == "*" || entry == kNullOrigin) return false;
    const auto parsed = parse_origin_pattern(entry);
    const auto* pattern = std::get_if<OriginPattern>(&parsed);
    return pattern == nullptr || pattern->is_exact();
  }

  void read_methods() {
    constexpr std::string_view kOption = "allow_methods";
    std::unordered_set<std::string> seen;
    for (const std::string& entry : options_.allow_methods) {
      if (entry == "*") {
        policy_->methods_.any = true;
      } else if (!ascii::is_token(entry)) {
        report(ProblemCode::kMethodInvalid, kOption, entry,
               "a method is one token without spaces or commas",
               "write each method as a string of its own, such as [\"GET\", \"PUT\"]");
      } else if (fetch::is_forbidden_method(entry)) {
        report(ProblemCode::kMethodForbidden, kOption, entry,
               "browsers never let a page send this method", "remove it");
      } else if (std::string method = fetch::normalize_method(entry); seen.insert(method).second) {
        append_member(policy_->methods_.value, method);
        policy_->methods_.members.push_back(std::move(method));
      }
    }
    if (!policy_->methods_.any) return;
    policy_->methods_.members.clear();
    policy_->methods_.value.assign(options_.allow_credentials ? 0 : 1, '*');
  }

  void read_request_headers() {
    constexpr std::string_view kOption = "allow_headers";
    bool authorization = false;
    std::unordered_set<std::string> seen;
    for (const std::string& entry : options_.allow_headers) {
      if (entry == "*") {
        policy_->headers_.any = true;
      } else if (!ascii::is_token(entry)) {
        report(
            ProblemCode::kHeaderInvalid, kOption, entry,
            "a header name is one token without spaces or commas",
            "write each name as a string of its own, such as [\"content-type\", \"x-request-id\"]");
      } else if (fetch::is_forbidden_request_header_name(entry)) {
        report(ProblemCode::kHeaderForbiddenRequest, kOption, entry,
               "browsers set this header themselves and never ask for it", "remove it");
      } else if (fetch::is_cors_response_header_name(entry)) {
        report(ProblemCode::kHeaderForbiddenRequest, kOption, entry,
               "this is a response header that the server sends, not one that a page asks to send",
               "remove it");
      } else {
        authorization = authorization || fetch::is_cors_non_wildcard_request_header_name(entry);
        if (std::string name = lowercase(entry); seen.insert(name).second) {
          append_member(policy_->headers_.value, entry);
          policy_->headers_.members.push_back(std::move(name));
        }
      }
    }
    if (!policy_->headers_.any) return;
    policy_->headers_.members.clear();
    if (options_.allow_credentials) {
      policy_->headers_.value.clear();  // An echo of what was asked, see cors_protocol.hpp.
      return;
    }
    policy_->headers_.value = authorization ? "*, authorization" : "*";
    if (authorization) policy_->headers_.members.emplace_back("authorization");
    if (!authorization) {
      report(ProblemCode::kHeaderAuthorizationNotCovered, kOption, "*",
             "\"*\" does not cover the Authorization header",
             "write [\"*\", \"authorization\"] if pages send bearer tokens");
    }
  }

  void read_expose_headers() {
    constexpr std::string_view kOption = "expose_headers";
    bool any = false;
    std::unordered_set<std::string> seen;
    for (const std::string& entry : options_.expose_headers) {
      if (entry == "*") {
        any = true;
        if (options_.allow_credentials) {
          report(ProblemCode::kHeaderExposeAnyWithCredentials, kOption, entry,
                 "with credentials \"*\" is only the name of a header, and exposes nothing",
                 "list the response headers that pages read");
        }
      } else if (!ascii::is_token(entry)) {
        report(ProblemCode::kHeaderInvalid, kOption, entry,
               "a header name is one token without spaces or commas",
               "write each name as a string of its own, such as [\"etag\", \"x-request-id\"]");
      } else if (fetch::is_forbidden_response_header_name(entry)) {
        report(ProblemCode::kHeaderForbiddenResponse, kOption, entry,
               "browsers never show this header to a page", "remove it");
      } else if (fetch::is_cors_protocol_only_header_name(entry)) {
        report(ProblemCode::kHeaderPreflightOnly, kOption, entry,
               "this header means something only in a request or a preflight answer, which no page "
               "reads",
               "remove it");
      } else {
        if (fetch::is_cors_safelisted_response_header_name(entry)) {
          report(ProblemCode::kHeaderSafelisted, kOption, entry,
                 "pages can read this header without listing it",
                 "remove it, or leave it: it does no harm");
        }
        if (seen.insert(lowercase(entry)).second) append_member(policy_->expose_headers_, entry);
      }
    }
    if (any) policy_->expose_headers_.assign(1, '*');
  }

  void read_max_age() {
    if (!options_.max_age) return;
    const std::int64_t seconds = *options_.max_age;
    if (seconds < 0 || seconds > kMaxMaxAge) {
      report(ProblemCode::kMaxAgeOutOfBounds, "max_age", std::to_string(seconds),
             "max_age is 0 to 86400 seconds: no browser keeps a preflight longer than a day",
             "write 0 for never cached, None for no header, or at most 86400");
      return;
    }
    policy_->max_age_ = std::to_string(seconds);
  }

  void read_preflight_status() {
    const int status = options_.preflight_status;
    if (status < 200 || status > 299) {
      report(ProblemCode::kStatusNotOk, "preflight_status", std::to_string(status),
             "browsers refuse a preflight answer whose status is not 200 to 299",
             "write 204, or 200 if something on the way needs it");
      return;
    }
    policy_->preflight_status_ = status;
  }

  void read_guard() {
    if (!options_.guard) return;
    GuardBuild build = build_guard(options_.guard_options);
    for (ConfigProblem& problem : build.problems) {
      report(problem.code, "guard." + problem.option, problem.value, std::move(problem.message),
             std::move(problem.hint));
    }
    policy_->guard_ = std::move(build.guard);
    if (policy_->origin_mode_ == Policy::OriginMode::kReflectAny) {
      report(ProblemCode::kGuardWithoutEffect, "guard", "True",
             "\"*\" in allow_origins trusts every site with the user's cookies, so there is "
             "nothing left to refuse",
             "list the origins that may write, or remove guard");
    }
    // Without credentials an allowed origin does not write with cookies, and a trusted one does.
    if (!options_.allow_credentials) return;
    for (const std::string& entry : options_.guard_options.trusted_origins) {
      if (policy_->origins_.contains(entry)) {
        report(ProblemCode::kOriginRedundant, "guard", entry,
               "allow_origins allows " + entry + " with credentials, so it may write already",
               "remove it from trusted_origins");
      }
    }
  }

  void read_timing() {
    policy_->allows_timing_ = options_.allow_timing;
    if (!options_.allow_timing) return;
    std::string& constant = policy_->constant_timing_;
    if (policy_->origin_mode_ == Policy::OriginMode::kAny) {
      constant = "*";
      return;
    }
    const std::vector<std::string>& origins = options_.allow_origins;
    const bool is_short = origins.size() <= kMaxTimingOrigins && !options_.asks_about_origins &&
                          std::ranges::all_of(origins, is_listed_in_timing);
    for (const std::string& entry : origins) {
      if (is_short && entry != kNullOrigin) append_member(constant, entry);
    }
    policy_->echoes_timing_ = constant.empty();
  }

  /// It is an exact origin, or `null`, for which nothing is sent (`Policy::echoes_timing`).
  static bool is_listed_in_timing(const std::string& entry) {
    return entry == kNullOrigin || is_exact_origin_or_invalid(entry);
  }

  /// What the preflight answer depends on. OPTIONS is not cacheable by HTTP (RFC 9110
  /// section 9.3.7), but some content delivery networks cache it anyway.
  void compile_preflight_vary() {
    std::string& vary = policy_->preflight_vary_;
    // Also with `always_send`: another origin's preflight is refused.
    if (policy_->origin_mode_ != Policy::OriginMode::kAny) append_member(vary, "Origin");
    if (policy_->echoes_methods()) append_member(vary, "Access-Control-Request-Method");
    if (policy_->echoes_headers()) append_member(vary, "Access-Control-Request-Headers");
    if (options_.allow_private_network)
      append_member(vary, "Access-Control-Request-Private-Network");
  }

  void compile_vary() {
    compile_preflight_vary();
    if (policy_->varies_by_origin()) append_member(policy_->vary_, "Origin");
    policy_->isolated_vary_ = policy_->vary_;
    for (const char* name : {"Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest"})
      append_member(policy_->isolated_vary_, name);
  }

  const PolicyOptions& options_;
  std::unique_ptr<Policy> policy_;
  std::vector<ConfigProblem> problems_;
};

Policy::Standing Policy::standing_of(std::string_view origin) const noexcept {
  const auto known = [](bool allowed) { return allowed ? Standing::kAllowed : Standing::kRefused; };
  switch (origin_mode_) {
    case OriginMode::kAny:
      return known(can_be_one_origin(origin));
    case OriginMode::kReflectAny:
      // `null` is an origin any site can take on, so "any site" must still name it to mean it.
      return known(can_be_one_origin(origin) && (origin != kNullOrigin || null_listed_));
    case OriginMode::kListed:
      break;
  }
  // Only what can be one origin is in the set, matches a pattern or has a verdict, so the bytes
  // need no look before.
  if (lists(origin)) return Standing::kAllowed;
  if (!asks_about_origins_) return Standing::kRefused;
  const std::optional<bool> verdict = verdicts_ ? verdicts_->find(origin) : std::nullopt;
  if (verdict && (*verdict || refusals_are_final_)) return known(*verdict);
  const bool can_be_asked_about = origin != kNullOrigin && can_be_one_origin(origin);
  return can_be_asked_about ? Standing::kAsked : Standing::kRefused;
}

std::shared_ptr<const Policy> Policy::with_live_origins(
    std::shared_ptr<const LiveOrigins> live) const {
  std::shared_ptr<Policy> policy(new Policy(*this));
  policy->live_ = std::move(live);
  if (allows_timing_ && origin_mode_ != OriginMode::kAny) {
    policy->constant_timing_.clear();
    policy->echoes_timing_ = true;
  }
  return policy;
}

std::shared_ptr<const Policy> Policy::as_one_of_several() const {
  std::shared_ptr<Policy> policy(new Policy(*this));
  policy->is_one_of_several_ = true;
  if (vary_.empty()) {
    policy->vary_ = "Origin";
    policy->isolated_vary_ = "Origin, " + isolated_vary_;
  }
  if (origin_mode_ == OriginMode::kAny) {
    policy->preflight_vary_ = "Origin";
    if (!preflight_vary_.empty()) append_member(policy->preflight_vary_, preflight_vary_);
  }
  return policy;
}

PolicyBuild build_policy(const PolicyOptions& options) { return PolicyBuilder(options).build(); }

}  // namespace corsac
