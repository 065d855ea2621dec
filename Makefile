# `make demo` and `make test` need Python 3.11, a C++ compiler and PyPI, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := pyproject.toml CMakeLists.txt README.md $(shell find src -type f -not -name '*.pyc')
PICTURE := examples/pictures/fruits.png
KERNEL_TESTS := $(addprefix tests/test_,native.py native_mapping.py histogram.py clustering.py dithering.py accents.py \
	quality.py native_parse.py parsing.py gif.py png.py streams.py webp.py)

.PHONY: demo test lint golden sanitize bench bench-quality docs tutorial bundles clean

demo: $(VENV)/.installed
	@mkdir -p demo
	@$(BIN)/pimenton compress $(PICTURE) -k 16 -o demo/fruits-16.png --report demo/fruits-16.html --force
	@$(BIN)/pimenton compress $(PICTURE) -k 256 -o demo/fruits-256.png --report demo/fruits-256.html --force
	@$(BIN)/pimenton explain $(PICTURE) -o demo/kmeans.html --force
	@echo "Look at demo/fruits-16.html, demo/fruits-256.html and demo/kmeans.html in a browser."

# In as many processes as there are cores, up to four.
test: $(VENV)/.tested-with
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --doctest-modules --pyargs tests pimenton $(PYTEST_FLAGS)

lint: $(VENV)/.tested-with
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

golden: $(VENV)/.tested-with
	$(BIN)/python tests/golden/make.py

# The documentation site, in site/index.html; needs no network but for PyPI the first time.
docs: $(VENV)/.tested-with
	$(BIN)/python -m sphinx -q -W -b html docs site
	@echo "Look at site/index.html in a browser."

# Notebooks and pages of the tutorial, from docs/source/tutorial.py.
tutorial: $(VENV)/.tested-with
	$(BIN)/python tools/tutorial.py
# The kernel under the address and undefined-behaviour sanitizers: minutes, so not a part of `test`.
# The interpreter keeps memory to its end, so leaks are not looked for. libstdc++ comes first with the
# sanitizer's own library, or exceptions would not be known to it.
sanitize: build/sanitized/.installed
	LD_PRELOAD="$$($(CXX) -print-file-name=libasan.so) $$($(CXX) -print-file-name=libstdc++.so)" \
	ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 \
	build/sanitized/bin/python -m pytest -q --hypothesis-profile=few $(KERNEL_TESTS) $(PYTEST_FLAGS)

build/sanitized/.installed: $(SOURCES)
	$(PYTHON) -m venv build/sanitized
	build/sanitized/bin/python -m pip install --quiet pytest hypothesis
	build/sanitized/bin/python -m pip install --quiet -C cmake.define.PIMENTON_SANITIZE=ON \
		-C cmake.build-type=RelWithDebInfo -C build-dir=build/sanitizing .
	@touch $@

# The parts of three.js and fflate that the pages draw and pack with; needs npm, the result is kept.
bundles:
	cd tools/bundles && npm ci && npm run build

# DATA is a folder of test sets (benchmarks/README.md); without it the bundled picture is measured.
bench bench-quality: SHELL := /bin/bash
bench bench-quality: .SHELLFLAGS := -o pipefail -c
bench: $(VENV)/.measured-with
	@mkdir -p bench
	$(BIN)/python -u benchmarks/engine.py $(if $(DATA),--data $(DATA)) | tee bench/engine.txt

bench-quality: $(VENV)/.measured-with
	@mkdir -p bench
	$(BIN)/python -u benchmarks/quality.py $(if $(DATA),--data $(DATA)) | tee bench/quality.txt

clean:
	rm -rf $(VENV) build demo site

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.installed: $(SOURCES) | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet .
	@touch $@

$(VENV)/.tested-with: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet '.[dev]'
	@touch $@

$(VENV)/.measured-with: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet '.[bench]'
	@touch $@
