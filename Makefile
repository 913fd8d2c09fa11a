# What people type. Each target installs what it misses (scripts/setup.sh) and then works offline,
# the Go client test excepted. Build results go outside the clone, so that clones share them.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

export CARGO_TARGET_DIR ?= $(HOME)/.cache/sealwork/target
# rustup's default place: a fresh installation is not on every PATH.
export PATH := $(HOME)/.cargo/bin:$(PATH)

CARGO := cargo
RELEASE := $(CARGO_TARGET_DIR)/release/sealwork
KILL_RUNS ?= 500
FUZZ_SECONDS ?= 30
# What tests and lints see: every attester. One selection for both, so that nothing is built twice.
ALL_FEATURES := --features tpm,nitro,sim
# Attesters of the production binary beside TDX and SEV-SNP; `tpm` needs libtss2 (setup.sh tss).
DIST_FEATURES ?= nitro

.PHONY: help demo demo-social build test lint fmt docs dist dist-test go-client-test guests-check wasm-check torture bench fuzz-short setup

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup:
	@scripts/setup.sh build

build: setup ## Build the release binary
	$(CARGO) build --release --locked -p sealwork-cli

demo: build ## One sealed crawl, start to verified receipt; URL=https://... for another site
	@"$(RELEASE)" demo $${URL:+--url "$$URL"} $${ALLOW:+--allow "$$ALLOW"}

demo-social: build ## One job of every operation of the social engines, at an upstream on loopback
	@$(CARGO) run --release --locked -p sealwork-test-upstream --example demo_social -- "$(RELEASE)"

test: setup ## Every test: workspace, guests, verifier in WebAssembly, Go client (where Go is), production binary
	@scripts/setup.sh test
	$(CARGO) test --workspace $(ALL_FEATURES) --locked
	$(CARGO) test --manifest-path fuzz/Cargo.toml --locked
	@$(MAKE) --no-print-directory guests-check
	@$(MAKE) --no-print-directory wasm-check
	@scripts/test-go-client.sh
	@$(MAKE) --no-print-directory dist-test

lint: ## Formatting, clippy, docs, licences and sources, generated documents
	@scripts/setup.sh lint
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace $(ALL_FEATURES) --all-targets --locked -- -D warnings
	$(CARGO) clippy -p sealwork-cli --no-default-features --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --document-private-items --locked
	$(CARGO) deny --locked check bans licenses sources
	$(CARGO) test --workspace $(ALL_FEATURES) --locked --test openapi
	@scripts/check-tree.sh

fmt: ## Format the sources
	$(CARGO) fmt --all

docs: setup ## Write the generated documents: configuration, codes, OpenAPI
	SEALWORK_BLESS=1 $(CARGO) test --locked -p sealwork-cli --bins -- config::docs
	SEALWORK_BLESS=1 $(CARGO) test --locked -p sealwork-door-http --test openapi

dist: setup ## The production binary, without simulation, in dist/; DIST_FEATURES=nitro,tpm for a TPM
	@case ",$(DIST_FEATURES)," in *,tpm,*) scripts/setup.sh tss ;; esac
	$(CARGO) build --release --locked -p sealwork-cli --no-default-features --features "$(DIST_FEATURES)"
	@install -D -m 0755 "$(RELEASE)" dist/sealwork
	@strip --strip-all dist/sealwork 2>/dev/null || true
	@sha256sum dist/sealwork

dist-test: dist ## Run the production binary: no simulation in it, a sealed job, an orderly stop
	@scripts/test-dist.sh dist/sealwork

go-client-test: setup ## The unmodified Go client against a worker
	@GO_CLIENT_REQUIRED=1 scripts/test-go-client.sh

torture: setup ## Kill the worker at random moments under load, KILL_RUNS times (500)
	KILL_RUNS=$(KILL_RUNS) $(CARGO) test --release --locked -p sealwork-cli --test kill -- --nocapture

guests-check: ## Build the JavaScript guest again: it must be the one that is in the tree
	@scripts/setup.sh guests
	guests/js/build.sh --check

wasm-check: ## Build the verifier for WebAssembly and run it under Node over the samples
	@scripts/setup.sh wasm
	crates/verify/wasm/check.sh

bench: build ## Measure on this machine, over loopback; PEERS=DIR of scripts/bench-peers.sh
	@for what in idle "jobs --seconds 60" masa web crawl social "programs $${PEERS:+--peers $$PEERS}"; do "$(RELEASE)" bench $$what; done

fuzz-short: ## Each fuzz target for FUZZ_SECONDS (30)
	@scripts/setup.sh fuzz
	@FUZZ_SECONDS=$(FUZZ_SECONDS) scripts/fuzz.sh
