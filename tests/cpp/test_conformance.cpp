// The conformance cases through the core's own interface. What a binding does around it (asking
// about origins, filtering the application's headers, merging Vary) is done here by the shortest
// code that does it.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "conformance.hpp"
#include "corsac/ascii.hpp"
#include "corsac/browser.hpp"
#include "corsac/guard.hpp"

namespace corsac::conformance {
namespace {

constexpr std::string_view kExpress =
    "documents the answers of the Node package, some of them unsafe; not a goal";
constexpr std::string_view kPublicSuffix = "needs the public suffix list, which the core has not";

bool has_profile(const json& data, std::string_view profile) {
  const json& config = data.at("config");
  return config.contains("profile") && config.at("profile") == profile;
}

bool has_member(const json& list, const json& member) {
  return std::find(list.begin(), list.end(), member) != list.end();
}

std::string reason_to_leave_out_exchange(const json& data) {
  return std::string(has_profile(data, "express") ? kExpress : "");
}

std::string reason_to_leave_out_policy(const json& data) {
  const bool needs_list = has_member(data.at("problems"), "origin.public_suffix_with_credentials");
  return std::string(needs_list ? kPublicSuffix : "");
}

const CaseFile& exchange_cases() {
  static const CaseFile kFile = read_cases("exchanges.json", reason_to_leave_out_exchange);
  return kFile;
}

const CaseFile& policy_cases() {
  static const CaseFile kFile = read_cases("policies.json", reason_to_leave_out_policy);
  return kFile;
}

/// The id with all but letters and digits replaced, and a number where that makes two ids one.
std::string test_name(const ::testing::TestParamInfo<Case>& info) {
  static std::map<std::string, int> taken;
  std::string name = info.param.id;
  for (char& byte : name) {
    const auto value = static_cast<unsigned char>(byte);
    if (!ascii::is_alpha(value) && !ascii::is_digit(value)) byte = '_';
  }
  const int count = ++taken[name];
  return count == 1 ? name : name + "_" + std::to_string(count);
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), ascii::to_lower);
  return text;
}

/// The members of list headers, empty ones left out.
std::vector<std::string> members_of(const std::vector<std::string>& values) {
  std::vector<std::string> members;
  for (std::string_view rest : values) {
    while (!rest.empty()) {
      const std::string_view member = ascii::take_list_member(rest);
      if (!member.empty()) members.emplace_back(member);
    }
  }
  return members;
}

/// What left the server, and how it came to be.
struct Response {
  RequestKind kind = RequestKind::kNotCors;
  int status = 0;
  Headers headers;  ///< Names in lower case.
  bool app_called = false;

  [[nodiscard]] std::vector<std::string> all(std::string_view name) const {
    std::vector<std::string> values;
    for (const auto& [key, value] : headers) {
      if (key == name) values.push_back(value);
    }
    return values;
  }

  /// The value of a header that may stand there once or not at all.
  [[nodiscard]] std::optional<std::string> one(std::string_view name) const {
    const std::vector<std::string> values = all(name);
    if (values.size() > 1) throw std::runtime_error(std::string(name) + " stands there twice");
    return values.empty() ? std::nullopt : std::optional(values.front());
  }

  [[nodiscard]] std::vector<std::string> members(std::string_view name) const {
    return members_of(all(name));
  }

  friend std::ostream& operator<<(std::ostream& out, const Response& response) {
    return out << kind_name(response.kind) << ' ' << response.status << ' '
               << ::testing::PrintToString(response.headers)
               << (response.app_called ? " from the app" : "");
  }
};

void append(Headers& headers, const HeaderLines& lines) {
  for (auto& line : testing::to_headers(lines)) headers.push_back(std::move(line));
}

Response from_answer(RequestKind kind, const Answer& answer) {
  return {kind, answer.status, testing::to_headers(answer.headers), false};
}

/// The application's response with the policy's headers in place of its own.
Response from_app(RequestKind kind, const AppResponse& app, const HeaderLines& lines,
                  std::string_view wanted_vary) {
  Response response{kind, app.status, {}, true};
  std::string vary;
  const auto add_to_vary = [&vary](std::string_view member) {
    if (!vary.empty()) vary += ", ";
    vary += member;
  };
  for (const auto& [name, value] : app.headers) {
    switch (response_header_role(name)) {
      case ResponseHeaderRole::kOther:
        response.headers.emplace_back(lower(name), value);
        break;
      case ResponseHeaderRole::kVary:
        add_to_vary(value);
        break;
      case ResponseHeaderRole::kPreflightOwned:
        if (kind != RequestKind::kPreflight) response.headers.emplace_back(lower(name), value);
        break;
      case ResponseHeaderRole::kTiming:  // The only case with one allows timing.
        if (kind == RequestKind::kPreflight) response.headers.emplace_back(lower(name), value);
        break;
      case ResponseHeaderRole::kOwned:
        break;
    }
  }
  for (const std::string& member : members_of({std::string(wanted_vary)})) {
    if (!vary_covers(vary, lower(member))) add_to_vary(member);
  }
  if (!vary.empty()) response.headers.emplace_back("vary", vary);
  append(response.headers, lines);
  return response;
}

/// Asks whoever decides about origins that are not listed. Only well-formed origins get there.
bool ask(const Configuration& configuration, std::string_view origin) {
  return is_serialized_origin(origin) && configuration.allows_origin(origin);
}

Response exchange(const Policy& policy, const Configuration& configuration, const json& data) {
  const SentRequest sent(data);
  const AppResponse app(data);
  const Request request = sent.view();
  Decision decision = decide(policy, request);
  const bool settled = decision.asks && ask(configuration, request.origin());
  decision = settle(decision, settled);

  Answer answer;
  if (policy.guard()) {
    const Refusal refusal = guard_request(policy, request, settled);
    if (refusal != Refusal::kNone) {
      refuse(policy, refusal, answer);
      return from_answer(decision.kind, answer);
    }
  }
  if (decision.kind != RequestKind::kPreflight) {
    return from_app(decision.kind, app, actual_headers(policy, request.origin(), decision.allowed),
                    policy.varies_by_origin() ? "Origin" : "");
  }
  if (policy.preflight_continue()) {
    preflight_headers(policy, request, decision, answer);
    return from_app(decision.kind, app, answer.headers, policy.preflight_vary());
  }
  answer_preflight(policy, request, decision, answer);
  return from_answer(decision.kind, answer);
}

/// A handshake has no response that a policy could change: it is refused, or it is none of ours.
Response handshake(const Policy& policy, const Configuration& configuration, const json& data) {
  const SentRequest sent(data);
  const Request request = sent.view();
  const bool settled = request.has_one_origin() && policy.asks_about(request.origin()) &&
                       ask(configuration, request.origin());
  const bool refused = guard_websocket(policy, request, settled) != Refusal::kNone;
  return {classify(request), refused ? 403 : 101, {}, !refused};
}

/// Fetch, "CORS-preflight fetch", for what the request's own headers ask for.
bool browser_lets_preflight_through(const json& data, const Response& response) {
  // A value that is never safelisted makes every name one that the preflight must allow.
  const std::string unsafe(200, '"');
  const SentRequest sent(data);
  browser::CorsRequest request{.origin = {},
                               .method = {},
                               .headers = {},
                               .credentials_include = data.value("client_credentials", false)};
  std::vector<std::string> names;
  for (const auto& [name, value] : sent.headers) {
    if (lower(name) == "origin") request.origin = value;
    if (lower(name) == "access-control-request-method") request.method = value;
    if (lower(name) == "access-control-request-headers") names = members_of({value});
  }
  std::vector<browser::Header> asked;
  for (const std::string& name : names) asked.push_back({name, unsafe});
  request.headers = asked;
  std::vector<browser::Header> answered;
  for (const auto& [name, value] : response.headers) answered.push_back({name, value});
  return browser::preflight_check(request, response.status, answered).block ==
         browser::Block::kNone;
}

std::set<std::string> lower_set(const std::vector<std::string>& members) {
  std::set<std::string> result;
  for (const std::string& member : members) result.insert(lower(member));
  return result;
}

bool contains_all(const std::set<std::string>& members, const json& wanted) {
  return std::ranges::all_of(wanted.get<std::vector<std::string>>(),
                             [&](const std::string& each) { return members.contains(each); });
}

bool contains_none(const std::set<std::string>& members, const json& wanted) {
  return std::ranges::none_of(wanted.get<std::vector<std::string>>(),
                              [&](const std::string& each) { return members.contains(each); });
}

json lower_list(const json& wanted) { return lower_set(wanted.get<std::vector<std::string>>()); }

std::set<std::string> allowed_methods(const Response& response) {
  const std::vector<std::string> members = response.members("access-control-allow-methods");
  return {members.begin(), members.end()};  // Methods are compared in their case.
}

/// `true` is the value "true", and `false` that there is no such header.
bool is_true_or_absent(const Response& response, std::string_view name, const json& wanted) {
  return response.one(name) == (wanted == true ? std::optional<std::string>("true") : std::nullopt);
}

struct Outcome {
  const json& data;
  const Response& response;
};

using Expectation = bool (*)(const Outcome&, const json& wanted);

/// One check for each field that `expect` may have.
const std::map<std::string_view, Expectation> kExpectations = {
    {"is_preflight",
     [](const Outcome& outcome, const json& wanted) {
       return (outcome.response.kind == RequestKind::kPreflight) == wanted;
     }},
    {"app_called", [](const Outcome& outcome,
                      const json& wanted) { return outcome.response.app_called == wanted; }},
    {"status",
     [](const Outcome& outcome, const json& wanted) { return outcome.response.status == wanted; }},
    {"status_in", [](const Outcome& outcome,
                     const json& wanted) { return has_member(wanted, outcome.response.status); }},
    {"status_class",
     [](const Outcome& outcome, const json& wanted) {
       if (wanted == "app") return outcome.response.status == AppResponse(outcome.data).status;
       return std::to_string(outcome.response.status / 100) + "xx" == wanted;
     }},
    {"status_not_5xx",
     [](const Outcome& outcome, const json& wanted) {
       return (outcome.response.status < 500) == wanted;
     }},
    {"blocked",
     [](const Outcome& outcome, const json& wanted) {
       return (outcome.response.status == 403 && !outcome.response.app_called) == wanted;
     }},
    {"allow_origin",
     [](const Outcome& outcome, const json& wanted) {
       const auto value = outcome.response.one("access-control-allow-origin");
       return value ? *value == wanted : wanted.is_null();
     }},
    {"timing_allow_origin",
     [](const Outcome& outcome, const json& wanted) {
       const auto value = outcome.response.one("timing-allow-origin");
       return value ? *value == wanted : wanted.is_null();
     }},
    {"allow_origin_count",
     [](const Outcome& outcome, const json& wanted) {
       return outcome.response.all("access-control-allow-origin").size() == wanted;
     }},
    {"allow_credentials",
     [](const Outcome& outcome, const json& wanted) {
       return is_true_or_absent(outcome.response, "access-control-allow-credentials", wanted);
     }},
    {"allow_private_network",
     [](const Outcome& outcome, const json& wanted) {
       return is_true_or_absent(outcome.response, "access-control-allow-private-network", wanted);
     }},
    {"max_age",
     [](const Outcome& outcome, const json& wanted) {
       const auto value = outcome.response.one("access-control-max-age");
       return value ? *value == wanted.dump() : wanted.is_null();
     }},
    {"vary_contains",
     [](const Outcome& outcome, const json& wanted) {
       return contains_all(lower_set(outcome.response.members("vary")), lower_list(wanted));
     }},
    {"vary_excludes",
     [](const Outcome& outcome, const json& wanted) {
       return contains_none(lower_set(outcome.response.members("vary")), lower_list(wanted));
     }},
    {"allow_methods_absent",
     [](const Outcome& outcome, const json& wanted) {
       return outcome.response.all("access-control-allow-methods").empty() == wanted;
     }},
    {"allow_methods_contains",
     [](const Outcome& outcome, const json& wanted) {
       return contains_all(allowed_methods(outcome.response), wanted);
     }},
    {"allow_methods_excludes",
     [](const Outcome& outcome, const json& wanted) {
       return contains_none(allowed_methods(outcome.response), wanted);
     }},
    {"expose_contains",
     [](const Outcome& outcome, const json& wanted) {
       return contains_all(lower_set(outcome.response.members("access-control-expose-headers")),
                           lower_list(wanted));
     }},
    {"max_response_header_bytes",
     [](const Outcome& outcome, const json& wanted) {
       std::size_t size = 0;
       for (const auto& [name, value] : outcome.response.headers) {
         size += name.size() + value.size() + 4;
       }
       return size <= wanted;
     }},
    {"browser_preflight_ok",
     [](const Outcome& outcome, const json& wanted) {
       return browser_lets_preflight_through(outcome.data, outcome.response) == wanted;
     }},
};

class ConformanceExchange : public ::testing::TestWithParam<Case> {};

/// A policy with whoever decides outside the core.
struct Deciding {
  Configuration configuration;
  std::shared_ptr<const Policy> policy;
};

/// The policy of a case; of several the one that decides about its request.
Deciding deciding(const json& data) {
  const json& config = data.at("config");
  if (!config.contains("first_of")) {
    Configuration configuration = read_configuration(config);
    auto policy = testing::make_policy(configuration.options);
    return {std::move(configuration), std::move(policy)};
  }
  const SentRequest sent(data);
  const Request request = sent.view();
  Deciding chosen;
  for (const json& each : config.at("first_of")) {
    chosen.configuration = read_configuration(each);
    chosen.policy = testing::make_policy(chosen.configuration.options)->as_one_of_several();
    if (covers_origin(*chosen.policy, request)) break;
    if (asks_about_origin(*chosen.policy, request) && ask(chosen.configuration, request.origin()))
      break;
  }
  return chosen;
}

TEST_P(ConformanceExchange, IsAnsweredAsTheCaseExpects) {
  const json& data = GetParam().data;
  const auto [configuration, policy] = deciding(data);
  ASSERT_NE(policy, nullptr);
  const bool is_handshake = has_profile(data, "websocket");
  for (int left = data.value("repeat", 1); left > 0; --left) {
    const Response response = is_handshake ? handshake(*policy, configuration, data)
                                           : exchange(*policy, configuration, data);
    ASSERT_FALSE(data.at("expect").empty());
    for (const auto& [field, wanted] : data.at("expect").items()) {
      // A handshake has no response to look at.
      EXPECT_TRUE(!is_handshake || field == "blocked") << field;
      const auto expectation = kExpectations.find(field);
      ASSERT_NE(expectation, kExpectations.end()) << "unknown expectation " << field;
      EXPECT_TRUE(expectation->second({data, response}, wanted))
          << data.at("title") << ": " << field << " = " << wanted << " is not met by " << response;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Exchanges, ConformanceExchange,
                         ::testing::ValuesIn(exchange_cases().to_run()), test_name);

class ConformancePolicy : public ::testing::TestWithParam<Case> {};

TEST_P(ConformancePolicy, HasTheProblemsThatTheCaseExpects) {
  const json& data = GetParam().data;
  const PolicyBuild build = build_policy(read_configuration(data.at("config")).options);
  const bool valid = data.at("valid");
  auto wanted = data.at("problems").get<std::set<std::string>>();
  EXPECT_EQ(build.policy != nullptr, valid);
  std::set<std::string> found;
  for (const ConfigProblem& problem : build.problems) {
    // What is no error may ride along with errors.
    if (valid || problem.severity == Severity::kError) found.emplace(code_name(problem.code));
  }
  if (valid && !wanted.contains("origin.apex_not_covered")) found.erase("origin.apex_not_covered");
  EXPECT_EQ(found, wanted);
}

INSTANTIATE_TEST_SUITE_P(Policies, ConformancePolicy, ::testing::ValuesIn(policy_cases().to_run()),
                         test_name);

using Counts = std::map<std::string, int>;

TEST(ConformanceCases, AreAsManyExchangesAsAreKnown) {
  ASSERT_EQ(exchange_cases().error, "");
  EXPECT_EQ(exchange_cases().counts(), (Counts{{"", 142}, {std::string(kExpress), 13}}));
}

TEST(ConformanceCases, AreAsManyPoliciesAsAreKnown) {
  ASSERT_EQ(policy_cases().error, "");
  EXPECT_EQ(policy_cases().counts(), (Counts{{"", 65}, {std::string(kPublicSuffix), 2}}));
}

TEST(ConformanceCases, ThatCannotBeReadAreAnError) {
  const CaseFile file = read_cases("no-such-file.json", reason_to_leave_out_exchange);
  EXPECT_EQ(file.error, "no-such-file.json: it cannot be opened");
  EXPECT_TRUE(file.cases.empty());
  EXPECT_NE(read_cases("README.md", reason_to_leave_out_exchange).error, "");
}

}  // namespace
}  // namespace corsac::conformance
