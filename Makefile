# The front door. Each target is a line or two that a person can run by hand.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
CARGO := cargo
# The suites that start a Kubernetes, and all others.
KUBERNETES := kubernetes upgrade rig
SUITES := $(filter-out $(KUBERNETES),$(patsubst tests/tests/%/main.rs,%,$(wildcard tests/tests/*/main.rs)))
.PHONY: help demo demo-kubernetes test test-without-kubernetes test-matrix test-mutations unit integration bench bench-handovers lint fmt generate fuzz fuzz-quick build advisories clean
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 25

demo: ## a real broker, the proxy, and what each side sees of encrypted records
	tests/rig/setup demo
	$(CARGO) build --locked --release -p proxy
	tests/demo/run

demo-kubernetes: ## a real Kubernetes, the operator by its chart, and a policy that becomes a fleet of proxies (root; KEEP=1 keeps it)
	tests/demo/kubernetes --check
	tests/rig/setup demo-kubernetes
	$(MAKE) --no-print-directory build
	tests/demo/kubernetes

test: ## every test, on real brokers with real clients
	tests/rig/setup test
	python3 -B -m unittest discover -s tests/bench
	$(CARGO) test --locked --workspace --no-fail-fast -- $(SKIP)

test-without-kubernetes: ## the same but for the suites that start a Kubernetes, as where there is only cgroup v2
	tests/rig/setup test
	python3 -B -m unittest discover -s tests/bench
	$(CARGO) test --locked --workspace --exclude tests --no-fail-fast -- $(SKIP)
	$(CARGO) test --locked -p tests --no-fail-fast --lib --bins $(addprefix --test ,$(SUITES)) -- $(SKIP)

unit: ## the tests of programs and libraries by themselves: no broker, no Kubernetes; those of the chart are in `integration`
	$(CARGO) test --locked --workspace --exclude tests

integration: ## the tests of the package `tests`: brokers, clients, chart, Kubernetes, upgrade; some of them: make integration CASE=name
	tests/rig/setup test
	$(CARGO) test --locked -p tests -- $(CASE)

test-matrix: ## every client library on every version of the broker, which writes tests/tests/matrix/matrix.md; random workloads of more seeds; a long outage (30 minutes or more)
	tests/rig/setup matrix
	MATRIX=all $(CARGO) test --locked -p tests --test matrix -- --nocapture whole apis
	MATRIX=all $(CARGO) test --locked -p tests --test applications -- --nocapture differential
	MATRIX=all $(CARGO) test --locked -p tests --test kms -- --nocapture outage::share_groups

test-mutations: ## promises switched off, one at a time, and whether a test notices (hours; Python 3.11); some lines: LINES="P17-06 TE-B02"
	tests/rig/setup test
	tests/conformance/run $(LINES)

bench: ## ratios to a plain TCP relay in one run; PEER=1 adds Kroxylicious, QUICK=1 is short
	tests/rig/setup bench
	$(CARGO) build --locked --release -p proxy
	tests/bench/run

bench-handovers: ## what it adds to latency that data keys end all the time; writes tests/bench/HANDOVERS.md
	tests/rig/setup bench
	$(CARGO) build --locked --release -p proxy
	CASES=- CONTENDERS="relay encrypt renew" RATE_REPEATS=9 RESULTS=tests/bench/HANDOVERS.md tests/bench/run

build: ## the programs, optimised, of less than 40 MB each: target/release/topic-encryption-proxy and -operator
	$(CARGO) build --locked --release -p proxy -p operator
	tests/rig/size "$${CARGO_TARGET_DIR:-target}"/release/topic-encryption-{proxy,operator}

lint: ## formatting, clippy and documentation, warnings are errors; licences and sources where cargo-deny is installed
	$(CARGO) fmt --all --check
	$(CARGO) fmt --check --manifest-path proxy/fuzz/Cargo.toml
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	tests/rig/features
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --document-private-items --quiet
	if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny --locked check bans licenses sources; else echo "cargo-deny is not installed: skipped (cargo install cargo-deny)"; fi

advisories: ## known vulnerabilities of dependencies (network; cargo install cargo-deny)
	$(CARGO) deny --locked check advisories

fmt: ## format everything
	$(CARGO) fmt --all
	$(CARGO) fmt --manifest-path proxy/fuzz/Cargo.toml

generate: ## write generated files anew: test vectors, definitions, statuses for Argo CD, manifests from the chart, tables
	REGENERATE=1 $(CARGO) test --locked -p proxy-crypto vectors
	REGENERATE=1 $(CARGO) test --locked -p proxy --lib the_page_is_current
	REGENERATE=1 $(CARGO) test --locked -p operator-api --test crds
	REGENERATE=1 $(CARGO) test --locked -p operator --lib argocd
	REGENERATE=1 $(CARGO) test --locked -p tests --test chart generated_definitions
	REGENERATE=1 $(CARGO) test --locked -p tests --test chart generated
	REGENERATE=1 $(CARGO) test --locked -p tests --test kms

fuzz: ## fuzz every parser and whole connections, TIME=60 seconds for each target; keeps corpora and hours (proxy/fuzz/README.md)
	proxy/fuzz/run --time $(or $(TIME),60)

fuzz-quick: ## the same for five minutes in total, keeping nothing
	proxy/fuzz/run --total 300 --dry

clean: ## build results; downloads stay in the cache
	$(CARGO) clean
