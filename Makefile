# The commands of this project. `make help` lists them.
PYTHON ?= python3
PY := .venv/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check --no-input --require-hashes
LOCK := .venv/bin/uv pip compile --quiet --generate-hashes --no-header --python-version 3.11

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test chaos mutants screenshots lint bench venv lock

help: ## list these commands
	@sed -n 's/^\([a-z]*\):.*## /\1: /p' Makefile | sort

run: .venv/.run ## start web, worker, beat and sandbox; PORT=… and SANDBOX_PORT=… change their ports
	@exec $(PY) -m runner

test: .venv/.dev ## run every test, on SQLite and on PostgreSQL
	@exec $(PY) -m tests

chaos: .venv/.dev ## the long form of the faults on purpose; writes their table into docs/promises.md
	@exec $(PY) -m tests.chaos

mutants: .venv/.dev ## change the program a little at a time, and see that a test notices; MUTANTS=campaigns/domain/states.py for one module
	@exec $(PY) -m tests.mutants $(MUTANTS)

screenshots: .venv/.dev ## make the pictures in docs/images anew, of the demo beside the sandbox
	@exec $(PY) -m tests.screenshots

lint: .venv/.dev ## style, types, directions between the rooms, migrations, production settings
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports
	$(PY) manage.py makemigrations --check --dry-run
	@echo "manage.py check --deploy, with settings as in production"
	@$(PRODUCTION) $(PY) manage.py check --deploy --fail-level WARNING

bench: .venv/.dev ## measure the parts that must be fast, beside plain designs; ROW=lists for one row
	@exec $(PY) -m benchmarks $(ROW)

venv: .venv/.dev ## install everything for development into .venv

lock: .venv/.dev ## pin requirements*.in into requirements*.txt
	$(LOCK) requirements.in --output-file requirements.txt
	$(LOCK) requirements-dev.in --output-file requirements-dev.txt

# Production's settings, with secrets made up on the spot. A variable that is set wins over .env.
PRODUCTION = env DEBUG=false SECRET_KEY="$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(64))')" \
	ALLOWED_HOSTS=console.example.com CSRF_TRUSTED_ORIGINS=https://console.example.com \
	DATABASE_URL=postgres://console@db.example.com/console CELERY_BROKER_URL=redis://broker.example.com/0 \
	FLOW_BASE_URL=https://api.flowliving.com FLOW_ORGANISATION_ID=organisation FLOW_CLIENT_ID=organisation \
	FLOW_API_KEY="$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(32))')"

.venv/.run: requirements.txt | .venv/bin/pip
	@echo "Installing the libraries into .venv; this takes about a minute, once."
	@$(PIP) -r requirements.txt
	@touch $@

.venv/.dev: requirements.txt requirements-dev.txt | .venv/bin/pip
	@echo "Installing the libraries for development into .venv; this takes a minute or two, once."
	@$(PIP) -r requirements-dev.txt
	@touch $@ .venv/.run

.venv/bin/pip:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: apt install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
		{ echo "$(PYTHON) is $$($(PYTHON) --version 2>&1); this needs 3.11: make PYTHON=/path/to/python3.11 …" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "Python's venv is missing: apt install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv .venv
