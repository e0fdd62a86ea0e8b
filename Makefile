# `make` alone lists the verbs. Scripts in scripts/ do the work; each can be run by itself.

# Found first by every program and test that starts servers.
export VAULTSTREAM_TOOLS := $(CURDIR)/.tools

# The pinned Rust, where rustup has it or may fetch it; else the stable one, and cargo checks that it is new enough.
ifneq ($(shell cargo --version >/dev/null 2>&1 && echo there),there)
ifeq ($(shell RUSTUP_TOOLCHAIN=stable cargo --version >/dev/null 2>&1 && echo there),there)
export RUSTUP_TOOLCHAIN := stable
$(warning the Rust of rust-toolchain.toml is not installed: using $(shell RUSTUP_TOOLCHAIN=stable cargo --version))
endif
endif

CARGO_BUILD := cargo build --release --locked
CARGO_BUILD_CLI := $(CARGO_BUILD) --package vaultstream
WITH_ENV := scripts/with-env
RELEASE := $(shell scripts/release-dir)
PROGRAM := $(RELEASE)/vaultstream
DATA_DIR := .vaultstream
PREFIX ?= $(if $(filter 0,$(shell id -u)),/usr/local,$(HOME)/.local)

.DEFAULT_GOAL := help
.PHONY: help quick-start build install uninstall start stop seed clean test test-cluster test-keda test-scale e2e e2e-own bench fuzz lint check-docs \
	generate picture dist kind-up kind-down tools env-setup check-prereqs

help: ## List the verbs
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

quick-start: build ## Sign and verify 1,000 records with 100 keys, on private servers; all is kept in .vaultstream/ (numbers: .env)
	@$(WITH_ENV) scripts/quick-start --again

build: tools ## Build vaultstream; ./vaultstream runs it
	$(CARGO_BUILD_CLI)

install: build ## Install vaultstream, with the servers it starts, under PREFIX (~/.local; for root /usr/local)
	@scripts/install "$(PREFIX)"

uninstall: ## Remove what `make install` installed
	rm -rf "$(PREFIX)/lib/vaultstream" "$(PREFIX)/bin/vaultstream"

start: build ## Start a Postgres and a NATS that keep running, with their data in .vaultstream/
	@$(PROGRAM) dev up --data-dir $(DATA_DIR)

stop: ## Stop them; their data is kept
	@if [ -x $(PROGRAM) ]; then $(PROGRAM) dev down --data-dir $(DATA_DIR); else echo "nothing was built, so nothing runs"; fi

seed: build ## Make the records of the quick start in .vaultstream/ and sign none; `make quick-start` signs them
	@VAULTSTREAM_DATA_DIR=$(DATA_DIR) $(WITH_ENV) scripts/quick-start --again --seed-only

clean: stop ## Stop, and remove what was built and .vaultstream/ with its data and key
	@scripts/clean

test: ## Run every test, on real Postgres and real NATS; with CLUSTER=own on a real Kubernetes node, too
	@scripts/install-tools cryptography
	cargo test --release --locked --workspace --no-fail-fast
	@$(RELEASE)/examples/backends
	@if [ "$(CI)" = true ] || [ "$(CLUSTER)" = own ]; then \
	  scripts/test-nodes; \
	else \
	  echo "SKIPPED: the tests of operator and chart on a real Kubernetes node (CLUSTER=own make test runs them; needs root)"; \
	fi

test-cluster: ## Run the operator's tests on a Kubernetes node of the project's own; needs root
	@scripts/test-cluster operator

test-keda: ## Run the tests of scaling by KEDA, with KEDA itself on such a node; needs root
	@scripts/test-cluster keda

test-scale: ## Time 1,000 SigningJobs on such a node; print a table
	@scripts/test-cluster scale --nocapture

e2e: ## Install the chart on a cluster and test the whole story there: VAULTSTREAM_E2E_CONTEXT, kind, or a node of its own
	@scripts/e2e

e2e-own: ## The same on a node of its own, whatever else there is
	@scripts/e2e --own

kind-up: ## Make a kind cluster with VaultStream and its development servers on it; needs Docker, kind, kubectl and helm
	@scripts/kind up

kind-down: ## Remove that cluster
	@scripts/kind down

bench: build ## Sign 1,000,000 records at batch 50, 500 and 5000, on private servers; print a table
	@env -u DATABASE_URL -u VAULTSTREAM_DATABASE_URL -u VAULTSTREAM_DATA_DIR -u VAULTSTREAM_NATS_URL $(PROGRAM) bench --records 1000000 --batch-size 50,500,5000 --output markdown

fuzz: ## Look for inputs on which two signing backends differ, for a minute
	@scripts/fuzz

lint: ## Check format, lints, docs, dependencies, scripts and generated files
	@scripts/install-tools cargo-deny hadolint shellcheck
	@scripts/lint

check-docs: ## Run the commands of README, docs/operations.md and the samples as written there; those for clusters need root
	@scripts/check-docs

picture: build ## Record the picture of the README from a real run
	@scripts/record-terminal

generate: ## Write what is generated from the code: crds/, docs/reference/, charts/vaultstream/files/
	@scripts/generate

dist: ## Put the three programs into dist/, static and stripped, as the images hold them
	@scripts/dist

tools: ## Put a pinned nats-server, and Postgres where none is found, into .tools/
	@scripts/install-tools

env-setup: ## Write .env, where the numbers of the quick start live
	@scripts/env-setup

check-prereqs: ## Say what this machine lacks
	@scripts/check-prereqs
