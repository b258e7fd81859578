# Every target is a command or two that can be typed as well.
# ARGS goes to the command (make unit ARGS="-k quota"), CLOUD names the test cloud.

BIN = .venv/bin
CLOUD = A
ARGS =
# tests/functional in one of them, beside all others (tests/scheduling.py).
WORKERS = --numprocesses 2
VERSIONS = lowest newest

DEVCLOUD = $(BIN)/python -m tests.devcloud --name $(CLOUD)
PYTEST = $(BIN)/python -m pytest
COVERAGE = $(BIN)/python -m coverage report
PURE = openstats/statistics/*,openstats/model.py,openstats/discovery.py,openstats/alerts.py,openstats/readings.py,openstats/meters.py,openstats/errors.py,openstats/names.py,openstats/tokens.py,openstats/auth_url.py,openstats/unix_time.py,openstats/severities.py

.DEFAULT_GOAL = help
.PHONY: help run test bench bench-peers cloud cloud-down unit functional cover versions lint types docs dist sample plain venv clean

help:         ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

run:          ## serve the cloud that OS_CLOUD or clouds.yaml names, or else a test cloud
	@CLOUD=$(CLOUD) tools/run

test: lint types docs dist cover  ## everything that has to pass

bench: venv   ## measure; a table, and bench/results.json
	$(BIN)/python -m bench $(ARGS)

bench-peers: venv  ## the same, and openstats beside Gnocchi, which it installs
	$(BIN)/python -m bench.peers $(ARGS)

cloud: plain  ## bring the test cloud up and fill it
	$(DEVCLOUD) up $(ARGS)
	$(DEVCLOUD) seed
	@echo "clouds.yaml of it: $(DEVCLOUD) clouds-yaml"

cloud-down: plain ## end the test cloud; it keeps what is in it
	$(DEVCLOUD) down

unit: venv    ## tests that need nothing but this machine
	$(PYTEST) --ignore tests/functional $(ARGS)

functional: venv  ## tests on real clouds, which they bring up themselves
	$(PYTEST) tests/functional $(ARGS)

cover: venv   ## all tests, and how much of the code they reach
	$(PYTEST) $(WORKERS) --cov --cov-report=term --cov-report=html:build/coverage --cov-fail-under=95 $(ARGS)
	@$(COVERAGE) --format=total --include='$(PURE)' --fail-under=100 > build/pure || \
	    { $(COVERAGE) --include='$(PURE)'; echo "$(PURE): all branches have to be covered"; exit 1; }

versions:     ## some tests with the lowest, then the newest dependencies; not part of test: 6 minutes
	tools/versions $(VERSIONS)

lint: venv    ## ruff, bandit, the layers of imports, and measures of style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/bandit -q -r -c pyproject.toml openstats
	$(BIN)/lint-imports
	$(BIN)/python tools/measures

types: venv   ## mypy
	$(BIN)/mypy

docs: venv    ## the documents as HTML in build/docs; a warning is an error
	@mkdir -p build/docs
	@for page in *.rst docs/*.rst; do \
	    $(BIN)/docutils --halt=warning $$page build/docs/$$(basename $$page .rst).html || exit 1; \
	done

dist: venv    ## wheel and sdist, tried in an environment of their own
	tools/dist $(BIN)/python

sample: venv  ## write anew the samples of configuration and rules, and the outline of the API
	$(BIN)/python tools/sample
	$(BIN)/oslopolicy-sample-generator --config-file etc/openstats/policy-generator.conf
	$(BIN)/python -m tests.api.openapi.outline

plain:
ifeq ($(BIN),.venv/bin)
	@tools/venv
endif

venv:
ifeq ($(BIN),.venv/bin)
	@tools/venv test,lint
endif

clean:        ## remove what can be made again; run/ and the test cloud stay
	rm -rf .venv .tox build dist openstats.egg-info .coverage* .hypothesis .*_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
