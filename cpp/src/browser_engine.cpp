#include "corsac/browser_engine.hpp"

#include <algorithm>
#include <array>

namespace corsac::browser {
namespace {

constexpr std::array kEngines = {
    kStandard,
    Engine{.name = "chromium",
           .max_age_cap = 7200,
           .max_age_syntax = MaxAgeSyntax::kSignedInt64,
           .wildcard_covers_authorization = true,
           .caches_one_answer = true,
           .caches_preflights_of_opaque_origins = false,
           .joins_same_named_headers = true,
           .range_is_int64 = true,
           .safelists_client_hints = true,
           .drops_user_agent = true,
           .names_last_refused_header = true,
           .lenient_location = true,
           .origin_ignores_referrer_policy = true},
    Engine{
        .name = "firefox", .max_age_cap = 86'400, .max_age_syntax = MaxAgeSyntax::kDigitsOrNothing},
    Engine{.name = "webkit", .max_age_cap = 600},
};

}  // namespace

const Engine* find_engine(std::string_view name) noexcept {
  const auto* const found = std::ranges::find(kEngines, name, &Engine::name);
  return found == kEngines.end() ? nullptr : &*found;
}

}  // namespace corsac::browser
