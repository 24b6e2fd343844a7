#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "corsac/path_rules.hpp"
#include "support.hpp"

namespace corsac::testing {
/// Allocations of the whole test program so far; defined beside the operators that count them.
std::size_t allocation_count();
}  // namespace corsac::testing

namespace corsac {
namespace {

using testing::kMebibyte;
using testing::repeated;
using Patterns = std::vector<std::string>;
using Index = std::optional<std::size_t>;

constexpr std::uint64_t kSeed = 0x5EEDU;

std::vector<std::string> codes(const PathRulesBuild& build) {
  std::vector<std::string> names;
  for (const ConfigProblem& problem : build.problems) names.emplace_back(code_name(problem.code));
  return names;
}

/// Rules without an error; warnings may ride along.
std::shared_ptr<const PathRules> make_rules(const Patterns& patterns) {
  const PathRulesBuild build = build_path_rules(patterns, kSeed);
  EXPECT_NE(build.rules, nullptr) << ::testing::PrintToString(codes(build));
  return build.rules;
}

bool one_matches(const std::string& pattern, std::string_view path) {
  return make_rules({pattern})->match(path).has_value();
}

std::string numbered(std::string_view before, std::size_t number, std::string_view after = "") {
  return std::string(before) + std::to_string(number) + std::string(after);
}

TEST(PathRules, WithoutPatternsNothingMatches) {
  const PathRulesBuild build = build_path_rules({});
  ASSERT_NE(build.rules, nullptr);
  EXPECT_TRUE(build.problems.empty());
  EXPECT_EQ(build.rules->size(), 0U);
  for (const std::string path : {"", "/", "*", "/api"}) {
    EXPECT_EQ(build.rules->match(path), std::nullopt) << path;
  }
  EXPECT_EQ(build.rules->match(std::string_view{}), std::nullopt);
}

struct Case {
  std::string pattern;
  Patterns matched;
  Patterns not_matched;
};

const std::vector<Case> kCases = {
    {"/health",
     {"/health"},
     {"", "/", "/healt", "/healthy", "/health/", "/health/x", "health", "//health", "/Health",
      "/health*", "/health/*", "/%68ealth", "/health?", "/./health", "/x/../health", "/health "}},
    {"/api/*",
     {"/api", "/api/", "/api/x", "/api/x/y", "/api//", "/api/*", "/api/../admin", "/api/%2e%2e",
      "/api/\xFF"},
     {"", "/", "*", "/ap", "/apix", "/api.", "/api*", "/API/x", "/Api", "//api/x", "/x/../api/y",
      "/./api", "api/x", "/a%70i/x", "/api%2Fx", "/api\\x", "/x/api/y"}},
    {"/*",
     {"", "/", "/x", "/x/y", "//", "/*", "/../x", "/\xFF"},
     {"*", "x", "api/x", "http://example.com/x", "\\x", "%2F", " /"}},
    {"/", {"/"}, {"", "//", "/x", "*"}},
    {"/api/", {"/api/"}, {"/api", "/api/x", "/api//"}},
    {"/a//*", {"/a/", "/a//", "/a//b"}, {"/a", "/a/b"}},
    {"//*", {"/", "//", "//x"}, {"", "/x"}},
    {"/a b/*", {"/a b", "/a b/c"}, {"/a+b", "/a%20b"}},
    {"/100%", {"/100%"}, {"/100", "/100%25"}},
    {"/caf\xC3\xA9/*", {"/caf\xC3\xA9/x"}, {"/cafe\xCC\x81/x", "/caf\xC3\x89/x", "/caf\xE9/x"}},
    {"/a/../b", {"/a/../b"}, {"/b", "/a/b"}},
};

TEST(PathRules, AnExactPatternOrAPrefixOnASegmentBorderIsComparedByteByByte) {
  for (const Case& row : kCases) {
    for (const std::string& path : row.matched) {
      EXPECT_TRUE(one_matches(row.pattern, path)) << row.pattern << " and " << path;
    }
    for (const std::string& path : row.not_matched) {
      EXPECT_FALSE(one_matches(row.pattern, path)) << row.pattern << " and " << path;
    }
  }
}

TEST(PathRules, AZeroByteIsAByteLikeAnyOther) {
  const auto rules = make_rules({"/health", "/api/*"});
  EXPECT_EQ(rules->match(std::string_view("/health\0", 8)), std::nullopt);
  EXPECT_EQ(rules->match(std::string_view("/api\0/x", 7)), std::nullopt);
  EXPECT_EQ(rules->match(std::string_view("/api/\0", 6)), Index(1));
}

TEST(PathRules, NoRuleMatchesTheTargetOfAnOptionsRequestForTheServer) {
  EXPECT_EQ(make_rules({"/*", "/"})->match("*"), std::nullopt);
}

TEST(PathRules, TheFirstRuleInDeclaredOrderDecidesAndNoOtherIsBetter) {
  const auto narrow_first = make_rules({"/api/v1/users", "/api/v1/*", "/api/*", "/*"});
  EXPECT_EQ(narrow_first->match("/api/v1/users"), Index(0));
  EXPECT_EQ(narrow_first->match("/api/v1/users/"), Index(1));
  EXPECT_EQ(narrow_first->match("/api/v1"), Index(1));
  EXPECT_EQ(narrow_first->match("/api/v10"), Index(2));
  EXPECT_EQ(narrow_first->match("/apiv1"), Index(3));
  EXPECT_EQ(narrow_first->match(""), Index(3));

  const auto wide_first = make_rules({"/*", "/api/*", "/api/v1/*", "/api/v1/users"});
  for (const std::string path : {"/api/v1/users", "/api/v1/x", "/api", "/"}) {
    EXPECT_EQ(wide_first->match(path), Index(0)) << path;
  }

  const auto mixed = make_rules({"/a/b/*", "/a", "/a/*", "/a/c/*", "/a/b"});
  EXPECT_EQ(mixed->match("/a/b"), Index(0));
  EXPECT_EQ(mixed->match("/a"), Index(1));
  EXPECT_EQ(mixed->match("/a/"), Index(2));
  EXPECT_EQ(mixed->match("/a/c/d"), Index(2));
}

TEST(PathRules, AnExactPatternAndAPrefixOfTheSamePathAreTwoRules) {
  const auto exact_first = make_rules({"/api", "/api/*"});
  EXPECT_EQ(exact_first->match("/api"), Index(0));
  EXPECT_EQ(exact_first->match("/api/"), Index(1));
  const auto prefix_first = make_rules({"/api/*", "/api"});
  EXPECT_EQ(prefix_first->match("/api"), Index(0));
}

TEST(PathRules, PatternsAreKeptAsTheyWereWritten) {
  const Patterns patterns = {"/health", "/api/*", "/api/*", "/*"};
  const auto rules = make_rules(patterns);
  ASSERT_EQ(rules->size(), patterns.size());
  for (std::size_t i = 0; i < patterns.size(); ++i) EXPECT_EQ(rules->pattern(i), patterns[i]);
  EXPECT_EQ(rules->match("/x"), Index(3));
}

TEST(PathRules, TheSeedChangesNoAnswer) {
  const Patterns patterns = {"/health", "/api/v1/*", "/api/*"};
  for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}}) {
    const auto rules = build_path_rules(patterns, seed).rules;
    EXPECT_EQ(rules->match("/health"), Index(0));
    EXPECT_EQ(rules->match("/api/v1/x"), Index(1));
    EXPECT_EQ(rules->match("/api/x"), Index(2));
    EXPECT_EQ(rules->match("/"), std::nullopt);
  }
}

TEST(PathRules, ManyThreadsMayRead) {
  const auto rules = make_rules({"/health", "/api/*"});
  std::array<std::size_t, 4> matched{};
  std::vector<std::thread> threads;
  for (std::size_t& count : matched) {
    threads.emplace_back([&rules, &count] {
      for (int i = 0; i < 1000; ++i) count += rules->match("/api/x") == Index(1) ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(matched, (std::array<std::size_t, 4>{1000, 1000, 1000, 1000}));
}

struct Refused {
  std::string pattern;
  std::string message;  ///< A part of it.
  std::string hint;     ///< A part of it.
};

const std::vector<Refused> kRefused = {
    {"", "is empty", "\"/*\" for every path"},
    {"api/*", "begins with \"/\"", "did you mean \"/api/*\"?"},
    {"health", "begins with \"/\"", "did you mean \"/health\"?"},
    {" /api", "begins with \"/\"", "did you mean \"/api\"?"},
    {"*", "begins with \"/\"", "did you mean \"/*\"?"},
    {".*", "begins with \"/\"", "did you mean \"/*\"?"},
    {"https://example.com/api/*", "begins with \"/\"", "did you mean \"/api/*\"?"},
    {"https://example.com", "begins with \"/\"", "write a whole path"},
    {"^/api/.*$", "begins with \"/\"", "did you mean \"/api/*\"?"},
    {"^api$", "begins with \"/\"", "did you mean \"/api\"?"},
    {"^/(api|v2)/.*$", "begins with \"/\"", "no regular expressions"},
    {"/api*", "whole last segment", "did you mean \"/api/*\"?"},
    {"/api/.*", "whole last segment", "did you mean \"/api/*\"?"},
    {"/api/**", "whole last segment", "did you mean \"/api/*\"?"},
    {"/**", "whole last segment", "did you mean \"/*\"?"},
    {"/api/x*", "whole last segment", "did you mean \"/api/x/*\"?"},
    {"/api/*/", "whole last segment", "write a whole path"},
    {"/*/users", "whole last segment", "write a whole path"},
    {"/api/*/x/*", "whole last segment", "write a whole path"},
    {"/api?x=1", "\"?\" begins the query", "did you mean \"/api\"?"},
    {"/api/*?x", "\"?\" begins the query", "did you mean \"/api/*\"?"},
    {"/api#top", "\"#\" begins the fragment", "did you mean \"/api\"?"},
    {"/a\nb", "control byte 0x0A", "write a whole path"},
    {std::string("/a\0b", 4), "control byte 0x00", "write a whole path"},
    {"/a\x7F", "control byte 0x7F", "write a whole path"},
    {"/a%20b", "\"%20\" is not there", "did you mean \"/a b\"?"},
    {"/caf%C3%a9/*", "\"%C3\" is not there", "did you mean \"/caf\xC3\xA9/*\"?"},
    {"/100%25", "\"%25\" is not there", "did you mean \"/100%\"?"},
    {"/a%2Fb", "\"%2F\" is not there", "did you mean \"/a/b\"?"},
    {"/a%41%zz%4", "\"%41\" is not there", "did you mean \"/aA%zz%4\"?"},
    {"/a%3Fb", "\"%3F\" is not there", "sees \"/a?b\", which no pattern can name"},
    {"/a/%2A", "\"%2A\" is not there", "sees \"/a/*\", which no pattern can name"},
    {"/a%2541", "\"%25\" is not there", "sees \"/a%41\", which no pattern can name"},
    {"/a%0Ab", "\"%0A\" is not there", "sees \"/a\\x0Ab\", which no pattern can name"},
    {"/a%FFb", "\"%FF\" is not there", "sees \"/a\\xFFb\", which no pattern can name"},
    {"/%C0%AE", "\"%C0\" is not there", "sees \"/\\xC0\\xAE\", which no pattern can name"},
    {"/%ED%A0%80", "\"%ED\" is not there", "sees \"/\\xED\\xA0\\x80\", which no pattern can name"},
    {"/%F4%90%80%80", "\"%F4\" is not there", "which no pattern can name"},
    {"/%E0%80%AF", "\"%E0\" is not there", "which no pattern can name"},
    {"/%F0%80%80%AF", "\"%F0\" is not there", "which no pattern can name"},
    {"/%E2%82", "\"%E2\" is not there", "which no pattern can name"},
    {"/%F0%9F%A6%8A", "\"%F0\" is not there", "did you mean \"/\xF0\x9F\xA6\x8A\"?"},
    {"/%C2%80", "\"%C2\" is not there", "did you mean \"/\xC2\x80\"?"},
    {"/%DF%BF", "\"%DF\" is not there", "did you mean \"/\xDF\xBF\"?"},
    {"/%E0%A0%80", "\"%E0\" is not there", "did you mean \"/\xE0\xA0\x80\"?"},
    {"/%EF%BF%BD", "\"%EF\" is not there", "did you mean \"/\xEF\xBF\xBD\"?"},
    {"/%ED%9F%BF", "\"%ED\" is not there", "did you mean \"/\xED\x9F\xBF\"?"},
    {"/%F4%8F%BF%BF", "\"%F4\" is not there", "did you mean \"/\xF4\x8F\xBF\xBF\"?"},
};

TEST(PathRules, APatternThatCannotMatchWhatItSeemsToIsRefusedWithTheFix) {
  for (const Refused& row : kRefused) {
    const PathRulesBuild build = build_path_rules({row.pattern}, kSeed);
    EXPECT_EQ(build.rules, nullptr) << row.pattern;
    ASSERT_EQ(codes(build), Patterns{"rule.invalid"}) << row.pattern;
    const ConfigProblem& problem = build.problems.front();
    EXPECT_EQ(problem.severity, Severity::kError);
    EXPECT_EQ(problem.option, "rules");
    EXPECT_EQ(problem.value, row.pattern);
    EXPECT_NE(problem.message.find(row.message), std::string::npos) << problem.message;
    EXPECT_NE(problem.hint.find(row.hint), std::string::npos)
        << row.pattern << ": " << problem.hint;
  }
}

TEST(PathRules, EachSuggestedPatternIsAValidOne) {
  constexpr std::string_view kBefore = "did you mean \"";
  for (const Refused& row : kRefused) {
    const std::string hint = build_path_rules({row.pattern}, kSeed).problems.front().hint;
    if (!hint.starts_with(kBefore)) continue;
    const std::string meant = hint.substr(kBefore.size(), hint.size() - kBefore.size() - 2);
    EXPECT_TRUE(build_path_rules({meant}, kSeed).problems.empty()) << meant;
  }
}

TEST(PathRules, APatternHasALongestLength) {
  for (const std::string end : {"", "/*"}) {
    const std::string longest = "/" + repeated("a", kMaxPathPatternLength - 1 - end.size()) + end;
    ASSERT_EQ(longest.size(), kMaxPathPatternLength);
    const auto rules = make_rules({longest});
    const std::string key = longest.substr(0, longest.size() - end.size());
    EXPECT_EQ(rules->match(key), Index(0));
    EXPECT_EQ(rules->match(key + "a"), std::nullopt);
    EXPECT_EQ(rules->match(key + "/").has_value(), end == "/*");

    const PathRulesBuild build = build_path_rules({"/a" + longest.substr(1)}, kSeed);
    EXPECT_EQ(build.rules, nullptr);
    ASSERT_EQ(codes(build), Patterns{"rule.invalid"});
    EXPECT_NE(build.problems.front().message.find("longer than 1024 bytes"), std::string::npos);
  }
  EXPECT_EQ(codes(build_path_rules({repeated("/%41", kMebibyte / 4)})), Patterns{"rule.invalid"});
}

TEST(PathRules, ARuleThatCanNeverDecideIsAWarningThatNamesTheOneThatDoes) {
  struct Row {
    Patterns patterns;
    std::vector<std::pair<std::string, std::string>> problems;  ///< Code, part of the message.
  };
  const std::vector<Row> rows = {
      {{"/a", "/a"}, {{"rule.duplicate", "rules[1] never decides: rules[0] is the same"}}},
      {{"/a/*", "/b", "/a/*", "/a/*"},
       {{"rule.duplicate", "rules[2] never decides: rules[0]"},
        {"rule.duplicate", "rules[3] never decides: rules[0]"}}},
      {{"/a/*", "/a"}, {{"rule.unreachable", "rules[1] never decides: rules[0], \"/a/*\""}}},
      {{"/a/*", "/a/b/*"}, {{"rule.unreachable", "rules[0], \"/a/*\", comes first"}}},
      {{"/x", "/*", "/a", "/"},
       {{"rule.unreachable", "rules[2] never decides: rules[1], \"/*\""},
        {"rule.unreachable", "rules[3] never decides: rules[1], \"/*\""}}},
      // The one that decides is named: the first of those that cover it.
      {{"/a/b/*", "/a/*", "/a/b/c"}, {{"rule.unreachable", "rules[0], \"/a/b/*\""}}},
      {{"/a/*", "/a/b/*", "/a/b/c"},
       {{"rule.unreachable", "rules[1] never"}, {"rule.unreachable", "rules[0], \"/a/*\""}}},
      // The same pattern twice is only that, also below a wider one.
      {{"/a/*", "/a/b", "/a/b"},
       {{"rule.unreachable", "rules[1] never"}, {"rule.duplicate", "rules[2] never"}}},
      {{"/a/b/*", "/a/b", "/a", "/a/*", "/*"}, {{"rule.unreachable", "rules[1] never"}}},
      {{"/a", "/a/*", "/a/", "/ab", "/b/*"}, {{"rule.unreachable", "rules[2] never"}}},
      {{"/a", "/a/", "/a//*", "/a/*", "/A/*", "/ab/*", "/*"}, {}},
  };
  for (const Row& row : rows) {
    const PathRulesBuild build = build_path_rules(row.patterns, kSeed);
    const std::string name = ::testing::PrintToString(row.patterns);
    EXPECT_NE(build.rules, nullptr) << name;
    ASSERT_EQ(build.problems.size(), row.problems.size()) << name;
    for (std::size_t i = 0; i < row.problems.size(); ++i) {
      const ConfigProblem& problem = build.problems[i];
      EXPECT_EQ(code_name(problem.code), row.problems[i].first) << name;
      EXPECT_EQ(problem.severity, Severity::kWarning) << name;
      EXPECT_EQ(problem.option, "rules");
      EXPECT_NE(problem.message.find(row.problems[i].second), std::string::npos) << problem.message;
      EXPECT_NE(problem.hint.find("remove"), std::string::npos) << problem.hint;
    }
  }
}

TEST(PathRules, AllProblemsAreFoundAtOnceInTheOrderOfTheRules) {
  const PathRulesBuild build =
      build_path_rules({"/a/*", "x", "/a/b", "/a?", "/a/*", "/c", "x"}, kSeed);
  EXPECT_EQ(build.rules, nullptr);
  EXPECT_EQ(codes(build), (Patterns{"rule.invalid", "rule.unreachable", "rule.invalid",
                                    "rule.duplicate", "rule.invalid"}));
  // A refused pattern covers nothing and is nobody's duplicate.
  EXPECT_EQ(codes(build_path_rules({"/a?/*", "/a", "/a?/*", "/a?/b"}, kSeed)),
            (Patterns{"rule.invalid", "rule.invalid", "rule.invalid"}));
}

TEST(PathRules, ALongPathIsReadNoFurtherThanTheLongestPattern) {
  const testing::UnreadableBytes bytes(kMebibyte);
  EXPECT_EQ(make_rules({"/", "/health"})->match(bytes.view()), std::nullopt);

  // The path continues over the end of the bytes that can be read.
  char* const end = bytes.readable() + testing::UnreadableBytes::kReadable;
  std::fill(bytes.readable(), end, '/');

  Patterns patterns;  // A prefix that ends at each slash, from the longest to the shortest.
  for (std::size_t key = kMaxPathPatternLength - 2; key > 0; --key) {
    patterns.push_back(repeated("/", key) + "/*");
  }
  const auto rules = make_rules(patterns);
  const std::string_view path(end - kMaxPathPatternLength, kMebibyte);
  EXPECT_EQ(rules->match(path), Index(0));
  EXPECT_EQ(make_rules({"/a/*", "/b", "//*"})->match(path), Index(2));
}

TEST(PathRules, RepeatedSlashesAreFollowedSoFarAndNoFurther) {
  using Repeated = PathRules::Repeated;
  const auto rules = make_rules({"/api/*", "/health"});
  const auto repeated_and_match = [&rules](const std::string& path) {
    const PathRules::Merged merged = rules->match_merged(path);
    return std::pair(merged.repeated, merged.match);
  };
  EXPECT_EQ(repeated_and_match("/api/x/"), std::pair(Repeated::kNone, Index()));
  EXPECT_EQ(repeated_and_match("//api/x"), std::pair(Repeated::kMatched, Index(0)));
  EXPECT_EQ(repeated_and_match("//health"), std::pair(Repeated::kMatched, Index(1)));
  EXPECT_EQ(repeated_and_match("//health/"), std::pair(Repeated::kMatched, Index()));

  const std::size_t most = kMaxRepeatedSlashesRead - std::string_view("health").size();
  EXPECT_EQ(repeated_and_match(repeated("/", most) + "health"),
            std::pair(Repeated::kMatched, Index(1)));
  EXPECT_EQ(repeated_and_match(repeated("/", most + 1) + "health"),
            std::pair(Repeated::kTooMany, Index()));

  // Slashes behind everything that a pattern can say make no difference to any.
  const std::string beyond = "/api/" + repeated("x", kMaxPathPatternLength - 4);
  EXPECT_EQ(beyond.size(), kMaxPathPatternLength + 1);
  EXPECT_EQ(repeated_and_match(beyond + "//"), std::pair(Repeated::kNone, Index()));
  EXPECT_EQ(repeated_and_match(beyond.substr(0, beyond.size() - 1) + "//"),
            std::pair(Repeated::kMatched, Index(0)));

  // A merged path as long as the longest pattern, and one byte longer.
  const std::string longest = "/" + repeated("y", kMaxPathPatternLength - 1);
  const auto exact = make_rules({longest});
  EXPECT_EQ(exact->match_merged("/" + longest).match, Index(0));
  EXPECT_EQ(exact->match_merged("/" + longest + "y").match, Index());
}

TEST(PathRules, APatternTellsWhetherItNamesRepeatedSlashes) {
  const auto rules = make_rules({"/api/*", "//cdn/*", "/a//b", "/a/"});
  std::vector<bool> named;
  for (std::size_t i = 0; i < rules->size(); ++i) named.push_back(rules->names_repeated_slashes(i));
  EXPECT_EQ(named, (std::vector<bool>{false, true, true, false}));
}

TEST(PathRules, NoMatchAllocates) {
  const auto rules = make_rules({"/health", "/api/v1/*", "/api/*", "/a/b/c/d"});
  const std::string slashes = repeated("/", kMebibyte);
  const std::string deep = "/api" + repeated("/v1", kMebibyte / 3);
  const std::array<std::string_view, 9> paths = {
      "/health", "/api", "/api/v1/users", "/a/b/c/d", "", "*", "/nothing", slashes, deep};
  std::size_t matched = 0;
  const std::size_t before = testing::allocation_count();
  for (const std::string_view path : paths) matched += rules->match(path) ? 1 : 0;
  EXPECT_EQ(testing::allocation_count(), before);
  EXPECT_EQ(matched, 5U);
}

TEST(PathRules, TenThousandRulesAreTenThousandRules) {
  constexpr std::size_t kRules = 10'000;
  Patterns patterns;
  for (std::size_t i = 0; i < kRules; ++i) {
    patterns.push_back(i % 2 == 0 ? numbered("/api/t", i) : numbered("/api/t", i, "/*"));
  }
  patterns.emplace_back("/api/*");
  const PathRulesBuild build = build_path_rules(patterns, kSeed);
  ASSERT_NE(build.rules, nullptr);
  EXPECT_TRUE(build.problems.empty());
  for (std::size_t i = 0; i < kRules; ++i) {
    ASSERT_EQ(build.rules->match(numbered("/api/t", i)), Index(i));
    ASSERT_EQ(build.rules->match(numbered("/api/t", i, "/x")), Index(i % 2 == 0 ? kRules : i));
    ASSERT_EQ(build.rules->match(numbered("/api/T", i)), Index(kRules));
    ASSERT_EQ(build.rules->match(numbered("/t", i)), std::nullopt);
  }

  // The other way round, nothing but the first rule ever decides.
  std::ranges::reverse(patterns);
  const PathRulesBuild reversed = build_path_rules(patterns, kSeed);
  ASSERT_NE(reversed.rules, nullptr);
  EXPECT_EQ(codes(reversed), Patterns(kRules, "rule.unreachable"));
  EXPECT_EQ(codes(build_path_rules(Patterns(kRules, "/x/*"), kSeed)),
            Patterns(kRules - 1, "rule.duplicate"));
}

/// The naive matcher: each rule is tried in turn, on lists of segments, with no code shared.
std::vector<std::string> segments(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char byte : text) {
    if (byte == '/') {
      parts.emplace_back();
    } else {
      parts.back() += byte;
    }
  }
  return parts;
}

bool naive_matches(const std::string& pattern, const std::string& path) {
  std::vector<std::string> wanted = segments(pattern);
  const std::vector<std::string> given = segments(path);
  if (wanted.back() != "*") return wanted == given;
  wanted.pop_back();
  return given.size() >= wanted.size() && std::equal(wanted.begin(), wanted.end(), given.begin());
}

Index naive_match(const Patterns& patterns, const std::string& path) {
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    if (naive_matches(patterns[i], path)) return i;
  }
  return std::nullopt;
}

bool is_prefix_pattern(const std::string& pattern) { return pattern.ends_with("/*"); }

/// The shortest path that a pattern matches.
std::string key_of(const std::string& pattern) {
  return is_prefix_pattern(pattern) ? pattern.substr(0, pattern.size() - 2) : pattern;
}

/// Makes patterns of a few segments, and paths that are nearly what they match. The same ones in
/// each run, on each platform: distributions differ between libraries, the engine does not.
class NearMisses {
 public:
  Patterns patterns() {
    Patterns result;
    for (std::size_t count = 1 + below(below(6) == 0 ? 200 : 12); count > 0; --count) {
      std::string pattern = path_of_segments();
      if (below(2) == 0) {
        pattern += "/*";
      } else if (pattern.empty()) {
        pattern = "/";
      }
      result.push_back(pattern);
    }
    return result;
  }

  std::string path(const Patterns& patterns) {
    if (below(10) == 0) return path_of_segments();
    std::string path = key_of(patterns[below(patterns.size())]);
    if (below(3) == 0) path += path_of_segments();
    if (below(3) == 0) mutate(path);
    return path;
  }

 private:
  std::size_t below(std::size_t bound) { return engine_() % bound; }

  std::string path_of_segments() {
    static constexpr std::array<std::string_view, 12> kSegments = {
        "a", "b", "ab", "A", "", "..", ".", "a.b", "%", "caf\xC3\xA9", "segment-of-many-bytes",
        "aa"};
    std::string path;
    for (std::size_t count = below(5); count > 0; --count) {
      path += '/';
      // Mostly the first few, so that rules meet.
      path += kSegments[below(below(3) == 0 ? kSegments.size() : 3)];
    }
    return path;
  }

  void mutate(std::string& text) {
    static constexpr std::string_view kBytes = "/ab*A%2F.?\\\xC3 ";
    const char byte = kBytes[below(kBytes.size())];
    const std::size_t at = below(text.size() + 1);
    switch (below(4)) {
      case 0:
        text.insert(at, 1, byte);
        break;
      case 1:
        text.erase(at, 1);
        break;
      case 2:
        text.insert(at, "/");
        break;
      default:
        if (at < text.size()) text[at] = byte;
        break;
    }
  }

  std::mt19937 engine_{20261121};
};

TEST(PathRulesAgainstNaiveMatcher, AgreeOnNearMisses) {
  NearMisses near_misses;
  constexpr int kSets = 1000;
  constexpr int kPaths = 60;
  int matched = 0;
  int not_first = 0;
  for (int i = 0; i < kSets; ++i) {
    const Patterns patterns = near_misses.patterns();
    const auto rules = build_path_rules(patterns, static_cast<std::uint64_t>(i)).rules;
    ASSERT_NE(rules, nullptr) << ::testing::PrintToString(patterns);
    for (int j = 0; j < kPaths; ++j) {
      const std::string path = near_misses.path(patterns);
      const Index expected = naive_match(patterns, path);
      ASSERT_EQ(rules->match(path), expected)
          << path << " in " << ::testing::PrintToString(patterns);
      matched += expected ? 1 : 0;
      not_first += expected && *expected > 0 ? 1 : 0;
    }
  }
  // Near misses on both sides, or the comparison would say little.
  EXPECT_GT(matched, kSets * kPaths / 4);
  EXPECT_LT(matched, kSets * kPaths * 9 / 10);
  EXPECT_GT(not_first, kSets * kPaths / 8);
}

std::string merge_slashes(const std::string& path) {
  std::string merged;
  for (const char byte : path) {
    if (byte != '/' || !merged.ends_with('/')) merged += byte;
  }
  return merged;
}

TEST(PathRulesAgainstNaiveMatcher, AgreeOnPathsWithRepeatedSlashes) {
  NearMisses near_misses;
  int merged = 0;
  int different = 0;
  for (int i = 0; i < 1000; ++i) {
    const Patterns patterns = near_misses.patterns();
    const auto rules = build_path_rules(patterns, static_cast<std::uint64_t>(i)).rules;
    ASSERT_NE(rules, nullptr) << ::testing::PrintToString(patterns);
    for (int j = 0; j < 60; ++j) {
      const std::string path = near_misses.path(patterns);
      const PathRules::Merged found = rules->match_merged(path);
      if (path.find("//") == path.npos) {
        ASSERT_EQ(found.repeated, PathRules::Repeated::kNone) << path;
        continue;
      }
      const Index expected = naive_match(patterns, merge_slashes(path));
      ASSERT_EQ(found.repeated, PathRules::Repeated::kMatched) << path;
      ASSERT_EQ(found.match, expected) << path << " in " << ::testing::PrintToString(patterns);
      ++merged;
      different += expected == rules->match(path) ? 0 : 1;
    }
  }
  EXPECT_GT(merged, 5000);
  EXPECT_GT(different, 500);
}

TEST(PathRulesAgainstNaiveMatcher, ARuleIsReportedIfAndOnlyIfItNeverDecides) {
  NearMisses near_misses;
  int reported = 0;
  int silent = 0;
  for (int i = 0; i < 1000; ++i) {
    const Patterns patterns = near_misses.patterns();
    const PathRulesBuild build = build_path_rules(patterns, static_cast<std::uint64_t>(i));
    std::size_t next = 0;
    for (std::size_t rule = 0; rule < patterns.size(); ++rule) {
      // What only prefixes over the whole rule match too: a segment that is in no pattern.
      const std::string path =
          key_of(patterns[rule]) + (is_prefix_pattern(patterns[rule]) ? "/fresh" : "");
      if (naive_match(patterns, path) == Index(rule)) {
        ++silent;
        continue;
      }
      ++reported;
      ASSERT_LT(next, build.problems.size()) << ::testing::PrintToString(patterns);
      const ConfigProblem& problem = build.problems[next++];
      EXPECT_EQ(problem.value, patterns[rule]);
      const auto same = std::ranges::find(patterns, patterns[rule]);
      const bool is_duplicate = static_cast<std::size_t>(same - patterns.begin()) < rule;
      EXPECT_EQ(code_name(problem.code), is_duplicate ? "rule.duplicate" : "rule.unreachable");
    }
    EXPECT_EQ(next, build.problems.size()) << ::testing::PrintToString(patterns);
  }
  EXPECT_GT(reported, 1000);
  EXPECT_GT(silent, 1000);
}

}  // namespace
}  // namespace corsac
