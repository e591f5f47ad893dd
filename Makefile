# make demo   set up what a run needs and send a forest-fire photo over a satellite link
# make test   set up what the tests need, then lint, format check, types and tests, two at a time
# make test-all   the same with the slow tests
# make references   everything in results/reference and every number of the pages from it, made anew (an hour)
# make docs   the manual as web pages in build/site; warnings are errors
# make house  how the code stands: modules, lines, imports, and the way of a run
# make clean  remove the virtual environment and caches (results stay)
# Everything lives in .venv of this checkout; nothing needs root. PYTHON names the interpreter (3.11 or later).

PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-all references docs house lint clean venv
.DELETE_ON_ERROR:

demo: .venv/demo-ready
	$(BIN)/satsim run scenarios/forest_fire.yaml

test: lint
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-all: lint
	$(BIN)/python -m pytest -n 2

lint: .venv/test-ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

references: .venv/test-ready
	$(BIN)/python benchmarks/references.py

docs: .venv/test-ready
	$(BIN)/python -m mkdocs build --strict

house: .venv/test-ready
	$(BIN)/python tests/house.py

venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "satsim needs Python 3.11 or later; name one: make PYTHON=python3.11 ..."; exit 2; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || \
		{ echo "making a virtual environment in .venv"; rm -rf .venv; $(PYTHON) -m venv .venv; }

.venv/demo-ready: pyproject.toml | venv
	@echo "installing satsim and what it needs into .venv (a few minutes the first time)"
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -e '.[auth,orbit]'
	@touch $@

.venv/test-ready: pyproject.toml | venv
	@echo "installing satsim and what its tests need into .venv (a few minutes the first time)"
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -e '.[dev,vvc,research]'
	@touch $@

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build ./*.egg-info
