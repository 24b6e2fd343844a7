// The benchmark of the core.
//
//     core_benchmark time FOLDER LARGEST [Google Benchmark's options]
//     core_benchmark instructions FOLDER LARGEST     (under valgrind --tool=callgrind)
//
// FOLDER has cases.txt, listed.txt and unlisted.txt; cases with more than LARGEST origins are left
// out. Every case is checked to give the right answer before it is timed.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#define CORSAC_HAS_CALLGRIND 1
#else
#define CORSAC_HAS_CALLGRIND 0
#endif

#include "allocations.hpp"
#include "cases.hpp"
#include "exchange.hpp"

namespace corsac::benchmarks {
namespace {

/// The exchange of a case. The latest ones are kept: the library begins each case several times,
/// cases of one policy follow each other, and a large policy takes a while to build.
class Stage {
 public:
  explicit Stage(const CaseFolder& folder) : folder_(folder) {}

  [[nodiscard]] Exchange& set(const Case& described) {
    if (&described == described_) return *exchange_;
    exchange_.reset();
    if (described.policy != text_) {
      policy_.reset();
      policy_ = build_policy(folder_.options_of(*described.policy)).policy;
      text_ = described.policy;
      if (!policy_) throw CaseError("the policy \"" + text_->name + "\" has errors");
    }
    exchange_ = std::make_unique<Exchange>(folder_, described, policy_);
    described_ = &described;
    return *exchange_;
  }

 private:
  const CaseFolder& folder_;
  std::shared_ptr<const PolicyText> text_;
  std::shared_ptr<const Policy> policy_;
  const Case* described_ = nullptr;
  std::unique_ptr<Exchange> exchange_;
};

/// Allocations for each time that the case is run.
double count_allocations(Exchange& exchange) {
  const std::size_t times = exchange.whole_turn();
  const std::uint64_t before = allocation_count();
  exchange.run(times);
  return static_cast<double>(allocation_count() - before) / static_cast<double>(times);
}

void time_case(benchmark::State& state, Stage& stage, const Case& described) {
  Exchange& exchange = stage.set(described);
  state.counters["allocations"] = count_allocations(exchange);
  state.counters["parts"] = static_cast<double>(described.parts);
  // As many at a time as hide the library's own counting, also for one origin.
  constexpr std::size_t kSmallestBatch = 64;
  const std::size_t batch = described.measure == Measure::kBuild || described.parts > 1
                                ? 1
                                : std::max(kSmallestBatch, exchange.whole_turn());
  while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(batch))) exchange.run(batch);
}

int time_cases(Stage& stage, const std::vector<Case>& cases) {
  for (const Case& described : cases) {
    benchmark::RegisterBenchmark(
        described.name.c_str(),
        [&stage, &described](benchmark::State& state) { time_case(state, stage, described); });
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

/// Callgrind writes what it counted between two dumps; each is labelled with the times that the
/// case was run, so that their difference has nothing of the loop's beginning.
int count_instructions(Stage& stage, const std::vector<Case>& cases) {
#if CORSAC_HAS_CALLGRIND
  constexpr std::size_t kFewer = 100;
  constexpr std::size_t kMore = 400;
  for (const Case& described : cases) {
    if (described.measure == Measure::kBuild) continue;
    Exchange& exchange = stage.set(described);
    for (std::size_t times : {kFewer, kMore}) {
      if (described.parts > 1) times /= kFewer;
      const std::string label = std::to_string(times) + ' ' + described.name;
      CALLGRIND_START_INSTRUMENTATION;
      CALLGRIND_ZERO_STATS;
      exchange.run(times);
      CALLGRIND_DUMP_STATS_AT(label.c_str());
      CALLGRIND_STOP_INSTRUMENTATION;
    }
  }
  return 0;
#else
  static_cast<void>(stage);
  static_cast<void>(cases);
  std::fputs("built without valgrind/callgrind.h: install valgrind and build again\n", stderr);
  return 1;
#endif
}

int run(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  std::size_t largest = 0;
  const std::string_view number = argc == 4 ? argv[3] : "";
  const auto read = std::from_chars(number.data(), number.data() + number.size(), largest);
  const std::string_view mode = argc == 4 ? argv[1] : "";
  if (read.ec != std::errc{} || (mode != "time" && mode != "instructions")) {
    std::fputs("usage: core_benchmark time|instructions FOLDER LARGEST\n", stderr);
    return 2;
  }
  const CaseFolder folder(argv[2]);
  const std::vector<Case> cases = folder.read_cases(largest);
  Stage stage(folder);
  return mode == "time" ? time_cases(stage, cases) : count_instructions(stage, cases);
}

}  // namespace
}  // namespace corsac::benchmarks

int main(int argc, char** argv) {
  try {
    return corsac::benchmarks::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "core_benchmark: %s\n", error.what());
    return 1;
  }
}
