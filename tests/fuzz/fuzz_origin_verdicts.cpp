#include <memory>
#include <string>
#include <string_view>

#include "corsac/origin_verdicts.hpp"
#include "corsac/policy.hpp"
#include "fuzz/entry.hpp"
#include "fuzz/naive.hpp"

/// Input, a line each. The first one is how origins end that the expression allows; it begins with
/// `!` if a function is asked about those that it refuses. Then `+entry` lists an origin, until the
/// first other line: `?origin` asks about an origin, `#12` about twelve that are made of the
/// ending.
namespace corsac::fuzz {
namespace {

/// The expression that stands outside the core, without any memory.
struct Expression {
  std::string ending;
  [[nodiscard]] bool matches(std::string_view origin) const { return origin.ends_with(ending); }
};

/// Asks about an origin as a server does, and holds the answer against what no cache would say.
void ask(const Policy& policy, OriginVerdicts& verdicts, const Expression& expression,
         const naive::Strings& listed, bool is_final, const std::string& origin) {
  const ExactBytes bytes(origin);
  const bool is_listed = naive::contains(listed, origin);
  const bool can_be_asked = origin != "null" && naive::can_be_one_origin(origin);
  const bool is_matched = can_be_asked && expression.matches(origin);
  const Policy::Standing known = policy.standing_of(bytes.view());
  if (known == Policy::Standing::kAllowed) CORSAC_HOLDS(is_listed || is_matched);
  if (known == Policy::Standing::kRefused)
    CORSAC_HOLDS(!is_listed && (!can_be_asked || (!is_matched && is_final)));
  if (known != Policy::Standing::kAsked) return;
  CORSAC_HOLDS(!is_listed && can_be_asked);
  verdicts.put(bytes.view(), is_matched);
  const std::optional<bool> kept = verdicts.find(bytes.view());
  CORSAC_HOLDS(kept == is_matched);
  const Policy::Standing then = policy.standing_of(bytes.view());
  if (is_matched) CORSAC_HOLDS(then == Policy::Standing::kAllowed);
  if (!is_matched) {
    CORSAC_HOLDS(then == (is_final ? Policy::Standing::kRefused : Policy::Standing::kAsked));
  }
}

}  // namespace
}  // namespace corsac::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace corsac;
  using namespace corsac::fuzz;
  std::string_view rest = as_text(data, size);
  std::string ending = unfolded(take_line(rest));
  const bool is_final = !ending.starts_with('!');
  if (!is_final) ending.erase(0, 1);
  const Expression expression{ending};

  PolicyOptions options;
  while (rest.starts_with('+'))
    options.allow_origins.push_back(unfolded(take_line(rest).substr(1)));
  const auto verdicts = std::make_shared<OriginVerdicts>(size % 5);
  options.asks_about_origins = true;
  options.verdicts = verdicts;
  options.refusals_are_final = is_final;
  const auto policy = build_policy(options).policy;
  if (!policy || policy->origin_mode() != Policy::OriginMode::kListed) return 0;

  constexpr std::size_t kMostMade = 9'999;
  while (!rest.empty()) {
    std::string_view line = take_line(rest);
    const char kind = line.empty() ? '?' : line.front();
    if (!line.empty()) line.remove_prefix(1);
    if (kind != '#') {
      ask(*policy, *verdicts, expression, options.allow_origins, is_final, unfolded(line));
      continue;
    }
    std::size_t count = 0;
    for (const char digit : line) {
      if (digit >= '0' && digit <= '9')
        count = (count * 10 + static_cast<std::size_t>(digit - '0'));
      if (count > kMostMade) count = kMostMade;
    }
    for (std::size_t number = 0; number < count; ++number) {
      const std::string made = "https://t" + std::to_string(number / 2) + ".test" +
                               (number % 2 == 0 ? ending : std::string("x"));
      ask(*policy, *verdicts, expression, options.allow_origins, is_final, made);
    }
  }
  CORSAC_HOLDS(verdicts->size() <= OriginVerdicts::kCapacity);
  return 0;
}
