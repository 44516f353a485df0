# Each recipe is what a person would type. `ARGS` goes on to the command: make serve ARGS="--port 8080"
# Tests run in `SIDE_BY_SIDE` processes, each file in one of them: what its tests share is made once.
UV := $(shell uv --version >/dev/null 2>&1 && echo uv || echo .tools/bin/uv)
BIN := .venv/bin
ARGS ?=
SIDE_BY_SIDE ?= 4
.DEFAULT_GOAL := help
.PHONY: help serve test lint smoke bench image docs

help:  ## what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## */  make \1\t/'

serve: $(filter .tools/%,$(UV))  ## start the gateway on http://127.0.0.1:4000
	@$(UV) sync --quiet --frozen --no-default-groups --inexact
	@exec $(BIN)/sessionary serve $(ARGS)

test: dev  ## install what the tests need, and run them
	@scripts/install_test_tools.sh
	$(BIN)/pytest -n $(SIDE_BY_SIDE) --dist loadfile $(ARGS)

lint: dev  ## format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

smoke: dev  ## the same calls against a small real model on this machine
	$(BIN)/python scripts/smoke.py $(ARGS)

bench: dev  ## added latency with everything recorded
	$(BIN)/python bench/latency.py $(ARGS)

image:  ## the steps of deploy/Dockerfile, and what they make, without a container engine (needs root)
	scripts/check_image.py

docs: dev  ## make the generated tables and the pictures in docs/ anew
	@scripts/install_test_tools.sh
	$(BIN)/python scripts/settings_reference.py
	SESSIONARY_PICTURES=docs/images $(BIN)/pytest -q -p no:randomly tests/ui -k pictures $(ARGS)

.PHONY: dev
dev: $(filter .tools/%,$(UV))
	@$(UV) sync --quiet --frozen --all-groups

.tools/bin/uv:  # where uv is missing: a private copy, for Pythons that may not be installed into
	@echo "installing uv into .tools"
	@python3 -m pip install --quiet --disable-pip-version-check --target .tools uv \
		|| { python3 -m venv .tools && .tools/bin/python -m pip install --quiet uv; }
