# Everything a newcomer needs. `make demo` and `make test` set up what they use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help demo test lint types imports tests test-editors bench-keystroke clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 20

$(STAMP): pyproject.toml constraints.txt CMakeLists.txt hatch_build.py $(wildcard kernels/*/*.h kernels/*/*.cpp)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(STAMP) ## complete a few real files over a real LSP session, and show the ghost text
	$(BIN)/python -m benchmarks.demo

test: lint types imports tests ## lint, types, import rules and all tests

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

imports: $(STAMP)
	$(BIN)/lint-imports

tests: $(STAMP)
	$(BIN)/python -m pytest

test-editors: $(STAMP) ## drive the real VS Code and the real Neovim with the shipped model
	$(BIN)/python -m pytest -m editors tests/e2e

bench-keystroke: $(STAMP) ## keystroke to ghost text, as a table
	$(BIN)/python -m benchmarks.keystroke

clean: ## remove what the targets above made
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
