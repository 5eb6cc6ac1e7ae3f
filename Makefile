# `make demo` and `make test` set up everything they need in .venv; a second run is quick.
.DEFAULT_GOAL := help
SHELL := bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := $(shell find rust python/ferromics -type f -not -name '*.so' -not -path '*/__pycache__/*') \
           Cargo.toml Cargo.lock pyproject.toml README.md

.PHONY: help demo test test-rust test-python lint format bench bench-page bench-check bench-rust docs regen dev clean all

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

demo: $(VENV)/.installed ## run the main job on data the package carries
	$(BIN)/ferromics demo --out demo

test: test-rust test-python ## run all tests, Rust and Python (against the built wheel)

test-rust: | cargo
	cargo test --locked

test-python: $(VENV)/.installed $(VENV)/.tools
	$(BIN)/python -m pytest

lint: $(VENV)/.installed $(VENV)/.tools | cargo ## check formatting, lints, types and stubs
	cargo fmt --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest ferromics._core --ignore-missing-stub

format: $(VENV)/.tools | cargo ## bring the code into shape
	cargo fmt
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed $(VENV)/.tools ## time whole works and each family by size, beside any peer installed
	$(BIN)/python -m bench $(ARGS)

bench-page: ## write the benchmark's table and plots from the JSON file that README.md names
	$(PYTHON) -m bench.page $(ARGS)

bench-check: | cargo ## fail if a Rust kernel takes more instructions than the committed count (valgrind)
	$(PYTHON) -m bench.counts $(ARGS)

bench-rust: | cargo ## time the Rust kernels (ARGS: a part of a name)
	cargo bench --locked --bench kernels -- $(ARGS)

docs: $(VENV)/.installed ## write the pages of docs/ that come from the package
	$(BIN)/python docs/generate.py

regen: docs ## rewrite our own generated files (never reference values)

dev: $(VENV)/.tools | cargo ## build the extension into the checkout, for quick edits
	$(BIN)/maturin develop --release

all: lint test ## what CI runs, in its order

clean: ## remove what the other targets made
	rm -rf $(VENV) dist demo target

.PHONY: cargo
cargo:
	@command -v cargo >/dev/null || { echo "make: cargo is missing; install Rust from https://rustup.rs" >&2; exit 1; }

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is missing; install Python 3.10 or later, or pass PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "make: $$($(PYTHON) --version) is too old; pass PYTHON=python3.10 or later" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "make: the venv module is missing; on Debian or Ubuntu: apt install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --upgrade pip

# The wheel a user would install. Where cargo is missing, the build backend fetches a toolchain.
dist/.built: $(SOURCES) | $(BIN)/python
	rm -rf dist
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .
	touch $@

$(VENV)/.installed: dist/.built
	$(BIN)/python -m pip install --quiet dist/*.whl
	$(BIN)/python -m pip install --quiet --force-reinstall --no-deps dist/*.whl
	touch $@

$(VENV)/.tools: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --group dev
	touch $@
