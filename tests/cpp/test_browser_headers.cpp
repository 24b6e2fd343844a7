#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "corsac/browser_headers.hpp"

namespace corsac::browser {
namespace {

using Headers = std::vector<Header>;

TEST(GettingAHeader, JoinsAllLinesOfThatNameInOrder) {
  const Headers headers = {{"X-A", "1"}, {"other", "0"}, {"x-a", ""}, {"x-a", " 2\t"}};
  EXPECT_EQ(get(headers, "x-a"), "1, , 2");
}

TEST(GettingAHeader, TellsAnAbsentHeaderFromAnEmptyOne) {
  const Headers headers = {{"x-empty", ""}};
  EXPECT_EQ(get(headers, "x-a"), std::nullopt);
  EXPECT_EQ(get(headers, "x-empty"), "");
}

TEST(ExtractingATokenList, SkipsEmptyMembersAndTrimsOnlyTabAndSpace) {
  const Headers headers = {{"list", ",, PUT\t, ,x-a,,"}};
  const TokenList list = extract_token_list(headers, "list");
  EXPECT_EQ(list.state, TokenList::State::kPresent);
  EXPECT_EQ(list.members, (std::vector<std::string_view>{"PUT", "x-a"}));
}

TEST(ExtractingATokenList, JoinsSeveralLinesToOneList) {
  const Headers headers = {{"List", "a"}, {"list", "b, c"}};
  EXPECT_EQ(extract_token_list(headers, "list").members,
            (std::vector<std::string_view>{"a", "b", "c"}));
}

TEST(ExtractingATokenList, TellsAnAbsentListFromAnEmptyOne) {
  const Headers headers = {{"empty", ""}, {"commas", ",,"}};
  EXPECT_EQ(extract_token_list(headers, "absent").state, TokenList::State::kAbsent);
  for (const std::string_view name : {"empty", "commas"}) {
    EXPECT_EQ(extract_token_list(headers, name).state, TokenList::State::kPresent) << name;
    EXPECT_TRUE(extract_token_list(headers, name).members.empty()) << name;
  }
}

TEST(ExtractingATokenList, FailsAsAWholeForOneMemberThatIsNoToken) {
  for (const std::string_view bad :
       {"GET PUT", "\"PUT\"", "PUT;GET", "PUT, @x@", "PUT\x0B", "\xC2\xA0PUT"}) {
    const Headers headers = {{"list", "GET"}, {"list", bad}, {"list", "DELETE"}};
    const TokenList list = extract_token_list(headers, "list");
    EXPECT_EQ(list.state, TokenList::State::kFailure) << bad;
    EXPECT_TRUE(list.members.empty()) << bad;
  }
}

TEST(NormalizingAValue, TakesTabsSpacesAndLineEndsOffItsEnds) {
  EXPECT_EQ(normalize_header_value("\r\n\t v w \n"), "v w");
  EXPECT_EQ(normalize_header_value("\t\n"), "");
  EXPECT_EQ(normalize_header_value("\x0Bv\xA0"), "\x0Bv\xA0");
}

TEST(AHeaderValue, HasNoLineEndOrNulAndNoSpaceAroundIt) {
  EXPECT_TRUE(is_header_value(""));
  EXPECT_TRUE(is_header_value("a b\x0B\xFF"));
  for (const std::string_view bad : {"a\rb", "a\nb", " a", "a\t"})
    EXPECT_FALSE(is_header_value(bad));
  EXPECT_FALSE(is_header_value(std::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace corsac::browser
