#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "corsac/config_problem.hpp"
#include "corsac/origin_set.hpp"
#include "corsac/path_rules.hpp"

namespace corsac {

/// What a user writes about the guard of a policy; guard.hpp has what it does.
struct GuardOptions {
  /// May write and open sockets, with cookies, though they may not read; as in `allow_origins`.
  std::vector<std::string> trusted_origins;
  std::vector<std::string> exempt_paths;  ///< Patterns as in rules: nothing is judged there.
  bool isolate_reads = false;             ///< Judge GET and HEAD by Fetch Metadata too.
  bool writes = true;                     ///< Judge unsafe methods; WebSockets always are.
};

/// A compiled guard: immutable, shared by threads.
class GuardRules {
 public:
  [[nodiscard]] bool writes() const noexcept { return writes_; }
  [[nodiscard]] bool isolates_reads() const noexcept { return isolates_reads_; }
  [[nodiscard]] bool trusts(std::string_view origin) const noexcept {
    return trusted_origins_.contains(origin);
  }
  [[nodiscard]] bool has_exempt_paths() const noexcept { return exempt_paths_ != nullptr; }
  /// True if a path is left alone. Where repeated slashes lead elsewhere for routers that take them
  /// for one it is not, unless both places are: in doubt, a request is judged.
  /// @param path the bytes the router sees, as in PathRules.
  [[nodiscard]] bool is_exempt(std::string_view path) const noexcept;

 private:
  friend class GuardBuilder;
  explicit GuardRules(std::uint64_t seed) : trusted_origins_(seed) {}

  OriginSet trusted_origins_;
  std::shared_ptr<const PathRules> exempt_paths_;  ///< Null: there are none.
  bool writes_ = true;
  bool isolates_reads_ = false;
};

/// What came of building: a guard if no error stands, and every problem in any case.
struct GuardBuild {
  std::shared_ptr<const GuardRules> guard;
  /// Those that `tolerate` of a policy may accept are errors here, and keep nothing from being
  /// built: the policy judges them.
  std::vector<ConfigProblem> problems;
};

/// Validates and compiles a guard. Problems name the members of GuardOptions.
[[nodiscard]] GuardBuild build_guard(const GuardOptions& options);

}  // namespace corsac
