# Everything from a fresh clone with python3 (3.11+), pip and make: each target sets up what it needs, and repeats quickly.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# check-jsonschema and Faust want different versions of click, so the schema checks have an environment of their own.
SCHEMAS := .venv-schemas
SCHEMAS_STAMP := $(SCHEMAS)/.installed
VALIDATE := $(SCHEMAS)/bin/check-jsonschema
PYTEST := $(BIN)/python -m pytest
# Most tests wait for a broker or a clock: three at a time. A module stays together, for it shares a broker.
PARALLEL := -n 3 --dist loadfile
SOURCES := pipeline agents tests bench config

.DEFAULT_GOAL := help
.PHONY: help install demo test test-kafka test-loss test-e2e check bench soak accuracy lock schemas clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## Make .venv with the locked requirements and this project

$(STAMP): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "counterclaim needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version). Set PYTHON=…" >&2; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(SCHEMAS_STAMP): requirements/schemas.txt
	test -x $(SCHEMAS)/bin/python || $(PYTHON) -m venv $(SCHEMAS)
	$(SCHEMAS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/schemas.txt
	touch $@

demo: $(STAMP) ## Run the whole pipeline on local feeds (Ctrl-C ends it)
	$(BIN)/counterclaim demo $(ARGS)

test: $(STAMP) ## Unit tests, and integration tests on the embedded broker
	$(PYTEST) $(PARALLEL) tests/unit tests/integration -m "not loss" $(ARGS)

# test_up is about the embedded broker whatever the variable says: a second run would only repeat the first.
test-kafka: $(STAMP) ## The same integration tests on Apache Kafka (needs Java 17 and Maven)
	COUNTERCLAIM_TEST_BROKER=apache $(PYTEST) $(PARALLEL) tests/integration -m "not loss" --ignore tests/integration/test_up.py $(ARGS)

RUNS ?= 8
LOSS := $(PYTEST) tests/integration -m loss -o faulthandler_timeout=3600
test-loss: $(STAMP) ## Join, leave and kill -9 of workers, RUNS times each, on both brokers and both stores
	COUNTERCLAIM_TEST_BROKER=embedded COUNTERCLAIM_LOSS_RUNS=$(RUNS) $(LOSS) $(ARGS)
	COUNTERCLAIM_TEST_BROKER=apache COUNTERCLAIM_LOSS_RUNS=$(RUNS) $(LOSS) $(ARGS)

test-e2e: $(STAMP) ## With a real Prometheus and a real PostgreSQL (Debian: prometheus, postgresql)
	$(PYTEST) $(PARALLEL) tests/e2e $(ARGS)

check: $(STAMP) $(SCHEMAS_STAMP) ## ruff, format, mypy --strict, import direction, schemas of configuration and compose file
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/counterclaim --help >/dev/null
	$(BIN)/counterclaim config check
	$(BIN)/counterclaim rules test
	$(VALIDATE) --check-metaschema docs/schemas/*.schema.json
	$(VALIDATE) --schemafile docs/schemas/counterclaim.schema.json config/counterclaim.yaml
	$(VALIDATE) --schemafile docs/schemas/feeds.schema.json config/feeds.yaml seeds/feeds/*.yaml
	$(VALIDATE) --schemafile docs/schemas/outlets.schema.json config/outlets.yaml
	$(VALIDATE) --schemafile docs/schemas/subscriptions.schema.json config/subscriptions.yaml
	$(VALIDATE) --schemafile docs/schemas/actors.schema.json config/actors.yaml
	$(VALIDATE) --schemafile docs/schemas/rules.schema.json config/rules/*.yaml
	$(VALIDATE) --builtin-schema vendor.compose-spec docker-compose.yml
	$(SCHEMAS)/bin/hadolint Dockerfile

bench: $(STAMP) ## Measure speed beside what others do; JSON in bench/out, tables on the terminal
	$(BIN)/python -m bench $(ARGS)
	$(BIN)/python -m bench.polling $(POLLING)

MINUTES ?= 10
soak: $(STAMP) ## Poll for MINUTES while feeds come, go and misbehave; fails when anything grows
	$(BIN)/python -m bench.polling --soak $(MINUTES)

accuracy: $(STAMP) ## Write the figures of docs/accuracy.md anew (DATA: the folder of labelled headlines)
	$(BIN)/python -m bench.accuracy_report $(if $(DATA),--data $(DATA)) $(ARGS)

schemas: $(STAMP) ## Write docs/schemas anew
	$(BIN)/counterclaim config schema --write docs/schemas

# Locked with hashes and without an index address: `--no-emit-*` keeps the machine that locks out of the files.
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links
lock: ## Resolve the requirements again (needs uv in .venv: pip install uv)
	$(LOCK) pyproject.toml -o requirements/runtime.txt
	$(LOCK) pyproject.toml --group test --group check --group bench --group build -o requirements/dev.txt
	$(LOCK) --group build -o requirements/build.txt
	$(LOCK) --group schemas -o requirements/schemas.txt

clean: ## Remove what the other targets made
	rm -rf $(VENV) $(SCHEMAS) build dist target bench/out .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
