# The two commands of a fresh machine: `make explore` and `make test`. Everything lands in $(VENV).
PYTHON ?= python3
VENV ?= .venv
ARGS ?=
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: explore test lint docs vectors zoo bench assignment-report clean

explore: $(VENV)/.installed  ## build the library and open the explorer (ARGS="--port 8600 --no-browser")
	@$(BIN)/vfm-atlas build
	@$(BIN)/vfm-atlas explore $(ARGS)

test: $(VENV)/.installed-test lint  ## every check and test
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile $(ARGS)

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.installed  ## write docs/cli.md anew, after a command or setting changed
	@$(BIN)/python docs/make_cli.py

vectors: $(VENV)/.installed  ## encode the shipped catalogue anew, after its texts changed
	$(BIN)/python -m ingest.make_vectors

zoo: $(VENV)/.installed  ## train the models that ship anew, after a recipe or the scenes changed
	@$(BIN)/vfm-atlas zoo train --out data/zoo

bench: $(VENV)/.installed-test  ## measured ratios, see docs/benchmarks.md
	$(BIN)/python -m benchmarks

assignment-report: $(VENV)/.installed-test  ## how well papers are placed in the taxonomy, into docs/assignment.md
	$(BIN)/python -m benchmarks.assignment --write

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "VFM Atlas needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing into $(VENV); the first time takes a few minutes."
	$(PIP) -e .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(PIP) -e ".[test]"
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
