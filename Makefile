# Everything from nothing: only Python >= 3.11 and make are needed. Bare `make` lists the targets.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CODE := src tests migrations tools bench examples
ARGS ?=
# Compiled modules are kept: a hundred processes of a test run would else compile everything anew.
unexport PYTHONDONTWRITEBYTECODE
PYTEST_ARGS ?=
WORKERS ?= 5
PARALLEL = -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup demo test coverage test-long chaos bench fuzz pictures mutants check format lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Build .venv with every pinned dependency and the ledgerbridge command

$(READY): requirements/dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python" >&2; exit 1; }
	@echo "Setting up $(VENV) (once, about a minute) ..." >&2
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . >&2
	@touch $@

demo: setup ## Connect a company, export a job, book it in a real ERP and show it (ARGS="--once --json" to script it)
	@$(BIN)/ledgerbridge demo $(ARGS)

test: setup ## Run the checks and the tests, but for the longest
	@# The other core compiles the tests meanwhile, once for all workers; what is wrong with them shows when they run.
	@$(BIN)/python -m pytest --collect-only -qq >/dev/null 2>&1 & \
		$(MAKE) --no-print-directory check; checked=$$?; wait; exit $$checked
	@$(BIN)/python -m tools.browser
	@$(BIN)/python -m pytest $(PARALLEL) $(PYTEST_ARGS)

coverage: setup ## Run the tests with branch coverage, which takes longer
	@$(BIN)/python -m pytest $(PARALLEL) --cov --cov-report=term:skip-covered $(PYTEST_ARGS)

test-long: setup ## Run what `make test` leaves out for its length: more kills, more repetitions, more kinds of Tryton
	@$(BIN)/python -m pytest $(PARALLEL) -m long $(PYTEST_ARGS)

chaos: setup ## Break everything at random on real parts and check the books (ARGS="--seeds 20", ARGS="--erp all")
	@$(BIN)/python -m tests.chaos $(ARGS)

bench: setup ## Measure speed and memory as ratios to bare terms (ARGS="--only NAME", ARGS="--quick")
	@$(BIN)/python -m bench $(ARGS)

fuzz: setup ## Try many more cases at our own face and at every parser
	@HYPOTHESIS_PROFILE=fuzz $(BIN)/python -m pytest $(PARALLEL) tests/fuzz $(PYTEST_ARGS)

pictures: setup ## Take the pictures of README and docs anew, in a real browser
	@$(BIN)/python -m tools.browser
	@$(BIN)/python -m tests.browser.publish

mutants: setup ## Break each invariant in a copy of the code and see that the tests notice
	@$(BIN)/python -m tests.mutants $(ARGS)

check: setup ## Check format, lint, types, the import contract, rule coverage and known vulnerabilities
	@$(BIN)/ruff format --check --quiet $(CODE)
	@$(BIN)/ruff check --quiet $(CODE)
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m tools.rules
	@$(BIN)/python -m tools.retention --check
	@$(BIN)/python -m tools.manifests
	@$(BIN)/python -m tools.adapters --check
	@$(BIN)/python -m tools.http_target --check
	@$(BIN)/python -m tools.audit

format: setup ## Format the code, mend what lint can mend, write docs/conformance.md
	@$(BIN)/ruff check --fix --quiet $(CODE)
	@$(BIN)/ruff format --quiet $(CODE)
	@$(BIN)/python -m tools.rules --write
	@$(BIN)/python -m tools.retention

lock: setup ## Pin dependencies again after changing pyproject.toml (needs uv)
	uv pip compile pyproject.toml --universal --python-version 3.11 --all-extras --generate-hashes \
		--no-emit-index-url --no-header --annotation-style line -q -o requirements/dev.txt
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --annotation-style line -q -o requirements/service.txt

clean: ## Remove the environment, caches and embedded databases
	rm -rf $(VENV) .cache .ledgerbridge .mypy_cache .ruff_cache .pytest_cache .hypothesis htmlcov .coverage*
