# Each target makes the virtual environment itself when it is missing. See README.md.
PYTHON ?= python3
PY := .venv/bin/python
RUN := .venv/.ready-run
DEV := .venv/.ready-dev

.PHONY: demo test lint bench load fuzz golden facts docs messages lock clean

$(RUN): requirements.txt agent/pyproject.toml collector/pyproject.toml collector/hatch_build.py tools/web/package-lock.json tools/setup.sh
	@PYTHON="$(PYTHON)" sh tools/setup.sh -run
$(DEV): $(RUN) requirements-dev.txt
	@PYTHON="$(PYTHON)" sh tools/setup.sh -dev

demo: export VERBUNDWACHT_DEMO_START := $(shell date +%s.%N)
demo: $(RUN)
	@$(PY) -m deploy.demo $(if $(ONCE),--once) $(if $(DIR),--dir "$(DIR)")

test: $(DEV)
	@sh tools/test_setup.sh
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@.venv/bin/lint-imports >.venv/imports.log 2>&1 || { cat .venv/imports.log; exit 1; }
	@$(PY) -m pytest -n 2 --dist loadfile $(ARGS)

lint: $(DEV)
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@.venv/bin/lint-imports >.venv/imports.log 2>&1 || { cat .venv/imports.log; exit 1; }

bench: $(DEV)
	@sh tools/bench_setup.sh
	@$(PY) -m tests.bench $(ARGS)

# A signed fleet against a collector on this machine: make load HOSTS=1000 MINUTES=5
load: $(RUN)
	@$(PY) -m deploy.load --hosts $(or $(HOSTS),100) --minutes $(or $(MINUTES),1) $(ARGS)

# Made-up input for everything that reads bytes from outside: make fuzz MINUTES=10
fuzz: $(DEV)
	@$(PY) -m tests.fuzz --minutes $(or $(MINUTES),10) $(ARGS)

# Rewrite what is generated and committed; the tests compare.
golden: $(DEV)
	@$(PY) -m tools.golden
facts: $(DEV)
	@$(PY) -m tools.facts_table
docs: facts
	@$(PY) -m tools.config_errors
messages: $(DEV)
	@$(PY) -m tools.messages
lock: $(DEV)
	@$(PY) tools/lock.py --upgrade

clean:
	rm -rf .venv collector/verbundwacht_collector/web/static/vendor
