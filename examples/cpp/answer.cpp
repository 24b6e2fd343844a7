// Answers one request of HTTP/1.1 that comes on standard input, as a handler of a C++ server would.

#include <corsac/cors_protocol.hpp>
#include <corsac/policy.hpp>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

// Made once, when the server starts: immutable, and shared by all threads.
std::shared_ptr<const corsac::Policy> make_policy() {
  corsac::PolicyOptions options;
  options.allow_origins = {"https://app.example.com", "https://*.example.org"};
  options.allow_methods = {"PUT"};
  options.allow_headers = {"content-type"};
  options.allow_credentials = true;
  corsac::PolicyBuild build = corsac::build_policy(options);
  for (const corsac::ConfigProblem& problem : build.problems) {
    std::cerr << corsac::code_name(problem.code) << ": " << problem.message << "\n";
  }
  return std::move(build.policy);
}

void write(const corsac::HeaderLines& lines) {
  for (const corsac::HeaderLine& line : lines) std::cout << line.name << ": " << line.value << "\n";
}

void answer(const corsac::Policy& policy, const corsac::Request& request) {
  const corsac::Decision decision = corsac::decide(policy, request);
  if (decision.kind == corsac::RequestKind::kPreflight) {
    corsac::Answer preflight;
    corsac::answer_preflight(policy, request, decision, preflight);
    std::cout << "HTTP/1.1 " << preflight.status
              << (decision.allowed ? " No Content\n" : " Forbidden\n");
    write(preflight.headers);
    std::cout << "\n" << preflight.body;
    return;
  }
  // The application runs, whoever asks: CORS keeps its answer from pages, nothing more.
  std::cout << "HTTP/1.1 200 OK\n";
  write(corsac::actual_headers(policy, request.origin(), decision.allowed));
  if (const std::string& vary = policy.vary(false); !vary.empty()) {
    std::cout << "vary: " << vary << "\n";
  }
  std::cout << "content-type: application/json\n\n{\"orders\": []}\n";
}

}  // namespace

int main() {
  const std::shared_ptr<const corsac::Policy> policy = make_policy();
  if (policy == nullptr) return 1;

  // The request holds views of these lines, so they outlive it.
  std::vector<std::string> lines;
  for (std::string line; std::getline(std::cin, line) && line != "\r" && !line.empty();) {
    if (line.ends_with('\r')) line.pop_back();
    lines.push_back(std::move(line));
  }
  if (lines.empty()) return 1;
  const std::string method = lines.front().substr(0, lines.front().find(' '));
  corsac::Request request(method);
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::string_view line = lines[i];
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return 1;
    std::string_view value = line.substr(colon + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    request.add_header_line(line.substr(0, colon), value);
  }
  answer(*policy, request);
}
