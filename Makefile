# make demo   build, install into .venv, watch a cross-origin exchange (ARGS=--once: print it and stop)
# make try ARGS=tests/python/test_guard.py   after a change: build what changed, run these tests; seconds
# make test   install everything the tests need, then run all of them: C++, Python, browser
# make docs   the documentation as a site, in build/docs/html: every link and word checked
# make lint   formatters and checkers; `make format` applies what they can apply themselves
# Everything is rebuilt when, and only when, a file it depends on has changed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DIST := build/dist

SOURCES := pyproject.toml CMakeLists.txt LICENSE LICENSES/pybind11.txt README.md \
	$(shell find cpp python -type f -not -path '*/__pycache__/*')

.PHONY: demo test test-cpp test-python try docs lint format fuzz coverage mutants model load pythons matrix bench leaks stress sanitize races reproducible clean-machine system-packages clean
.DELETE_ON_ERROR:

demo: installed-demo
	@$(BIN)/corsac demo $(ARGS)

test: test-cpp test-python

test-cpp: installed-test
	PATH="$(CURDIR)/$(BIN):$$PATH" cmake --preset dev
	PATH="$(CURDIR)/$(BIN):$$PATH" cmake --build --preset dev
	PATH="$(CURDIR)/$(BIN):$$PATH" ctest --preset dev

# The tests of one file stay in one process: what it starts, it starts once.
PROCESSES := 2

test-python: installed-test
	$(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist loadfile $(ARGS)

# The short loop: the extension compiled fast, the checkout's own Python, no wheel, no Debian package.
try: $(VENV)/.try
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash .ci/try $(ARGS)

$(VENV)/.try: $(VENV)/.build-tools
	$(BIN)/python .ci/requirements test >$(VENV)/requirements-test.txt
	$(BIN)/python -m pip install --quiet --requirement $(VENV)/requirements-test.txt
	touch $@

docs: installed-docs
	PATH="$(CURDIR)/$(BIN):$$PATH" bash .ci/docs

lint: installed-lint
	bash .ci/lint check

format: installed-lint
	bash .ci/lint format

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Corsac needs Python 3.11 or newer; $(PYTHON) is older. Name another: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || bash .ci/system-packages python3-venv
	@command -v c++ >/dev/null || bash .ci/system-packages g++
	$(PYTHON) -m venv $(VENV)

# The wheel is what users get, so the demo and the tests run from it, never from the source tree.
# It is built without pip's isolation, whose new folder each time would have everything compiled
# again: of what has changed, a .cpp is compiled alone and linked, a .py is only packed.
$(VENV)/.build-tools: pyproject.toml | $(BIN)/python
	@$(BIN)/python -c 'import os.path, sys, sysconfig; \
	  sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' || \
	  bash .ci/system-packages python3-dev
	$(BIN)/python -m pip install --quiet "cmake>=3.25" "ninja>=1.11" $$($(BIN)/python -c \
	  'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"])')
	touch $@

$(DIST)/.built: $(SOURCES) $(VENV)/.build-tools
	@echo "Building Corsac (about a minute the first time, later what has changed) ..."
	rm -rf $(DIST)
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pip wheel --quiet --no-build-isolation --no-deps --wheel-dir $(DIST) .
	touch $@

$(VENV)/.wheel: $(DIST)/.built
	$(BIN)/python -m pip install --quiet --no-deps --force-reinstall $(DIST)/corsac-*.whl
	touch $@

# What the extras bring is looked up only when pyproject.toml changes.
$(VENV)/.extra-%: pyproject.toml | $(VENV)/.wheel
	$(BIN)/python -m pip install --quiet "$$(ls $(DIST)/corsac-*.whl)[$*]"
	touch $@

.PRECIOUS: $(VENV)/.extra-%

$(VENV)/.system-test: .ci/system-packages | $(BIN)/python
	bash .ci/system-packages chromium dbus firefox-esr libgtest-dev nginx nlohmann-json3-dev postgresql redis-server varnish webkit2gtk-driver xauth xvfb
	touch $@

.PHONY: installed-demo installed-docs installed-test installed-lint installed-coverage installed-bench
installed-demo: $(VENV)/.wheel $(VENV)/.extra-demo
installed-docs: $(VENV)/.wheel $(VENV)/.extra-docs
installed-test: $(VENV)/.wheel $(VENV)/.extra-test $(VENV)/.system-test
installed-lint: installed-test $(VENV)/.extra-lint
installed-coverage: installed-test $(VENV)/.extra-coverage
installed-bench: $(VENV)/.wheel $(VENV)/.extra-bench
	bash .ci/system-packages nlohmann-json3-dev valgrind wrk

clean:
	rm -rf build $(VENV)

# make fuzz SECONDS=60   build and run every fuzz target of the core for so long, two at a time
# make coverage          which lines of the core the C++ tests run
SECONDS := 60

# The core and nothing else, so that no wheel has to be built and no browser installed.
fuzz: $(VENV)/.build-tools
	bash .ci/system-packages clang libclang-rt-dev
	PATH="$(CURDIR)/$(BIN):$$PATH" cmake --preset fuzz
	PATH="$(CURDIR)/$(BIN):$$PATH" cmake --build --preset fuzz
	bash .ci/fuzz $(SECONDS)

coverage: installed-coverage
	bash .ci/coverage

# make mutants             whether the C++ tests notice 300 small changes of the core (ARGS=--all: every one)
mutants: $(VENV)/.build-tools
	bash .ci/system-packages g++ libgtest-dev nlohmann-json3-dev
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/mutants.py $(ARGS)

# make model COUNT=1000000 so many answers of the core beside those of the reference model, for policies and requests
#                          drawn by lot (ARGS='--seed 7 --batch 3': one batch again)
COUNT := 1000000

model: $(VENV)/.wheel $(VENV)/.extra-test
	PYTHONPATH=tests $(BIN)/python tests/model.py --count $(COUNT) $(ARGS)

# make load SECONDS=60     hostile requests, so long for each of six servers, and a thousand slow connections
#                          (ARGS='uvicorn granian': these two)
load: $(VENV)/.wheel $(VENV)/.extra-test
	bash .ci/system-packages wrk
	PYTHONPATH=tests $(BIN)/python tests/load.py --seconds $(SECONDS) $(ARGS)

# make pythons PYTHONS="python3.12 python3.13"    build and test with other interpreters
PYTHONS := python3

pythons:
	bash .ci/pythons $(PYTHONS)

# make matrix                              the same with every Python that Corsac supports, in one table: 90 minutes
# make matrix PYTHONS="3.13 3.13t"         with these; what is not on this machine is had from Debian sid, or built
matrix: PYTHONS :=
matrix:
	bash .ci/matrix $(PYTHONS)

# make bench               measure everything, and keep the results: about 32 minutes
# make bench ARGS=--fast   the same in 3 minutes, to see that it works; ARGS='--only asgi wsgi': some parts
# make bench OTHER_PYTHONS="python3.13 /opt/python3.14t/bin/python3"    with these too: 20 minutes for each
OTHER_PYTHONS :=

bench: installed-bench
	$(BIN)/python -m benchmarks $(ARGS)
	$(if $(OTHER_PYTHONS),bash .ci/bench "$(ARGS)" $(OTHER_PYTHONS))

# make leaks               a million requests of every kind, and whether memory stays what it was
leaks: installed-test
	CORSAC_LEAK_REQUESTS=1000000 $(BIN)/python -m pytest tests/python/test_leaks.py $(ARGS)

# make stress SWAPS=100000   so many policies are swapped under 8 threads that decide: in the core under ThreadSanitizer,
#                            and in Python beside an event loop and a follower. Without a global lock:
#                            make PYTHON=/opt/python3.13t/bin/python3 VENV=.venv-3.13t stress
SWAPS := 100000

stress: $(VENV)/.wheel $(VENV)/.build-tools
	bash .ci/system-packages libgtest-dev nlohmann-json3-dev
	PATH="$(CURDIR)/$(BIN):$$PATH" cmake --preset tsan
	PATH="$(CURDIR)/$(BIN):$$PATH" cmake --build --preset tsan
	PATH="$(CURDIR)/$(BIN):$$PATH" CORSAC_SWAPS=$(SWAPS) ctest --preset tsan -R 'LiveOrigins|OriginVerdicts'
	PYTHONPATH=tests $(BIN)/python -m support.thread_stress live --turns $$(( $(SWAPS) / 2 )) --switch-interval 0.002

# make reproducible        builds the last commit's distributions in two folders, and compares them byte by byte
reproducible: $(VENV)/.build-tools
	PATH="$(CURDIR)/$(BIN):$$PATH" bash .ci/reproducible

# make clean-machine       installs the wheel into a Debian that has Python and nothing else, and uses it there (as root)
clean-machine: $(DIST)/.built
	bash .ci/clean-machine $(DIST)/corsac-*.whl

# make sanitize                       C++ and Python tests under AddressSanitizer, UndefinedBehaviorSanitizer,
#                                     ThreadSanitizer and Valgrind, in one table: 40 minutes on two cores
# make sanitize ARGS='address python' these parts of it; MINUTES=30 bounds each
MINUTES := 30

sanitize: installed-test
	bash .ci/system-packages g++ libgtest-dev nlohmann-json3-dev valgrind
	MINUTES=$(MINUTES) bash .ci/sanitize $(ARGS)

# make races SECONDS=60    threads without a global lock, interpreter and extension under ThreadSanitizer, so long for
#                          each scenario; the first time the interpreter is built, in half an hour
races: $(VENV)/.build-tools
	bash .ci/races $(SECONDS) $(ARGS)
