# Everything runs in .venv, made from requirements.txt; nothing else on the machine is touched.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help install demo test lint docs notebooks bench clean

help:  ## Say what each target does.
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

install: $(VENV)/.installed  ## Install the package and its pinned dependencies into .venv; takes a minute or two.

$(VENV)/.installed: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

demo: install  ## A Los-Angeles-like network from files to Power BI views, in a DuckDB file; takes a minute.
	$(BIN)/la-pipes demo

# The tests of a file stay on one core: they share cities, and some write into one folder.
test: install  ## Every test, on DuckDB and on Postgres; takes 40 minutes on two cores.
	$(BIN)/pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

lint: install  ## Style, types, SQL, contracts and generated files.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	git ls-files '*.yml' '*.yaml' | xargs $(BIN)/yamllint --strict
	$(BIN)/sqlfluff lint models tests
	$(BIN)/dbt --quiet parse
	$(BIN)/dbt-bouncer run --config-file .dbt-bouncer.yml
	$(BIN)/la-pipes contracts sync --check
	ls schemas/*_schema.yaml | xargs -n 1 $(BIN)/datacontract lint --all-errors
	$(BIN)/la-pipes powerbi check

docs: install  ## dbt's documentation site, in target/.
	$(BIN)/dbt docs generate

notebooks: install  ## Run docs/03_notebooks on the warehouse of make demo and keep their outputs.
	$(BIN)/la-pipes notebooks --to docs/03_notebooks

bench: install  ## Seconds and memory of each step on a network of Los Angeles' size; takes minutes.
	$(BIN)/python tests/python/benchmarks/bench.py

clean:  ## Remove what was made at run time, the demo's warehouse included; .venv stays.
	rm -rf artifacts data logs portal reports target warehouse dbt_packages
