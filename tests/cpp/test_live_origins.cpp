#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "corsac/live_origins.hpp"
#include "corsac/policy.hpp"

namespace corsac {
namespace {

using Strings = std::vector<std::string>;

std::shared_ptr<LiveOrigins> live(const Strings& entries, bool allow_insecure = false) {
  auto origins = LiveOrigins::make(0x5EEDU, allow_insecure);
  for (const std::string& entry : entries) {
    if (!origins->add_plain(entry)) origins->add_checked(entry);
  }
  return origins;
}

std::string numbered(std::size_t number) {
  return "https://tenant" + std::to_string(number) + ".example";
}

std::shared_ptr<const Policy> policy_of(const Strings& entries, bool allow_timing = false,
                                        bool asks = false) {
  PolicyOptions options;
  options.allow_origins = entries;
  options.allow_timing = allow_timing;
  options.asks_about_origins = asks;
  return build_policy(options).policy;
}

TEST(LiveOrigins, PlainOriginsAreAddedAndAllOthersHaveToBeLookedAt) {
  const auto origins = LiveOrigins::make(1, false);
  for (const char* plain : {"https://a.example", "https://a.example", "https://a.example:8443",
                            "http://localhost:3000", "http://127.0.0.1", "https://[::1]:1"}) {
    EXPECT_TRUE(origins->add_plain(plain)) << plain;
    EXPECT_TRUE(origins->contains(plain)) << plain;
  }
  EXPECT_EQ(origins->size(), 5U);
  for (const char* other :
       {"", "*", "null", "http://a.test", "https://*.a.test", "https://a.test:*", "https://A.test",
        "https://a.test/", "https://xn--bcher-kva.test", "chrome-extension://abc", "httpx://a.test",
        "https://a.test:443", "wss://a.test", "a.test"}) {
    EXPECT_FALSE(origins->add_plain(other)) << other;
    EXPECT_FALSE(origins->contains(other)) << other;
  }
  EXPECT_EQ(origins->size(), 5U);
}

TEST(LiveOrigins, InsecureOriginsArePlainWhereTheyAreFine) {
  EXPECT_TRUE(LiveOrigins::make(1, true)->add_plain("http://a.test"));
}

TEST(LiveOrigins, WhatWasLookedAtIsAddedUnlessItIsNoOrigin) {
  const auto origins = LiveOrigins::make(1, false);
  for (const char* entry : {"*", "null", "", "https://a.test/", "https://xn--bcher-kva.test",
                            "https://*.b.test", "https://*.b.test", "http://c.test:*"}) {
    origins->add_checked(entry);
  }
  EXPECT_EQ(origins->size(), 3U);
  for (const char* allowed : {"https://xn--bcher-kva.test", "https://a.b.test", "http://c.test:1"})
    EXPECT_TRUE(origins->contains(allowed)) << allowed;
  for (const char* refused : {"*", "null", "https://b.test", "https://c.test"})
    EXPECT_FALSE(origins->contains(refused)) << refused;
}

TEST(LiveOrigins, SomeEntriesAreGivenInTheOrderInWhichTheyCame) {
  const auto origins = live({"https://*.z.test", "https://c.test", "https://a.test",
                             "https://b.test", "https://*.y.test"});
  EXPECT_EQ(origins->entries(0), Strings{});
  EXPECT_EQ(origins->entries(2), (Strings{"https://c.test", "https://a.test"}));
  EXPECT_EQ(origins->entries(9), (Strings{"https://c.test", "https://a.test", "https://b.test",
                                          "https://*.z.test", "https://*.y.test"}));
}

TEST(LiveOrigins, WhatAnotherSetHasNotIsTold) {
  const auto before = live({"https://a.test", "https://b.test", "https://*.z.test"});
  const auto after = live({"https://d.test", "https://b.test", "https://c.test", "https://x.z.test",
                           "https://*.y.test"});
  EXPECT_EQ(after->entries_beyond(*before, 9),
            (Strings{"https://d.test", "https://c.test", "https://x.z.test", "https://*.y.test"}));
  EXPECT_EQ(after->entries_beyond(*before, 1), Strings{"https://d.test"});
  EXPECT_EQ(before->entries_beyond(*after, 9), (Strings{"https://a.test", "https://*.z.test"}));
  EXPECT_EQ(
      before->entries_beyond(*live({"https://*.z.test", "https://b.test", "https://a.test"}), 9),
      Strings{});
}

TEST(LiveOrigins, TheEntryThatAllowsAnOriginIsTold) {
  const auto origins = live({"https://a.test", "https://*.z.test", "http://b.test:*"});
  EXPECT_EQ(origins->entry_for("https://a.test"), "https://a.test");
  EXPECT_EQ(origins->entry_for("https://q.z.test"), "https://*.z.test");
  EXPECT_EQ(origins->entry_for("http://b.test:99"), "http://b.test:*");
  EXPECT_EQ(origins->entry_for("https://z.test"), "");
}

TEST(LiveOrigins, APolicyAllowsThemBesideItsOwnAndAsksAboutNoneOfThem) {
  const auto base = policy_of({"https://own.test"}, true, true);
  EXPECT_EQ(base->constant_timing(), "");
  const auto policy = base->with_live_origins(live({"https://a.test", "https://*.z.test"}));
  for (const char* allowed : {"https://own.test", "https://a.test", "https://q.z.test"}) {
    EXPECT_TRUE(policy->allows_origin(allowed)) << allowed;
    EXPECT_FALSE(policy->asks_about(allowed)) << allowed;
  }
  for (const char* refused : {"https://b.test", "https://z.test", "https://a.test.evil.test"}) {
    EXPECT_FALSE(policy->allows_origin(refused)) << refused;
    EXPECT_TRUE(policy->asks_about(refused)) << refused;
  }
  EXPECT_FALSE(base->allows_origin("https://a.test"));
  EXPECT_TRUE(policy->as_one_of_several()->allows_origin("https://a.test"));
}

TEST(LiveOrigins, TimingOfAPolicyIsThenForEachOriginThatAsks) {
  const auto base = policy_of({"https://own.test"}, true);
  EXPECT_EQ(base->constant_timing(), "https://own.test");
  const auto policy = base->with_live_origins(live({"https://a.test"}));
  EXPECT_EQ(policy->constant_timing(), "");
  EXPECT_TRUE(policy->echoes_timing());
  const auto any = policy_of({"*"}, true);
  EXPECT_EQ(any->with_live_origins(live({}))->constant_timing(), "*");
}

TEST(LiveOrigins, ALargeSetIsFreedWhoeverLetsGoOfItLast) {
  for (const std::size_t count : {LiveOrigins::kFreedAtOnce, LiveOrigins::kFreedAtOnce + 1}) {
    auto origins = LiveOrigins::make(1, false);
    for (std::size_t number = 0; number < count; ++number) origins->add_plain(numbered(number));
    std::weak_ptr<LiveOrigins> freed = origins;
    auto policy = policy_of({"https://own.test"})->with_live_origins(std::move(origins));
    EXPECT_TRUE(policy->allows_origin(numbered(count - 1)));
    std::thread([last = std::move(policy)]() mutable { last.reset(); }).join();
    EXPECT_TRUE(freed.expired());
  }
}

/// How often policies are swapped: CORSAC_SWAPS, else as often as takes no time to speak of.
std::size_t swaps() {
  const char* given = std::getenv("CORSAC_SWAPS");
  return given == nullptr ? 2000 : std::strtoul(given, nullptr, 10);
}

// Whoever decides has the policy of one moment, whole; the last one to have it frees it.
TEST(LiveOrigins, EightThreadsDecideWhilePoliciesAreSwapped) {
  constexpr int kThreads = 8;
  const auto base = policy_of({"https://own.test"});
  const Strings even = {"https://stays.test", "https://even.test", "https://*.even.test"};
  const Strings odd = {"https://stays.test", "https://odd.test", "https://*.odd.test"};
  std::mutex mutex;
  std::shared_ptr<const Policy> in_force = base->with_live_origins(live(even));
  const auto put = [&](std::shared_ptr<const Policy> policy) {
    const std::lock_guard lock(mutex);
    in_force.swap(policy);
  };
  const auto get = [&] {
    const std::lock_guard lock(mutex);
    return in_force;
  };
  std::atomic<bool> ended = false;
  std::atomic<std::size_t> wrong = 0;
  std::atomic<std::size_t> decided = 0;
  std::vector<std::thread> threads;
  for (int number = 0; number < kThreads; ++number) {
    threads.emplace_back([&] {
      while (!ended) {
        const std::shared_ptr<const Policy> policy = get();
        const bool is_even = policy->allows_origin("https://even.test");
        if (!policy->allows_origin("https://own.test") ||
            !policy->allows_origin("https://stays.test") ||
            policy->allows_origin("https://a.even.test") != is_even ||
            policy->allows_origin("https://a.odd.test") == is_even ||
            policy->allows_origin("https://odd.test") == is_even)
          ++wrong;
        ++decided;
      }
    });
  }
  while (decided == 0) std::this_thread::yield();
  for (std::size_t turn = 1; turn <= swaps(); ++turn) {
    put(base->with_live_origins(live(turn % 2 == 0 ? even : odd)));
    // A set that a thread of its own frees.
    if (turn % 1000 == 0) {
      const auto large = live(even);
      for (std::size_t one = 0; one <= LiveOrigins::kFreedAtOnce; ++one)
        large->add_plain(numbered(one));
      put(base->with_live_origins(large));
    }
  }
  ended = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_GT(decided, 0U);
}

}  // namespace
}  // namespace corsac
