#include "exchange.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <utility>

namespace corsac::benchmarks {
namespace {

/// What Chromium sends with a `fetch()` beside Origin, which comes after the first four.
constexpr std::array<std::array<std::string_view, 2>, 9> kBrowserLines = {{
    {"host", "api.example.com"},
    {"connection", "keep-alive"},
    {"user-agent",
     "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 "
     "Safari/537.36"},
    {"accept", "*/*"},
    {"sec-fetch-site", "same-site"},
    {"sec-fetch-mode", "cors"},
    {"sec-fetch-dest", "empty"},
    {"accept-encoding", "gzip, deflate, br, zstd"},
    {"accept-language", "en-US,en;q=0.9"},
}};
constexpr std::size_t kLinesBeforeOrigin = 4;

std::string_view value_of(const HeaderLines& headers, std::string_view name) {
  for (const HeaderLine& line : headers) {
    if (line.name == name) return line.value;
  }
  return {};
}

}  // namespace

Exchange::Exchange(const CaseFolder& folder, const Case& described,
                   std::shared_ptr<const Policy> policy)
    : measure_(described.measure),
      method_(described.method),
      policy_(std::move(policy)),
      line_texts_(described.lines) {
  if (measure_ == Measure::kBuild) options_ = folder.options_of(*described.policy);
  const std::vector<std::string> turns = folder.turns_of(described);
  for (const std::string& origin : turns) turn_bytes_ += origin;
  for (std::size_t at = 0; const std::string& origin : turns) {
    turns_.push_back(std::string_view(turn_bytes_).substr(at, origin.size()));
    at += origin.size();
  }
  for (const auto& [name, value] : kBrowserLines) {
    if (lines_.size() == kLinesBeforeOrigin && !turns_.empty()) lines_.push_back({"origin", {}});
    lines_.push_back({name, value});
  }
  origin_line_ = turns_.empty() ? lines_.size() : kLinesBeforeOrigin;
  for (const RepeatedLine& line : line_texts_) {
    // An origin decision is asked about the value of the line instead.
    if (measure_ == Measure::kOrigin) turns_.emplace_back(line.value);
    lines_.insert(lines_.end(), line.count, {line.name, line.value});
  }
  check(described);
}

std::string_view Exchange::next_origin() noexcept {
  const std::string_view origin = turns_[next_turn_];
  next_turn_ = next_turn_ + 1 == turns_.size() ? 0 : next_turn_ + 1;
  return origin;
}

Request Exchange::read_request() noexcept {
  if (origin_line_ < lines_.size() && !turns_.empty()) lines_[origin_line_].value = next_origin();
  Request request(method_);
  for (const Line& line : lines_) request.add_header_line(line.name, line.value);
  return request;
}

void Exchange::run(std::size_t times) {
  switch (measure_) {
    case Measure::kOrigin:
      for (; times > 0; --times) benchmark::DoNotOptimize(policy_->allows_origin(next_origin()));
      break;
    case Measure::kRequest:
      for (; times > 0; --times) {
        const Request request = read_request();
        const Decision decision = decide(*policy_, request);
        if (decision.kind == RequestKind::kPreflight) {
          Answer answer;
          answer_preflight(*policy_, request, decision, answer);
          benchmark::DoNotOptimize(answer.headers);
        } else {
          HeaderLines headers = actual_headers(*policy_, request.origin(), decision.allowed);
          benchmark::DoNotOptimize(headers);
        }
      }
      break;
    case Measure::kBuild:
      for (; times > 0; --times) benchmark::DoNotOptimize(build_policy(options_));
      break;
  }
}

void Exchange::check(const Case& described) {
  for (std::size_t turn = 0; turn < whole_turn(); ++turn) {
    bool right = true;
    if (measure_ == Measure::kOrigin) {
      const bool allowed = policy_->allows_origin(next_origin());
      right = allowed == (described.expectation == Expectation::kAllowed);
    } else if (measure_ == Measure::kRequest) {
      const Request request = read_request();
      const Decision decision = decide(*policy_, request);
      Answer answer;
      if (decision.kind == RequestKind::kPreflight) {
        answer_preflight(*policy_, request, decision, answer);
        right = answer.status == (described.expectation == Expectation::kRefused ? 403 : 204);
      } else {
        answer.headers = actual_headers(*policy_, request.origin(), decision.allowed);
      }
      const std::string_view sent = value_of(answer.headers, "access-control-allow-origin");
      if (described.expectation == Expectation::kAllowed) right &= sent == request.origin();
      if (described.expectation == Expectation::kAny) right &= sent == "*";
      if (described.expectation == Expectation::kRefused) right &= sent.empty();
      if (described.expectation == Expectation::kNone) right &= sent.empty();
    }
    if (!right) throw CaseError('"' + described.name + "\" gives a wrong answer");
  }
  next_turn_ = 0;
}

}  // namespace corsac::benchmarks
