.PHONY: help run test bench images fmt lint schema clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

# However make itself ends, what it started ends with it.
run: ## Build and run Spaceport here, in the foreground; installs Docker when missing
	@exec setpriv --pdeathsig TERM dev/run

test: ## Check everything: format, lints, unit and integration tests; installs what it needs
	@exec setpriv --pdeathsig TERM dev/test

bench: ## Run the side-by-side benchmarks
	@dev/bench

images: ## Build the space images that are missing or changed
	@dev/images

fmt: ## Format the Rust code
	cargo fmt --all

lint: ## Check format and lints
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

schema: ## Write schema.graphql from the code
	cargo run --locked --quiet --bin spaceport-api -- schema > schema.graphql.new
	mv schema.graphql.new schema.graphql

clean: ## Remove test leftovers and, after asking, the data directory with its spaces
	@dev/clean
