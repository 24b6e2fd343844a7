#include "live_origins.hpp"

#include <stdexcept>
#include <utility>

#include "corsac/seeded_hash.hpp"
#include "made_here.hpp"

namespace corsac::bindings {
namespace {

/// Entries one after the other, which can be read without a lock. What is not ASCII text is no
/// origin, and is empty here.
class Texts {
 public:
  explicit Texts(const py::tuple& entries) {
    ends_.reserve(entries.size());
    for (const py::handle& entry : entries) {
      if (PyUnicode_Check(entry.ptr()) && PyUnicode_IS_ASCII(entry.ptr())) {
        text_.append(static_cast<const char*>(PyUnicode_DATA(entry.ptr())),
                     static_cast<std::size_t>(PyUnicode_GET_LENGTH(entry.ptr())));
      }
      ends_.push_back(text_.size());
    }
  }

  [[nodiscard]] std::size_t size() const noexcept { return ends_.size(); }
  [[nodiscard]] std::string_view operator[](std::size_t place) const noexcept {
    const std::size_t begin = place == 0 ? 0 : ends_[place - 1];
    return std::string_view(text_).substr(begin, ends_[place] - begin);
  }

 private:
  std::string text_;
  std::vector<std::size_t> ends_;
};

}  // namespace

SharedLiveOrigins::SharedLiveOrigins(bool allow_insecure)
    : origins_(LiveOrigins::make(random_seed(), allow_insecure)) {}

template <typename Work>
auto SharedLiveOrigins::change(Work work) {
  const GlobalLockReleased unlocked;
  const std::lock_guard lock(mutex_);
  return work();
}

template <typename Work>
auto SharedLiveOrigins::read(Work work) {
  const GlobalLockReleased unlocked;
  std::unique_lock lock(mutex_, std::defer_lock);
  if (!is_sealed_) lock.lock();
  return work();
}

void SharedLiveOrigins::check_not_sealed() const {
  if (is_sealed_) throw std::invalid_argument("a policy has these origins already");
}

std::vector<std::size_t> SharedLiveOrigins::add(const py::tuple& entries) {
  const Texts texts(entries);
  return change([this, &texts] {
    check_not_sealed();
    std::vector<std::size_t> others;
    for (std::size_t place = 0; place < texts.size(); ++place) {
      if (!origins_->add_plain(texts[place])) others.push_back(place);
    }
    return others;
  });
}

void SharedLiveOrigins::add_checked(const std::vector<std::string>& entries) {
  change([this, &entries] {
    check_not_sealed();
    for (const std::string& entry : entries) origins_->add_checked(entry);
  });
}

std::shared_ptr<const LiveOrigins> SharedLiveOrigins::sealed() {
  if (!is_sealed_) {
    change([this] { is_sealed_ = true; });
  }
  return origins_;
}

std::size_t SharedLiveOrigins::size() {
  return read([this] { return origins_->size(); });
}

std::vector<std::string> SharedLiveOrigins::entries(std::size_t limit) {
  return read([this, limit] { return origins_->entries(limit); });
}

std::vector<std::string> SharedLiveOrigins::entries_beyond(SharedLiveOrigins& other,
                                                           std::size_t limit) {
  const std::shared_ptr<const LiveOrigins> others = other.sealed();
  return read([this, &others, limit] { return origins_->entries_beyond(*others, limit); });
}

std::string SharedLiveOrigins::entry_for(const py::bytes& origin) {
  const std::string text = origin;
  return read([this, &text] { return origins_->entry_for(text); });
}

void bind_live_origins(py::module_& module) {
  using py::operator""_a;
  py::class_<SharedLiveOrigins>(module, "LiveOrigins", py::is_final(), made_here_alone())
      .def("add", &SharedLiveOrigins::add, "entries"_a)
      .def("add_checked", &SharedLiveOrigins::add_checked, "entries"_a)
      .def("entries", &SharedLiveOrigins::entries, "limit"_a)
      .def("entries_beyond", &SharedLiveOrigins::entries_beyond, "other"_a, "limit"_a)
      .def("entry_for", &SharedLiveOrigins::entry_for, "origin"_a)
      .def("__len__", &SharedLiveOrigins::size);
  module.def(
      "make_live_origins",
      [](bool allow_insecure) {
        return object_around(std::make_unique<SharedLiveOrigins>(allow_insecure));
      },
      py::kw_only(), "allow_insecure"_a, "An empty set.");
}

}  // namespace corsac::bindings
