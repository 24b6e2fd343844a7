# make demo   build, install into .venv, watch a cross-origin exchange (ARGS=--once: print it and stop)
# make test   install everything the tests need, then run all of them: C++, Python, browser
# make lint   formatters and checkers; `make format` applies what they can apply themselves
# Everything is rebuilt when, and only when, a file it depends on has changed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DIST := build/dist

SOURCES := pyproject.toml CMakeLists.txt LICENSE README.md \
	$(shell find cpp python -type f -not -path '*/__pycache__/*')

.PHONY: demo test test-cpp test-python lint format fuzz coverage pythons bench leaks system-packages clean
.DELETE_ON_ERROR:

demo: $(VENV)/.installed-demo
	@$(BIN)/corsac demo $(ARGS)

test: test-cpp test-python

test-cpp: $(VENV)/.installed-test
	PATH="$(CURDIR)/$(BIN):$$PATH" cmake --preset dev
	PATH="$(CURDIR)/$(BIN):$$PATH" cmake --build --preset dev
	PATH="$(CURDIR)/$(BIN):$$PATH" ctest --preset dev

test-python: $(VENV)/.installed-test
	$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.installed-lint
	bash .ci/lint check

format: $(VENV)/.installed-lint
	bash .ci/lint format

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Corsac needs Python 3.11 or newer; $(PYTHON) is older. Name another: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || bash .ci/system-packages python3-venv
	@command -v c++ >/dev/null || bash .ci/system-packages g++
	$(PYTHON) -m venv $(VENV)

# The wheel is what users get, so the demo and the tests run from it, never from the source tree.
$(DIST)/.built: $(SOURCES) | $(BIN)/python
	@$(BIN)/python -c 'import os.path, sys, sysconfig; \
	  sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' || \
	  bash .ci/system-packages python3-dev
	@echo "Building Corsac (a minute or two the first time) ..."
	rm -rf $(DIST)
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir $(DIST) .
	touch $@

define install-wheel
	$(BIN)/python -m pip install --quiet "$$(ls $(DIST)/corsac-*.whl)[$(1)]"
	$(BIN)/python -m pip install --quiet --no-deps --force-reinstall $(DIST)/corsac-*.whl
	touch $@
endef

$(VENV)/.installed-demo: $(DIST)/.built
	$(call install-wheel,demo)

$(VENV)/.installed-test: $(DIST)/.built .ci/system-packages
	bash .ci/system-packages chromium libgtest-dev nlohmann-json3-dev
	$(call install-wheel,test)
	touch $(VENV)/.installed-demo

$(VENV)/.installed-lint: $(VENV)/.installed-test
	$(call install-wheel,lint)
	touch $(VENV)/.installed-test $@

clean:
	rm -rf build $(VENV)

# make fuzz SECONDS=60   run every fuzz target of the core for so long, two at a time
# make coverage          which lines of the core the C++ tests run
SECONDS := 60

fuzz: $(VENV)/.installed-test
	bash .ci/system-packages clang libclang-rt-dev
	PATH="$(CURDIR)/$(BIN):$$PATH" cmake --preset fuzz
	PATH="$(CURDIR)/$(BIN):$$PATH" cmake --build --preset fuzz
	bash .ci/fuzz $(SECONDS)

$(VENV)/.installed-coverage: $(VENV)/.installed-test
	$(call install-wheel,coverage)
	touch $(VENV)/.installed-test $@

coverage: $(VENV)/.installed-coverage
	bash .ci/coverage

# make pythons PYTHONS="python3.12 python3.13"    build and test with other interpreters
PYTHONS := python3

pythons:
	bash .ci/pythons $(PYTHONS)

# make bench               measure everything, and keep the results: 15 to 20 minutes
# make bench MODE=quick    the same in 3 minutes, to see that it works; ARGS='--only asgi': one part
MODE := full

$(VENV)/.installed-bench: $(DIST)/.built .ci/system-packages
	bash .ci/system-packages libbenchmark-dev linux-perf valgrind wrk
	$(call install-wheel,bench)

bench: $(VENV)/.installed-bench
	$(BIN)/python -m benchmarks $(MODE) $(ARGS)

# make leaks               a million requests of every kind, and whether memory stays what it was
leaks: $(VENV)/.installed-bench
	$(BIN)/python -m benchmarks.leaks $(ARGS)
