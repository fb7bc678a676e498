# make run | test | check | build | clean, each self-installing, idempotent, quick the second time.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup check test clean

setup: $(VENV)/installed

$(VENV)/installed: pyproject.toml requirements-cli.txt requirements-dev.txt layers/dependencies/requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[cli,dev]'
	touch $@

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: setup
	$(BIN)/pytest

clean:
	rm -rf $(VENV) .local .aws-sam build
