# The everyday commands. `make` alone lists them; `make run` and `make test` need Rust, make and a C compiler, no more.

CARGO ?= cargo
OPENAPI := openapi/openapi.json

.DEFAULT_GOAL := help
.PHONY: help run test lint bans bench signing faults openapi schema tools

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: tools ## build and start the server on SQLite with demo data
	@$(CARGO) run -p licentia -- serve --demo

test: tools ## every test: unit, property, doc, integration on SQLite and PostgreSQL, real verifiers
	@scripts/test.sh

lint: tools ## format, clippy with warnings denied, banned crates, licences, sources
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	@$(MAKE) --no-print-directory bans

bans: ## hold deny.toml: banned crates, licences, sources (cargo-deny, or our own script)
	@if $(CARGO) deny --version >/dev/null 2>&1; \
	then $(CARGO) deny check bans licenses sources; \
	else python3 scripts/check-dependencies.py; fi

bench: tools ## load the release server, and print its cost as ratios; BENCH_ARGS="--quick" takes five minutes
	$(CARGO) build --release -p licentia -p licentia-bench
	@"$${CARGO_TARGET_DIR:-target}/release/licentia-bench" $(BENCH_ARGS)

signing: tools ## the signer alone against a bare aws-lc signature, as a ratio
	$(CARGO) bench -p licentia-crypto

faults: tools ## break release servers under load, and compare what clients were told with what is stored; FAULTS_ARGS="--short" takes three minutes
	$(CARGO) build --release -p licentia -p licentia-faults
	@"$${CARGO_TARGET_DIR:-target}/release/licentia-faults" $(FAULTS_ARGS)

openapi: tools ## write openapi/openapi.json anew
	@mkdir -p $(dir $(OPENAPI))
	@$(CARGO) run -q -p licentia -- openapi > $(OPENAPI).new || { rm -f $(OPENAPI).new; exit 1; }
	@mv $(OPENAPI).new $(OPENAPI)
	@echo "$(OPENAPI) is up to date"

schema: tools ## generated calls to the server, each answer held against openapi/openapi.json
	$(CARGO) build -p licentia
	@scripts/schemathesis.sh "$${CARGO_TARGET_DIR:-target}/debug/licentia"

# Says in one line what to install, before a compiler says it in a hundred.
tools:
	@command -v $(CARGO) >/dev/null || \
	{ echo "cargo is missing: install Rust 1.94 or newer (https://rustup.rs)" >&2; exit 1; }
	@command -v "$${CC:-cc}" >/dev/null || command -v gcc >/dev/null || command -v clang >/dev/null || \
	{ echo "a C compiler is missing: install build-essential (Debian, Ubuntu), gcc (Fedora) or the Xcode command line tools (macOS)" >&2; exit 1; }
