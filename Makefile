# Every target sets up what it needs. PYTHON: the interpreter; TORCH: what pip is asked for, so that
# another build can be chosen, for example  make demo TORCH="torch==2.13.0 --index-url URL"
# with the index of CPU builds that pytorch.org's installation page names.
# BENCH: options of the benchmark, see docs/benchmarks.md. WORKERS: processes that run the tests.
PYTHON ?= python3
TORCH  ?= torch==2.13.0
VENV   ?= .venv
BIN     = $(VENV)/bin
PIP     = $(BIN)/python -m pip --disable-pip-version-check install --quiet
SAMPLE  = pipelines/sample.yaml
WORKERS ?= 4

.PHONY: demo check test bench setup clean

demo: $(VENV)/.base
	$(BIN)/millrace refresh $(SAMPLE) --prefect
	$(BIN)/millrace search $(SAMPLE) "How are default argument values evaluated?" -k 3
	$(BIN)/millrace search $(SAMPLE) "split a string on a regular expression" -k 3
	$(BIN)/millrace search $(SAMPLE) "pick random elements from a population without repeats" -k 3

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

test: check
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

bench: $(VENV)/.bench
	$(BIN)/python -m evals.bench $(BENCH)

setup: $(VENV)/.dev

clean:
	rm -rf $(VENV) build *.egg-info

# torch goes first and alone: any looser request brings gigabytes of CUDA packages along.
$(VENV)/.base: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) $(TORCH)
	$(PIP) --constraint constraints.txt --editable .
	touch $@

$(VENV)/.bench: $(VENV)/.dev
	$(PIP) --constraint constraints.txt --editable ".[dev,bench]"
	touch $@

$(VENV)/.dev: $(VENV)/.base
	$(PIP) --constraint constraints.txt --editable ".[dev]"
	touch $@
