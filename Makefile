# make run | test | check | build | soak | clean: each sets up what it needs, and is quick the second time.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TOOLBOX := $(BIN)/python -m fleetsave.local.toolbox
SAM := .local/tools/sam/bin/sam
TOOLS := sam
KEEP ?=
run: TOOLS := sam ministack lambda postgres
test soak: TOOLS := sam ministack lambda swift by-hand postgres
export SAM_CLI_TELEMETRY := 0

.PHONY: run test check build soak clean setup tools

run: setup tools            ## back up game servers on this machine while you watch; KEEP=1 leaves everything up
	$(BIN)/python -m fleetsave.local.demonstration $(if $(KEEP),--keep)

test: setup tools           ## every test but the long runs
	$(BIN)/pytest -n 3 --dist loadgroup --no-loadscope-reorder

check: setup tools          ## style, types, the direction of imports, the template
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(SAM) validate --lint

build: setup tools          ## what `sam deploy` takes to AWS, and the same for this machine's Python
	$(SAM) validate --lint
	$(BIN)/python -m tests.packaging.builds

soak: setup tools           ## the long runs behind docs/figures.md and docs/fault-score.md, which it writes
	FLEETSAVE_FAULTS=long $(BIN)/pytest --timeout 0 tests/faults
	$(BIN)/python -m tests.faults.score
	$(BIN)/pytest -m soak --timeout 0
	$(BIN)/python -m tests.soak.figures

clean:                      ## everything that any of these made
	rm -rf $(VENV) .local .aws-sam build

setup: $(VENV)/installed $(VENV)/system

$(VENV)/installed: pyproject.toml requirements-cli.txt requirements-dev.txt layers/dependencies/requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[cli,dev]'
	touch $@

$(VENV)/system: $(VENV)/installed scripts/system-packages
	sh scripts/system-packages
	touch $@

tools: setup
	@$(TOOLBOX) $(TOOLS) > /dev/null
