#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "corsac/cors_protocol.hpp"
#include "corsac/host.hpp"
#include "corsac/policy.hpp"
#include "unreadable_bytes.hpp"

/// What several test files share. Nothing here knows a rule of the protocol.
namespace corsac::testing {

inline constexpr std::size_t kMebibyte = std::size_t{1} << 20U;

/// Header lines as owned text, so that a failed comparison prints them.
using Headers = std::vector<std::pair<std::string, std::string>>;

inline Headers to_headers(const HeaderLines& lines) {
  Headers result;
  for (const HeaderLine& line : lines) {
    result.emplace_back(std::string(line.name), std::string(line.value));
  }
  return result;
}

/// The views given must outlive the request.
inline Request make_request(std::string_view method, std::initializer_list<HeaderLine> headers) {
  Request request(method);
  for (const HeaderLine& header : headers) request.add_guarded_line(header.name, header.value);
  return request;
}

inline std::vector<std::string> codes(const PolicyBuild& build) {
  std::vector<std::string> names;
  for (const ConfigProblem& problem : build.problems) names.emplace_back(code_name(problem.code));
  return names;
}

/// The policy of options that must be valid.
inline std::shared_ptr<const Policy> make_policy(const PolicyOptions& options) {
  const PolicyBuild build = build_policy(options);
  EXPECT_NE(build.policy, nullptr) << ::testing::PrintToString(codes(build));
  return build.policy;
}

/// A whole answer as owned text.
struct Reply {
  int status = 0;
  Headers headers;
  std::string body;

  bool operator==(const Reply&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Reply& reply) {
    return out << reply.status << ' ' << ::testing::PrintToString(reply.headers) << " \""
               << reply.body << '"';
  }
};

/// Decides and answers as the middleware does with a preflight.
inline Reply reply_to_preflight(const Policy& policy, const Request& request) {
  const Decision decision = decide(policy, request);
  EXPECT_EQ(decision.kind, RequestKind::kPreflight);
  Answer answer;
  answer_preflight(policy, request, decision, answer);
  return {answer.status, to_headers(answer.headers), std::string(answer.body)};
}

/// Decides and gives the headers set on the response to a request that is no preflight.
inline Headers headers_of_actual(const Policy& policy, const Request& request) {
  const Decision decision = decide(policy, request);
  EXPECT_NE(decision.kind, RequestKind::kPreflight);
  return to_headers(actual_headers(policy, request.origin(), decision.allowed));
}

inline std::string repeated(std::string_view part, std::size_t count) {
  std::string result;
  result.reserve(part.size() * count);
  for (std::size_t i = 0; i < count; ++i) result += part;
  return result;
}

/// A host of exactly `length` bytes made of labels that are not too long.
inline std::string host_of_length(std::size_t length) {
  std::string host;
  while (length - host.size() > kMaxLabelLength) host += repeated("a", 62) + ".";
  return host + repeated("b", length - host.size());
}

}  // namespace corsac::testing
