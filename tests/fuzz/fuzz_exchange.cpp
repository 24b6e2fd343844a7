#include <array>
#include <charconv>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "corsac/browser.hpp"
#include "corsac/cors_protocol.hpp"
#include "corsac/guard.hpp"
#include "corsac/host_set.hpp"
#include "corsac/outcome.hpp"
#include "corsac/policy.hpp"
#include "fuzz/entry.hpp"
#include "fuzz/naive.hpp"

/// Input, a line each: options such as `origin https://example.com` and `credentials`, and after
/// `then` those of the next of several policies in one place; `host api.example.com` for
/// allowed_hosts; the `path` and the `scheme` by which the server was asked; `> OPTIONS`; then the
/// request's header lines. What the core answers is compared with what the options say, read
/// literally, and with what a browser makes of it.
namespace corsac::fuzz {
namespace {

using Headers = std::vector<browser::Header>;

struct Exchange {
  PolicyOptions options;              ///< Of the policy that decides.
  std::vector<PolicyOptions> places;  ///< Of all policies, in order.
  naive::Strings hosts;               ///< Entries of allowed_hosts.
  std::string method = "GET";
  std::string scheme;  ///< By which the server was asked, as far as it knows.
  std::string path = "/";
  std::vector<std::pair<std::string, std::string>> lines;

  [[nodiscard]] naive::Strings values(const std::string& lower_name) const {
    naive::Strings values;
    for (const auto& [name, value] : lines) {
      if (naive::lowercase(name) == lower_name) values.push_back(value);
    }
    return values;
  }
};

std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

void read_option(std::string_view line, PolicyOptions& options) {
  const std::size_t space = line.find(' ');
  const std::string_view word = line.substr(0, space);
  const std::string value = space == line.npos ? std::string() : unfolded(line.substr(space + 1));
  if (word == "origin") options.allow_origins.push_back(value);
  if (word == "method") options.allow_methods.push_back(value);
  if (word == "header") options.allow_headers.push_back(value);
  if (word == "expose") options.expose_headers.push_back(value);
  if (word == "tolerate") options.tolerate.push_back(value);
  if (word == "max_age") options.max_age = number(value);
  if (word == "no_max_age") options.max_age.reset();
  if (word == "status") options.preflight_status = static_cast<int>(number(value) % 1000);
  if (word == "credentials") options.allow_credentials = true;
  if (word == "private_network") options.allow_private_network = true;
  if (word == "continue") options.preflight_continue = true;
  if (word == "guard") options.guard = true;
  if (word == "trust") options.guard_options.trusted_origins.push_back(value);
  if (word == "exempt") options.guard_options.exempt_paths.push_back(value);
  if (word == "isolate") options.guard_options.isolate_reads = true;
  if (word == "no_writes") options.guard_options.writes = false;
  if (word == "timing") options.allow_timing = true;
  if (word == "always_send") options.always_send = true;
  if (word == "asks") options.asks_about_origins = true;
}

Exchange read_exchange(std::string_view rest) {
  Exchange exchange;
  constexpr std::size_t kMaxLines = 20;
  constexpr std::size_t kMaxPolicies = 4;
  bool in_options = true;
  exchange.places.emplace_back();
  while (!rest.empty() && exchange.lines.size() < kMaxLines) {
    const std::string_view line = take_line(rest);
    if (line.starts_with("> ")) {
      exchange.method = unfolded(line.substr(2));
      in_options = false;
    } else if (in_options && line.starts_with("path ")) {
      exchange.path = unfolded(line.substr(5));
    } else if (in_options && line.starts_with("scheme ")) {
      exchange.scheme = unfolded(line.substr(7));
    } else if (in_options && line == "then" && exchange.places.size() < kMaxPolicies) {
      exchange.places.emplace_back();
    } else if (in_options && line.starts_with("host ")) {
      exchange.hosts.push_back(unfolded(line.substr(5)));
    } else if (in_options) {
      read_option(line, exchange.places.back());
    } else if (const std::size_t colon = line.find(':'); colon != line.npos) {
      std::string_view value = line.substr(colon + 1);
      if (value.starts_with(' ')) value.remove_prefix(1);
      exchange.lines.emplace_back(line.substr(0, colon), unfolded(value));
    }
  }
  return exchange;
}

// --- The policy ---

std::vector<std::string>* list_named(PolicyOptions& options, const std::string& name) {
  if (name == "allow_origins") return &options.allow_origins;
  if (name == "allow_methods") return &options.allow_methods;
  if (name == "allow_headers") return &options.allow_headers;
  if (name == "expose_headers") return &options.expose_headers;
  if (name == "tolerate") return &options.tolerate;
  if (name == "guard.trusted_origins") return &options.guard_options.trusted_origins;
  if (name == "guard.exempt_paths") return &options.guard_options.exempt_paths;
  return nullptr;
}

bool has_error(const PolicyBuild& build) {
  for (const ConfigProblem& problem : build.problems) {
    if (problem.severity == Severity::kError) return true;
  }
  return false;
}

/// Builds the policy, leaving out whatever is an error: without what it complains about, a
/// configuration is a good one.
std::shared_ptr<const Policy> build_mended(PolicyOptions& options) {
  // Leaving out "*" can bring out errors of the entries it made redundant; that happens once.
  for (int attempt = 0; attempt < 3; ++attempt) {
    const PolicyBuild build = build_policy(options);
    CORSAC_HOLDS((build.policy == nullptr) == has_error(build));
    for (const ConfigProblem& problem : build.problems) {
      CORSAC_HOLDS(!problem.option.empty() && !problem.message.empty());
      if (problem.severity != Severity::kError) continue;
      if (problem.option == "max_age") {
        options.max_age.reset();
      } else if (problem.option == "preflight_status") {
        options.preflight_status = kDefaultPreflightStatus;
      } else if (auto* list = list_named(options, problem.option)) {
        // An entry that is listed twice is complained about twice.
        std::erase(*list, problem.value);
      } else {
        CORSAC_HOLDS(problem.option == "always_send" && options.always_send);
        options.always_send = false;
      }
    }
    if (build.policy) return build.policy;
  }
  return nullptr;
}

void check_policy(const PolicyOptions& options, const Policy& policy) {
  const bool any = naive::has(options.allow_origins, "*");
  const bool for_any = any && !options.allow_credentials;
  CORSAC_HOLDS(policy.has_constant_origin() == (for_any || options.always_send));
  CORSAC_HOLDS(policy.varies_by_origin() != policy.has_constant_origin());
  if (options.always_send) {
    CORSAC_HOLDS(!options.asks_about_origins && policy.constant_origin() != "null");
    CORSAC_HOLDS(policy.allows_origin(policy.constant_origin()));
    for (const std::string& entry : options.allow_origins)
      CORSAC_HOLDS(entry == policy.constant_origin());
  }
  CORSAC_HOLDS(policy.allow_credentials() == options.allow_credentials);
  CORSAC_HOLDS(policy.guard() == options.guard);
  CORSAC_HOLDS(policy.preflight_continue() == options.preflight_continue);
  for (const std::string& entry : options.allow_origins) {
    if (entry != "*" && entry != "null") CORSAC_HOLDS(naive::is_entry(entry));
  }
  // What nobody gets without having said that it is meant.
  if (any && options.allow_credentials) {
    CORSAC_HOLDS(naive::has(options.tolerate, "origin.any_with_credentials"));
  }
  if (naive::has(options.allow_origins, "null")) {
    CORSAC_HOLDS(naive::has(options.tolerate, "origin.null"));
  }
}

// --- The decision ---

bool listed_origin(const PolicyOptions& options, const std::string& origin) {
  if (!naive::can_be_one_origin(origin)) return false;
  if (!naive::has(options.allow_origins, "*")) {
    return naive::contains(options.allow_origins, origin);
  }
  return !options.allow_credentials || origin != "null" ||
         naive::has(options.allow_origins, "null");
}

Decision expected_decision(const Exchange& exchange) {
  const naive::Strings origins = exchange.values("origin");
  const naive::Strings methods = exchange.values("access-control-request-method");
  Decision decision;
  if (origins.empty()) return decision;
  const bool preflight = exchange.method == "OPTIONS" && !methods.empty();
  decision.kind = preflight ? RequestKind::kPreflight : RequestKind::kActual;
  if (origins.size() > 1 || !naive::can_be_one_origin(origins[0])) {
    decision.refusal = Refusal::kOriginMalformed;
  } else if (preflight &&
             (methods.size() > 1 || !naive::is_token(methods[0]) || methods[0].size() > 256)) {
    decision.refusal = Refusal::kRequestMethodMalformed;
  } else if (listed_origin(exchange.options, origins[0])) {
    decision.allowed = true;
  } else {
    decision.refusal = Refusal::kOriginNotAllowed;
    decision.asks = exchange.options.asks_about_origins && origins[0] != "null" &&
                    !naive::has(exchange.options.allow_origins, "*");
  }
  return decision;
}

bool same(const Decision& a, const Decision& b) {
  return a.kind == b.kind && a.allowed == b.allowed && a.refusal == b.refusal && a.asks == b.asks;
}

// --- Answers ---

Headers as_browser_headers(const HeaderLines& lines) {
  Headers headers;
  for (const HeaderLine& line : lines) headers.push_back({line.name, line.value});
  return headers;
}

std::size_t count(const Headers& headers, std::string_view name) {
  std::size_t found = 0;
  for (const browser::Header& header : headers) found += header.name == name ? 1 : 0;
  return found;
}

std::string_view value_of(const Headers& headers, std::string_view name) {
  for (const browser::Header& header : headers) {
    if (header.name == name) return header.value;
  }
  return {};
}

/// Everybody gets the same `*`, so that not even a preflight depends on the origin.
bool is_for_any(const Policy& policy) { return policy.origin_mode() == Policy::OriginMode::kAny; }

/// True of every answer, whoever asked for whatever.
/// @param origin what Access-Control-Allow-Origin names, unless it is for anyone.
/// @param allowed the answer has headers of the protocol.
void check_any_answer(const Policy& policy, const Headers& headers, std::string_view origin,
                      bool allowed) {
  for (const browser::Header& header : headers) {
    CORSAC_HOLDS(count(headers, header.name) == 1);
    CORSAC_HOLDS(naive::is_token(std::string(header.name)));
    CORSAC_HOLDS(std::string(header.name) == naive::lowercase(std::string(header.name)));
    CORSAC_HOLDS(!header.value.empty());
    for (const char byte : header.value) CORSAC_HOLDS(byte >= 0x20 && byte < 0x7F);
    if (!allowed) CORSAC_HOLDS(!header.name.starts_with("access-control-"));
  }
  const std::string_view allow_origin = value_of(headers, "access-control-allow-origin");
  if (allowed) CORSAC_HOLDS(allow_origin == (is_for_any(policy) ? "*" : origin));
  const bool credentials = count(headers, "access-control-allow-credentials") == 1;
  CORSAC_HOLDS(credentials == (allowed && policy.allow_credentials()));
  if (credentials) {
    CORSAC_HOLDS(allow_origin != "*");
    CORSAC_HOLDS(value_of(headers, "access-control-allow-credentials") == "true");
  }
}

void check_whole_answer(const Policy& policy, const Answer& answer) {
  const Headers headers = as_browser_headers(answer.headers);
  if (!is_for_any(policy) || policy.varies_by_origin())
    CORSAC_HOLDS(vary_covers(value_of(headers, "vary"), "origin"));
  CORSAC_HOLDS(count(headers, "content-length") == (answer.status == 204 ? 0 : 1));
  if (answer.status != 204) {
    CORSAC_HOLDS(value_of(headers, "content-length") == std::to_string(answer.body.size()));
  }
}

void check_refused(const Policy& policy, const Answer& answer, Refusal refusal) {
  const Headers headers = as_browser_headers(answer.headers);
  CORSAC_HOLDS(answer.status == 403 && answer.body == reason_code(refusal));
  check_any_answer(policy, headers, {}, false);
  check_whole_answer(policy, answer);
}

bool is_forbidden_method(const std::string& method) {
  const std::string lower = naive::lowercase(method);
  return lower == "connect" || lower == "trace" || lower == "track";
}

std::string normalized(const std::string& method) {
  for (const std::string known : {"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"}) {
    if (naive::lowercase(method) == naive::lowercase(known)) return known;
  }
  return method;
}

/// What the options say about a request, read without the policy.
browser::Block expected_block(const PolicyOptions& options, const std::string& method,
                              const naive::Strings& names) {
  const bool credentials = options.allow_credentials;
  bool method_ok = method == "GET" || method == "HEAD" || method == "POST";
  if (naive::has(options.allow_methods, "*")) {
    method_ok = method_ok || !credentials ||
                (method.size() <= kMaxEchoedMethodLength && !is_forbidden_method(method));
  } else {
    for (const std::string& listed : options.allow_methods) {
      method_ok = method_ok || normalized(listed) == method;
    }
  }
  if (!method_ok) return browser::Block::kMethodNotAllowed;

  const bool any = naive::has(options.allow_headers, "*");
  std::size_t echoed = 0;
  for (const std::string& name : names) echoed += name.size() + (echoed == 0 ? 0 : 2);
  browser::Block block = browser::Block::kNone;
  for (const std::string& name : names) {
    const std::string lower = naive::lowercase(name);
    const bool authorization = lower == "authorization";
    bool name_ok = any && (credentials ? echoed <= kMaxEchoedHeadersBytes : !authorization);
    if (!any || !credentials) {
      for (const std::string& listed : options.allow_headers) {
        name_ok = name_ok || naive::lowercase(listed) == lower;
      }
    }
    if (name_ok) continue;
    if (authorization) return browser::Block::kAuthorizationNotListed;
    block = browser::Block::kHeaderNotAllowed;
  }
  return block;
}

/// What is said to be missing is what the browser blocks for.
void check_missing(const Policy& policy, const Request& request, browser::Block block,
                   const naive::RequestedHeaders& requested) {
  const bool whole = requested.whole && requested.names.size() <= kMaxJudgedRequestHeaders;
  const bool listed = is_plainly_listed(policy, request);
  if (listed) CORSAC_HOLDS(block == browser::Block::kNone && whole);
  Missing missing;
  const Outcome outcome =
      seen_by_browser(policy, request, Outcome::kPreflightAllowed, false, &missing);
  if (!whole) {
    CORSAC_HOLDS(is_refused(outcome));
    return;
  }
  const bool is_named = !missing.method.empty() || !missing.headers.empty();
  CORSAC_HOLDS(is_refused(outcome) == (block != browser::Block::kNone));
  CORSAC_HOLDS(is_refused(outcome) == is_named || policy.echoes_headers());
  CORSAC_HOLDS(missing.method.empty() == (block != browser::Block::kMethodNotAllowed));
}

/// The browser that sent this preflight lets exactly that through what the options list.
void check_browser_agrees(const Exchange& exchange, const Policy& policy, const Request& read,
                          const Answer& answer) {
  const PolicyOptions& options = exchange.options;
  const std::string origin = exchange.values("origin").at(0);
  const std::string method = exchange.values("access-control-request-method").at(0);
  naive::RequestedHeaders requested =
      naive::requested_headers(exchange.values("access-control-request-headers"));
  if (!requested.whole) requested.names.clear();  // No browser asked; then only the method counts.

  // Too long to be safelisted, whatever the name.
  const std::string value(browser::kMaxSafelistedValueBytes + 1, 'v');
  Headers sent;
  for (const std::string& name : requested.names) sent.push_back({name, value});
  const Headers received = as_browser_headers(answer.headers);
  const browser::CorsRequest request{origin, method, sent, options.allow_credentials, false};
  const browser::PreflightVerdict verdict =
      browser::preflight_check(request, answer.status, received);
  CORSAC_HOLDS(verdict.block == expected_block(options, method, requested.names));
  check_missing(policy, read, verdict.block, requested);
  if (options.allow_credentials) return;
  // A request with credentials is blocked whatever else it wants.
  CORSAC_HOLDS(browser::cors_check(origin, true, received) != browser::Block::kNone);
}

void check_preflight(const Exchange& exchange, const Policy& policy, const Request& request,
                     const Decision& decision) {
  Answer answer;
  answer_preflight(policy, request, decision, answer);
  Answer onto_application;
  preflight_headers(policy, request, decision, onto_application);
  if (!decision.allowed) {
    check_refused(policy, answer, decision.refusal);
    CORSAC_HOLDS(onto_application.headers.size() == 0);
    return;
  }
  const PolicyOptions& options = exchange.options;
  const Headers headers = as_browser_headers(answer.headers);
  CORSAC_HOLDS(answer.status == options.preflight_status && answer.body.empty());
  check_any_answer(policy, headers, request.origin(), true);
  check_whole_answer(policy, answer);

  CORSAC_HOLDS(value_of(headers, "access-control-max-age") ==
               (options.max_age ? std::to_string(*options.max_age) : ""));
  const naive::Strings asked = exchange.values("access-control-request-private-network");
  CORSAC_HOLDS(count(headers, "access-control-allow-private-network") ==
               (options.allow_private_network && asked == naive::Strings{"true"} ? 1 : 0));
  const std::string_view vary = value_of(headers, "vary");
  if (policy.echoes_methods()) {
    CORSAC_HOLDS(value_of(headers, "access-control-allow-methods").size() <=
                 kMaxEchoedMethodLength);
    CORSAC_HOLDS(vary_covers(vary, "access-control-request-method"));
  }
  if (policy.echoes_headers()) {
    CORSAC_HOLDS(value_of(headers, "access-control-allow-headers").size() <=
                 kMaxEchoedHeadersBytes);
    CORSAC_HOLDS(vary_covers(vary, "access-control-request-headers"));
  }
  std::size_t added = 0;
  for (const browser::Header& header : headers) {
    if (header.name == "vary" || header.name == "content-length") continue;
    CORSAC_HOLDS(value_of(as_browser_headers(onto_application.headers), header.name) ==
                 header.value);
    ++added;
  }
  CORSAC_HOLDS(onto_application.headers.size() == added);
  check_browser_agrees(exchange, policy, request, answer);
}

/// Timing-Allow-Origin, read off the options.
std::string expected_timing(const PolicyOptions& options, const std::string& origin, bool allowed) {
  if (!options.allow_timing) return {};
  if (naive::has(options.allow_origins, "*") && !options.allow_credentials) return "*";
  bool is_short = options.allow_origins.size() <= kMaxTimingOrigins && !options.asks_about_origins;
  std::string listed;
  for (const std::string& entry : options.allow_origins) {
    is_short = is_short && entry.find('*') == entry.npos;
    if (entry != "null") listed += (listed.empty() ? "" : ", ") + entry;
  }
  if (is_short && !listed.empty()) return listed;
  return allowed && origin != "null" ? origin : "";
}

void check_actual(const Exchange& exchange, const Policy& policy, const Request& request,
                  const Decision& decision) {
  const PolicyOptions& options = exchange.options;
  const HeaderLines lines = actual_headers(policy, request.origin(), decision.allowed);
  Headers headers = as_browser_headers(lines);
  // A constant is on every response, also for requests that are refused or have no Origin.
  const bool has_headers = decision.allowed || policy.has_constant_origin();
  check_any_answer(policy, headers, decision.allowed ? request.origin() : policy.constant_origin(),
                   has_headers);
  for (const browser::Header& header : headers) {
    const bool is_timing = header.name == "timing-allow-origin";
    CORSAC_HOLDS(response_header_role(header.name) ==
                 (is_timing ? ResponseHeaderRole::kTiming : ResponseHeaderRole::kOwned));
  }
  CORSAC_HOLDS(value_of(headers, "timing-allow-origin") ==
               expected_timing(options, std::string(request.origin()), decision.allowed));
  if (!decision.allowed) {
    if (!policy.has_constant_origin()) {
      CORSAC_HOLDS(browser::cors_check(request.origin(), false, headers) ==
                   browser::Block::kMissingAllowOrigin);
    } else if (options.always_send && decision.refusal == Refusal::kOriginNotAllowed) {
      CORSAC_HOLDS(browser::cors_check(request.origin(), false, headers) ==
                   browser::Block::kAllowOriginMismatch);
    }
    return;
  }
  const bool credentials = options.allow_credentials;
  CORSAC_HOLDS(browser::cors_check(request.origin(), false, headers) == browser::Block::kNone);
  CORSAC_HOLDS((browser::cors_check(request.origin(), true, headers) == browser::Block::kNone) ==
               credentials);

  // What a script may read is what the options expose, of what the response has.
  headers.push_back({"X-Total", "1"});
  headers.push_back({"Set-Cookie", "a=b"});
  bool exposed = !credentials && naive::has(options.expose_headers, "*");
  // With `*` listed the names beside it are not sent: they are covered, or nothing is.
  if (!naive::has(options.expose_headers, "*")) {
    for (const std::string& name : options.expose_headers) {
      exposed = exposed || naive::lowercase(name) == "x-total";
    }
  }
  const naive::Strings readable = browser::readable_header_names(credentials, headers);
  CORSAC_HOLDS(naive::has(readable, "x-total") == exposed);
  CORSAC_HOLDS(!naive::has(readable, "set-cookie"));
}

// --- The guard ---

bool host_is_origin(const naive::Strings& hosts, const std::string& origin,
                    const std::string& server_scheme) {
  const std::size_t separator = origin.find("://");
  if (hosts.size() != 1 || separator == origin.npos) return false;
  const std::string scheme = origin.substr(0, separator);
  const std::string known = naive::lowercase(server_scheme);
  const bool by_tls = known == "https" || known == "wss";
  if (scheme != "https" && scheme != "http") return false;
  if (scheme == "http" && by_tls) return false;
  const std::string authority = naive::lowercase(origin.substr(separator + 3));
  std::string host = naive::lowercase(hosts[0]);
  const std::string default_port = scheme == "http" ? ":80" : scheme == "https" ? ":443" : "";
  if (host.ends_with(default_port)) host.resize(host.size() - default_port.size());
  return !authority.empty() && authority == host;
}

bool may_write(const Exchange& exchange, const std::string& origin, bool settled) {
  const PolicyOptions& options = exchange.options;
  if (naive::contains(options.guard_options.trusted_origins, origin)) return true;
  const bool allowed = settled || listed_origin(options, origin);
  return allowed && (options.allow_credentials || exchange.values("cookie").empty());
}

/// @param is_handshake Origin and Host decide, and Sec-Fetch-Site refuses more.
bool is_trusted(const Exchange& exchange, bool settled, bool is_handshake) {
  const naive::Strings origins = exchange.values("origin");
  const naive::Strings sites = exchange.values("sec-fetch-site");
  bool is_own = true;
  if (origins.size() > 1) return false;
  if (origins.size() == 1) {
    if (!naive::can_be_one_origin(origins[0])) return false;
    if (may_write(exchange, origins[0], settled)) return true;
    is_own = host_is_origin(exchange.values("host"), origins[0], exchange.scheme);
  }
  if (sites.size() > 1) return false;
  const bool has_site = sites.size() == 1 && !sites[0].empty();
  const bool site_is_own = has_site && (sites[0] == "same-origin" || sites[0] == "none");
  if (is_handshake) return is_own && (!has_site || site_is_own);
  return has_site ? site_is_own : is_own;
}

bool is_foreign_read(const Exchange& exchange) {
  const naive::Strings sites = exchange.values("sec-fetch-site");
  if (sites.empty()) return false;
  if (sites.size() == 1 && naive::has({"", "same-origin", "same-site", "none"}, sites[0])) {
    return false;
  }
  naive::Strings modes;
  for (const std::string& mode : exchange.values("sec-fetch-mode")) {
    if (!mode.empty()) modes.push_back(mode);
  }
  if (modes == naive::Strings{"cors"}) return false;
  return !(modes == naive::Strings{"navigate"} &&
           exchange.values("sec-fetch-dest") == naive::Strings{"document"});
}

bool matches_path(const std::string& pattern, const std::string& path) {
  if (!pattern.ends_with("/*")) return path == pattern;
  const std::string prefix = pattern.substr(0, pattern.size() - 2);
  return path == prefix || path.starts_with(prefix + "/");
}

bool is_exempt(const naive::Strings& patterns, const std::string& path) {
  std::string merged;
  for (const char byte : path) {
    if (byte != '/' || merged.empty() || merged.back() != '/') merged += byte;
  }
  bool is_matched = false;
  bool merged_too = false;
  for (const std::string& pattern : patterns) {
    if (!is_matched && matches_path(pattern, path)) {
      is_matched = true;
      merged_too = merged_too || pattern.find("//") != pattern.npos;
    }
    merged_too = merged_too || matches_path(pattern, merged);
  }
  return is_matched && merged_too;
}

bool expected_beyond_cors(const Exchange& exchange) {
  const naive::Strings origins = exchange.values("origin");
  const naive::Strings sites = exchange.values("sec-fetch-site");
  if (sites.size() > 1) return false;
  naive::Strings modes;
  for (const std::string& mode : exchange.values("sec-fetch-mode")) {
    if (!mode.empty()) modes.push_back(mode);
  }
  if (modes.size() == 1 && modes[0] != "cors" && modes[0].size() <= kMaxModeLength &&
      naive::is_token(modes[0])) {
    return true;
  }
  if (sites.size() == 1 && !sites[0].empty()) return sites[0] == "same-origin";
  return origins.size() == 1 && naive::can_be_one_origin(origins[0]) &&
         host_is_origin(exchange.values("host"), origins[0], exchange.scheme);
}

void check_guard(const Exchange& exchange, const Policy& policy, const Request& request) {
  if (!policy.guard()) {
    CORSAC_HOLDS(guard_request(policy, request) == Refusal::kNone);
    CORSAC_HOLDS(guard_websocket(policy, request) == Refusal::kNone);
    CORSAC_HOLDS(!is_isolated(policy, request));
    return;
  }
  const std::string& method = exchange.method;
  const GuardOptions& options = exchange.options.guard_options;
  const bool read = method == "GET" || method == "HEAD";
  const bool safe = read || method == "OPTIONS" || !options.writes;
  const bool isolated = read && options.isolate_reads;
  CORSAC_HOLDS(is_isolated(policy, request) == isolated);
  CORSAC_HOLDS(vary_covers(policy.vary(isolated), "sec-fetch-dest") == isolated);
  if (exchange.path.size() <= kMaxRepeatedSlashesRead) {
    CORSAC_HOLDS(policy.guard_rules().is_exempt(exchange.path) ==
                 is_exempt(options.exempt_paths, exchange.path));
  }
  for (const bool settled : {false, true}) {
    const bool trusted = is_trusted(exchange, settled, false);
    const Refusal refusal = guard_request(policy, request, settled);
    if (isolated) {
      CORSAC_HOLDS(refusal ==
                   (is_foreign_read(exchange) ? Refusal::kCrossOriginRead : Refusal::kNone));
    } else {
      CORSAC_HOLDS(refusal == (safe || trusted ? Refusal::kNone : Refusal::kCrossOriginRequest));
    }
    const Refusal handshake = guard_websocket(policy, request, settled);
    CORSAC_HOLDS(
        handshake ==
        (is_trusted(exchange, settled, true) ? Refusal::kNone : Refusal::kCrossOriginWebSocket));
    for (const Refusal refused : {refusal, handshake}) {
      if (refused == Refusal::kNone) continue;
      Answer answer;
      refuse(policy, refused, answer);
      check_refused(policy, answer, refused);
    }
  }
}

/// The same hosts are served by the set and by the entries, read one by one.
void check_hosts(const Exchange& exchange, const Request& request) {
  naive::Strings entries = exchange.hosts;
  for (const ConfigProblem& problem : build_host_set(entries).problems) {
    CORSAC_HOLDS(!problem.message.empty() && !problem.hint.empty());
    if (problem.severity == Severity::kError) std::erase(entries, problem.value);
  }
  const HostSetBuild build = build_host_set(entries);
  CORSAC_HOLDS(build.hosts != nullptr);
  const Refusal refusal = build.hosts->check(request.host_lines(), request.host());
  CORSAC_HOLDS(reason_code(refusal) == naive::host_refusal(entries, exchange.values("host")));
  for (const std::string& entry : entries) {
    // What is listed is served, and so is what stands below a wildcard.
    const std::string host = entry.starts_with("*.") ? "a" + entry.substr(1) : entry;
    CORSAC_HOLDS(build.hosts->check(1, host) == Refusal::kNone);
  }
}

/// The request, and the bytes that it looks at.
class SentRequest {
 public:
  explicit SentRequest(const Exchange& exchange)
      : method_(exchange.method), request_(method_.view()) {
    for (const auto& [name, value] : exchange.lines) {
      bytes_.emplace_back(name);
      bytes_.emplace_back(value);
    }
    request_.set_server_scheme(exchange.scheme);
    for (std::size_t i = 0; i < bytes_.size(); i += 2) {
      request_.add_guarded_line(bytes_[i].view(), bytes_[i + 1].view());
    }
  }
  [[nodiscard]] const Request& view() const { return request_; }

 private:
  std::vector<ExactBytes> bytes_;
  ExactBytes method_;
  Request request_;
};

/// The place of the policy that decides, by the options: the first that lists the one origin, or
/// the last. In this target nobody outside the core allows any more.
std::size_t expected_place(const Exchange& exchange) {
  const naive::Strings origins = exchange.values("origin");
  std::size_t place = 0;
  while (place + 1 < exchange.places.size() &&
         (origins.size() != 1 || !listed_origin(exchange.places[place], origins[0]))) {
    ++place;
  }
  return place;
}

void check_exchange(const Exchange& exchange, const Policy& policy, const Request& request) {
  const Decision decision = decide(policy, request);
  CORSAC_HOLDS(same(decision, expected_decision(exchange)));
  CORSAC_HOLDS(same(settle(decision, false), {decision.kind, decision.allowed, decision.refusal}));
  const Decision settled = settle(decision, true);
  if (!decision.asks) CORSAC_HOLDS(same(settled, decision));
  for (const Decision& one : {decision, settled}) {
    if (one.kind == RequestKind::kPreflight) {
      check_preflight(exchange, policy, request, one);
    } else {
      check_actual(exchange, policy, request, one);
    }
  }
  check_guard(exchange, policy, request);
  check_hosts(exchange, request);
  CORSAC_HOLDS(is_beyond_cors(request) == expected_beyond_cors(exchange));
}

}  // namespace
}  // namespace corsac::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace corsac::fuzz;
  Exchange exchange = read_exchange(as_text(data, size));
  std::vector<std::shared_ptr<const corsac::Policy>> policies;
  for (corsac::PolicyOptions& options : exchange.places) {
    policies.push_back(build_mended(options));
    CORSAC_HOLDS(policies.back() != nullptr);
    check_policy(options, *policies.back());
  }
  const SentRequest sent(exchange);
  std::size_t place = 0;
  while (place + 1 < policies.size() && !covers_origin(*policies[place], sent.view())) ++place;
  CORSAC_HOLDS(place == expected_place(exchange));
  exchange.options = exchange.places[place];
  const corsac::Policy& decides = *policies[place];
  if (policies.size() == 1) {
    check_exchange(exchange, decides, sent.view());
  } else {
    const auto one_of_several = decides.as_one_of_several();
    CORSAC_HOLDS(one_of_several->varies_by_origin());
    CORSAC_HOLDS(corsac::vary_covers(one_of_several->preflight_vary(), "origin"));
    check_exchange(exchange, *one_of_several, sent.view());
  }
  return 0;
}
