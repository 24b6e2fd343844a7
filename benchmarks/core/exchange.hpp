#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cases.hpp"
#include "corsac/cors_protocol.hpp"

namespace corsac::benchmarks {

/// A case with all its memory laid out, so that running it is the core's work and a loop.
class Exchange {
 public:
  /// @throws CaseError if the policy cannot be built or the answer is not the expected one.
  Exchange(const CaseFolder& folder, const Case& described, std::shared_ptr<const Policy> policy);

  /// Does the case so many times over, each time with the next origin.
  void run(std::size_t times);

  /// How often the case is run so that each origin has its turn.
  [[nodiscard]] std::size_t whole_turn() const noexcept {
    return turns_.empty() ? 1 : turns_.size();
  }

 private:
  struct Line {
    std::string_view name;
    std::string_view value;
  };

  [[nodiscard]] std::string_view next_origin() noexcept;
  [[nodiscard]] Request read_request() noexcept;
  void check(const Case& described);

  Measure measure_;
  std::string method_;
  std::shared_ptr<const Policy> policy_;
  PolicyOptions options_;                 ///< For what builds; otherwise empty.
  std::vector<RepeatedLine> line_texts_;  ///< What `lines_` views.
  std::vector<Line> lines_;
  std::size_t origin_line_;  ///< Where the Origin stands in `lines_`, or their number.
  std::string turn_bytes_;   ///< The origins one after the other, in the order of their turns.
  std::vector<std::string_view> turns_;
  std::size_t next_turn_ = 0;
};

}  // namespace corsac::benchmarks
