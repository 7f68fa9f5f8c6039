# Everything here runs from the folder of this file and sets up .venv by itself: Python 3.11 or newer and make are enough.
# PYTHON=python3.12 chooses the interpreter, ARGS="..." is handed to the command of the target.
PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test check simulate bench witnesses pins

help:  ## this list
	@awk -F ':.*  ## ' '/^[a-z]+:.*  ## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

demo: $(READY)  ## the tour: two systems, coupled and kept in step before your eyes
	@$(BIN)/koppel demo $(ARGS)

test: $(READY)  ## all tests but the long hunts
	@$(BIN)/python -m pytest -q -n auto --dist worksteal -m "not slow" $(ARGS)

check: $(READY)  ## style, types, import layers, docs
	@$(BIN)/ruff check --quiet --output-format concise .
	@$(BIN)/ruff format --check --quiet . || { echo "ruff: run $(BIN)/ruff format ." >&2; exit 1; }
	@$(BIN)/mypy --strict --no-error-summary src
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m pytest -q tests/docs $(ARGS)

simulate: $(READY)  ## long hunts for crashes and bad histories; KOPPEL_STEPS=, KOPPEL_SEED= reach further
	@$(BIN)/python -m pytest -q -n auto -m slow --hypothesis-profile=hunt $(ARGS)

bench: $(READY)  ## speed and memory beside the plain limits, written to docs/benchmarks.md; ARGS="P1 P6" measures only those
	@$(BIN)/python -m benchmarks $(ARGS)

witnesses: $(READY)  ## clients of others, for the tests that are skipped without them
	@scripts/witnesses

# No addresses of package hosts in the pins: hashes say what a package is, the machine says where it comes from.
PIN = uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes --no-emit-index-url \
	--no-header --annotation-style line $(ARGS)

pins:  ## pin the dependencies of pyproject.toml again (needs uv; ARGS=--upgrade takes newer ones)
	$(PIN) -o requirements/run.txt pyproject.toml
	$(PIN) -o requirements/dev.txt --extra dev --constraint requirements/run.txt pyproject.toml
	$(PIN) -o requirements/witnesses.txt --extra witnesses --constraint requirements/dev.txt pyproject.toml

$(READY): pyproject.toml requirements/dev.txt scripts/setup
	@PYTHON="$(PYTHON)" scripts/setup
