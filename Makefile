# Nothing of the project is written outside its folder: Ape keeps its data here as well.
export APE_DATA_FOLDER := $(CURDIR)/.cache/ape

BIN := .venv/bin
JOBS ?= 2

# Two targets at a time where neither needs the other.
MAKEFLAGS += --jobs=2

.PHONY: help setup demo test compile lint lock clean

help:
	@echo 'make setup   install everything into this folder (.venv, node_modules)'
	@echo 'make demo    run the demonstration on a local chain; ARGS=... are passed on'
	@echo 'make test    lint, then all tests on local chains; JOBS=$(JOBS) at a time, ARGS=... for pytest'
	@echo 'make compile compile all contracts'
	@echo 'make lint    formatting, style and types of the Python code'
	@echo 'make lock    resolve the locked versions anew; ARGS=--upgrade takes the newest allowed'
	@echo 'make clean   remove all that the other targets made'

setup:
	@tools/setup.sh

demo: setup
	@$(BIN)/ape run demo $(ARGS)

test: lint compile
	@# A worker that has nothing left takes tests from another: some files last as long as fifty.
	@$(BIN)/ape test -n $(JOBS) --dist worksteal $(ARGS)

compile: setup
	@# Ape does not compile a contract again when only one that it creates has changed: --force.
	@$(BIN)/ape compile --force > /dev/null

lint: setup
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

lock:
	@tools/lock.sh $(ARGS)

clean:
	rm -rf .venv node_modules .build .cache contracts/.cache .hypothesis out *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
