#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "corsac/cors_protocol.hpp"
#include "fuzz/entry.hpp"
#include "fuzz/naive.hpp"

/// Input: each line is one line of Access-Control-Request-Headers, and also a header name and a
/// Vary value on its own. Lines may be folded, see `unfolded`.
namespace corsac::fuzz {
namespace {

std::string joined(const naive::Strings& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

ResponseHeaderRole naive_role(const std::string& name) {
  const std::string lower = naive::lowercase(name);
  const std::string prefix = "access-control-";
  if (lower == "vary") return ResponseHeaderRole::kVary;
  for (const std::string owned : {"allow-origin", "allow-credentials", "expose-headers"}) {
    if (lower == prefix + owned) return ResponseHeaderRole::kOwned;
  }
  for (const std::string owned :
       {"allow-methods", "allow-headers", "max-age", "allow-private-network"}) {
    if (lower == prefix + owned) return ResponseHeaderRole::kPreflightOwned;
  }
  return ResponseHeaderRole::kOther;
}

bool naive_vary_covers(const std::string& value, const std::string& member) {
  for (const std::string& listed : naive::split(naive::lowercase(value), ',')) {
    if (naive::trim(listed) == member || naive::trim(listed) == "*") return true;
  }
  return false;
}

void check_names(const Request& request, const naive::Strings& lines) {
  const naive::RequestedHeaders expected = naive::requested_headers(lines);
  naive::Strings taken;
  const bool whole = request.for_each_requested_header([&taken](std::string_view name) {
    taken.emplace_back(name);
    return true;
  });
  CORSAC_HOLDS(whole == expected.whole);
  if (whole) CORSAC_HOLDS(taken == expected.names);
  // Whatever is sent, work is bounded: a name is a byte at least, and a comma follows it.
  CORSAC_HOLDS(taken.size() <= kMaxRequestHeadersBytes / 2 + kMaxRequestHeadersLines);

  // Who takes no more is asked no more.
  for (const std::size_t enough : {std::size_t{1}, taken.size()}) {
    if (enough == 0 || enough > taken.size()) continue;
    std::size_t calls = 0;
    const bool refused =
        !request.for_each_requested_header([&](std::string_view) { return ++calls < enough; });
    CORSAC_HOLDS(refused && calls == enough);
  }
}

/// `*` with credentials is the one policy that sends back what was asked.
std::shared_ptr<const Policy> echoing_policy() {
  PolicyOptions options;
  options.allow_origins = {"https://example.com"};
  options.allow_headers = {"*"};
  options.allow_credentials = true;
  return build_policy(options).policy;
}

void check_echo(const Request& request, const naive::Strings& lines) {
  static const std::shared_ptr<const Policy> policy = echoing_policy();
  Answer answer;
  answer_preflight(*policy, request, decide(*policy, request), answer);
  std::string echoed;
  for (const HeaderLine& line : answer.headers) {
    if (line.name == "access-control-allow-headers") echoed = line.value;
  }
  const naive::RequestedHeaders requested = naive::requested_headers(lines);
  const std::string whole = requested.whole ? joined(requested.names) : "";
  CORSAC_HOLDS(echoed == (whole.size() <= kMaxEchoedHeadersBytes ? whole : ""));
}

}  // namespace
}  // namespace corsac::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace corsac;
  using namespace corsac::fuzz;
  naive::Strings lines;
  std::vector<ExactBytes> values;
  // A few lines beyond the limit say as much as many, and take less time.
  constexpr std::size_t kMaxLines = kMaxRequestHeadersLines + 2;
  for (std::string_view rest = as_text(data, size); !rest.empty() && lines.size() < kMaxLines;) {
    lines.push_back(unfolded(take_line(rest)));
    values.emplace_back(lines.back());
  }
  Request request("OPTIONS");
  request.add_header_line("Origin", "https://example.com");
  request.add_header_line("Access-Control-Request-Method", "PUT");
  for (const ExactBytes& value : values) {
    request.add_header_line("Access-Control-Request-HEADERS", value.view());
  }
  check_names(request, lines);
  check_echo(request, lines);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    CORSAC_HOLDS(response_header_role(values[i].view()) == naive_role(lines[i]));
    for (const std::string member : {"origin", "access-control-request-headers"}) {
      CORSAC_HOLDS(vary_covers(values[i].view(), member) == naive_vary_covers(lines[i], member));
    }
  }
  return 0;
}
