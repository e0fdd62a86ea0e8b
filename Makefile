# `make` alone lists the verbs. Scripts in scripts/ do the work; each can be run by itself.

# Found first by every program and test that starts servers.
export VAULTSTREAM_TOOLS := $(CURDIR)/.tools

# Tests mostly wait for servers: with one for each of two cores half the time is lost.
export RUST_TEST_THREADS ?= $(shell cores=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1); echo $$((cores < 4 ? 4 : cores)))

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
MINUTES ?= 10
PREFIX ?= $(if $(filter 0,$(shell id -u)),/usr/local,$(HOME)/.local)

.DEFAULT_GOAL := help
.PHONY: help quick-start quick-start-web follow-demo build install uninstall start stop seed clean test test-newest test-cluster test-keda test-cert-manager test-prometheus test-scale test-aarch64 e2e e2e-own e2e-newest bench bench-follow fuzz engine-equality faulty-lane bulk-insert live-page timing mutants swarm lint otel-collector openbao kms-plugin check-docs \
	generate page picture docs dist release-dry-run kind-up kind-down tools env-setup check-prereqs

help: ## List these verbs
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

quick-start: build ## Sign and verify 1,000 records; they are kept in .vaultstream/
	@$(WITH_ENV) scripts/quick-start --again

quick-start-web: build ## Sign RECORDS (5,000,000) while a page in the browser shows it
	@$(WITH_ENV) env TOTAL_RECORDS=$(or $(RECORDS),5000000) BATCH_SIZE=500 scripts/quick-start --again --web

follow-demo: build ## Follow a table that grows, on servers of its own, and verify the checkpoints
	@scripts/follow-demo

build: tools ## Build vaultstream, which ./vaultstream runs
	$(CARGO_BUILD_CLI)

install: build ## Install it under PREFIX (~/.local, or for root /usr/local)
	@scripts/install "$(PREFIX)"

uninstall: ## Remove what `make install` installed
	rm -rf "$(PREFIX)/lib/vaultstream" "$(PREFIX)/bin/vaultstream" "$(PREFIX)/bin/kubectl-vaultstream"

start: build ## Start a Postgres and a NATS that keep running
	@$(PROGRAM) dev up --data-dir $(DATA_DIR)

stop: ## Stop them; their data is kept in .vaultstream/
	@if [ -x $(PROGRAM) ]; then $(PROGRAM) dev down --data-dir $(DATA_DIR); else echo "nothing was built, so nothing runs"; fi

seed: build ## Make the records of the quick start, but sign none yet
	@VAULTSTREAM_DATA_DIR=$(DATA_DIR) $(WITH_ENV) scripts/quick-start --again --seed-only

clean: stop ## Stop, and remove what was built and .vaultstream/
	@scripts/clean

test: ## Run every test; with CLUSTER=own on Kubernetes, too
	@scripts/install-tools python
	@scripts/install-tools --only openbao || echo "SKIPPED: the tests of custody by OpenBao"
	@scripts/install-tools --only kms-plugin || echo "SKIPPED: the tests of custody by a KMS plugin"
	cargo test --release --locked --workspace --no-fail-fast
	@$(RELEASE)/examples/backends
	@if [ "$(CI)" != true ]; then \
	  echo "SKIPPED: what depends on Postgres' version, on the newest one (make test-newest runs it)"; \
	elif [ -e .tools/postgres ]; then \
	  echo "this machine has no Postgres but the newest, on which all tests ran"; \
	elif scripts/install-tools --only postgres-newest; then \
	  echo "SKIPPED: on the newest Postgres, of the whole all but ledgers of earlier versions (make test-newest runs it; the chart's story has it, too)"; \
	  $(MAKE) --no-print-directory test-newest NEWEST=upgrades::; \
	else \
	  echo "SKIPPED: what depends on Postgres' version, on the newest one, which cannot be had here"; \
	fi
	@if [ "$(CI)" = true ] || [ "$(CLUSTER)" = own ]; then \
	  scripts/test-nodes; \
	else \
	  echo "SKIPPED: the tests of operator and chart on a real Kubernetes node (CLUSTER=own make test runs them; needs root)"; \
	fi

# Of the tests of the whole, those that depend on the version.
NEWEST := operator_login:: rejects:: restore:: sources:: tables:: tenants:: upgrades::

test-newest: ## Test what depends on Postgres' version on the newest
	@scripts/install-tools postgres-newest
	VAULTSTREAM_TOOLS=$(CURDIR)/.tools/newest cargo test --release --locked --workspace --test ledger --no-fail-fast
	VAULTSTREAM_TOOLS=$(CURDIR)/.tools/newest cargo test --release --locked --workspace --test it --no-fail-fast -- \
	  $(NEWEST)

test-cluster: ## Run the operator's tests on a node of our own; needs root
	@scripts/test-cluster operator

test-keda: ## Run the tests of scaling by KEDA there; needs root
	@scripts/test-cluster keda

test-cert-manager: ## Run the tests of certificates by cert-manager there; needs root
	@scripts/test-cluster cert_manager

test-prometheus: ## Ask the chart's Prometheus there what the dashboard asks; needs root
	@tests/cluster/packages && tests/cluster/build && tests/cluster/build prometheus
	@scripts/e2e --own prometheus::

test-scale: ## Time 1,000 SigningJobs there; print a table
	@scripts/test-cluster scale --nocapture

test-aarch64: ## Cross-compile for aarch64; run under qemu what needs no server
	@scripts/test-aarch64

e2e: ## Test the chart: VAULTSTREAM_E2E_CONTEXT, kind or our own node
	@scripts/e2e

e2e-own: ## The same on a node of our own in any case
	@scripts/e2e --own

e2e-newest: ## The same there with the newest Postgres
	@VAULTSTREAM_E2E_POSTGRES=newest scripts/e2e --own

kind-up: ## Make a kind cluster with VaultStream; needs Docker
	@scripts/kind up

kind-down: ## Remove that cluster
	@scripts/kind down

bench: build ## Sign 1,000,000 records at three batch sizes; print a table
	@env -u DATABASE_URL -u VAULTSTREAM_DATABASE_URL -u VAULTSTREAM_DATA_DIR -u VAULTSTREAM_NATS_URL $(PROGRAM) bench --records 1000000 --batch-size 50,500,5000 --output markdown

bench-follow: build ## Follow a table that grows for INSERT_TIME (10m); print tables
	@env -u DATABASE_URL -u VAULTSTREAM_DATABASE_URL -u VAULTSTREAM_DATA_DIR -u VAULTSTREAM_NATS_URL $(PROGRAM) bench --follow --insert-time $(or $(INSERT_TIME),10m) --output markdown

fuzz: ## Look for inputs on which two backends differ, for a minute
	@scripts/fuzz

engine-equality: ## Compare SIGNATURES (10,000,000) of the engine with another library's, and a tenth of each backend
	SIGNATURES=$(or $(SIGNATURES),10000000) cargo test --release --locked -p vaultstream-engine --test equality -- --nocapture
	SIGNATURES=$$(( $(or $(SIGNATURES),10000000) / 10 )) cargo test --release --locked -p vaultstream-signing --test agreement -- --nocapture

faulty-lane: ## Sign RECORDS (1,000,000) on lanes of which one is wrong: is a wrong signature ever committed?
	@scripts/install-tools
	RECORDS=$(or $(RECORDS),1000000) cargo test --release --locked --workspace --test it faulty_backends::with_one_faulty_lane -- --nocapture

bulk-insert: ## Insert ROWS (1,000,000) at once into a table that a job follows
	@scripts/install-tools
	ROWS=$(or $(ROWS),1000000) cargo test --release --locked --workspace --test it following::bulk::a_bulk_insert -- --nocapture

live-page: ## What the live page costs: a job of RECORDS (1,000,000) while it signs, and one of BATCHES (1,000,000)
	@scripts/install-tools python
	RECORDS=$(or $(RECORDS),1000000) BATCHES=$(or $(BATCHES),1000000) cargo test --release --locked --workspace --test it live_page:: -- --nocapture --test-threads 1

timing: ## Does signing take as long for every key and nonce? Some minutes
	@scripts/timing

mutants: ## Change the pure code bit by bit: does a test fail each time?
	@scripts/mutants

swarm: ## Break jobs at random for MINUTES (10), on real servers
	@scripts/install-tools
	VAULTSTREAM_SWARM_MINUTES=$(MINUTES) cargo test --release --locked --workspace --test it swarm:: -- --nocapture

lint: ## Check format, lints, dependencies, scripts, generated files
	@scripts/install-tools cargo-deny hadolint shellcheck
	@scripts/install-tools --only actionlint || echo "NOT CHECKED: the workflows, for actionlint cannot be built here"
	@scripts/lint

check-docs: ## Run the commands of the documents as they are written
	@scripts/check-docs

docs: ## Make the site of the documents, and check its links
	@scripts/docs

picture: build ## Record the pictures of the README from real runs; needs chromium
	@scripts/record-terminal
	@scripts/record-page
	@scripts/record-live-page

page: ## Build the live page from web/; needs Node.js 20
	cd web && npm ci --no-audit --no-fund && npm test && npm run build

generate: ## Write what is generated: crds/, docs/reference/, charts/
	@scripts/generate

dist: ## Put static, stripped programs into dist/
	@scripts/dist

release-dry-run: ## Make all files of a release twice, and compare the bytes
	@scripts/release-dry-run

tools: ## Put a pinned nats-server, and Postgres if needed, into .tools/
	@scripts/install-tools

otel-collector: ## Put an OpenTelemetry Collector into .tools/, for the tests of traces; needs Go
	@scripts/install-tools --only otel-collector

openbao: ## Put an OpenBao into .tools/, for the tests of custody
	@scripts/install-tools --only openbao

kms-plugin: ## Put a KMS v2 plugin into .tools/, for the tests of custody; needs Go
	@scripts/install-tools --only kms-plugin

env-setup: ## Write .env with the numbers of the quick start
	@scripts/env-setup

check-prereqs: ## Say what this machine lacks
	@scripts/check-prereqs
