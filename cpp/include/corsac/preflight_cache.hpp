#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "corsac/browser_request.hpp"

/// What browsers remember of preflights (Fetch, "CORS-preflight cache").
/// https://fetch.spec.whatwg.org/#cors-preflight-cache
namespace corsac::browser {

/// Fetch, "CORS-preflight fetch", step 7.8: without a readable Access-Control-Max-Age.
/// https://fetch.spec.whatwg.org/#cors-preflight-fetch
inline constexpr std::int64_t kDefaultMaxAge = 5;
/// Methods, and header names, that are read of one answer; what a server lists beyond is not
/// remembered, so that a long list costs memory and time once, not for as long as it lives.
inline constexpr std::size_t kMaxCachedNames = 1024;

/// Fetch, "CORS-preflight fetch", steps 7.7 to 7.9: how long an answer may be remembered, in
/// seconds, at most the engine's cap; 0 is not at all.
/// https://fetch.spec.whatwg.org/#cors-preflight-fetch
[[nodiscard]] std::int64_t preflight_max_age(HeaderList response_headers,
                                             const Engine& engine = kStandard);

/// Bounded: the preflights used longest ago give way. Not synchronized.
///
/// Deliberately without the network partition key: one cache is one partition.
class PreflightCache {
 public:
  /// @param capacity preflights (origin, URL, with or without credentials) remembered; at least 1.
  explicit PreflightCache(std::size_t capacity) : capacity_(capacity) {}

  /// Whether a request may be sent without asking: the method (unless safelisted, with no flag that
  /// forces a preflight) and every unsafe header name are remembered for its origin and URL. Access
  /// with credentials includes access without. An engine that holds one answer forgets the one
  /// that does not cover the request.
  /// @param url the whole URL, with query and fragment.
  /// @param now in seconds, on the clock of `store`.
  [[nodiscard]] bool covers(const CorsRequest& request, std::string_view url, double now);

  /// Remembers the answer to a preflight that passed `preflight_check`.
  void store(const CorsRequest& request, std::string_view url, HeaderList response_headers,
             double now);

  /// Fetch, "clear cache entries": forgets all about an origin and URL.
  /// https://fetch.spec.whatwg.org/#concept-cache-clear
  void clear(std::string_view origin, std::string_view url);

  void clear() noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return answers_.size(); }

 private:
  struct Name {
    std::string text;  ///< A method, or a header name in lower case.
    bool is_method;
    double expires;
  };
  /// What is remembered for one origin, URL and kind of credentials.
  struct Answer {
    std::string key;
    bool credentials;
    std::vector<Name> names;
  };
  using Answers = std::list<Answer>;

  /// The answers that count for a request: with credentials, and if it has none also without. Null
  /// where there is none.
  std::array<Answer*, 2> matching(const CorsRequest& request, std::string_view url);
  Answer* find(const std::string& key);
  Answer& find_or_add(const std::string& key, bool credentials);
  void forget(const std::string& key);

  std::size_t capacity_;
  Answers answers_;  ///< Last used first.
  std::unordered_map<std::string, Answers::iterator> by_key_;
};

}  // namespace corsac::browser
