// The benchmark of the core: `core_benchmark CASES MILLISECONDS`. It prints one JSON object a line,
// as the Go program beside it does. `benchmarks/core.py` describes and writes the cases. Every case
// is checked to give the right answer before it is timed. Under Callgrind, with 0 milliseconds,
// each case is run 100 and 400 times, and what it took is dumped under its name.

#include <time.h>
#include <valgrind/callgrind.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "corsac/cors_protocol.hpp"
#include "corsac/policy.hpp"

namespace corsac::benchmarks {
namespace {

using nlohmann::json;

/// Makes the compiler believe that somebody looks at a value.
template <typename T>
void keep(const T& value) {
  if constexpr (sizeof(T) <= sizeof(void*)) {
    asm volatile("" : : "r,m"(value) : "memory");
  } else {
    asm volatile("" : : "m"(value) : "memory");  // A register would be a copy.
  }
}

std::shared_ptr<const Policy> make_policy(const json& described, const json& listed) {
  PolicyOptions options;
  options.allow_origins = described.at("entries").get<std::vector<std::string>>();
  const std::size_t count = described.at("listed").get<std::size_t>();
  for (std::size_t at = 0; at < count; ++at) options.allow_origins.push_back(listed.at(at));
  options.allow_methods = described.at("methods").get<std::vector<std::string>>();
  options.allow_headers = described.at("headers").get<std::vector<std::string>>();
  options.expose_headers = {"x-request-id"};
  options.allow_credentials = described.at("credentials").get<bool>();
  std::shared_ptr<const Policy> policy = build_policy(options).policy;
  return policy ? policy : throw std::runtime_error("a policy has errors");
}

/// A case with all its memory laid out, so that running it is the core's work and a loop.
class Exchange {
 public:
  Exchange(const json& described, const Policy& policy)
      : is_decision_(described.at("measure") == "origin"),
        method_(described.at("method")),
        line_texts_(described.at("lines").get<std::vector<std::array<std::string, 2>>>()),
        origin_line_(described.at("origin_line").get<std::size_t>()),
        policy_(policy) {
    for (const auto& [name, value] : line_texts_) lines_.emplace_back(name, value);
    // One after the other in memory, as the Go program has them.
    const auto turns = described.at("turns").get<std::vector<std::string>>();
    for (const std::string& origin : turns) turn_bytes_ += origin;
    for (std::size_t at = 0; const std::string& origin : turns) {
      turns_.push_back(std::string_view(turn_bytes_).substr(at, origin.size()));
      at += origin.size();
    }
    for (std::size_t turn = 0; turn < std::max<std::size_t>(1, turns_.size()); ++turn) {
      const std::string found = outcome();
      if (found == described.at("expect")) continue;
      throw std::runtime_error(described.at("name").dump() + " gives " + found);
    }
  }

  /// Does the case so many times over, each time with the next origin.
  void run(std::size_t times) {
    if (is_decision_) {
      for (; times > 0; --times) keep(policy_.allows_origin(next_origin()));
      return;
    }
    for (; times > 0; --times) {
      const Request request = read_request();
      const Decision decision = decide(policy_, request);
      if (decision.kind == RequestKind::kPreflight) {
        Answer answer;
        answer_preflight(policy_, request, decision, answer);
        keep(answer.headers);
      } else {
        keep(actual_headers(policy_, request.origin(), decision.allowed));
      }
    }
  }

 private:
  std::string_view next_origin() noexcept {
    const std::string_view origin = turns_[next_turn_];
    next_turn_ = next_turn_ + 1 == turns_.size() ? 0 : next_turn_ + 1;
    return origin;
  }

  Request read_request() noexcept {
    if (origin_line_ < lines_.size()) lines_[origin_line_].second = next_origin();
    Request request(method_);
    for (const auto& [name, value] : lines_) request.add_header_line(name, value);
    return request;
  }

  /// What one run came to, in the words that the cases use.
  std::string outcome() {
    if (is_decision_) return policy_.allows_origin(next_origin()) ? "allowed" : "refused";
    const Request request = read_request();
    const Decision decision = decide(policy_, request);
    Answer answer;
    if (decision.kind == RequestKind::kPreflight) {
      answer_preflight(policy_, request, decision, answer);
    } else {
      answer.headers = actual_headers(policy_, request.origin(), decision.allowed);
    }
    for (const HeaderLine& line : answer.headers) {
      if (line.name != "access-control-allow-origin") continue;
      if (line.value == "*") return "any";
      return line.value == request.origin() ? "allowed" : "odd";
    }
    if (decision.kind == RequestKind::kPreflight && answer.status != 403) return "odd";
    return request.origin().empty() ? "none" : "refused";
  }

  bool is_decision_;
  std::string method_;
  std::vector<std::array<std::string, 2>> line_texts_;
  std::vector<std::pair<std::string_view, std::string_view>> lines_;
  std::size_t origin_line_;
  std::string turn_bytes_;
  std::vector<std::string_view> turns_;
  std::size_t next_turn_ = 0;
  const Policy& policy_;
};

double thread_nanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return 1e9 * static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec);
}

/// Nanoseconds of one run, of as many in a row as take so long.
double time_exchange(Exchange& exchange, double least) {
  for (std::size_t times = 1;; times *= 2) {
    const double start = thread_nanoseconds();
    exchange.run(times);
    const double elapsed = thread_nanoseconds() - start;
    if (elapsed >= least) return elapsed / static_cast<double>(times);
  }
}

void run(const char* path, double nanoseconds) {
  std::ifstream file(path);
  const json all = json::parse(file);
  std::shared_ptr<const Policy> policy;
  std::size_t latest = 0;
  for (const json& described : all.at("cases")) {
    const std::size_t number = described.at("policy").get<std::size_t>();
    if (!policy || number != latest) {
      policy.reset();  // Two large ones at once are not wanted.
      policy = make_policy(all.at("policies").at(number), all.at("listed"));
      latest = number;
    }
    Exchange exchange(described, *policy);
    const auto name = described.at("name").get<std::string>();
    if (nanoseconds > 0) {
      const double ns = time_exchange(exchange, nanoseconds);
      std::cout << json{{"name", name}, {"ns", ns}}.dump() << std::endl;
      continue;
    }
    for (const std::size_t times : {100, 400}) {
      CALLGRIND_START_INSTRUMENTATION;
      CALLGRIND_ZERO_STATS;
      exchange.run(times);
      CALLGRIND_DUMP_STATS_AT(name.c_str());
      CALLGRIND_STOP_INSTRUMENTATION;
    }
  }
}

}  // namespace
}  // namespace corsac::benchmarks

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  corsac::benchmarks::run(argv[1], 1e6 * std::stod(argv[2]));
}
