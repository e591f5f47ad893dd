# make demo   set up what a run needs and send a forest-fire photo over a satellite link
# make test   set up what the tests need, then lint, format check, types and tests, two at a time
# make test-all   the same with the slow tests
# make references   everything in results/reference and every number of the pages from it, made anew (two hours)
# make field  two teams, two emulated modems and a command post, with losses and crashes: a minute, no hardware
# make web    the codec in the browser: fetches ONNX Runtime from npm, exports the models, serves the page until Ctrl+C
# make docs   the manual as web pages in build/site; warnings are errors
# make house  how the code stands: modules, lines, imports, and the way of a run
# make lock   constraints.txt anew: the newest versions that go together, to be tested before they are committed
# make clean  remove the virtual environment and caches (results stay)
# Everything lives in .venv of this checkout; nothing needs root. PYTHON names the interpreter (3.11 or later).
# All is installed in the versions of constraints.txt.

PYTHON ?= python3
BIN := .venv/bin
PIP := -m pip install --disable-pip-version-check --quiet
# torch is named for `make lock`: on Linux another release may bring GPU libraries of several gigabytes.
TORCH := 2.13.0

.PHONY: demo test test-all references field web docs house lint lock clean venv
.DELETE_ON_ERROR:

demo: .venv/demo-ready
	$(BIN)/satsim run scenarios/forest_fire.yaml

test: lint
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

test-all: lint
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: .venv/test-ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

references: .venv/test-ready
	$(BIN)/python benchmarks/references.py

field: .venv/test-ready
	$(BIN)/python benchmarks/field.py

web: .venv/test-ready
	$(BIN)/python web/prepare.py
	$(BIN)/python web/serve.py

docs: .venv/test-ready
	$(BIN)/python -m mkdocs build --strict

house: .venv/test-ready
	$(BIN)/python tests/house.py

venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "satsim needs Python 3.11 or later; name one: make PYTHON=python3.11 ..."; exit 2; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || \
		{ echo "making a virtual environment in .venv"; rm -rf .venv; $(PYTHON) -m venv .venv; }

.venv/demo-ready: pyproject.toml constraints.txt | venv
	@echo "installing satsim and what it needs into .venv (a few minutes the first time)"
	$(BIN)/python $(PIP) -c constraints.txt -e '.[auth,orbit,sweep]'
	@touch $@

.venv/test-ready: pyproject.toml constraints.txt | venv
	@echo "installing satsim and what its tests need into .venv (a few minutes the first time)"
	$(BIN)/python $(PIP) -c constraints.txt -e '.[dev]'
	@touch $@

lock:
	rm -rf build/lock
	$(PYTHON) -m venv build/lock
	build/lock/bin/python $(PIP) --no-compile torch==$(TORCH) -e '.[dev]'
	{ echo "# Written by make lock, $$(build/lock/bin/python -V) on $$(uname -s). These versions were tested together."; \
		build/lock/bin/python -m pip freeze --disable-pip-version-check --exclude-editable | sed 's/+cpu$$//'; } > constraints.txt

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build ./*.egg-info
