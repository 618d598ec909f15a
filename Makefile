# One line a duty. Everything is installed into .venv; the embedded world lives in .local/.
PYTHON ?= python3
BIN := .venv/bin
PACKAGES := connections loaders publishers orchestration sandbox benchmarks dashboards
# Processes that share the tests: `make test WORKERS=0` runs them in one, which a debugger wants.
WORKERS ?= logical
export DO_NOT_TRACK = 1

.DEFAULT_GOAL := help
.PHONY: help install demo dev dashboard test quick test-odoo soak safety sbom lint house format docs bench lock clean

help:            ## the verbs of this file
	@grep -E '^[a-z-]+: .*##|^[a-z-]+:  *##' $(MAKEFILE_LIST) | sed -E 's/:.*##/ —/'

.venv/installed: requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	touch $@

install: .venv/installed  ## everything into .venv

demo: install    ## the whole job on the embedded world, twice
	$(BIN)/billing demo

dev: install     ## the Dagster UI with all assets
	$(BIN)/billing ui

dashboard: install  ## the finance pages
	$(BIN)/billing dashboard

test: install    ## every test, on real PostgreSQL and real HTTP, a process for each core
	$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

quick: install   ## within a minute: lint of what changed, tests that start no world, unit tests of changed models
	WORKERS=$(WORKERS) .ci/quick $(ARGS)

test-odoo: install  ## publishing and loading against the Odoo 19 that ODOO_* names
	$(BIN)/python -m pytest -m odoo_real $(ARGS)

soak: install    ## the seeded schedules, 1,000 of each
	$(BIN)/python -m pytest -m soak --seeds 1000 $(ARGS)

safety: install  ## the promises of docs/safety.md: each of its tests, and its figures
	$(BIN)/python -m pytest -n $(WORKERS) $(ARGS) $$(grep -oE 'tests/[a-z_/]+\.py' docs/safety.md | sort -u)

sbom: install    ## what is installed, as CycloneDX: sbom.json
	$(BIN)/uvx --from cyclonedx-bom==7.5.0 cyclonedx-py environment $(BIN)/python --output-file sbom.json

lint: install    ## ruff, mypy, import rules, SQL style
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint --processes 2 dbt_project/models dbt_project/tests

house: install   ## its size: models, depth, lines; ARGS=-v names what is counted
	$(BIN)/python tests/house/figures.py $(ARGS)

format: install  ## fix what can be fixed by itself
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

docs: install    ## docs/ as one site in site/, dbt's documentation inside; read it from the folder
	$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements-docs.lock
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	$(BIN)/billing docs site/dbt/index.html

bench: install   ## ratios in one run; results in benchmarks/results/
	$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements-bench.lock
	$(BIN)/python -m benchmarks $(ARGS)

lock:            ## resolve anew: with hashes, without any index address
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --no-header --no-annotate --generate-hashes --upgrade --extra sandbox --extra dashboard --extra dev pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --no-header --no-annotate --generate-hashes --extra bench -c requirements.lock pyproject.toml -o requirements-bench.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --no-header --no-annotate --generate-hashes --extra docs -c requirements.lock pyproject.toml -o requirements-docs.lock

clean:           ## stop the embedded world and remove what was made
	-test -x $(BIN)/billing && $(BIN)/billing down
	rm -rf .local target logs .pytest_cache .mypy_cache .ruff_cache
