# Every target installs what it needs into $(VENV) first; nothing outside this folder is changed.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python -m
LOCKED := $(VENV)/.locked
INSTALLED := $(VENV)/.installed
PEERS := .venv-peers
PEERS_INSTALLED := $(PEERS)/.installed
LOCKS := requirements.lock requirements-peers.lock
CHECKED := $(wildcard conftest.py framesrv tests functional-tests benchmarks tools examples)
# HYPOTHESIS_PROFILE: dev (the default), ci or nightly; read by conftest.py.

# Silences pip's notice of newer versions: the lock says which one is right.
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test check bench bench-memory bench-load bench-peers soak bench-compare figures \
	screenshots docs-check lock-check protos format lock clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r target text; \
		do printf '%-22s %s\n' "$$target" "$$text"; done

run: $(INSTALLED) ## install, then run a server and a synthetic camera; Ctrl-C ends them
	$(VENV)/bin/python examples/live.py

# The files of tests, side by side: they share nothing. In their order, the last are small, so that
# no process waits long for another.
SIDE_BY_SIDE := --numprocesses=auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder
test: $(INSTALLED) ## install, then run every test; framesrv/pool must have 100 % branch coverage
	@$(RUN) coverage erase
	$(RUN) coverage run -m pytest $(SIDE_BY_SIDE)
	@$(RUN) coverage combine --quiet
	@$(RUN) coverage report
	$(RUN) coverage report --include='framesrv/pool/*' --fail-under=100

check: $(INSTALLED) lock-check docs-check ## format, lint, types, layers, the lock's form, the docs
	$(RUN) ruff format --check $(CHECKED)
	$(RUN) ruff check $(CHECKED)
	$(RUN) mypy $(filter-out functional-tests,$(CHECKED))
	$(RUN) mypy functional-tests # apart: it has a conftest of its own, and is no package
	$(VENV)/bin/lint-imports
	$(RUN) tools.gen_protos --check
	$(RUN) tools.figures --check
	$(RUN) tools.grafana --check

# Each prints its figures beside their targets; with STRICT=1 a missed target is an error, and with
# QUICK=1 it only shows that it runs.
BENCH = -m benchmarks $(if $(QUICK),--quick)
bench: $(INSTALLED) ## measure pools, codecs, wire, server and fan-out as ratios (20 minutes)
	$(VENV)/bin/python $(BENCH) speed

bench-memory: $(INSTALLED) ## prove what is allocated: memray, pauses of the collector, sizes
	$(VENV)/bin/python $(BENCH) memory

bench-load: $(INSTALLED) ## load a server by frames a second, connections, streams, and too much
	$(VENV)/bin/python $(BENCH) load

bench-peers: $(PEERS_INSTALLED) ## measure other servers at the same work, in one run
	$(PEERS)/bin/python $(BENCH) peers

MINUTES ?= 10
soak: $(INSTALLED) ## run servers of three debug levels for MINUTES=10, and watch their memory
	$(VENV)/bin/python $(BENCH) soak --minutes $(MINUTES)

bench-compare: $(INSTALLED) ## set the results of the last runs beside the committed ones
	$(RUN) benchmarks.compare

figures: $(INSTALLED) ## put the figures of the last runs into the documents
	$(RUN) tools.figures

# Six minutes: until the plots are full. The same test runs in `make test`, for its checks alone.
screenshots: $(INSTALLED) ## look at a server at work with Chromium, and write docs/images
	MUST_HAVE_TOOLS=1 FRAMESRV_SCREENSHOTS=docs/images \
		$(RUN) pytest -q -o faulthandler_timeout=0 functional-tests/test_dashboard_use.py \
		functional-tests/test_browsers_watch.py -k TestLayout

docs-check: $(INSTALLED) ## check that links, commands and examples in the documents are real
	$(RUN) tools.docs_check

lock-check: ## check that the lock holds names, versions and hashes only
	@if grep -nvE '^([a-z0-9-]+==[^ ]+ \\|    --hash=sha256:[0-9a-f]{64}( \\)?)$$' $(LOCKS); \
		then echo 'the lines above are not a name, a version or a hash'; exit 1; fi

protos: $(INSTALLED) ## generate the code for the wire contract anew
	$(RUN) tools.gen_protos

format: $(INSTALLED) ## format the code and mend what ruff can mend
	$(RUN) ruff format $(CHECKED)
	$(RUN) ruff check --fix $(CHECKED)

# UPGRADE=1 takes the newest versions that the ranges allow; without it, pins that still fit stay.
# The oldest supported Python resolves, so that every supported one can install the result.
COMPILE = $(RUN) piptools compile --quiet $(if $(UPGRADE),--upgrade) --all-build-deps \
	--generate-hashes --allow-unsafe --strip-extras --no-header --no-annotate \
	--no-emit-options --no-emit-index-url --no-emit-find-links --no-emit-trusted-host

lock: $(LOCKED) ## pin all dependencies anew in the two lock files (UPGRADE=1 for the newest)
	@$(VENV)/bin/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
		{ echo 'make lock needs Python 3.11: make clean, then make lock PYTHON=python3.11'; exit 1; }
	@for lock in $(LOCKS); do cp $$lock $$lock.tmp; done
	$(COMPILE) --extra dev --extra otel --output-file requirements.lock.tmp pyproject.toml
	@test -s requirements-peers.lock.tmp || cp requirements.lock.tmp requirements-peers.lock.tmp
	$(COMPILE) --extra dev --extra peers --output-file requirements-peers.lock.tmp pyproject.toml
	@for lock in $(LOCKS); do \
		sed -i.orig -e '/^#/d' -e '/^$$/d' $$lock.tmp && rm $$lock.tmp.orig; \
		cmp -s $$lock.tmp $$lock || cp $$lock.tmp $$lock; rm $$lock.tmp; done
	@$(MAKE) --no-print-directory lock-check

clean: ## remove the environment and everything generated
	rm -rf $(VENV) $(PEERS) requirements*.lock.tmp .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache \
		.import_linter_cache dist
	find . -name .git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment is built afresh whenever the lock changes. The stamp is written last and goes
# with the old environment, so an interrupted install is repaired by the next make.
$(LOCKED): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo; \
		echo 'framesrv needs Python 3.11 or newer, and "$(PYTHON)" is missing or older.'; \
		echo 'Install one and name it: make PYTHON=python3.11 $(MAKECMDGOALS)'; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { echo; \
		echo 'The venv module of "$(PYTHON)" is missing or incomplete.'; \
		echo 'On Debian and Ubuntu: apt-get install python3-venv'; exit 1; }
	@echo 'Building $(VENV) from requirements.lock ...'
	@$(PYTHON) -m venv --clear $(VENV)
	@$(RUN) pip install --quiet --require-hashes -r requirements.lock
	@touch $@

$(INSTALLED): $(LOCKED) pyproject.toml
	@$(RUN) pip install --quiet --no-deps --no-build-isolation -e .
	@$(RUN) pip check
	@touch $@

# What framesrv is measured beside asks for other versions of some libraries, and is large.
$(PEERS_INSTALLED): requirements-peers.lock pyproject.toml | $(LOCKED)
	@echo 'Building $(PEERS) from requirements-peers.lock ...'
	@$(PYTHON) -m venv --clear $(PEERS)
	@$(PEERS)/bin/python -m pip install --quiet --require-hashes -r requirements-peers.lock
	@$(PEERS)/bin/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@
