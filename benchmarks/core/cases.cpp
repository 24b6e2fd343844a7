#include "cases.hpp"

#include <fstream>
#include <optional>
#include <sstream>
#include <utility>

namespace corsac::benchmarks {
namespace {

/// Coprime to every number of origins here, so that its multiples reach each of them once, in an
/// order that no prefetcher knows.
constexpr std::uint64_t kStride = 2654435761;

std::string put_after_scheme(std::string_view origin, std::string_view labels) {
  const std::size_t host = origin.find("://") + 3;
  return std::string(origin.substr(0, host)).append(labels).append(origin.substr(host));
}

std::vector<std::string> read_words(std::istream& input) {
  std::vector<std::string> words;
  for (std::string word; input >> word;) words.push_back(word);
  return words;
}

std::string rest_of(std::istream& input) {
  std::string rest;
  std::getline(input >> std::ws, rest);
  return rest;
}

std::string repeat(std::string_view text, std::size_t bytes) {
  std::string result;
  result.reserve(bytes + text.size());
  while (result.size() < bytes) result += text;
  result.resize(bytes);
  return result;
}

Expectation read_expectation(const std::string& word) {
  if (word == "allowed") return Expectation::kAllowed;
  if (word == "refused") return Expectation::kRefused;
  if (word == "none") return Expectation::kNone;
  if (word == "any") return Expectation::kAny;
  throw CaseError("cases.txt expects \"" + word + "\", which is not one of its words");
}

Measure read_measure(const std::string& word) {
  if (word == "origin") return Measure::kOrigin;
  if (word == "request") return Measure::kRequest;
  if (word == "build") return Measure::kBuild;
  throw CaseError("cases.txt measures \"" + word + "\", which is not one of its words");
}

/// @return false if the word is not about policies.
bool read_policy_word(const std::string& word, std::istream& input, PolicyText& policy) {
  if (word == "origins") {
    input >> policy.origins;
  } else if (word == "patterns") {
    input >> policy.patterns;
  } else if (word == "any") {
    policy.options.allow_origins = {"*"};
  } else if (word == "methods") {
    policy.options.allow_methods = read_words(input);
  } else if (word == "headers") {
    policy.options.allow_headers = read_words(input);
  } else if (word == "expose") {
    policy.options.expose_headers = read_words(input);
  } else if (word == "credentials") {
    policy.options.allow_credentials = true;
  } else {
    return false;
  }
  return true;
}

/// @return false if the word is not about cases.
bool read_case_word(const std::string& word, std::istream& input, Case& described) {
  if (word == "method") {
    input >> described.method;
  } else if (word == "turns") {
    input >> described.turn_kind >> described.turns;
  } else if (word == "line") {
    RepeatedLine line;
    input >> line.name;
    line.name.pop_back();  // The colon.
    line.value = rest_of(input);
    described.lines.push_back(std::move(line));
  } else if (word == "lines") {
    RepeatedLine line;
    std::size_t bytes = 0;
    input >> line.name >> line.count >> bytes;
    line.value = repeat(rest_of(input), bytes);
    described.lines.push_back(std::move(line));
  } else if (word == "per") {
    input >> described.parts;
  } else if (word == "expect") {
    std::string expectation;
    input >> expectation;
    described.expectation = read_expectation(expectation);
  } else if (word != "peer-expect") {
    return false;
  }
  return true;
}

/// "origin: 4 origins, listed [4 in turn]".
void complete_name(const std::string& measure, Case& described) {
  described.name = measure + ": " + described.name;
  if (described.turns == 1) described.name += " [always the same]";
  if (described.turns > 1) described.name += " [" + std::to_string(described.turns) + " in turn]";
}

}  // namespace

std::vector<Case> CaseFolder::read_cases(std::size_t largest) const {
  std::ifstream file(folder_ / "cases.txt");
  if (!file) throw CaseError("there is no cases.txt in the folder that was named");
  std::vector<Case> cases;
  std::shared_ptr<PolicyText> policy;
  std::optional<Case> current;
  std::string measure;
  const auto finish = [&cases, &current, &measure, largest] {
    if (!current) return;
    complete_name(measure, *current);
    if (current->policy->origins <= largest) cases.push_back(std::move(*current));
    current.reset();
  };
  for (std::string text; std::getline(file, text);) {
    if (text.empty() || text.front() == '#') continue;
    std::istringstream input(text);
    std::string word;
    input >> word;
    bool understood = true;
    if (word == "policy") {
      finish();
      policy = std::make_shared<PolicyText>();
      policy->name = rest_of(input);
    } else if (word == "case" && policy) {
      finish();
      input >> measure;
      current.emplace();
      current->measure = read_measure(measure);
      current->name = rest_of(input);
      current->policy = policy;
    } else if (current) {
      understood = read_case_word(word, input, *current);
    } else {
      understood = policy && read_policy_word(word, input, *policy);
    }
    if (!understood || input.bad()) throw CaseError("cases.txt: cannot read \"" + text + '"');
  }
  finish();
  return cases;
}

std::vector<std::string> CaseFolder::first_lines(std::string_view file, std::size_t count) const {
  std::ifstream input(folder_ / file);
  std::vector<std::string> lines;
  lines.reserve(count);
  for (std::string line; lines.size() < count && std::getline(input, line);) lines.push_back(line);
  if (lines.size() < count) {
    throw CaseError(std::string(file) + " has fewer than " + std::to_string(count) + " lines");
  }
  return lines;
}

PolicyOptions CaseFolder::options_of(const PolicyText& text) const {
  PolicyOptions options = text.options;
  for (std::string& origin : first_lines("listed.txt", text.origins)) {
    options.allow_origins.push_back(std::move(origin));
  }
  for (const std::string& origin : first_lines("listed.txt", text.patterns)) {
    options.allow_origins.push_back(put_after_scheme(origin, "*."));
  }
  return options;
}

std::vector<std::string> CaseFolder::turns_of(const Case& described) const {
  const bool unlisted = described.turn_kind == "unlisted";
  std::size_t among = unlisted ? described.turns : described.policy->origins;
  if (described.turn_kind == "below") among = described.policy->patterns;
  if (among == 0) among = described.turns;
  const std::vector<std::string> origins =
      first_lines(unlisted ? "unlisted.txt" : "listed.txt", described.turns == 0 ? 0 : among);
  std::vector<std::string> turns;
  for (std::uint64_t turn = 0; turn < described.turns; ++turn) {
    const std::string& origin = origins[turn * kStride % among];
    turns.push_back(described.turn_kind == "below" ? put_after_scheme(origin, "shop.eu.") : origin);
  }
  return turns;
}

}  // namespace corsac::benchmarks
