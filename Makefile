# Needs one of these Pythons, git and make; everything else goes into .venv.
PYTHONS := 3.11 3.12 3.13 3.14

VENV   := .venv
PY     := $(VENV)/bin/python
STAMP  := $(VENV)/.installed
JOBS   ?= 2
DEVICE ?= cpu
PEERS  ?= $(VENV)/peers
FRAMEWORKS ?= $(VENV)/frameworks
LOWEST ?= $(VENV)/lowest
RELEASE ?= $(VENV)/release
# These test what is around the package.
AROUND := $(patsubst %,tests/test_%.py,book browser gates package style workflows)
UNITS  := $(filter-out $(AROUND),$(wildcard tests/test_*.py))
# These look at the book, or at what only the newest torch has.
LATEST := $(patsubst %,tests/test_%.py,benchmarks from_torch types)
SUPPORTED := import sys; sys.exit("%d.%d" % sys.version_info[:2] not in "$(PYTHONS)".split())

export PYTHONPATH := $(CURDIR)$(if $(PYTHONPATH),:$(PYTHONPATH))

.DEFAULT_GOAL := help
.PHONY: help book test coverage peers frameworks lowest dist bench notebooks mutants serve format clean

help: ## show this list
	@echo "make <target>, where <target> is one of"
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  %-11s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

# The stamp is written last: an installation that failed half way is done again.
$(STAMP): requirements.txt pyproject.toml
	@set -e; \
	if ! $(PY) -m pip --version >/dev/null 2>&1; then \
	  for candidate in $(or $(PYTHON),python3 $(addprefix python,$(PYTHONS)) python); do \
	    if "$$candidate" -c '$(SUPPORTED)' 2>/dev/null; then found=$$candidate; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo "None of the Pythons $(PYTHONS) found$(if $(PYTHON), as $(PYTHON)). Install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; \
	  fi; \
	  echo "Creating $(VENV) with $$("$$found" --version)"; \
	  "$$found" -m venv --clear $(VENV); \
	fi
	@echo "Installing the requirements (about two minutes the first time)"
	$(PY) -m pip install --quiet --no-compile --requirement requirements.txt
	$(PY) -m compileall -qq -j $(JOBS) -x /tests/ $(VENV)/lib || true # pip would compile all, on one core
	$(PY) -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

book: $(STAMP) ## build the book from scratch, every warning an error
	$(PY) -m book._tools.build

test: $(STAMP) ## run every gate: style, types, units, notebooks, book, browser
	$(PY) -m pytest -n $(JOBS) --dist loadscope --no-loadscope-reorder

# Other libraries pin other versions of what they need, so they stand apart, last on the path.
$(PEERS)/.installed: tests/peers/requirements.txt $(STAMP)
	@echo "Installing other libraries (about half a minute)"
	rm -rf $(PEERS)
	$(PY) -m pip install --quiet --no-deps --no-compile --target $(PEERS) --requirement $<
	@touch $@

peers: $(PEERS)/.installed ## compare with other libraries; WRITE=1 writes what the book says of them
	$(if $(WRITE),PEERS=$(PEERS) $(PY) -m tests.peers.page)
	PEERS=$(PEERS) $(PY) -m pytest tests/peers

# No bytecode beforehand: of TensorFlow's thousands of files one run imports a few, and keeps what it compiled.
$(FRAMEWORKS)/.installed: tests/frameworks/requirements.txt $(STAMP)
	@echo "Installing TensorFlow with Keras, and JAX with Optax (1.7 GB)"
	rm -rf $(FRAMEWORKS)
	$(PY) -m pip install --quiet --no-deps --no-compile --target $(FRAMEWORKS) --requirement $<
	@touch $@

frameworks: export BOOK_FRAMEWORKS := $(FRAMEWORKS)
frameworks: export PYTHONDONTWRITEBYTECODE :=
frameworks: $(FRAMEWORKS)/.installed ## execute the chapter in Keras and JAX; WRITE=1 writes its outputs
	$(if $(WRITE),$(PY) -m book._tools.execute)
	$(PY) -m pytest tests/frameworks book

# The oldest versions that pyproject.toml admits, in an environment of their own; they need Python 3.11.
$(LOWEST)/.installed: tests/lowest/requirements.txt pyproject.toml
	@echo "Installing the oldest torch that is supported, with its CUDA libraries unless an index of CPU builds is named"
	$(or $(PYTHON),python3.11) -m venv --clear $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet --requirement $<
	@touch $@

lowest: $(LOWEST)/.installed ## run the unit tests on the oldest supported torch, with NumPy 1.26
	$(LOWEST)/bin/python -m pytest -n $(JOBS) --dist loadscope -o addopts="" --import-mode=importlib -p no:cacheprovider $(filter-out $(LATEST),$(UNITS))

# The authors give no address, and a checkout names none of its own: setup.py says where that of the release is from.
comma := ,
$(RELEASE)/.installed: tests/release/requirements.txt
	$(or $(PYTHON),python3) -m venv --clear $(RELEASE)
	$(RELEASE)/bin/python -m pip install --quiet --requirement $<
	@touch $@

dist: $(RELEASE)/.installed ## build the source distribution and the wheel into dist/, and check both
	rm -rf dist build
	$(RELEASE)/bin/python -m build --no-isolation
	$(RELEASE)/bin/python -m twine check --strict dist/*
	$(RELEASE)/bin/check-wheel-contents dist/*.whl
	$(RELEASE)/bin/pyroma --min=10 --skip-tests=AuthorEmail$(if $(REPOSITORY_URL),,$(comma)Url) dist/*.tar.gz

bench: $(PEERS)/.installed ## measure time and memory beside others: ONLY=focal for some, DEVICE=cuda on a GPU
	PEERS=$(PEERS) $(PY) -m tests.benchmarks $(ONLY) --device $(DEVICE)

coverage: $(STAMP) ## run the unit tests alone: they execute every line and branch of lossfns
	$(PY) -m pytest -n $(JOBS) --dist loadscope --cov=lossfns $(UNITS) lossfns

notebooks: $(STAMP) ## re-execute all notebooks in place, or one: NOTEBOOK=book/x.ipynb
	$(PY) -m book._tools.execute --jobs $(JOBS) $(NOTEBOOK)

mutants: $(STAMP) ## plant faults in lossfns and count those the tests catch: ONLY="regression --sample 50"
	$(PY) -m tests.mutation $(ONLY)

serve: $(STAMP) ## serve the built book on a free port
	@test -f _build/html/index.html || { echo "Nothing built yet: run make book first" >&2; exit 1; }
	$(PY) -m book._tools.serve

format: $(STAMP) ## format the code, notebooks included
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

clean: ## remove the environment and everything built
	rm -rf $(VENV) _build build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .coverage htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
