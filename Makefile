# Everything a newcomer needs. `make demo` and `make test` set up what they use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help demo test lint types imports tests test-native-asan test-editors bench-keystroke clean

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

# libasan has to be there before Python; torch and CPython keep memory to their end, which is no leak of ours.
test-native-asan: export PATH := $(abspath $(BIN)):$(PATH)
test-native-asan: $(STAMP) ## the native engine's tests under AddressSanitizer and UndefinedBehaviorSanitizer
	cmake -S . -B build/asan -G Ninja -DMIDFILL_SANITIZE=ON -DPython_EXECUTABLE=$(abspath $(BIN))/python
	cmake --build build/asan
	LD_PRELOAD="$$(c++ -print-file-name=libasan.so) $$(c++ -print-file-name=libubsan.so)" \
	ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 \
	$(BIN)/python -m pytest -p tests.sanitized tests/kernels/test_native_product.py \
	tests/kernels/test_native_forward.py tests/inference/models/test_native_model.py

test-editors: $(STAMP) ## drive the real VS Code and the real Neovim with the shipped model
	$(BIN)/python -m pytest -m editors tests/e2e

bench-keystroke: $(STAMP) ## keystroke to ghost text, as a table
	$(BIN)/python -m benchmarks.keystroke

clean: ## remove what the targets above made
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
