# Everything sets itself up: each target installs what it needs into .venv first.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
RUN_OK := $(VENV)/.installed-run
DEV_OK := $(VENV)/.installed-dev
BENCH_OK := $(VENV)/.installed-bench

# Tests that read NOREN_SOAK.
SOAKED = tests/accounts/test_parallel_refresh.py tests/flows/test_coherence.py tests/flows/test_concurrency.py \
  tests/flows/test_cursor_walks.py \
  tests/flows/test_hostile_bodies.py tests/flows/test_hostile_requests.py \
  tests/flows/test_kill_soak.py tests/flows/test_last_unit.py tests/flows/test_schemathesis.py tests/idempotency/test_kills.py \
  tests/imports/test_online_retail_resuming.py tests/orders/test_stateful.py

.DEFAULT_GOAL := help
.PHONY: help run test test-servers soak check lint lengths types contracts schema migrations settings deployment secrets secrets-baseline audit sbom production-rehearsal rehearse-rolling rehearse-faults messages bench bench-full bench-memory bench-sign-in bench-authentication bench-import bench-servers lock clean

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Noren needs Python 3.11 or newer: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv "$(VENV)"

$(RUN_OK): requirements/local.txt pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/local.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV_OK): requirements/dev.txt $(RUN_OK) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

$(BENCH_OK): requirements/bench.txt $(RUN_OK) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.txt
	@touch $@

run: $(RUN_OK)  ## Start the whole stack with demo data on embedded servers
	@$(BIN)/noren run

test: $(DEV_OK)  ## Run the whole suite
	$(BIN)/python -m pytest -n 2 -c tests/kit/pytest.ini tests/kit
	$(BIN)/python -m pytest -n 2

soak: $(DEV_OK)  ## Run what `make test` shortens at its full length
	NOREN_SOAK=1 $(BIN)/python -m pytest -n 2 $(SOAKED)

test-servers: $(DEV_OK)  ## Test against Debian's PostgreSQL (TLS) and PgBouncer, which must be installed
	$(BIN)/python -m pytest -c tests/servers/pytest.ini tests/servers

check: lint lengths types contracts migrations schema settings deployment secrets audit  ## Lint, types, architecture, migrations, schema, settings, deployment, supply chain

lint: $(DEV_OK)
	$(BIN)/ruff check src tests bench rehearsal deploy
	$(BIN)/ruff format --check src tests bench rehearsal deploy

lengths:  # files of at most 400 lines, tests 600; migrations are free
	@find src tests bench rehearsal deploy -name '*.py' -not -path '*/migrations/*' -exec wc -l {} + | awk ' \
	  $$2 != "total" && $$1 > ($$2 ~ /^tests/ ? 600 : 400) { print $$2 ": " $$1 " lines"; long = 1 } \
	  END { exit long }'

types: $(DEV_OK)
	$(BIN)/mypy
	MYPYPATH=src:. $(BIN)/mypy -p rehearsal

contracts: $(DEV_OK)
	$(BIN)/lint-imports --no-logo

migrations: $(DEV_OK)
	PYTHONWARNINGS=ignore::RuntimeWarning $(BIN)/noren manage makemigrations --check --dry-run
	$(BIN)/noren manage lint_migrations src/noren/migrations.txt

schema: $(DEV_OK)
	$(BIN)/noren schema --check docs/openapi.yaml

settings: $(DEV_OK)
	$(BIN)/noren config table --check docs/guides/settings.md

# Custom resources have no schema there.
MANIFESTS = $(filter-out %/kustomization.yaml %/service-monitor.yaml,$(wildcard deploy/kubernetes/*.yaml))
KUBERNETES = 1.35.0 1.36.0 1.37.0
UNITS = $(wildcard deploy/systemd/*.service)

deployment: $(DEV_OK)  # Dockerfile, compose.yaml, manifests; nginx and units where their checkers are
	$(BIN)/hadolint deploy/Dockerfile
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec deploy/compose.yaml
	for version in $(KUBERNETES); do \
	  $(BIN)/kubernetes-validate --strict --quiet --kubernetes-version $$version $(MANIFESTS) || exit 1; \
	done
	$(BIN)/python -m rehearsal.files $(UNITS)

secrets: $(DEV_OK)  # what looks like a secret and is not in .secrets.baseline; `make secrets-baseline` takes it in
	@git ls-files -z | xargs -0 sh -c '$(BIN)/detect-secrets-hook --baseline .secrets.baseline "$$@"; s=$$?; [ $$s -eq 0 ] || [ $$s -eq 3 ]' --

secrets-baseline: $(DEV_OK)
	$(BIN)/detect-secrets scan --exclude-files bench/results.json > .secrets.baseline

audit: $(DEV_OK)  # known vulnerabilities of what production installs
	@$(BIN)/python deploy/audit.py requirements/production.txt

sbom: $(DEV_OK)  ## Write what production consists of as CycloneDX (var/sbom.json)
	@mkdir -p var
	$(BIN)/cyclonedx-py requirements requirements/production.txt --pyproject pyproject.toml --output-reproducible -o var/sbom.json

production-rehearsal: $(DEV_OK)  ## Start production here, use and check it, stop it (Debian's servers)
	$(BIN)/python -m rehearsal use

rehearse-rolling: $(DEV_OK)  ## Replace web 20 times, worker and relay, under load
	$(BIN)/python -m rehearsal rolling --rounds $(or $(ROUNDS),20)

rehearse-faults: $(DEV_OK)  ## Take away Redis, PostgreSQL, pooler, worker and resolver, under load
	$(BIN)/python -m rehearsal faults

FILE ?= ../shared/data/online-retail-uci/online_retail.csv.zst
bench: $(BENCH_OK)  ## Measure Noren beside its baselines, 10,000 products (at most 15 minutes)
	$(BIN)/python bench/run.py --keep

bench-full: $(BENCH_OK)  ## The same with 1,000,000 products and with 1,000 tenants too
	$(BIN)/python bench/run.py --keep --sizes 10k,tenants,1m --seconds 8

bench-servers: $(BENCH_OK)  ## Measure Noren's web process under several servers
	$(BIN)/python bench/servers.py --keep

bench-memory: $(BENCH_OK)  ## Measure whether the web's memory ends, over 200,000 requests
	$(BIN)/python bench/memory.py

bench-sign-in: $(DEV_OK)  ## Measure whether the time of a failed sign-in tells why
	$(BIN)/python bench/sign_in.py

bench-authentication: $(DEV_OK)  ## Measure what a credential adds to a request
	$(BIN)/python bench/authentication.py

bench-import: $(RUN_OK)  ## Measure the import of a real shop (FILE=...)
	$(BIN)/python bench/import_online_retail.py "$(FILE)"

messages: $(DEV_OK)  ## Refresh and compile the Japanese messages
	@mkdir -p var
	for package in noren_kit noren; do \
	  $(BIN)/pybabel -q extract --no-location --sort-output --omit-header -k gettext_lazy -k _ -o var/$$package.pot src/$$package && \
	  $(BIN)/pybabel -q update --no-fuzzy-matching --ignore-pot-creation-date -D django -l ja -i var/$$package.pot -d src/$$package/locale && \
	  $(BIN)/pybabel -q compile -D django -d src/$$package/locale || exit 1; \
	done

lock: $(DEV_OK)  ## Refresh the locked requirements
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra s3 pyproject.toml -o requirements/production.txt
	echo 'setuptools>=77' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header - -o requirements/build.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra local pyproject.toml -o requirements/local.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra local --extra s3 --extra dev pyproject.toml -o requirements/dev.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra local --extra bench pyproject.toml -o requirements/bench.txt

clean:  ## Remove the environment and the local data
	rm -rf "$(VENV)" var
