#include "response_lines.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <span>
#include <utility>

#include "corsac/ascii.hpp"
#include "corsac/header_names.hpp"
#include "middleware.hpp"

namespace corsac::bindings {
namespace {

/// What becomes of the lines that the policy owns where the application sets them too.
enum class Fate : std::uint8_t {
  kReplaced,  ///< The policy allows the origin: its own take their place.
  kRemoved,
  kKept,
  kSeveral,  ///< They would be kept, but several Access-Control-Allow-Origin allow nobody.
};
constexpr std::array<const char*, 4> kFateNames = {"replaced", "removed", "kept", "several"};

/// The application's header lines, filtered, and what its Vary lines were.
struct Filtered {
  Fate fate = Fate::kRemoved;  ///< Of lines that the policy owns.
  Ref own;                     ///< Those, as a list of pairs, if there are any that it has not set.
  std::vector<Py_ssize_t> own_places;  ///< Where those that are kept stand in `list`.
  std::size_t allow_origin_lines = 0;  ///< How many of those allow an origin.
  Ref list;
  std::vector<Py_ssize_t> vary_places;  ///< Where Vary lines stand in `list`.
  std::vector<Ref> vary_values;         ///< Their values.
};

bool is_owned(ResponseHeaderRole role, const ResponseChange& change) noexcept {
  switch (role) {
    case ResponseHeaderRole::kOwned:
      return true;
    case ResponseHeaderRole::kPreflightOwned:
      return change.is_preflight();
    case ResponseHeaderRole::kTiming:
      return change.policy->core().allows_timing() && !change.is_preflight();
    default:
      return false;
  }
}

/// True if the policy sets this header on every response.
bool is_constant_timing(const ResponseChange& change, std::string_view name) noexcept {
  return !change.policy->core().constant_timing().empty() &&
         ascii::equals_lowercased(name, header_names::kTimingAllowOrigin);
}

/// True if one of the pairs that the response gets beside the policy's lines has this name.
template <typename Lines>
bool is_among_more(const ResponseChange& change, std::string_view name) noexcept {
  if (change.more == nullptr) return false;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(change.more); ++i) {
    PyObject* pair = PySequence_Fast_GET_ITEM(change.more, i);
    if (ascii::equals_lowercased(name, Lines::view(PyTuple_GET_ITEM(pair, 0)))) return true;
  }
  return false;
}

bool append_more(const ResponseChange& change, PyObject* list) noexcept {
  if (change.more == nullptr) return true;
  const Py_ssize_t end = PyList_GET_SIZE(list);
  return PyList_SetSlice(list, end, end, change.more) == 0;
}

template <typename Lines>
Fate fate_of_owned(const ResponseChange& change) noexcept {
  const Policy& policy = change.policy->core();
  const bool sets_own = change.is_preflight()
                            ? is_among_more<Lines>(change, header_names::kAllowOrigin)
                            : change.allow_origin != nullptr || policy.has_constant_origin();
  if (sets_own) return Fate::kReplaced;
  return policy.keeps_app_headers() ? Fate::kKept : Fate::kRemoved;
}

/// True if the policy sets the very same line, so that nothing is lost with the application's.
template <typename Lines>
bool is_set_by_policy(const ResponseChange& change, std::string_view name,
                      std::string_view value) noexcept {
  if (!change.is_preflight() && PolicyLines<Lines>(change, false).has(name, value)) return true;
  if (change.more == nullptr) return false;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(change.more); ++i) {
    if (is_pair<Lines>(PySequence_Fast_GET_ITEM(change.more, i), name, value)) return true;
  }
  return false;
}

/// Takes note of a line that the policy owns, and appends it to the list if it is kept.
/// @return false with an exception set.
template <typename Lines>
[[gnu::cold, gnu::noinline]] bool filter_owned(Filtered& filtered, PyObject* pair, PyObject* name,
                                               PyObject* value, const ResponseChange& change) {
  // Until Python 3.12 a new list may set off the garbage collector, and that code which changes
  // the pair.
  const Ref kept_name = Ref::borrowed(name);
  const Ref kept_value = Ref::borrowed(value);
  const std::string_view name_view = without_padding(Lines::view(name));
  if (value != nullptr && is_set_by_policy<Lines>(change, name_view, Lines::view(value)))
    return true;
  if (!filtered.own) filtered.own = Ref(PyList_New(0));
  const Ref line(filtered.own ? PyTuple_Pack(2, name, value == nullptr ? Py_None : value)
                              : nullptr);
  if (!line || PyList_Append(filtered.own.get(), line.get()) < 0) return false;
  if (filtered.fate != Fate::kKept || is_constant_timing(change, name_view)) return true;
  if (ascii::equals_lowercased(name_view, header_names::kAllowOrigin))
    ++filtered.allow_origin_lines;
  filtered.own_places.push_back(PyList_GET_SIZE(filtered.list.get()));
  return PyList_Append(filtered.list.get(), pair) == 0;
}

/// Removes the items at some places of a list that nobody else knows, all in one go.
/// @param places in order. @return false with an exception set.
bool remove_places(PyObject* list, std::span<const Py_ssize_t> places) noexcept {
  if (places.empty()) return true;
  PyObject** const items = PySequence_Fast_ITEMS(list);
  const Py_ssize_t end = PyList_GET_SIZE(list);
  Py_ssize_t kept = places.front();
  for (Py_ssize_t place = kept; place < end; ++place) {
    if (!places.empty() && places.front() == place) {
      places = places.subspan(1);
    } else {
      std::swap(items[kept++], items[place]);
    }
  }
  return PyList_SetSlice(list, kept, end, nullptr) == 0;
}

/// Drops what was kept if it allows several origins: browsers join the lines to one value, which
/// then is no origin (Fetch, "CORS check"), but what stands before them may look at one alone.
/// @return false with an exception set.
[[gnu::cold, gnu::noinline]] bool drop_several(Filtered& filtered) noexcept {
  filtered.fate = Fate::kSeveral;
  std::size_t before = 0;  // How many go that stand before a Vary line.
  for (Py_ssize_t& vary_place : filtered.vary_places) {
    while (before < filtered.own_places.size() && filtered.own_places[before] < vary_place)
      ++before;
    vary_place -= static_cast<Py_ssize_t>(before);
  }
  return remove_places(filtered.list.get(), filtered.own_places);
}

/// Has said what became of the application's own lines.
/// @return false with an exception set that is no Exception.
[[gnu::cold, gnu::noinline]] bool tell_fate(const ResponseChange& change,
                                            const Filtered& filtered) noexcept {
  PyObject* log = change.policy->app_headers_log.ptr();
  if (log == Py_None || change.request == nullptr) return true;
  const Ref fate(PyUnicode_FromString(kFateNames[static_cast<std::size_t>(filtered.fate)]));
  PyObject* args[] = {change.request, fate.get(), filtered.own.get()};
  if (fate && Ref(call_python(log, args, 3))) return true;
  return set_aside_exception(log);
}

/// Appends one line to the list unless the policy owns it.
/// @param value the line's value, or null if it cannot be read.
/// @return false with an exception set.
template <typename Lines>
bool filter_line(Filtered& filtered, PyObject* pair, PyObject* name, PyObject* value,
                 const ResponseChange& change) {
  const std::string_view name_view = without_padding(Lines::view(name));
  const ResponseHeaderRole role = response_header_role(name_view);
  if (is_owned(role, change)) return filter_owned<Lines>(filtered, pair, name, value, change);
  if (is_among_more<Lines>(change, name_view)) return true;
  if (role == ResponseHeaderRole::kVary && value != nullptr) {
    filtered.vary_places.push_back(PyList_GET_SIZE(filtered.list.get()));
    filtered.vary_values.push_back(Ref::borrowed(value));
  }
  return PyList_Append(filtered.list.get(), pair) == 0;
}

template <typename Lines>
bool filter_headers(Filtered& filtered, PyObject* headers, const ResponseChange& change) {
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(headers); ++i) {
    const Ref pair = Ref::borrowed(PySequence_Fast_GET_ITEM(headers, i));
    if (PyObject* const* items = plain_pair<Lines>(pair.get())) {
      if (!filter_line<Lines>(filtered, pair.get(), items[0], items[1], change)) return false;
      continue;
    }
    const HeaderPair line = take_pair<Lines>(pair.get());
    if (!line.name && PyErr_Occurred() != nullptr) return false;
    // What was judged is what is sent: what is neither tuple nor list may be readable only once, or
    // say something else the second time.
    const Ref read(!is_lasting_pair(pair.get()) && line.name && line.value
                       ? PyTuple_Pack(2, line.name.get(), line.value.get())
                       : Ref::borrowed(pair.get()).release());
    if (!read) return false;
    // What is no header line is the server's to judge, as it would be without a middleware.
    const bool done = line.name ? filter_line<Lines>(filtered, read.get(), line.name.get(),
                                                     line.value.get(), change)
                                : PyList_Append(filtered.list.get(), pair.get()) == 0;
    if (!done) return false;
  }
  return true;
}

/// One text of several, with a comma between them; empty with an exception set.
template <typename Lines>
Ref join(std::span<const std::string_view> texts) noexcept {
  constexpr std::string_view kComma = ", ";
  std::size_t size = (texts.size() - 1) * kComma.size();
  for (const std::string_view text : texts) size += text.size();
  char* at = nullptr;
  Ref made = Lines::make_empty(size, texts, at);
  if (!made) return made;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (i > 0) at = std::ranges::copy(kComma, at).out;
    at = std::ranges::copy(texts[i], at).out;
  }
  return made;
}

/// Makes the list say that the response varies by each member of `wanted`. However long the
/// application's own values are, they are looked through once for each member and copied once.
template <typename Lines>
bool merge_vary(Filtered& filtered, const CompiledPolicy& policy, std::string_view wanted) {
  std::vector<std::string_view> texts;
  constexpr std::size_t kMostWanted = 4;  // Members; more would be room that is made later.
  texts.reserve(filtered.vary_values.size() + kMostWanted);
  for (const Ref& value : filtered.vary_values) {
    const std::string_view text = ascii::trim_tab_or_space(Lines::view(value.get()));
    if (!text.empty()) texts.push_back(text);
  }
  const auto own = static_cast<std::ptrdiff_t>(texts.size());
  for (std::string_view rest = wanted; !rest.empty();) {
    const std::string_view member = ascii::take_list_member(rest);
    std::string lower(member);
    for (char& byte : lower) byte = ascii::to_lower(byte);
    const auto covers = [&lower](std::string_view text) { return vary_covers(text, lower); };
    if (std::any_of(texts.begin(), texts.begin() + own, covers)) continue;
    texts.push_back(member);
  }
  if (static_cast<std::ptrdiff_t>(texts.size()) == own) return true;
  const Ref value = join<Lines>(texts);
  Ref pair(value ? PyTuple_Pack(2, Lines::pairs(policy).vary_name.ptr(), value.get()) : nullptr);
  if (!pair) return false;
  PyObject* list = filtered.list.get();
  if (filtered.vary_places.empty()) return PyList_Append(list, pair.get()) == 0;
  // One line in the place of the first; the others are in it now.
  const std::span<const Py_ssize_t> places = filtered.vary_places;
  return PyList_SetItem(list, places.front(), pair.release()) == 0 &&
         remove_places(list, places.subspan(1));
}

template <typename Lines>
bool append_policy_lines(const ResponseChange& change, Filtered& filtered) {
  const CompiledPolicy& policy = *change.policy;
  PyObject* list = filtered.list.get();
  if (change.is_preflight()) {
    if (!merge_vary<Lines>(filtered, policy, policy.core().preflight_vary())) return false;
    return append_more(change, list);
  }
  std::string_view vary = policy.core().vary(change.is_isolated);
  // Under a policy that sends everybody the same, what comes on top is why this origin is refused
  // (`debug_header`), and no cache may hand that to another one.
  const bool names_reason = change.more != nullptr && !policy.core().varies_by_origin();
  std::string with_origin;
  if (names_reason) {
    with_origin = vary.empty() ? "Origin" : "Origin, " + std::string(vary);
    vary = with_origin;
  }
  const bool merges = names_reason || (!vary.empty() && !filtered.vary_places.empty());
  if (merges && !merge_vary<Lines>(filtered, policy, vary)) return false;
  return PolicyLines<Lines>(change, !merges).append_to(list) && append_more(change, list);
}

/// True if the bytes of `part` are some of those of `whole`.
bool is_within(std::string_view part, std::string_view whole) noexcept {
  const std::less_equal<const char*> before_or_at;
  return before_or_at(whole.data(), part.data()) &&
         before_or_at(part.data() + part.size(), whole.data() + whole.size());
}

/// The pair of one line of an answer.
template <typename Lines>
Ref pair_of(const CompiledPolicy& policy, const Request& request, PyObject* origin,
            const Answer& answer, const HeaderLine& line) noexcept {
  if (origin != nullptr && line.value.data() == request.origin().data())
    return allow_origin_pair<Lines>(policy, origin);
  // What is the request's own is different each time; all else is the policy's.
  if (line.value.data() == request.request_method().data() ||
      is_within(line.value, {answer.echo.data(), answer.echo.size()})) {
    return make_pair<Lines>(line);
  }
  return Lines::pairs(policy).constant.get(line, make_pair<Lines>);
}

}  // namespace

Ref as_bytes(PyObject* object) noexcept {
  if (PyBytes_Check(object)) return Ref::borrowed(object);
  Ref bytes;
  if (PyUnicode_Check(object)) {
    bytes = Ref(PyUnicode_AsLatin1String(object));
  } else if (PyObject_CheckBuffer(object)) {
    bytes = Ref(PyBytes_FromObject(object));
  }
  if (!bytes && PyErr_Occurred() != nullptr) clear_if_about_object();
  return bytes;
}

bool is_iterable(PyObject* object) noexcept {
  return Py_TYPE(object)->tp_iter != nullptr || PySequence_Check(object) != 0;
}

Ref snapshot_of(PyObject* iterable) noexcept {
#ifdef Py_GIL_DISABLED
  return Ref(PySequence_Tuple(iterable));
#else
  return Ref(PySequence_Fast(iterable, "no iterable"));
#endif
}

Ref ConstantPairs::get(const HeaderLine& line, Ref (*make)(const HeaderLine&) noexcept) noexcept {
#ifndef Py_GIL_DISABLED
  for (std::size_t i = 0; i < size_; ++i) {
    if (pairs_[i].value == line.value.data() && pairs_[i].name == line.name.data())
      return Ref::borrowed(pairs_[i].pair.get());
  }
#endif
  Ref pair = make(line);
#ifndef Py_GIL_DISABLED
  if (pair && size_ < pairs_.size())
    pairs_[size_++] = {line.name.data(), line.value.data(), Ref::borrowed(pair.get())};
#endif
  return pair;
}

template <typename Lines>
Ref make_pairs(const CompiledPolicy& policy, const Request& request, PyObject* origin,
               const Answer& answer) noexcept {
  Ref list(PyList_New(static_cast<Py_ssize_t>(answer.headers.size())));
  Py_ssize_t place = 0;
  for (const HeaderLine& line : answer.headers) {
    Ref pair(list ? pair_of<Lines>(policy, request, origin, answer, line) : Ref());
    if (!pair) return {};
    PyList_SET_ITEM(list.get(), place++, pair.release());
  }
  return list;
}

template <typename Lines>
Ref with_policy_lines(const ResponseChange& change, PyObject* headers) {
  const Ref lines = headers == nullptr ? Ref(PyTuple_New(0)) : snapshot_of(headers);
  if (!lines) return {};
  Filtered filtered;
  filtered.fate = fate_of_owned<Lines>(change);
  filtered.list = Ref(PyList_New(0));
  if (!filtered.list || !filter_headers<Lines>(filtered, lines.get(), change)) return {};
  if (filtered.own) {
    if (filtered.allow_origin_lines > 1 && !drop_several(filtered)) return {};
    if (!tell_fate(change, filtered)) return {};
  }
  if (!append_policy_lines<Lines>(change, filtered)) return {};
  return std::move(filtered.list);
}

template Ref make_pairs<ByteLines>(const CompiledPolicy&, const Request&, PyObject*,
                                   const Answer&) noexcept;
template Ref make_pairs<TextLines>(const CompiledPolicy&, const Request&, PyObject*,
                                   const Answer&) noexcept;
template Ref with_policy_lines<ByteLines>(const ResponseChange&, PyObject*);
template Ref with_policy_lines<TextLines>(const ResponseChange&, PyObject*);

}  // namespace corsac::bindings
