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
WITH_ENV := scripts/with-env
RELEASE := $(shell scripts/release-dir)
PROGRAM := $(RELEASE)/vaultstream
DATA_DIR := .vaultstream

.DEFAULT_GOAL := help
.PHONY: help quick-start start stop seed clean test test-cluster test-keda test-scale e2e e2e-own bench fuzz lint check-docs generate dist kind-up kind-down \
	tools env-setup check-prereqs

help: ## List the verbs
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

quick-start: tools ## Sign and verify 1,000 records with 100 keys, on private servers (numbers: .env)
	$(CARGO_BUILD)
	@$(WITH_ENV) scripts/quick-start --again

start: tools ## Start a Postgres and a NATS that stay, with their data in .vaultstream/
	$(CARGO_BUILD)
	@$(PROGRAM) dev up --data-dir $(DATA_DIR)

stop: ## Stop them; the data stays
	@if [ -x $(PROGRAM) ]; then $(PROGRAM) dev down --data-dir $(DATA_DIR); else echo "nothing was built, so nothing runs"; fi

seed: tools ## Make the records of the quick start in .vaultstream/ and sign none; `make quick-start` signs them
	$(CARGO_BUILD)
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

bench: tools ## Sign 1,000,000 records at batch 50, 500 and 5000, on private servers; print a table
	$(CARGO_BUILD)
	@env -u DATABASE_URL -u VAULTSTREAM_NATS_URL $(PROGRAM) bench --records 1000000 --batch-size 50,500,5000 --output markdown

fuzz: ## Look for inputs on which two signing backends differ, for a minute
	@scripts/fuzz

lint: ## Check format, lints, docs, dependencies, scripts and generated files
	@scripts/install-tools cargo-deny hadolint shellcheck
	@scripts/lint

check-docs: ## Run the commands of README, docs/operations.md and the samples as written there; those for clusters need root
	@scripts/check-docs

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
