# make demo · make test · make check · make bench — each sets up what it needs, from nothing.
.PHONY: install demo test check audit bench lock schema web browser clean
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PAGE := linkage/server/static/graphiql/index.html
CHROMIUM ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)

help:
	@echo "make demo     a world generated, loaded and resolved on a real Neo4j; GraphiQL in your browser"
	@echo "make test     every test, on a real Neo4j and in a real browser"
	@echo "make check    formatting, lint, types, import layers, exported schemas"
	@echo "make audit    known faults of locked packages; needs an advisory service"
	@echo "make bench    accuracy and speed beside peers on the same work"
	@echo "make install  .venv with .venv/bin/linkage, and the GraphiQL page where Node is present"

install: .venv/.installed web

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "linkage needs Python 3.11 or newer; say make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv

.venv/.installed: requirements.lock pyproject.toml | .venv/bin/python
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	$(BIN)/python -m linkage.engine.compiled
	@touch $@

.venv/.dev: requirements-dev.lock .venv/.installed
	$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

# The page is built where Node is present; without it the service still answers, and says why the page is missing.
web:
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(PAGE); \
	 else echo "Node is not installed: the service will run without its GraphiQL page."; fi

$(PAGE): web/package-lock.json $(shell find web -type f -not -path '*/node_modules/*' 2>/dev/null)
	cd web && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build
	@touch $@

demo: install
	$(BIN)/linkage demo

test: .venv/.dev web browser
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

browser:
	@test -n "$(CHROMIUM)" || { echo "Installing Chromium for the browser tests"; apt-get update -qq && apt-get install -y -qq chromium; }

check: .venv/.dev web
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if command -v npm >/dev/null; then cd web && npm run --silent check; fi
	$(MAKE) --no-print-directory schema
	git diff --exit-code -- schema || { echo "schema/ is not what the code says: commit the newly exported files"; exit 1; }

# Asks an advisory service: for a CI that reaches one. Strict: a package that could not be looked up is a failure.
audit: requirements.lock
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/python -m pip --disable-pip-version-check --quiet install 'pip-audit>=2.9,<3'
	.venv-audit/bin/pip-audit --strict --disable-pip --require-hashes --requirement requirements.lock

.venv/.bench: requirements-bench.lock .venv/.installed
	$(PIP) install --require-hashes -r requirements-bench.lock
	@touch $@

bench: .venv/.bench
	$(BIN)/python -m benchmarks

schema: .venv/.installed
	$(BIN)/python -m linkage.api.export > schema/schema.graphql
	$(BIN)/python -m linkage.ingest.export schema
	$(BIN)/python -m linkage.graph.schema > schema/graph.cypher

# The locks hold versions and hashes, no addresses.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
	  pyproject.toml --extra local --group build -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
	  pyproject.toml --extra local --group build --group dev -c requirements.lock -o requirements-dev.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
	  pyproject.toml --extra local --group build --group bench -c requirements.lock -o requirements-bench.lock

clean:
	rm -rf .venv web/node_modules linkage/server/static out
