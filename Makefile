PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TRACKERS ?= .venv-trackers
TRACKER_TESTS := $(foreach name,mlflow trackio swanlab aim clearml dvclive sync,tests/visualization/test_$(name).py)
INTEGRATIONS ?= .venv-integrations
OLDEST ?= .venv-oldest
OLDEST_PYTHON ?= python3.10
PYTEST_ARGS ?=

.PHONY: setup demo test test-trackers test-integrations test-oldest check lint style format clean

# The bytecode of the tests, their assertions spelled out, is kept: making it anew costs each process six seconds.
export PYTHONDONTWRITEBYTECODE :=

setup: $(READY)

$(READY): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable ".[dev,figures]"
	touch $@

demo: setup
	$(BIN)/selfscope demo

test: setup
	$(BIN)/python -m pytest $(PYTEST_ARGS)

test-trackers: $(TRACKERS)/.ready
	$(TRACKERS)/bin/python -m pytest -n 0 $(TRACKER_TESTS)

$(TRACKERS)/.ready: pyproject.toml
	test -x $(TRACKERS)/bin/python || $(PYTHON) -m venv $(TRACKERS)
	$(TRACKERS)/bin/python -m pip install --quiet --editable ".[trackers,figures]" pytest pytest-xdist
	touch $@

test-integrations: $(INTEGRATIONS)/.ready
	$(INTEGRATIONS)/bin/python -m pytest -n 0 tests/training/integrations

$(INTEGRATIONS)/.ready: pyproject.toml
	test -x $(INTEGRATIONS)/bin/python || $(PYTHON) -m venv $(INTEGRATIONS)
	$(INTEGRATIONS)/bin/python -m pip install --quiet --editable ".[lightning,transformers,mmengine]" stable-pretraining pytest pytest-xdist
	touch $@

test-oldest: $(OLDEST)/.ready
	$(OLDEST)/bin/python -m pytest -m "not slow" $(PYTEST_ARGS)
	$(OLDEST)/bin/python -m pytest $(foreach name,mlflow wandb all_at_once,tests/visualization/test_$(name).py)

$(OLDEST)/.ready: pyproject.toml
	test -x $(OLDEST)/bin/python || $(OLDEST_PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet uv
	$(OLDEST)/bin/uv pip install --quiet --python $(OLDEST)/bin/python --resolution lowest-direct --editable ".[dev,figures]"
	touch $@

check: style
	$(BIN)/python -m pytest -m "not slow" $(PYTEST_ARGS)

lint: style
	$(BIN)/python -m pytest -n 0 tests/test_architecture.py

style: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	MYPY_NUM_WORKERS=2 $(BIN)/mypy
	$(BIN)/codespell src tests tools configs benchmarks docs *.md

format: setup
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist
