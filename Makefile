# Nothing of the project is written outside its folder: Ape keeps its data here as well.
export APE_DATA_FOLDER := $(CURDIR)/.cache/ape

BIN := .venv/bin
JOBS ?= 2

.PHONY: help setup demo test lint lock clean

help:
	@echo 'make setup   install everything into this folder (.venv, node_modules)'
	@echo 'make demo    run the demonstration on a local chain; ARGS=... are passed on'
	@echo 'make test    lint, then all tests on local chains; JOBS=$(JOBS) at a time, ARGS=... for pytest'
	@echo 'make lint    formatting, style and types of the Python code'
	@echo 'make lock    resolve the locked versions anew; ARGS=--upgrade takes the newest allowed'
	@echo 'make clean   remove all that the other targets made'

setup:
	@tools/setup.sh

demo: setup
	@$(BIN)/ape run demo $(ARGS)

test: lint
	@# Ape does not compile a contract again when only one that it creates has changed: --force.
	@# A worker that has nothing left takes tests from another: some files last as long as fifty.
	@$(BIN)/ape compile --force > /dev/null
	@$(BIN)/ape test -n $(JOBS) --dist worksteal $(ARGS)

lint: setup
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

lock:
	@tools/lock.sh $(ARGS)

clean:
	rm -rf .venv node_modules .build .cache contracts/.cache .hypothesis out *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
