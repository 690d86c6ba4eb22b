# nnlab: `make demo` first, `make test` next, `make check` before a commit.
PYTHON ?= python3
BIN := .venv/bin
NNLAB := $(BIN)/nnlab
# The CPU build that the tests are run with; the package itself accepts any torch from 2.6 on.
TORCH := torch==2.13.0
WORKERS ?= 2

.PHONY: demo test check torture format docs cheatsheet studies gallery bench bench-board bench-server bench-diagnosis bench-gate bench-statistics uplot wheel clean

# The package alone: enough for the demo.
.venv/package: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet "$(TORCH)"
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

.venv/test: .venv/package
	$(BIN)/python -m pip install --quiet --editable ".[test]"
	@touch $@

.venv/dev: .venv/test
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	@touch $@

demo: .venv/package
	$(NNLAB) train --opt adam --decay exp --seeds 3
	$(NNLAB) train --opt sgd --decay exp --seeds 3
	$(NNLAB) compare
	$(NNLAB) plot curves -o demo.pdf

test: .venv/test
	$(BIN)/python -m pytest -n $(WORKERS)

check: .venv/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python docs/build.py --check
	$(BIN)/python -m pytest -n $(WORKERS)

# Ten times the kills and stops of `make check`: about half an hour.
torture: .venv/test
	$(BIN)/python -m pytest -m long tests/torture

format: .venv/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# commands.md, choices.md and rules.md are made from the program.
docs: .venv/dev
	$(BIN)/python docs/build.py

# build/cheatsheet.pdf: commands, choices and findings on one printed page.
cheatsheet: .venv/package
	$(BIN)/python docs/build_cheatsheet.py

# Every built-in study, trained and judged, two at a time: at most twenty minutes on two cores. Also
# writes nnlab/studies/reference_results.json, the results that `nnlab lecture` shows.
studies: .venv/test
	$(BIN)/python docs/build_studies.py

# Every kind of figure of ten studies at every venue, searched for faults of their texts, and
# docs/gallery.md. All kinds, studies and pages take more than an hour on two cores; with
# ARGS=--sheets only the pictures of the contact sheets are drawn.
gallery: .venv/test
	PYTHONPATH=tests $(BIN)/python benchmarks/gallery.py $(ARGS)

# All benchmarks: about twenty minutes on two idle cores.
bench: .venv/test
	$(BIN)/python benchmarks/run.py

# A PostgreSQL server under load, and docs/performance-server.md: about ten minutes.
bench-server: .venv/test
	PYTHONPATH=tests $(BIN)/python benchmarks/server_load.py

# The page of `nnlab board` in a browser, and docs/performance-board.md: about twenty minutes.
bench-board: .venv/test
	$(BIN)/python benchmarks/board_speed.py

# The corpus of runs with known faults, and docs/diagnosis-accuracy.md: about half an hour, then seconds.
bench-diagnosis: .venv/test
	$(BIN)/python benchmarks/diagnosis/run.py

# Simulated loops that keep or discard candidates, and the section of docs/gate.md: four minutes.
bench-gate: .venv/test
	$(BIN)/python benchmarks/gate.py

# Simulated rankings, and the section of docs/comparing.md: about five minutes on one core.
bench-statistics: .venv/test
	$(BIN)/python benchmarks/comparison_statistics/run.py

# The library that draws the charts of pages; installing nnlab fetches it too, if npm is there.
uplot:
	$(PYTHON) hatch_build.py

wheel: .venv/dev
	$(BIN)/python -m build --outdir dist .

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
