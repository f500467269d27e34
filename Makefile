# All targets set up what they need in .venv by themselves, from the hash-locked requirements.
PYTHON ?= python3
BIN := .venv/bin
JOBS ?= 3
MILLIONS ?= 1 10 50

.PHONY: help test coverage quick check inference demo dashboard docs pilot imf promises mutants audit-noise audit-faults bench accuracy large-traders lock clean

help:  ## show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.venv/ready: requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

.venv/browser: .venv/ready
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || { \
	  test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq chromium; \
	} || $(BIN)/playwright install chromium \
	  || echo "No browser could be had: the tests of the dashboard in a real browser will be left out." >&2
	@touch $@

.venv/spreadsheet: .venv/ready
	@command -v ssconvert >/dev/null || { \
	  test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq \
	  && apt-get install -y -qq --no-install-recommends gnumeric >/dev/null; \
	} || echo "Gnumeric could not be had: whether CSV files start formulas in a spreadsheet will be left out." >&2
	@touch $@

.venv/typesetter: .venv/ready
	@ldconfig -p 2>/dev/null | grep -q libpangoft2-1.0 || { \
	  test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq \
	  && apt-get install -y -qq --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 >/dev/null; \
	} || echo "Pango could not be had: the tests of reports as PDF will be left out." >&2
	@touch $@

.venv/spark: .venv/ready requirements-spark.txt
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-spark.txt \
	  || echo "Spark could not be had: the tests of the engine spark will be left out." >&2
	@test -x "$$JAVA_HOME/bin/java" || command -v java >/dev/null || { \
	  test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq \
	  && apt-get install -y -qq --no-install-recommends default-jre-headless >/dev/null; \
	} || echo "Java could not be had: the tests of the engine spark will be left out." >&2
	@touch $@

TOOLS := .venv/browser .venv/spreadsheet .venv/typesetter .venv/spark

test: .venv/ready $(TOOLS)  ## run all tests
	$(BIN)/python -m pytest -n $(JOBS) --dist loadscope

coverage: .venv/ready $(TOOLS)  ## run all tests and show which lines and branches they don't reach
	$(BIN)/python -m coverage erase
	$(BIN)/python -m pytest -n $(JOBS) --dist loadscope --cov --cov-report=term:skip-covered

quick: .venv/ready  ## run the tests that take seconds each; some minutes
	$(BIN)/python -m pytest -n $(JOBS) --dist loadscope -m "not slow"

check: .venv/ready  ## lint, format, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

demo: .venv/ready  ## make four practice offices in demo/, release each and compare them; an older demo goes to demo-old/
	@if test -e demo; then rm -rf demo-old && mv demo demo-old && echo "the demo that was there is in demo-old/"; fi
	$(BIN)/mirrors demo --out demo

dashboard: .venv/ready  ## show the demo's output in a browser, on this machine only
	@test -d demo/published || $(BIN)/mirrors demo --out demo
	$(BIN)/mirrors dashboard "$$(ls demo/agreed.toml 2>/dev/null || echo demo/published)" --registry demo/registry

inference: .venv/ready  ## simulate the mirror tests at noise of 1 to 100 %: coverage, errors, power
	$(BIN)/python benchmarks/inference.py

promises: .venv/ready .venv/spreadsheet  ## run what must hold under faults and attack, one line each
	MIRRORS_TEETH=1 $(BIN)/python -m pytest tests/promises -q -n $(JOBS) --dist loadscope

mutants: .venv/ready  ## mutation testing of privacy, ledger, bundle, clip and inference, by samples; an hour or so
	$(BIN)/python benchmarks/mutants.py --sample $(or $(SAMPLE),30)

audit-noise: .venv/ready  ## measure the real pipeline's privacy loss and the clip's sensitivity, with planted faults
	$(BIN)/python -m pytest tests/promises/test_r12*.py tests/promises/test_r13*.py tests/promises/test_r14*.py -q -n $(JOBS) --dist loadscope

audit-faults: .venv/ready  ## plant all pairs of faults for the audit; some minutes
	MIRRORS_PAIRS=all $(BIN)/python -m pytest tests/test_audit_faults.py -q

bench: .venv/ready  ## speed and memory, as ratios measured side by side
	$(BIN)/python benchmarks/reconciliation.py
	$(BIN)/python benchmarks/ledger.py
	$(BIN)/python benchmarks/speed.py --millions $(MILLIONS)

large-traders: .venv/ready  ## what the large-trader tier buys and costs, on invented worlds
	$(BIN)/python benchmarks/large_traders.py

pilot: .venv/ready  ## the first pilot's twelve pairs on its files, SOURCE='FOLDER/* 2022.csv', in the new folder OUT
	$(BIN)/python benchmarks/real_mirrors.py pilot-2022-03 --source '$(SOURCE)' --out $(or $(OUT),demo-pilot)

imf: .venv/ready  ## a year of monthly releases on the IMF's figures, SOURCE=FILE, in the new folder OUT
	$(BIN)/python benchmarks/real_mirrors.py imf-2018 --source '$(SOURCE)' --out $(or $(OUT),demo-imf)

docs: .venv/ready  ## build the documentation as a site in build/docs; it asks nothing of the network
	$(BIN)/python -m sphinx -q -b html docs build/docs
	@echo "open build/docs/index.html"

accuracy: .venv/ready  ## errors predicted and got on heavy-tailed worlds, beside other ways; about ten minutes
	$(BIN)/python benchmarks/accuracy.py --write docs

lock: .venv/ready  ## resolve the dependencies anew
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --extra dev pyproject.toml -o requirements.txt
	sed -n 's/^ *"\(pyspark[^"]*\)",$$/\1/p' pyproject.toml \
	  | $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate -o requirements-spark.txt -

clean:  ## remove what the targets made
	rm -rf .venv demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
