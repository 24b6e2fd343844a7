#include "corsac/guard_rules.hpp"

#include <algorithm>
#include <utility>

#include "corsac/seeded_hash.hpp"
#include "origin_list.hpp"

namespace corsac {

/// Judges the options of a guard and fills it; the only place that writes one.
class GuardBuilder {
 public:
  explicit GuardBuilder(const GuardOptions& options)
      : options_(options), guard_(new GuardRules(random_seed())) {}

  GuardBuild build() {
    read_trusted_origins();
    read_exempt_paths();
    guard_->writes_ = options_.writes;
    guard_->isolates_reads_ = options_.isolate_reads;

    GuardBuild result;
    const bool failed = std::ranges::any_of(problems_, [](const ConfigProblem& problem) {
      return problem.severity == Severity::kError && !is_tolerable(problem.code);
    });
    if (!failed) result.guard = std::move(guard_);
    result.problems = std::move(problems_);
    return result;
  }

 private:
  void report(ProblemCode code, std::string_view option, std::string_view value,
              std::string message, std::string hint) {
    problems_.push_back({code, default_severity(code), std::string(option), std::string(value),
                         std::move(message), std::move(hint)});
  }

  void read_trusted_origins() {
    constexpr std::string_view kOption = "trusted_origins";
    const std::vector<std::string>& entries = options_.trusted_origins;
    if (std::ranges::find(entries, "*") != entries.end()) {
      report(ProblemCode::kOriginInvalid, kOption, "*",
             "any site could write with the user's cookies, and nothing would be guarded",
             "remove it, and list the origins that may write");
    }
    // With cookies, whether the policy allows credentials or not.
    OriginListReader reader(kOption, true, false, guard_->trusted_origins_,
                            [this](ProblemCode code, std::string_view option,
                                   std::string_view value, std::string message, std::string hint) {
                              report(code, option, value, std::move(message), std::move(hint));
                            });
    reader.read(entries);
    reader.find_missing_apexes(entries);
    reader.find_swallowed_origins(entries);
  }

  void read_exempt_paths() {
    constexpr std::string_view kOption = "exempt_paths";
    if (options_.exempt_paths.empty()) return;
    PathRulesBuild build = build_path_rules(options_.exempt_paths);
    guard_->exempt_paths_ = std::move(build.rules);
    for (ConfigProblem& problem : build.problems) {
      problem.option = kOption;
      // Their texts speak of rules, whose order matters; here it does not.
      if (problem.code == ProblemCode::kRuleDuplicate) {
        problem.message = "it is listed twice";
        problem.hint = "remove one of them";
      } else if (problem.code == ProblemCode::kRuleUnreachable) {
        problem.message = "another pattern in the list covers the same paths";
        problem.hint = "remove it";
      }
      problems_.push_back(std::move(problem));
    }
    if (std::ranges::find(options_.exempt_paths, "/*") != options_.exempt_paths.end()) {
      report(ProblemCode::kGuardWithoutEffect, kOption, "/*",
             "every path is exempt, so there is nothing left to refuse",
             "remove it, and list the paths that other sites post to");
    }
  }

  const GuardOptions& options_;
  std::unique_ptr<GuardRules> guard_;
  std::vector<ConfigProblem> problems_;
};

bool GuardRules::is_exempt(std::string_view path) const noexcept {
  if (!exempt_paths_) return false;
  const std::optional<std::size_t> index = exempt_paths_->match(path);
  if (!index) return false;
  const PathRules::Merged merged = exempt_paths_->match_merged(path);
  return merged.repeated == PathRules::Repeated::kNone || merged.match.has_value() ||
         exempt_paths_->names_repeated_slashes(*index);
}

GuardBuild build_guard(const GuardOptions& options) { return GuardBuilder(options).build(); }

}  // namespace corsac
