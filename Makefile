# Every target sets up .venv by itself. Needs Python >= 3.11, make and git; uses uv only if it is there.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	  command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
DEMO ?= demo
WORKERS ?= $(shell nproc 2>/dev/null || echo 2)

.PHONY: help setup demo test check lint types contracts calibration search browser docs bench clean
.DEFAULT_GOAL := help

help:
	@echo "make demo         simulate a trial, run its whole analysis, say where the report is"
	@echo "make test         the tests"
	@echo "make check        tests, lint, types and import contracts"
	@echo "make calibration  simulations of type I error, coverage and bias (long)"
	@echo "make search       properties on new random examples"
	@echo "make docs         the documentation as a web site in site/"
	@echo "make bench        benchmarks, as ratios against peers"

setup: $(VENV)/.dev

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python >= 3.11 is not on the PATH" >&2; exit 1; }
	@if command -v uv >/dev/null 2>&1; then uv venv -q --seed --python "$(PYTHON)" $(VENV); else "$(PYTHON)" -m venv $(VENV); fi

# Bytecode is compiled in the open: an environment may have switched writing it off, and imports then take twice as long.
COMPILE := env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m compileall -q -j 0 $(VENV)/lib src || true

$(VENV)/.run: pyproject.toml | $(VENV)/bin/python
	@echo "setting up $(VENV) ..."
	@if command -v uv >/dev/null 2>&1; then uv pip install -q --python $(BIN)/python -e .; else $(BIN)/python -m pip install -q --disable-pip-version-check -e .; fi
	@$(COMPILE)
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	@echo "setting up $(VENV) for development ..."
	@if command -v uv >/dev/null 2>&1; then uv pip install -q --python $(BIN)/python -e '.[dev]'; else $(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev]'; fi
	@$(COMPILE)
	@touch $@ $(VENV)/.run

$(VENV)/.docs: pyproject.toml | $(VENV)/bin/python
	@if command -v uv >/dev/null 2>&1; then uv pip install -q --python $(BIN)/python -e '.[docs]'; else $(BIN)/python -m pip install -q --disable-pip-version-check -e '.[docs]'; fi
	@touch $@

demo: $(VENV)/.run
	$(BIN)/correlates demo --out $(DEMO)

test: $(VENV)/.dev
	$(BIN)/pytest -q -n $(WORKERS) -m "not calibration"

check: test lint types contracts

lint: $(VENV)/.dev
	$(BIN)/ruff check src tests benchmarks scripts
	$(BIN)/ruff format --check src tests benchmarks scripts

types: $(VENV)/.dev
	$(BIN)/mypy

contracts: $(VENV)/.dev
	$(BIN)/lint-imports

calibration: $(VENV)/.dev
	$(BIN)/pytest -q -n $(WORKERS) -m calibration

# Properties on random examples nobody has seen; `make test` takes the same ones every time.
search: $(VENV)/.dev
	$(BIN)/pytest -q -n $(WORKERS) --hypothesis-profile search tests/properties tests/unit/stats

browser: $(VENV)/.dev
	$(BIN)/pytest -q -m browser

docs: $(VENV)/.docs $(VENV)/.run
	$(BIN)/python scripts/make_reference.py
	$(BIN)/mkdocs build --strict --quiet

bench: $(VENV)/.dev
	@for f in benchmarks/bench_*.py; do echo "== $$f"; $(BIN)/python $$f; done

clean:
	rm -rf $(VENV) site .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
