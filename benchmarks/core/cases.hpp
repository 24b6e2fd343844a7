#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "corsac/policy.hpp"

/// What is measured, read from `cases.txt`, which also describes its language.
namespace corsac::benchmarks {

/// A file that is not as it should be, with a message for people.
class CaseError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

enum class Measure : std::uint8_t { kOrigin, kRequest, kBuild };

/// What the answer has to be before a case is timed.
enum class Expectation : std::uint8_t { kAllowed, kRefused, kNone, kAny };

/// A policy as the file says it: its origins are read only when it is built.
struct PolicyText {
  std::string name;
  std::size_t origins = 0;   ///< So many lines of the listed ones.
  std::size_t patterns = 0;  ///< So many of them as patterns.
  PolicyOptions options;     ///< Everything else.
};

/// Several header lines of one name, all of the same value.
struct RepeatedLine {
  std::string name;
  std::string value;
  std::size_t count = 1;
};

struct Case {
  Measure measure = Measure::kOrigin;
  std::string name;  ///< With the measure and the number of turns, as it is reported.
  std::shared_ptr<const PolicyText> policy;
  std::string method = "GET";
  std::vector<RepeatedLine> lines;
  std::string turn_kind;  ///< Empty: no Origin line beside those in `lines`.
  std::size_t turns = 0;
  std::size_t parts = 1;  ///< A time is divided by it.
  Expectation expectation = Expectation::kNone;
};

/// The folder with the cases and the origins.
class CaseFolder {
 public:
  explicit CaseFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// All cases whose policy has at most `largest` origins. @throws CaseError
  [[nodiscard]] std::vector<Case> read_cases(std::size_t largest) const;

  /// The options that a policy is built from. @throws CaseError
  [[nodiscard]] PolicyOptions options_of(const PolicyText& text) const;

  /// The different origins that a case asks about in turn. @throws CaseError
  [[nodiscard]] std::vector<std::string> turns_of(const Case& described) const;

 private:
  [[nodiscard]] std::vector<std::string> first_lines(std::string_view file,
                                                     std::size_t count) const;

  std::filesystem::path folder_;
};

}  // namespace corsac::benchmarks
