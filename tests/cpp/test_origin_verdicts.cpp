#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "corsac/cors_protocol.hpp"
#include "corsac/guard.hpp"
#include "corsac/origin_verdicts.hpp"
#include "corsac/policy.hpp"
#include "support.hpp"

namespace corsac {
namespace {

using Standing = Policy::Standing;

std::string numbered(std::size_t number) {
  return "https://tenant" + std::to_string(number) + ".example";
}

/// A policy that lists one origin and asks about all others.
std::shared_ptr<const Policy> asking(std::shared_ptr<const OriginVerdicts> verdicts,
                                     bool refusals_are_final = true) {
  PolicyOptions options;
  options.allow_origins = {"https://listed.test"};
  options.asks_about_origins = true;
  options.verdicts = std::move(verdicts);
  options.refusals_are_final = refusals_are_final;
  return testing::make_policy(options);
}

TEST(OriginVerdicts, WhatIsPutIsFoundAndNothingElse) {
  OriginVerdicts verdicts(1);
  EXPECT_EQ(verdicts.find("https://a.test"), std::nullopt);
  verdicts.put("https://a.test", true);
  verdicts.put("https://b.test", false);
  EXPECT_EQ(verdicts.find("https://a.test"), true);
  EXPECT_EQ(verdicts.find("https://b.test"), false);
  for (const char* other : {"", "https://a.tes", "https://a.test:1", "https://A.test",
                            "https://a.test.", "https://a.tesT", "null"}) {
    EXPECT_EQ(verdicts.find(other), std::nullopt) << other;
  }
  // The last word is filled up with zeros, which are no part of a text.
  EXPECT_EQ(verdicts.find(std::string_view("https://a.test\0", 15)), std::nullopt);
  EXPECT_EQ(verdicts.size(), 2U);
}

TEST(OriginVerdicts, TheLongestOriginIsKeptAndALongerOneIsNot) {
  OriginVerdicts verdicts(1);
  for (std::size_t size = 1; size <= kMaxOriginLength + 1; ++size) {
    const std::string origin(size, 'a');
    verdicts.put(origin, true);
    EXPECT_EQ(verdicts.find(origin).has_value(), size <= kMaxOriginLength) << size;
  }
  verdicts.put("", true);
  EXPECT_EQ(verdicts.find(""), std::nullopt);
  EXPECT_LE(verdicts.size(), kMaxOriginLength);
}

TEST(OriginVerdicts, TheLastWordAboutAnOriginCounts) {
  OriginVerdicts verdicts(1);
  verdicts.put("https://a.test", true);
  verdicts.put("https://a.test", true);
  EXPECT_EQ(verdicts.size(), 1U);
  verdicts.put("https://a.test", false);
  EXPECT_EQ(verdicts.find("https://a.test"), false);
  verdicts.put("https://a.test", true);
  EXPECT_EQ(verdicts.find("https://a.test"), true);
  EXPECT_EQ(verdicts.size(), 1U);
}

TEST(OriginVerdicts, ThereAreNeverMoreThanHavePlaces) {
  OriginVerdicts verdicts(7);
  for (std::size_t number = 0; number < 20 * OriginVerdicts::kCapacity; ++number) {
    verdicts.put(numbered(number), number % 2 == 0);
    ASSERT_EQ(verdicts.find(numbered(number)), number % 2 == 0) << number;
  }
  EXPECT_EQ(verdicts.size(), OriginVerdicts::kCapacity);
}

TEST(OriginVerdicts, NoNumberOfRefusedOriginsPushesAnAllowedOneOut) {
  OriginVerdicts verdicts(7);
  verdicts.put("https://a.test", true);
  for (std::size_t number = 0; number < 20 * OriginVerdicts::kCapacity; ++number)
    verdicts.put(numbered(number), false);
  EXPECT_EQ(verdicts.find("https://a.test"), true);
  EXPECT_EQ(verdicts.size(), 1 + OriginVerdicts::kSets * OriginVerdicts::kRefusedPlaces);
}

TEST(OriginVerdicts, WhatIsAskedAboutStaysWhileOthersComeAndGo) {
  OriginVerdicts verdicts(7);
  for (const bool allowed : {true, false}) {
    const std::string asked = allowed ? "https://a.test" : "https://b.test";
    verdicts.put(asked, allowed);
    for (std::size_t number = 0; number < 20 * OriginVerdicts::kCapacity; ++number) {
      ASSERT_EQ(verdicts.find(asked), allowed) << number;
      verdicts.put(numbered(number), allowed);
    }
  }
}

TEST(OriginVerdicts, APolicyNeedNotAskAboutWhatIsKept) {
  const auto verdicts = std::make_shared<OriginVerdicts>(1);
  const auto policy = asking(verdicts);
  const auto standing = [&policy](std::string_view origin) { return policy->standing_of(origin); };
  EXPECT_EQ(standing("https://a.test"), Standing::kAsked);
  verdicts->put("https://a.test", true);
  verdicts->put("https://b.test", false);
  EXPECT_EQ(standing("https://a.test"), Standing::kAllowed);
  EXPECT_EQ(standing("https://b.test"), Standing::kRefused);
  EXPECT_EQ(standing("https://c.test"), Standing::kAsked);
  EXPECT_EQ(standing("https://listed.test"), Standing::kAllowed);
  EXPECT_EQ(standing("null"), Standing::kRefused);
  EXPECT_EQ(standing("https://a.test, https://a.test"), Standing::kRefused);
  // Copies of the policy have the same ones.
  EXPECT_TRUE(policy->as_one_of_several()->allows_origin("https://a.test"));
  const auto live = policy->with_live_origins(LiveOrigins::make(1, false));
  EXPECT_TRUE(live->allows_origin("https://a.test"));
  EXPECT_FALSE(live->asks_about("https://b.test"));
}

TEST(OriginVerdicts, ARefusalIsAskedAboutWhereItIsNotTheLastWord) {
  const auto verdicts = std::make_shared<OriginVerdicts>(1);
  const auto policy = asking(verdicts, false);
  verdicts->put("https://a.test", true);
  verdicts->put("https://b.test", false);
  EXPECT_EQ(policy->standing_of("https://a.test"), Standing::kAllowed);
  EXPECT_EQ(policy->standing_of("https://b.test"), Standing::kAsked);
}

TEST(OriginVerdicts, ADecisionIsThatOfAListedOrigin) {
  const auto verdicts = std::make_shared<OriginVerdicts>(1);
  const auto policy = asking(verdicts);
  const auto decided = [&policy](std::initializer_list<HeaderLine> lines) {
    return decide(*policy, testing::make_request("GET", lines));
  };
  EXPECT_TRUE(decided({{"origin", "https://a.test"}}).asks);
  verdicts->put("https://a.test", true);
  verdicts->put("https://b.test", false);
  const Decision allowed = decided({{"origin", "https://a.test"}});
  EXPECT_TRUE(allowed.allowed);
  EXPECT_FALSE(allowed.asks);
  EXPECT_EQ(allowed.refusal, Refusal::kNone);
  const Decision refused = decided({{"origin", "https://b.test"}});
  EXPECT_FALSE(refused.allowed);
  EXPECT_FALSE(refused.asks);
  EXPECT_EQ(refused.refusal, Refusal::kOriginNotAllowed);
  const Decision twice = decided({{"origin", "https://a.test"}, {"origin", "https://a.test"}});
  EXPECT_FALSE(twice.allowed);
  EXPECT_FALSE(twice.asks);
  EXPECT_EQ(twice.refusal, Refusal::kOriginMalformed);
}

TEST(OriginVerdicts, APolicyThatAsksNobodyLooksAtNone) {
  const auto verdicts = std::make_shared<OriginVerdicts>(1);
  verdicts->put("https://a.test", true);
  PolicyOptions options;
  options.allow_origins = {"https://listed.test"};
  options.verdicts = verdicts;
  EXPECT_FALSE(testing::make_policy(options)->allows_origin("https://a.test"));
}

TEST(OriginVerdicts, ThreadsThatPutAndFindInTheSameSetsNeverGetAWrongOne) {
  constexpr std::size_t kThreads = 8;
  constexpr std::size_t kTurns = 20'000;
  OriginVerdicts verdicts(7);
  // Three times as many as there are places, of lengths up to the longest, that differ in the end.
  std::vector<std::string> origins;
  for (std::size_t number = 0; number < 3 * OriginVerdicts::kCapacity; ++number) {
    const std::string end = std::to_string(number);
    origins.push_back(std::string(1 + number * 7 % (kMaxOriginLength - end.size()), 'a') + end);
  }
  std::atomic<std::size_t> wrong = 0;
  std::atomic<std::size_t> found = 0;
  std::vector<std::thread> threads;
  for (std::size_t first = 0; first < kThreads; ++first) {
    threads.emplace_back([&, first] {
      std::size_t place = first;
      for (std::size_t turn = 0; turn < kTurns; ++turn) {
        place = (place * 5 + 3 + first) % origins.size();
        const bool allowed = place % 3 != 0;
        const std::optional<bool> kept = verdicts.find(origins[place]);
        if (kept) ++found;
        if (kept && *kept != allowed) ++wrong;
        if (!kept) verdicts.put(origins[place], allowed);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_GT(found, 0U);
  EXPECT_LE(verdicts.size(), OriginVerdicts::kCapacity);
}

}  // namespace
}  // namespace corsac
