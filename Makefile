# Everything a new user types: `make demo`, `make test`. Both set up first; setting
# up again takes a moment, since a stamp remembers the lock it was made from.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
WORK ?= work
RUNS ?= 20000

# Bytecode is written on first use (cheaper than compiling everything), reporting of
# the libraries is off, and one thread a process: on two busy cores the OpenMP default
# makes boosted trees many times slower.
unexport PYTHONDONTWRITEBYTECODE
export HF_HUB_DISABLE_TELEMETRY := 1
export HF_HUB_OFFLINE := 1
export MLFLOW_DISABLE_TELEMETRY := true
export ORT_DISABLE_TELEMETRY := 1
export DO_NOT_TRACK := true
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test tests scenarios test-pythons lint lint-style lint-types lint-contracts check docs
.PHONY: test-engines adapters notebooks bench fuzz lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(STAMP) ## create .venv from the lock and install the toolkit in it

$(STAMP): requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > $(VENV)/uv.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r $(VENV)/uv.lock
	@$(BIN)/uv pip install -q --python $(BIN)/python --require-hashes -r requirements.lock
	@$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## run the whole path on the bundled sample
	@$(BIN)/toolkit demo --work $(WORK)/demo

lint: lint-style lint-types lint-contracts ## style, types, import contracts

lint-style: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/codespell
	@git diff --check $$(git hash-object -t tree /dev/null) -- ':!*.py'
	@! git ls-files -z ':!data/sample' | xargs -0 sh -c 'find "$$@" -size +512k' -- | grep .

lint-types: setup
	@$(BIN)/mypy

lint-contracts: setup
	@$(BIN)/lint-imports

check: setup ## the quick tests only
	@$(BIN)/pytest -q -m "not slow and not engines"

docs: setup ## build the documentation into work/site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build -q

# The engines' clients are large (Spark alone is 470 MB), so they live in an environment
# of their own, made from a lock of their own.
ENGINES := $(WORK)/engines

$(ENGINES)/.ready: $(STAMP) requirements-engines.lock requirements-s3-server.lock
	@$(BIN)/uv venv -q --allow-existing --python $(BIN)/python $(ENGINES)
	@$(BIN)/uv pip install -q --python $(ENGINES)/bin/python --require-hashes -r requirements-engines.lock
	@$(BIN)/uv pip install -q --python $(ENGINES)/bin/python --no-deps --no-build-isolation -e .
	@$(BIN)/uv venv -q --allow-existing --python $(BIN)/python $(ENGINES)/s3-server
	@$(BIN)/uv pip install -q --python $(ENGINES)/s3-server/bin/python --require-hashes -r requirements-s3-server.lock
	@touch $@

test-engines: $(ENGINES)/.ready ## test against the real engines that are installed here
	@$(ENGINES)/bin/pytest -q -m engines tests/engines

adapters: setup ## test the adapters against the real frameworks, installed apart
	@test -x $(WORK)/adapters/bin/python || $(BIN)/uv venv -q $(WORK)/adapters
	@$(BIN)/uv pip install -q --python $(WORK)/adapters/bin/python -e ".[langchain,openai-agents,celery,crewai,ray]" "pytest>=9,<10" pytest-timeout hypothesis
	@$(WORK)/adapters/bin/pytest -q tests/runtime/adapters

notebooks: setup ## run every notebook from top to bottom
	@$(BIN)/pytest -q -p nbmake --nbmake --nbmake-timeout=300 notebooks

# Everything that is not the tests runs beside them, and so do the scenarios, which wait
# for processes and clocks. They give way to the tests, and so end with them: two cores
# are then never idle.
test: setup ## everything: lint, types, contracts, tests with their coverage, notebooks
	@$(MAKE) --no-print-directory -j 6 scenarios lint-style lint-types lint-contracts notebooks tests

tests: setup
	@$(BIN)/python -m pytest -q -n 2 --dist worksteal -m "not engines" --ignore tests/scenarios --ignore tests/faults -p tests.branch_coverage

scenarios: setup ## whole programs from outside: what they leave, let out and survive
	@nice -n 5 $(BIN)/pytest -q tests/scenarios tests/faults

# Each Python has an environment of its own, made from the same lock. Those that are not
# installed are named and passed over; pyenv's are found too.
PYTHONS ?= 3.11 3.12 3.13 3.14

test-pythons: setup ## run the tests on every supported Python that is installed here
	@for version in $(PYTHONS); do \
	  found=; \
	  for python in python$$version $$HOME/.pyenv/versions/$$version.*/bin/python; do \
	    if $$python -c "" 2>/dev/null; then found=$$python; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then echo "Python $$version: not installed here"; continue; fi; \
	  echo "Python $$version"; \
	  $(BIN)/uv venv -q --allow-existing --python $$found $(WORK)/python-$$version && \
	  $(BIN)/uv pip install -q --python $(WORK)/python-$$version/bin/python --require-hashes -r requirements.lock && \
	  $(BIN)/uv pip install -q --python $(WORK)/python-$$version/bin/python --no-deps --no-build-isolation -e . && \
	  $(WORK)/python-$$version/bin/pytest -q -n 2 --dist worksteal -m "not engines" -p no:cacheprovider || exit 1; \
	done

bench: setup ## speed ratios, measured side by side
	@$(BIN)/python -m tests.benchmarks

fuzz: setup ## fuzz importers, handler and bundle reader (RUNS inputs each)
	@$(BIN)/uv pip install -q --python $(BIN)/python "atheris>=3,<4"
	@$(BIN)/python -m tests.fuzz --runs $(RUNS)

lock: setup ## resolve the lock files again
	@$(BIN)/uv pip compile -q pyproject.toml --extra notebooks --extra money --extra telemetry --extra docs --extra dev --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate -o requirements.lock
	@$(BIN)/uv pip compile -q pyproject.toml --extra bundle -c requirements.lock --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate -o requirements-runtime.lock
	@$(BIN)/uv pip compile -q pyproject.toml --extra notebooks --extra money --extra telemetry --extra docs --extra dev --extra engines -c requirements.lock --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate -o requirements-engines.lock
	@sed -n '/^s3-server = /,/^]/s/^ *"\(.*\)".*/\1/p' pyproject.toml | $(BIN)/uv pip compile -q - --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate -o requirements-s3-server.lock

clean: ## remove what the targets made
	@rm -rf $(WORK) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
