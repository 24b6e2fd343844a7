#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <utility>

#include "calls.hpp"
#include "middleware.hpp"

/// The Python type of a middleware: how it is made, called and let go, the same for each protocol.
/// What a protocol adds stands in a class of constants and functions.
namespace corsac::bindings {

/// An argument of `__init__`.
template <typename Self>
struct InitArgument {
  const char* name;
  PyObject* Self::* place;  ///< What owns it in the object; null: it is the Routing.
};

/// @tparam Protocol has
/// - `Self`, the object's layout, and `kName`, the type's name;
/// - `kCallArguments`, the names of a call's arguments, and `kCallFormat`, how Python reads them;
/// - `kInitArguments` and `kInitFormat`, the same of `__init__`; what is absent is None;
/// - `kCallableTypeName`, the attribute that holds the type of its response callables;
/// - `kMethod`, one more method, or an empty one;
/// - `judge`, what a middleware makes of a request, see `Judge`;
/// - `prepare` (false with an exception set) and `release`, for what is no Python object.
template <typename Protocol>
class MiddlewareType {
 public:
  using Self = typename Protocol::Self;

  /// Adds the type to the module.
  static void add_to(py::module_& module, PyType_Spec& callable_spec) {
    static PyMethodDef methods[] = {{"_put_in_force", middleware_put_in_force, METH_VARARGS,
                                     "Put another configuration in force."},
                                    {"_outcomes", middleware_outcomes, METH_NOARGS,
                                     "The number of requests by what came of them."},
                                    {"_trial_outcomes", middleware_trial_outcomes, METH_NOARGS,
                                     "The same under the policy on trial, and how many differ."},
                                    Protocol::kMethod,
                                    {nullptr, nullptr, 0, nullptr}};
    static PyType_Slot slots[] = {{Py_tp_doc, const_cast<char*>(Protocol::kDoc)},
                                  {Py_tp_new, reinterpret_cast<void*>(make)},
                                  {Py_tp_init, reinterpret_cast<void*>(init)},
                                  {Py_tp_call, reinterpret_cast<void*>(call)},
                                  {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
                                  {Py_tp_clear, reinterpret_cast<void*>(clear)},
                                  {Py_tp_dealloc, reinterpret_cast<void*>(deallocate)},
                                  {Py_tp_methods, methods},
                                  {Py_tp_getset, kMiddlewareAttributes},
                                  {Py_tp_members, kMiddlewareMembers},
                                  {0, nullptr}};
    static PyType_Spec spec = {
        Protocol::kFullName, sizeof(Self), 0,
        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
        slots};
    add_middleware_type(module, Protocol::kName, spec, Protocol::kCallableTypeName, callable_spec);
  }

  /// Makes the call that came of a request, if one did. @param answer what to give if none did.
  [[gnu::always_inline]] static PyObject* pass_on_from(AppCall<Protocol::kCallArguments.size()>& to,
                                                       PyObject* answer) noexcept {
    return pass_on<kCount, Protocol::judge>(to, answer, call);
  }

 private:
  static constexpr std::size_t kCount = Protocol::kCallArguments.size();
  static constexpr std::size_t kInitCount = Protocol::kInitArguments.size();
  static constexpr const char* kWantedArguments = Protocol::kCallFormat + kCount + 1;

  static Self* self_of(PyObject* object) noexcept { return reinterpret_cast<Self*>(object); }

  static PyObject* handle_call(PyObject* self, PyObject* const* args) noexcept {
    if (!has_stack_left()) return refuse_depth();
    AppCall<kCount> next;
    PyObject* answer = Protocol::judge(self, args, next);
    return pass_on_from(next, answer);
  }

  /// A call with arguments by name.
  [[gnu::noinline]] static PyObject* handle_call_by_name(PyObject* self, PyObject* const* args,
                                                         Py_ssize_t positional,
                                                         PyObject* names) noexcept {
    std::array<PyObject*, kCount> sorted{};
    const bool complete =
        sort_arguments(args, positional, names, Protocol::kCallArguments, sorted, kWantedArguments);
    return complete ? handle_call(self, sorted.data()) : nullptr;
  }

  /// What a vectorcall of an instance runs. A class may have been given another `__call__` since:
  /// some tracers do that to every middleware class they meet.
  static PyObject* vectorcall(PyObject* self, PyObject* const* args, std::size_t nargsf,
                              PyObject* names) noexcept {
    const ternaryfunc in_class = Py_TYPE(self)->tp_call;
    if (in_class != call) return call_other(in_class, self, args, nargsf, names);
    const Py_ssize_t positional = PyVectorcall_NARGS(nargsf);
    if (positional == static_cast<Py_ssize_t>(kCount) && names == nullptr)
      return handle_call(self, args);
    return handle_call_by_name(self, args, positional, names);
  }

  /// The call by tuple and dictionary, which is also what `super().__call__` reaches.
  static PyObject* call(PyObject* self, PyObject* args, PyObject* keywords) noexcept {
    std::array<PyObject*, kCount> sorted{};
    const bool parsed = [&]<std::size_t... kPlaces>(std::index_sequence<kPlaces...>) {
      static const char* const names[] = {Protocol::kCallArguments[kPlaces]..., nullptr};
      return PyArg_ParseTupleAndKeywords(args, keywords, Protocol::kCallFormat,
                                         const_cast<char**>(names), &sorted[kPlaces]...) != 0;
    }(std::make_index_sequence<kCount>());
    return parsed ? handle_call(self, sorted.data()) : nullptr;
  }

  static PyObject* make(PyTypeObject* type, PyObject* /*args*/, PyObject* /*keywords*/) noexcept {
    Ref self(new_middleware(type, vectorcall));
    return self && Protocol::prepare(self_of(self.get())) ? self.release() : nullptr;
  }

  static int init(PyObject* self_object, PyObject* args, PyObject* keywords) noexcept {
    std::array<PyObject*, kInitCount> given;
    given.fill(Py_None);
    const bool parsed = [&]<std::size_t... kPlaces>(std::index_sequence<kPlaces...>) {
      static const char* const names[] = {Protocol::kInitArguments[kPlaces].name..., nullptr};
      return PyArg_ParseTupleAndKeywords(args, keywords, Protocol::kInitFormat,
                                         const_cast<char**>(names), &given[kPlaces]...) != 0;
    }(std::make_index_sequence<kInitCount>());
    if (!parsed) return -1;
    Self* self = self_of(self_object);
    PyObject* routing = nullptr;
    std::array<Filling, kInitCount - 1> filling;
    std::size_t size = 0;
    for (std::size_t i = 0; i < kInitCount; ++i) {
      PyObject* Self::* const place = Protocol::kInitArguments[i].place;
      if (place == nullptr) {
        routing = given[i];
      } else {
        filling[size++] = {&(self->*place), given[i]};
      }
    }
    return init_middleware(self, routing, Protocol::kCallableTypeName, filling);
  }

  static int traverse(PyObject* self_object, visitproc visit, void* arg) noexcept {
    Self* self = self_of(self_object);
    Py_VISIT(Py_TYPE(self_object));
    Py_VISIT(self->routing_object);
    Py_VISIT(self->callable_type);
    for (const InitArgument<Self>& argument : Protocol::kInitArguments) {
      if (argument.place != nullptr) Py_VISIT(self->*argument.place);
    }
    return 0;
  }

  static int clear(PyObject* self_object) noexcept {
    Self* self = self_of(self_object);
    self->routing = nullptr;
    Py_CLEAR(self->routing_object);
    Py_CLEAR(self->callable_type);
    for (const InitArgument<Self>& argument : Protocol::kInitArguments) {
      if (argument.place != nullptr) Py_CLEAR(self->*argument.place);
    }
    return 0;
  }

  static void deallocate(PyObject* self_object) noexcept {
    PyTypeObject* type = Py_TYPE(self_object);
    PyObject_GC_UnTrack(self_object);
    clear(self_object);
    Protocol::release(self_of(self_object));
    type->tp_free(self_object);
    Py_DECREF(type);
  }
};

}  // namespace corsac::bindings
