# Each target sets up what it needs in .venv: runs and figures requirements.lock, tests and lint requirements-dev.lock too.
# PYTHON=python3.12 make quick   chooses the interpreter (3.11 or newer); CORES=16 the number of jobs at a time.
# make quick TORCH_INDEX=https://download.pytorch.org/whl/cpu   takes torch from that index, here without CUDA.

PYTHON ?= python3
CORES ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
STUDY ?= figure3
VENV := .venv
PEERS := .venv-peers
READY := $(VENV)/ready
DEV := $(VENV)/ready-dev
PIP := -m pip install --quiet --disable-pip-version-check
# The rest of an environment comes from PyPI, and finds torch there.
TORCH = $(if $(TORCH_INDEX),$(1)/bin/python $(PIP) --no-deps --index-url '$(TORCH_INDEX)' $$(grep '^torch==' requirements.lock))
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export PYTHONNOUSERSITE := 1

.PHONY: quick figures videos check test test-slow test-deps slurm-test watch audit again rekey prune lint random-scores bench lock clean help

## quick: train the small study (minutes on 2 cores) and draw it
quick: $(READY)
	snakemake --cores $(CORES) quick

## figures: draw the studies whose runs are in the repository (and train what is missing of them)
figures: $(READY)
	snakemake --cores $(CORES) figure3 table1 trpo_forms

## videos: films of the final policies, into the page of the study (STUDY=figure3)
videos: $(READY)
	snakemake --cores $(CORES) $(STUDY)_videos

## watch: while a study trains: a table of its runs, drawn anew every few seconds (STUDY=figure3)
watch: $(READY)
	@python -m analysis.terminal.watch $(STUDY)

## check: before each commit: style and types of the Python files, and the tests that train, draw and compile little
check: $(READY)
	ruff check .
	ruff format --check .
	python -m mypy
	python -m pytest -n $(CORES) --dist worksteal -m 'not (long or workflow or slow or slurm)'

## test: the tests, but for what is slow and rarely breaks; what they need of the system and is missing is said in their last line
test: $(READY)
	python -m pytest -n $(CORES) --dist worksteal

## test-slow: the rest: portable kernels of every algorithm, kills of every algorithm and of Snakemake, compiled runs made twice, options at their extremes (ONLY='not an_intel' leaves some out, as pytest's -k)
test-slow: $(READY)
	python -m pytest -n $(CORES) --dist worksteal -m slow $(if $(ONLY),-k '$(ONLY)')

## test-deps: what tests need of the system besides Python and a compiler: a browser, OpenGL, rsync, qemu (Debian, as root)
test-deps:
	packages=$$($(PYTHON) tests/support/packages.py) && tests/support/install.sh $$packages

## slurm-test: a small study through a real Slurm of one node on loopback, with kills (Debian, as root: installs Slurm)
slurm-test: $(READY)
	packages=$$($(PYTHON) tests/support/packages.py slurm) && tests/support/install.sh $$packages
	python -m pytest -m slurm tests/slurm

## audit: re-run the first part of a sample of the runs in results/runs, and compare byte for byte
audit: $(READY)
	python -m tools.runs audit

## again: train a study again from nothing in FOLDER, and compare byte for byte (make again FOLDER=../again STUDY=figure3)
again: $(READY)
	$(if $(FOLDER),,$(error FOLDER is not set: make again FOLDER=../again))
	python -m tools.again $(FOLDER) --study $(STUDY) --cores $(CORES)

## rekey: after a change that changes no number: show it, and move the runs to their new keys
rekey: $(READY)
	python -m tools.runs rekey

## prune: say which runs no study names (PRUNE=--yes removes them)
prune: $(READY)
	python -m tools.runs prune $(PRUNE)

## lint: format, style and types of Python files; format and style of Snakemake files
lint: $(READY)
	ruff check .
	ruff format --check .
	python -m mypy
	snakefmt --check Snakefile rules
	snakemake --lint

## random-scores: measure the scores of untrained policies, for envs.yaml
random-scores: $(READY)
	python -m play.random_score

## bench: speed beside other libraries and bare physics; benchmarks/results.md (an hour and a half; BENCH="--repeat 1 …" for less)
bench: $(READY) $(PEERS)/ready
	python -m benchmarks.bench --peer-python $(CURDIR)/$(PEERS)/bin/python $(BENCH)

$(PEERS)/ready: requirements.lock benchmarks/requirements.lock
	$(PYTHON) -m venv $(PEERS)
	$(call TORCH,$(PEERS))
	$(PEERS)/bin/python $(PIP) -r requirements.lock -r benchmarks/requirements.lock
	touch $@

## lock: renew requirements.lock and requirements-dev.lock from pyproject.toml
lock:
	$(PYTHON) tools/lock.py

$(READY): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: $(PYTHON) is older than Python 3.11: set PYTHON=python3.11 or newer" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(call TORCH,$(VENV))
	$(VENV)/bin/python $(PIP) -r requirements.lock
	touch $@

# What needs more than runs and figures do.
check test test-slow slurm-test lint: $(DEV)

$(DEV): $(READY) requirements-dev.lock
	$(VENV)/bin/python $(PIP) -r requirements-dev.lock
	touch $@

## clean: remove the environment, logs, tables and figures; runs stay
clean:
	rm -rf $(VENV) $(PEERS) logs work .snakemake
	find results -mindepth 1 -maxdepth 1 -type d ! -name runs -exec rm -rf {} +

## help: this list
help:
	@sed -n 's/^## //p' Makefile
