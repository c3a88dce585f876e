# The front door. CMakeLists.txt builds; this file names the things people want, and on Debian gets
# what they need: `make demo` on a machine with only git and make is enough.
BUILD ?= build
JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
DESTDIR ?=
RUN ?= runs/quickstart
FUZZ_SECONDS ?= 600

.DEFAULT_GOAL := all
.PHONY: all demo test test-rows test-sweeps test-faults test-asan test-clang test-valgrind fuzz lint format install \
    clean help build-packages check-packages compile

LAUNCHER := $(if $(shell command -v ccache),-DCMAKE_C_COMPILER_LAUNCHER=ccache)
configure = cmake -S . -G Ninja $(LAUNCHER) -DCMAKE_INSTALL_PREFIX=$(PREFIX)
build_in = cmake --build $(1) --parallel $(JOBS)
# The closing line of ctest is said again as the last one.
test_in = ctest --test-dir $(1) --output-on-failure --parallel 2 --output-log $(1)/tests.log \
    && grep 'tests passed' $(1)/tests.log

all: ## configure and build; says which packages are missing, installs nothing
	@scripts/packages.sh --check build
	@$(MAKE) --no-print-directory compile

compile: # TARGET: one program; else everything
	@$(configure) -B $(BUILD) --log-level=WARNING
	@$(call build_in,$(BUILD)) $(if $(TARGET),--target $(TARGET))

build-packages:
	@scripts/packages.sh --install build

check-packages:
	@scripts/packages.sh --install build checks

demo: build-packages ## install what is missing, build the program, train a small network, let it write
	@$(MAKE) --no-print-directory compile TARGET=trit_cli
	$(BUILD)/trit train configs/quickstart.json --run $(RUN)
	$(BUILD)/trit generate $(RUN) --prompt "Once" --tokens 500 --temperature 0.3 --seed 8
	@for plot in $(RUN)/plots/*.png; do [ ! -f "$$plot" ] || echo "Curves: $$plot"; done

test: build-packages ## install what is missing, build, run all tests
	@$(MAKE) --no-print-directory compile
	@$(call test_in,$(BUILD))

test-rows: build-packages ## every named method trains a tiny model and resumes exactly (minutes)
	@$(MAKE) --no-print-directory compile
	@scripts/rows.sh $(BUILD)/trit

test-sweeps: build-packages ## 24 cells and their sweep are killed 20 times; reports in a browser
	@$(MAKE) --no-print-directory compile
	@TRIT_SWEEP_KILLS=20 $(BUILD)/tests/cli_test_sweep
	@! command -v chromium >/dev/null || scripts/browser.sh $(BUILD)/trit
	@scripts/big_report.sh $(BUILD)/trit

test-faults: build-packages ## every fault against the promise that no checkpoint is lost or wrong (minutes)
	@$(MAKE) --no-print-directory compile
	@nice -n 5 $(BUILD)/tests/faults

test-asan: build-packages ## all tests under the address and undefined-behaviour sanitizers (gcc)
	@$(configure) -B $(BUILD)-asan --log-level=WARNING -DCMAKE_C_COMPILER=gcc \
	    -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG="-O1 -g" -DTRIT_SANITIZE=address,undefined
	@$(call build_in,$(BUILD)-asan)
	@$(call test_in,$(BUILD)-asan)

test-clang: check-packages ## all tests, built with clang
	@$(configure) -B $(BUILD)-clang --log-level=WARNING -DCMAKE_C_COMPILER=clang
	@$(call build_in,$(BUILD)-clang)
	@$(call test_in,$(BUILD)-clang)

test-valgrind: check-packages ## a few test programs under valgrind
	@$(MAKE) --no-print-directory compile
	@scripts/valgrind.sh $(BUILD)

fuzz: check-packages ## fuzzers of what is read (clang, 10 minutes in all, or FUZZ_SECONDS); finds stay in build-fuzz
	@$(configure) -B $(BUILD)-fuzz --log-level=WARNING -DCMAKE_C_COMPILER=clang -DTRIT_FUZZ=ON \
	    -DCMAKE_BUILD_TYPE=RelWithDebInfo -DTRIT_SANITIZE=address,undefined
	@scripts/fuzz.sh $(BUILD)-fuzz $(FUZZ_SECONDS)

lint: check-packages ## clang-format and clang-tidy over every source file
	@$(configure) -B $(BUILD)-lint --log-level=WARNING -DCMAKE_C_COMPILER=clang
	@scripts/lint.sh $(BUILD)-lint

format: ## rewrite every source file as .clang-format says
	@find src tests -name '*.[ch]' -o -name '*.inc' | xargs clang-format -i

install: all ## install into DESTDIR/PREFIX (default /usr/local)
	@DESTDIR="$(DESTDIR)" cmake --install $(BUILD) --prefix $(PREFIX)

clean: ## remove the build folders; runs stay
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-clang $(BUILD)-fuzz $(BUILD)-lint

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile
	@echo "  Variables: BUILD=$(BUILD) JOBS=$(JOBS) PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) RUN=$(RUN) FUZZ_SECONDS=$(FUZZ_SECONDS)"
