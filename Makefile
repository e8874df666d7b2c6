# The front door. `make help` lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help

NAME ?= lighter
NODES ?= 3
CONTAINERD ?= 1.6
CLUSTER := tests/cluster/cluster
# What users run, and what the demo needs besides.
PROGRAMS := lighter lighter-agent lighter-sample lighter-sample-app
BUILD_JOBS ?= $(shell nproc)
# Of each fuzz target.
FUZZ_SECONDS ?= 60
TARGET ?=

.PHONY: help setup setup-build setup-cluster build build-tests man demo demo-down test test-fast test-sanitizers \
	fuzz cluster cluster-down agents bench format lint clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  make cluster takes NODES=3, CONTAINERD=1.6|2, NAME=lighter, make fuzz FUZZ_SECONDS=60, TARGET=reference;"
	@echo "  everything else takes no options."

setup-build:
	@tests/setup/packages.sh build

setup-cluster:
	@tests/setup/packages.sh build cluster
	@tests/setup/tools.sh all

setup: setup-cluster ## Install every package and tool that building and testing need (once)

build: setup-build ## Build build/release/lighter and build/release/lighter-agent, static
	@cmake --preset release -Wno-dev > /dev/null
	@cmake --build --preset release -j $(BUILD_JOBS) --target $(PROGRAMS)

build-tests: setup-build
	@cmake --preset release -Wno-dev > /dev/null
	@cmake --build --preset release -j $(BUILD_JOBS)

man: build ## Write the man pages into build/man
	@build/release/lighter man --folder build/man > /dev/null && echo "man -l build/man/lighter.1"

demo: setup-cluster build ## A real 3-node Kubernetes, a sample package, one `lighter upgrade`, from nothing
	@tests/cluster/demo

demo-down: ## Take the demo's cluster down
	@$(CLUSTER) down --name demo

test: setup-cluster build-tests ## Set up, build, and run all tests: unit, integration, cluster
	@ctest --preset release -j 2

test-fast: build-tests ## Unit tests only
	@ctest --preset release -L unit

test-sanitizers: setup-cluster ## Unit and integration tests under asan+ubsan, then under tsan
	@for preset in asan tsan; do \
	  cmake --preset $$preset -Wno-dev > /dev/null && \
	  cmake --build --preset $$preset -j $(BUILD_JOBS) && \
	  ctest --preset $$preset -LE cluster || exit 1; \
	done

fuzz: ## Fuzz what reads hostile bytes, FUZZ_SECONDS=60 each: all targets, or TARGET="reference hints"
	@tests/setup/packages.sh build fuzz
	@cmake --preset fuzz -Wno-dev > /dev/null
	@cmake --build --preset fuzz -j $(BUILD_JOBS)
	@tests/fuzz/run $(FUZZ_SECONDS) $(TARGET)

cluster: setup-cluster ## Start a Kubernetes on this machine: NODES=3 CONTAINERD=1.6|2 NAME=lighter
	@$(CLUSTER) up --name $(NAME) --nodes $(NODES) --containerd $(CONTAINERD)

cluster-down: ## Remove it without a trace
	@$(CLUSTER) down --name $(NAME)

agents: build ## Put the agents onto a running cluster: NAME=lighter
	@eval "$$($(CLUSTER) env --name $(NAME))" && build/release/lighter agent install

bench: setup-cluster build ## Benchmarks: packages of 10 and 25 GB indexed; agents onto 8 nodes, and a node that joins these
	@tests/bench/inspect_package.py
	@for containerd in 1.6 2; do tests/bench/agent_install.py 8 $$containerd && tests/bench/late_node.py 8 $$containerd || exit; done

format: ## Rewrite C++ sources in the project's style
	@git ls-files '*.c' '*.cc' '*.h' | xargs clang-format -i

lint: build-tests ## clang-format and clang-tidy over the whole tree
	@git ls-files '*.c' '*.cc' '*.h' | xargs clang-format --dry-run -Werror
	@git ls-files 'common/*.cc' 'agent/*.cc' 'coordinator/*.cc' | xargs -P $(BUILD_JOBS) -n 4 clang-tidy -p build/release --quiet --extra-arg=-Wno-unknown-warning-option

clean: ## Remove build/
	@rm -rf build
