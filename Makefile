# `make` alone says what there is. Every target works in a fresh clone, with no other step before it.
.DEFAULT_GOAL := help
.PHONY: help setup setup-tests setup-checks build tests test check-all tsan clang odr fuzz test-data endurance package demo portable asan mutants pages format tidy clean

JOBS := $(shell nproc)
CONFIGURE := $(if $(shell command -v ccache),-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)

# Where `make test-data` finds the shared data: make test-data TAPEHEAD_DATA=DIR
TAPEHEAD_DATA ?= ../shared/data

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

setup: ## install the Debian packages that are missing (without root: says which command to type)
	@scripts/setup

setup-tests:
	@scripts/setup tests

setup-checks:
	@scripts/setup checks

build: setup ## build the program, tuned to this machine, as build/release/tapehead
	cmake --preset release $(CONFIGURE)
	cmake --build --preset release --parallel $(JOBS) --target tapehead

tests: setup-tests
	cmake --preset release $(CONFIGURE) -DTAPEHEAD_TESTS=ON
	cmake --build --preset release --parallel $(JOBS)

test: tests ## build and run every test that needs nothing but this repository
	ctest --preset release --parallel $(JOBS)

test-data: tests ## the tests that read the shared data folder (TAPEHEAD_DATA=DIR; default ../shared/data)
	TAPEHEAD_DATA="$$(realpath -m "$(TAPEHEAD_DATA)")" ctest --preset data --parallel $(JOBS)

endurance: tests ## kill, damage and resume runs as often as docs/reliability.md says (some minutes)
	TAPEHEAD_ENDURANCE=1 ctest --preset release --label-regex '^endurance$$' --parallel $(JOBS)

package: tests ## build and run a project that uses tapehead, by every way to take it in (some minutes)
	TAPEHEAD_WHOLE=1 ctest --preset release --tests-regex '^Package'

demo: build ## train a small transformer to copy, and look at what it learnt (about a minute)
	@scripts/demo

portable: setup ## build for any processor of this architecture, as build/portable/tapehead
	cmake --preset portable $(CONFIGURE)
	cmake --build --preset portable --parallel $(JOBS) --target tapehead

check-all: test endurance package asan tsan clang odr tidy fuzz ## everything that can be checked here (about two hours)

asan: setup-checks ## build and test under the address, leak and undefined-behaviour sanitizers
	cmake --preset asan $(CONFIGURE)
	cmake --build --preset asan --parallel $(JOBS)
	ctest --preset asan --parallel $(JOBS)

tsan: setup-checks ## build and test under the thread sanitizer
	cmake --preset tsan $(CONFIGURE)
	cmake --build --preset tsan --parallel $(JOBS)
	ctest --preset tsan --parallel $(JOBS)

clang: setup-checks ## build and test with clang
	cmake --preset clang $(CONFIGURE)
	cmake --build --preset clang --parallel $(JOBS)
	ctest --preset clang --parallel $(JOBS)

odr: setup-checks ## build with link-time optimisation and see that no name has two definitions
	cmake --preset odr $(CONFIGURE)
	cmake --build --preset odr --parallel $(JOBS)

# The corpus grows in build/fuzz/corpus; what is found is written beside it.
SECONDS ?= 60
fuzz: setup-checks ## fuzz every reader under libFuzzer, SECONDS=60 each
	cmake --preset fuzz $(CONFIGURE)
	cmake --build --preset fuzz --parallel $(JOBS)
	for reader in config csv pairs checkpoint; do \
	  FUZZ_SEEDS=build/fuzz/corpus/$$reader build/fuzz/fuzz_$$reader && \
	  build/fuzz/fuzz_$$reader -max_total_time=$(SECONDS) -timeout=60 -rss_limit_mb=4096 -max_len=4096 -print_final_stats=1 \
	    -artifact_prefix=build/fuzz/found-$$reader- build/fuzz/corpus/$$reader || exit 1; \
	done

mutants: setup-tests ## plant bugs and see that gradcheck, or the tests of layers and trainers, find them (needs python3; two hours)
	tests/mutants/run --set all --out tests/mutants/results.md

pages: tests ## write what commands print now into the pages of docs/ that show it, and their pictures
	TAPEHEAD_WRITE_PAGES=1 build/release/pages_test --gtest_filter='*ShowWhat*' --gtest_brief=1

format: setup-tests ## format the sources in place
	@scripts/format

# It is clang's own, and knows no flags but clang's.
tidy: setup-checks ## read the sources for likely mistakes (needs clang-tidy)
	cmake --preset clang $(CONFIGURE)
	git ls-files '*.cpp' | xargs -P $(JOBS) -n 1 clang-tidy --quiet -p build/clang

clean: ## remove every build (runs/ stays)
	rm -rf build
