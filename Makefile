# Everything a fresh machine needs is installed here; git, make and Python are enough: 3.10 or newer, and 3.11 for Airflow 3.4.
# AIRFLOW=3.4 makes every target use that Airflow, in an environment of its own.

SHELL := bash
.SHELLFLAGS := -o pipefail -c
# From the command line only: in the environment, the documentation's examples have the address of an API server by this name.
AIRFLOW = 3.3
AIRFLOWS := 3.3 3.4
ifeq ($(filter $(AIRFLOWS),$(AIRFLOW)),)
$(error AIRFLOW=$(AIRFLOW) is not supported: give one of $(AIRFLOWS))
endif
PYTHON ?= python3
VENV_3.3 ?= .venv
VENV_3.4 ?= .venv-3.4
VENV ?= $(VENV_$(AIRFLOW))
# Newer releases of what the environment consists of have left Python 3.10 behind.
ifeq ($(AIRFLOW),3.3)
OLDEST_PYTHON := 3.10
CONSTRAINTS := $(shell $(PYTHON) -c 'import sys; print("constraints-3.10.txt" if sys.version_info < (3, 11) else "constraints.txt")')
else
OLDEST_PYTHON := 3.11
CONSTRAINTS := constraints-$(AIRFLOW).txt
endif
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help env test compat upgrade-airflow unit integration system e2e demo bench check lint fix provider-info enforcement-docs airflow-report openapi ui docs build postgres chromium screenshots clean

help:  ## Show this help
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

env: $(READY)  ## Create the environment

$(READY): pyproject.toml $(CONSTRAINTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, $(OLDEST_PYTHON:3.%=%)))' || { echo "Airflow $(AIRFLOW) needs Python $(OLDEST_PYTHON) or newer, and $(PYTHON) is $$($(PYTHON) -V): set PYTHON=..."; exit 1; }
	@echo "Creating the environment in $(VENV) (some two minutes on the first run) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade pip
	@$(BIN)/python -m pip install --progress-bar on --constraint $(CONSTRAINTS) --group test --group lint --group docs --editable . | { grep -v 'already satisfied' || true; }
	@$(BIN)/python -c 'import airflow_providers_pinning, airflow'
	@touch $@

postgres:  ## Install PostgreSQL's server where it is missing
	@scripts/ensure_postgres.sh

chromium:  ## Install Chromium where it is missing
	@scripts/ensure_chromium.sh

test: env postgres chromium  ## Run every test
	@$(BIN)/python -m scripts.run_tests

compat: env postgres  ## Run the tests that depend on Airflow's code, with AIRFLOW=3.4
	@$(BIN)/python -m scripts.run_tests --compat

upgrade-airflow: postgres  ## Upgrade a deployment from Airflow 3.3 to 3.4 and back, using both environments
	@$(MAKE) --no-print-directory env AIRFLOW=3.3 VENV=$(VENV_3.3)
	@$(MAKE) --no-print-directory env AIRFLOW=3.4 VENV=$(VENV_3.4)
	@PINNING_PYTHON_3_3=$(abspath $(VENV_3.3))/bin/python PINNING_PYTHON_3_4=$(abspath $(VENV_3.4))/bin/python \
		$(VENV_3.3)/bin/python -m pytest tests/compat

unit: env  ## Run the tests that need no server; T=path::test runs some of them
	$(BIN)/python -m pytest $(if $(T),$(T),--numprocesses 2 --dist loadfile --no-loadscope-reorder tests/unit)

integration: env postgres  ## Run the tests on PostgreSQL
	$(BIN)/python -m pytest tests/integration

system: env postgres  ## Run the tests with the real processes
	$(BIN)/python -m pytest tests/system

e2e: env chromium  ## Run the tests in a browser
	$(BIN)/python -m pytest tests/e2e

screenshots: env chromium  ## Take the pictures in docs/images, from seeded data
	$(BIN)/python -m scripts.screenshots

demo: env  ## Show the whole story on a real Airflow; KEEP=1 leaves it running
	@$(BIN)/python -m demo $(if $(KEEP),--keep)

bench: env postgres  ## Measure the cost against stock Airflow; ARGS=--quick or ARGS="--only scheduling" for less
	@$(BIN)/python -m benchmarks $(ARGS)

check: env  ## Check style, types and licenses, in seconds
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python scripts/check_licenses.py
	$(BIN)/mypy

lint: check  ## Check also the generated files and the documentation
	$(BIN)/python scripts/generate_provider_info.py --check
	$(BIN)/python scripts/generate_enforcement_docs.py --check
	AIRFLOW_HOME=$$(mktemp -d) $(BIN)/python scripts/generate_openapi.py --check
	$(BIN)/python scripts/build_ui.py --check
	$(BIN)/python -m sphinx -W -q -b html docs build/docs

fix: env  ## Fix what lint can fix automatically
	$(BIN)/python scripts/check_licenses.py --fix
	$(BIN)/python scripts/generate_provider_info.py
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

provider-info: env  ## Write get_provider_info.py from provider.yaml
	$(BIN)/python scripts/generate_provider_info.py

enforcement-docs: env  ## Write the tables of patches in docs/enforcement.md
	$(BIN)/python scripts/generate_enforcement_docs.py

airflow-report: env  ## Report changes of the Airflow functions that are patched; FROM=3.3.2 TO=3.4.0 or folders
	@test -n "$(FROM)" -a -n "$(TO)" || { echo "Usage: make airflow-report FROM=3.3.2 TO=3.4.0"; exit 1; }
	@$(BIN)/python -m scripts.airflow_report $(FROM) $(TO) $(ARGS)

openapi: env  ## Write docs/openapi.json from the API
	AIRFLOW_HOME=$$(mktemp -d) $(BIN)/python scripts/generate_openapi.py

ui: env  ## Build the user interface into airflow_providers_pinning/ui/dist
	$(BIN)/python scripts/build_ui.py

docs: env  ## Build the documentation into build/docs
	$(BIN)/python -m sphinx -W -q -b html docs build/docs
	@echo "Open build/docs/index.html"

build: env  ## Build the wheel and the sdist into dist/
	$(BIN)/python -m build

clean:  ## Remove the environment and everything built
	rm -rf .venv .venv-* dist build .demo airflow_providers_pinning/ui/node_modules
