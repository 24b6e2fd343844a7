#include <string>

#include "bindings.hpp"
#include "corsac/ascii.hpp"
#include "corsac/browser_engine.hpp"
#include "corsac/config_problem.hpp"
#include "corsac/fetch_names.hpp"
#include "corsac/origin.hpp"
#include "corsac/policy.hpp"

// What the core knows and the package needs too, so that neither has a copy of it.

namespace corsac::bindings {
namespace {

/// A predicate of bytes for text; what is not latin-1 is none of the names that it looks for.
template <bool (*kHolds)(std::string_view)>
bool holds_for(const py::str& text) {
  PyObject* object = text.ptr();
  if (PyUnicode_KIND(object) != PyUnicode_1BYTE_KIND) return false;
  return kHolds({static_cast<const char*>(PyUnicode_DATA(object)),
                 static_cast<std::size_t>(PyUnicode_GET_LENGTH(object))});
}

py::frozenset tolerable_codes() {
  py::set names;
  for (std::size_t i = 0; i < kProblemCodes; ++i) {
    const auto code = static_cast<ProblemCode>(i);
    if (is_tolerable(code)) names.add(std::string(code_name(code)));
  }
  return py::frozenset(names);
}

}  // namespace

void bind_facts(py::module_& module) {
  module.attr("MAX_MAX_AGE") = kMaxMaxAge;
  module.attr("CHROMIUM_MAX_AGE") = browser::find_engine("chromium")->max_age_cap;
  module.attr("MAX_ORIGIN_LENGTH") = kMaxOriginLength;
  module.attr("MAX_ORIGIN_VERDICTS") = OriginVerdicts::kCapacity;
  module.attr("TOLERABLE_CODES") = tolerable_codes();
  module.def(
      "is_token", &holds_for<&ascii::is_token>, py::arg("text"),
      "Whether a text is a token (RFC 9110, section 5.6.2), as methods and header names are.");
  module.def("is_forbidden_method", &holds_for<&fetch::is_forbidden_method>, py::arg("method"),
             "Whether no page can send a method (Fetch, \"forbidden method\").");
}

}  // namespace corsac::bindings
