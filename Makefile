# make demo · make test · make check · make bench — each sets up what it needs, from nothing.
.PHONY: install demo test check bench lock schema clean
.DEFAULT_GOAL := demo

PYTHON ?= python3
BIN := .venv/bin

install: .venv/.installed web

.venv/.installed: requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@
