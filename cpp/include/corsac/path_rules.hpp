#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corsac/config_problem.hpp"

namespace corsac {

/// Bytes of one path pattern; also the bound on what match() reads of a path.
inline constexpr std::size_t kMaxPathPatternLength = 1024;
/// Bytes of a path that are read to see where repeated slashes lead.
inline constexpr std::size_t kMaxRepeatedSlashesRead = 4096;

/// Which rule decides about a path: the first one, in declared order, whose pattern matches. Made
/// by build_path_rules(), then immutable and read by any number of threads.
///
/// A pattern is one of two things:
/// - exact: `/health` matches the path `/health` and no other, so not `/health/`;
/// - a prefix on a segment border: `/api/*` matches `/api` and whatever begins with `/api/`, so not
///   `/apix`. By the same rule `/*` matches the empty path (an app that is mounted and asked for
///   without the slash has an empty PATH_INFO) and whatever begins with `/`.
///
/// No pattern matches any other path. The one that exists is `*`, of `OPTIONS *` (RFC 9112 section
/// 3.2.4): it is about the server and not about a resource, and no browser can send it. A
/// middleware leaves what matches no rule to the app.
///
/// Deliberately not done, since each has made another library judge a path by one rule while the
/// router served it by another:
/// - no case folding: routers tell `/Admin` from `/admin`;
/// - no percent-decoding: the router's path is decoded already, and once more is once too often;
/// - no `.` or `..` segments resolved, no slash added or removed at the end: whatever the router
///   does not do to its path is not done here;
/// - no `//` taken for `/`, since some routers do that and others do not: match_merged() says what
///   the others see, and where the two differ neither should decide;
/// - no specificity: neither a longer nor an exact pattern beats an earlier one.
class PathRules {
 public:
  /// The index of the first rule that matches, or nothing.
  ///
  /// @param path the bytes the router sees: `scope["path"]` in UTF-8, or those of PATH_INFO.
  ///
  /// Allocates nothing and reads no more of the path than the longest pattern has bytes. The number
  /// of rules does not matter: there is one look-up for the whole path, and one for each segment
  /// border at which some prefix pattern is long enough to end. (A loop over 20 rules is as quick
  /// where one of the first matches, and three times as slow where none does.)
  [[nodiscard]] std::optional<std::size_t> match(std::string_view path) const noexcept;

  /// What routers that take several slashes for one make of a path.
  enum class Repeated : std::uint8_t {
    kNone,     ///< No slash follows another in the part that rules look at.
    kMatched,  ///< The merged path was matched.
    kTooMany,  ///< More slashes than are read: it is not known where they lead.
  };
  struct Merged {
    Repeated repeated = Repeated::kNone;
    std::optional<std::size_t> match;  ///< With kMatched, what match() gives for the merged path.
  };

  /// Matches the path with every run of slashes merged into one. A path without such runs, which is
  /// nearly every one, costs one search; no more than kMaxRepeatedSlashesRead bytes are read.
  [[nodiscard]] Merged match_merged(std::string_view path) const noexcept;

  /// True if the pattern itself has a run of slashes, so that whoever wrote it meant one.
  /// Precondition: `index < size()`.
  [[nodiscard]] bool names_repeated_slashes(std::size_t index) const noexcept {
    return rules_[index].pattern.find("//") != std::string::npos;
  }

  [[nodiscard]] std::size_t size() const noexcept { return rules_.size(); }

  /// A rule's pattern as it was written. Precondition: `index < size()`.
  [[nodiscard]] const std::string& pattern(std::size_t index) const noexcept {
    return rules_[index].pattern;
  }

 private:
  friend class PathRulesBuilder;

  struct Rule {
    std::string pattern;
    bool is_prefix = false;

    /// The path itself, or what has to be followed by a slash or the end.
    [[nodiscard]] std::string_view key() const noexcept;
  };
  struct Slot {
    std::uint32_t tag = 0;
    std::uint32_t index_plus_one = 0;  ///< 0: free.
  };
  /// Larger than the index of any rule, so that the smaller of two results is the first rule's.
  static constexpr std::uint32_t kNone = 0xFFFF'FFFFU;

  explicit PathRules(std::uint64_t seed) : seed_(seed) {}

  [[nodiscard]] std::uint32_t find(std::uint64_t hash, std::string_view key,
                                   bool is_prefix) const noexcept;
  [[nodiscard]] std::uint32_t first_exact(std::string_view path) const noexcept;
  [[nodiscard]] std::uint32_t first_prefix(std::string_view path) const noexcept;
  template <typename Visit>
  void visit_borders(std::string_view path, Visit visit) const noexcept;

  std::uint64_t seed_;
  std::vector<Rule> rules_;  ///< In declared order.
  std::vector<Slot> slots_;  ///< Open addressing, a power of two, at most half full; first ones.
  std::bitset<kMaxPathPatternLength + 1> exact_lengths_;
  std::vector<std::uint16_t> prefix_lengths_;  ///< Of the keys; ascending, each once.
};

/// What came of building: the rules if no error stands, and every problem in any case.
struct PathRulesBuild {
  std::shared_ptr<const PathRules> rules;  ///< Null if a problem is an error.
  std::vector<ConfigProblem> problems;     ///< In the order of the patterns, at most one for each.
};

/// Validates all patterns at once and compiles them. An index that match() gives is one into
/// `patterns`: also a rule that can never decide keeps its place.
[[nodiscard]] PathRulesBuild build_path_rules(const std::vector<std::string>& patterns);

/// The same with a given seed for the hash, which changes no answer.
[[nodiscard]] PathRulesBuild build_path_rules(const std::vector<std::string>& patterns,
                                              std::uint64_t seed);

}  // namespace corsac
