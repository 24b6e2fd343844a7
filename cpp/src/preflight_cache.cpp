#include "corsac/preflight_cache.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

#include "corsac/ascii.hpp"
#include "corsac/fetch_names.hpp"
#include "corsac/header_names.hpp"

namespace corsac::browser {
namespace {

using namespace header_names;

constexpr std::string_view kNull = "null";
constexpr std::string_view kWildcard = "*";
constexpr std::int64_t kMaxInt64 = std::numeric_limits<std::int64_t>::max();

/// As many members as are remembered of one list. No view of <ranges>: Clang 14, which the fuzz
/// targets are built with on Debian 12, does not compile libstdc++'s.
std::span<const std::string_view> cacheable(const TokenList& list) noexcept {
  return std::span(list.members).first(std::min(list.members.size(), kMaxCachedNames));
}

/// 1*DIGIT of any length; what does not fit is the greatest number.
std::optional<std::int64_t> read_digits(std::string_view digits) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool all_digits = !digits.empty() && std::ranges::all_of(digits, [](char byte) {
    return ascii::is_digit(static_cast<unsigned char>(byte));
  });
  if (!all_digits) return std::nullopt;
  return error == std::errc::result_out_of_range ? kMaxInt64 : number;
}

/// Chromium's base::StringToInt64: a sign is allowed, an overflow is a failure.
std::optional<std::int64_t> read_int64(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// Origin and URL hold no NUL, so the key is unambiguous.
std::string key_of(std::string_view origin, std::string_view url, bool credentials) {
  std::string key(1, credentials ? 'i' : 'o');
  return key.append(origin).append(1, '\0').append(url);
}

/// Fetch, "method cache entry match" and "header-name cache entry match", the part after "cache
/// entry match".
class Matcher {
 public:
  /// @param credentials of the remembered answer.
  Matcher(const Engine& engine, bool credentials, std::string_view wanted, bool is_method) noexcept
      : wanted_(wanted),
        is_method_(is_method),
        takes_wildcard_(!(engine.caches_one_answer && credentials) &&
                        (is_method || !fetch::is_cors_non_wildcard_request_header_name(wanted))) {}

  [[nodiscard]] bool operator()(std::string_view remembered, bool is_method) const noexcept {
    return is_method == is_method_ &&
           (remembered == wanted_ || (takes_wildcard_ && remembered == kWildcard));
  }

 private:
  std::string_view wanted_;
  bool is_method_;
  bool takes_wildcard_;
};

}  // namespace

std::int64_t preflight_max_age(HeaderList response_headers, const Engine& engine) {
  const std::optional<std::string> value = get(response_headers, kMaxAge);
  std::int64_t seconds = kDefaultMaxAge;
  switch (engine.max_age_syntax) {
    case MaxAgeSyntax::kStandard:
      if (value) seconds = read_digits(*value).value_or(kDefaultMaxAge);
      break;
    case MaxAgeSyntax::kSignedInt64:
      if (value) seconds = std::max<std::int64_t>(0, read_int64(*value).value_or(kDefaultMaxAge));
      break;
    case MaxAgeSyntax::kDigitsOrNothing:
      if (value && !value->empty()) seconds = read_digits(*value).value_or(0);
      break;
  }
  return std::min(seconds, engine.max_age_cap);
}

bool PreflightCache::covers(const CorsRequest& request, std::string_view url, double now) {
  if (!request.engine->caches_preflights_of_opaque_origins && request.origin == kNull) return false;
  const std::array<Answer*, 2> answers = matching(request, url);
  const auto is_covered = [&](std::string_view wanted, bool is_method) {
    return std::ranges::any_of(answers, [&](const Answer* answer) {
      if (answer == nullptr) return false;
      const Matcher matches(*request.engine, answer->credentials, wanted, is_method);
      return std::ranges::any_of(answer->names, [&](const Name& name) {
        return name.expires > now && matches(name.text, name.is_method);
      });
    });
  };
  const bool method_needed =
      request.use_cors_preflight || !fetch::is_cors_safelisted_method(request.method);
  const bool covered =
      (!method_needed || is_covered(request.method, true)) &&
      std::ranges::all_of(cors_unsafe_request_header_names(request.headers, *request.engine),
                          [&](const std::string& name) { return is_covered(name, false); });
  if (!covered && request.engine->caches_one_answer) clear(request.origin, url);
  return covered;
}

void PreflightCache::store(const CorsRequest& request, std::string_view url,
                           HeaderList response_headers, double now) {
  const Engine& engine = *request.engine;
  if (engine.caches_one_answer) clear(request.origin, url);
  const std::int64_t max_age = preflight_max_age(response_headers, engine);
  const double expires = now + static_cast<double>(max_age);

  std::vector<std::string> fresh[2];  // Header names, and methods, that nothing matches yet.
  const auto remember = [&](std::string text, bool is_method) {
    bool known = false;
    for (Answer* answer : matching(request, url)) {
      if (answer == nullptr) continue;
      const Matcher matches(engine, answer->credentials, text, is_method);
      for (Name& name : answer->names) {
        if (name.expires <= now || !matches(name.text, name.is_method)) continue;
        name.expires = expires;
        known = true;
      }
    }
    if (!known) fresh[is_method ? 1 : 0].push_back(std::move(text));
  };
  const TokenList methods = extract_token_list(response_headers, kAllowMethods);
  if (methods.state == TokenList::State::kAbsent && request.use_cors_preflight) {
    remember(std::string(request.method), true);
  }
  for (const std::string_view method : cacheable(methods)) {
    remember(std::string(method), true);
  }
  const TokenList names = extract_token_list(response_headers, kAllowHeaders);
  for (const std::string_view name : cacheable(names)) {
    remember(byte_lowercase(name), false);
  }

  if (max_age == 0 || (fresh[0].empty() && fresh[1].empty())) return;
  Answer& answer = find_or_add(key_of(request.origin, url, request.credentials_include),
                               request.credentials_include);
  std::erase_if(answer.names, [now](const Name& name) { return name.expires <= now; });
  for (const bool is_method : {false, true}) {
    std::vector<std::string>& texts = fresh[is_method ? 1 : 0];
    sort_and_unique(texts);
    for (std::string& text : texts) {
      if (answer.names.size() == 2 * kMaxCachedNames) return;
      answer.names.push_back({std::move(text), is_method, expires});
    }
  }
}

void PreflightCache::clear(std::string_view origin, std::string_view url) {
  forget(key_of(origin, url, true));
  forget(key_of(origin, url, false));
}

void PreflightCache::clear() noexcept {
  by_key_.clear();
  answers_.clear();
}

std::array<PreflightCache::Answer*, 2> PreflightCache::matching(const CorsRequest& request,
                                                                std::string_view url) {
  return {find(key_of(request.origin, url, true)),
          request.credentials_include ? nullptr : find(key_of(request.origin, url, false))};
}

PreflightCache::Answer* PreflightCache::find(const std::string& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  answers_.splice(answers_.begin(), answers_, found->second);
  return &answers_.front();
}

PreflightCache::Answer& PreflightCache::find_or_add(const std::string& key, bool credentials) {
  if (Answer* const answer = find(key)) return *answer;
  // A copy, since the key is inside what is erased.
  if (answers_.size() >= capacity_) forget(std::string(answers_.back().key));
  answers_.push_front({key, credentials, {}});
  by_key_.emplace(key, answers_.begin());
  return answers_.front();
}

void PreflightCache::forget(const std::string& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return;
  answers_.erase(found->second);
  by_key_.erase(found);
}

}  // namespace corsac::browser
