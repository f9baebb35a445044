# Every target sets up what it needs. PYTHON: the interpreter; TORCH: what pip is asked for, so that
# another build can be chosen, for example  make demo TORCH="torch==2.13.0 --index-url URL"
# with the index of CPU builds that pytorch.org's installation page names.
# SOAK: folder of the long runs, which go on from there; SOAKED: refreshes of each.
# BENCH: options of the benchmark, see docs/benchmarks.md. WORKERS: processes that run the tests.
# MEMORY: a folder in memory with 8 GB of room, for `make test`: hundreds of small indexes wait for
# the disk half of their time. `make test-all` is on the disk.
PYTHON ?= python3
TORCH  ?= torch==2.13.0
VENV   ?= .venv
BIN     = $(VENV)/bin
PIP     = $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-compile
SOAK   ?= build/soak
SOAKED ?= 300
SAMPLE  = pipelines/sample.yaml
WORKERS ?= 3
MEMORY ?= $(shell test "$$(df -k --output=avail /dev/shm | tail -n 1)" -gt 8000000 && echo /dev/shm)
PYTEST  = OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.PHONY: demo check test test-all soak soak-edge soak-qdrant bench setup clean

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
	$(if $(MEMORY),TMPDIR=$(MEMORY) )$(PYTEST) -m "not slow"

test-all: check
	$(PYTEST)

soak: soak-edge soak-qdrant

soak-edge soak-qdrant: soak-%: $(VENV)/.dev
	$(BIN)/python -m tests.faults.soak --store $* --refreshes $(SOAKED) --home $(SOAK)/$*

bench: $(VENV)/.bench
	$(BIN)/python -m evals.bench $(BENCH)

setup: $(VENV)/.dev

clean:
	rm -rf $(VENV) build *.egg-info

$(VENV)/.base: pyproject.toml constraints.txt
	$(call install,.)

$(VENV)/.dev: pyproject.toml constraints.txt
	$(call install,.[dev])
	touch $(VENV)/.base

$(VENV)/.bench: $(VENV)/.dev
	$(call install,.[dev$(comma)bench])

comma := ,

# torch goes first and alone: any looser request brings gigabytes of CUDA packages along. pip would
# compile what it installs with one core; a few files are no Python of this version, which is no
# matter.
define install
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) $(TORCH)
	$(PIP) --constraint constraints.txt --editable "$(1)"
	$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true
	touch $@
endef
