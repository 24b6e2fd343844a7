#include "bindings.hpp"

// Both tags are separate promises: no state is shared between threads unguarded (each policy is
// immutable, each counter atomic), and no Python object is shared between interpreters.
PYBIND11_MODULE(_core, module, pybind11::mod_gil_not_used(),
                pybind11::multiple_interpreters::per_interpreter_gil()) {
  module.doc() = "Corsac's C++ core. Private: use the names that the package `corsac` exports.";
  corsac::bindings::register_memory_errors();
  corsac::bindings::bind_facts(module);
  corsac::bindings::bind_live_origins(module);
  corsac::bindings::bind_policy(module);
  corsac::bindings::bind_asgi(module);
  corsac::bindings::bind_wsgi(module);
  corsac::bindings::bind_browser(module);
  corsac::bindings::bind_exchange(module);
  corsac::bindings::bind_environ_switch(module);
}
