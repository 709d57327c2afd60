# The verbs of this repository. A machine needs Python 3.11, Node 20, make and git; everything else is installed by what
# needs it.

PYTHON ?= python3
export UV_PYTHON_DOWNLOADS := never
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
export KERAS_BACKEND := torch
# Hundreds of processes import the same packages: they are compiled once.
unexport PYTHONDONTWRITEBYTECODE

UV := .venvs/uv/bin/uv
BIN := .venv/bin
ENV := .venv/.complete
UI := src/trackway/server/static/index.html
LIBRARIES := .venvs/libraries/.complete
H2O := .venvs/h2o/.complete
SPARK := .venvs/spark/.complete
RAY := .venvs/ray/.complete
FUZZ := .venvs/fuzz/.complete
OIDC := .venvs/oidc/.complete
SCHEMATHESIS := .venvs/schemathesis/.complete
CLIENTS := $(foreach peer,mlflow-1.30 mlflow-2.22 mlflow-3.17 model-signing wandb,.venvs/$(peer)/.complete)
SERVERS := $(foreach peer,mlflow-server fasttrackml litserve,.venvs/$(peer)/.complete)

# In CI what failed is run once more, one test at a time: the first report names it, and only what fails again is broken.
tested = $(1) $(2) $(3) $(if $(CI),|| $(1) --last-failed --last-failed-no-failures none $(3))

.PHONY: help setup ui system java containers proxies r demo test test-all lint types imports docs docs-check schema bench bench-ui bench-ui-beside pictures dist fuzz sbom audit peers requirements clean
.DELETE_ON_ERROR:

help:  ## Say what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-17s%s\n", $$1, $$2}'

setup: $(ENV)  ## Make .venv with the package and everything to develop it

ui: $(UI)  ## Build the web UI into src/trackway/server/static

demo: $(ENV) $(UI)  ## Train two models, log them, and serve the result on http://127.0.0.1:5000 until Ctrl-C
	$(BIN)/python examples/demo.py
	exec $(BIN)/trackway server --host 127.0.0.1 --port 5000

test: $(ENV) $(LIBRARIES) $(CLIENTS) $(UI) system  ## Run the tests, but the slow ones
	$(if $(ARGS),,cd ui && npm test)
	$(call tested,$(BIN)/python -m pytest,-n 2,$(ARGS))
	$(if $(ARGS),,$(call tested,$(BIN)/python -m pytest,-n 2,-m "browser and not slow" tests/ui))
	$(if $(ARGS),,$(call tested,.venvs/libraries/bin/python -m pytest,-n 2,-m "libraries and not slow and not h2o" tests/models/libraries attacks))

test-all: $(LIBRARIES) $(UI) $(H2O) $(SPARK) $(RAY) $(FUZZ) $(OIDC) $(SCHEMATHESIS) $(CLIENTS) .venvs/mlflow-server/.complete .venvs/mlflow-spark/.complete system java containers proxies directory r  ## Run every test, in the environment that has every library
	.venvs/libraries/bin/python -m pytest -n 2 -m "not browser and not h2o and not spark and not ray" $(ARGS)
	$(if $(ARGS),,.venvs/libraries/bin/python -m pytest -n 2 -m browser tests/ui)
	$(if $(ARGS),,.venvs/h2o/bin/python -m pytest -m h2o tests/models/h2o)
	$(if $(ARGS),,.venvs/ray/bin/python -m pytest -m ray tests/projects)
	$(if $(ARGS),,.venvs/spark/bin/python -m pytest -m spark tests/inference/spark tests/models/spark tests/projects attacks)

lint: $(ENV)  ## Check style, format and the rules of import
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

types: $(ENV)  ## Check types
	$(BIN)/mypy

imports: $(ENV)  ## Check who imports whom
	$(BIN)/lint-imports --no-logo

docs: $(ENV)  ## Write the generated pages of docs/reference
	$(BIN)/python docs/generate.py

docs-check: $(ENV)  ## Check that the generated pages are up to date
	$(BIN)/python docs/generate.py --check

schema: $(ENV)  ## Write the database schema's SQL from src/trackway/store/sql/schema.py
	$(BIN)/python -m trackway.store.sql.ddl

bench: $(ENV) $(SERVERS)  ## Measure, side by side with the peers
	$(BIN)/python -m bench $(ARGS)
	$(if $(ARGS),,$(BIN)/python -m bench.scoring)

bench-ui: $(ENV) $(UI)  ## Measure the web UI in a browser, at 100,000 runs and ten curves of a million points
	$(BIN)/python -m bench.ui $(ARGS)

bench-ui-beside: $(ENV) $(UI) .venvs/mlflow-server/.complete  ## Measure the web UI beside MLflow's, in the same browser on the same runs
	$(BIN)/python -m bench.ui_beside $(ARGS)

pictures: $(ENV) $(UI)  ## Take the pictures of docs/images anew, in a browser
	$(BIN)/python -m tests.ui.pictures

dist: $(ENV) $(UI)  ## Build the wheel and the source archive into dist/
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(UV) build --quiet --python $(BIN)/python --no-build-isolation
	@ls dist

fuzz: $(ENV) $(FUZZ)  ## Fuzz what reads foreign bytes, each reader for ARGS seconds (20)
	TRACKWAY_FUZZ_SECONDS=$(or $(ARGS),20) $(BIN)/python -m pytest -m slow tests/fuzz

sbom: dist  ## Write dist/sbom.cdx.json, the bill of materials of the wheel (CycloneDX), and the digests of all of dist/
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python requirements/sbom.py dist/trackway-*.whl >dist/sbom.cdx.json
	cd dist && sha256sum trackway-* sbom.cdx.json >SHA256SUMS

audit: .venvs/audit/.complete  ## Look known weaknesses of the pins up; fails for each that is known, and for what could not be looked up
	for pins in base test; do \
	  .venvs/audit/bin/pip-audit --strict --progress-spinner off --disable-pip --require-hashes -r requirements/$$pins.txt || exit; done
	cd ui && npm audit --package-lock-only --omit=dev

peers: $(CLIENTS) $(SERVERS)  ## Make the environments of the products that tests and benchmarks talk to

clean:  ## Remove what was built, but no tracked data
	rm -rf .venv .venvs ui/node_modules src/trackway/server/static dist build .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache
	find src tests -name __pycache__ -prune -exec rm -rf {} +

system:
	@.ci/system-packages

java:
	@command -v java >/dev/null || .ci/system-packages default-jre-headless

proxies:
	@PATH=$$PATH:/usr/sbin; command -v nginx >/dev/null && command -v caddy >/dev/null || .ci/system-packages nginx-light caddy

directory:
	@PATH=$$PATH:/usr/sbin; command -v slapd >/dev/null || .ci/system-packages slapd

r:
	@command -v Rscript >/dev/null || .ci/system-packages r-base-core

containers:
	@command -v podman >/dev/null && command -v debootstrap >/dev/null || .ci/system-packages podman runc catatonit debootstrap

# The web UI. It is built anew when one of its files has changed, and its packages are installed when their pins have.

ui/node_modules/.complete: ui/package.json ui/package-lock.json
	cd ui && npm ci --no-audit --no-fund
	@touch $@

$(UI): ui/node_modules/.complete ui/index.html ui/vite.config.ts ui/tsconfig.json ui/compress.mjs $(shell find ui/src ui/public -type f)
	cd ui && npm run build
	@touch $@

# Environments. A stamp file says that one is complete; it is older than the pins when they have changed.

$(UV): requirements/uv.txt
	$(PYTHON) -m venv .venvs/uv
	.venvs/uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

define environment
$(UV) venv --quiet --allow-existing --python $(PYTHON) $(@D)
$(UV) pip sync --quiet --python $(@D)/bin/python $<
endef

define package
$(UV) pip install --quiet --python $(@D)/bin/python --no-deps --no-build-isolation --editable .
endef

$(ENV): requirements/dev.txt pyproject.toml | $(UV)
	$(environment)
	$(package)
	@touch $@

$(LIBRARIES) $(H2O) $(SPARK) $(RAY): .venvs/%/.complete: requirements/%.txt pyproject.toml | $(UV)
	$(environment)
	$(package)
	@touch $@

.venvs/%/.complete: requirements/peer-%.txt | $(UV)
	$(environment)
	@touch $@

# Pins. Exact versions with digests and no index address; `make requirements ARGS=--upgrade` takes newer versions.

COMPILE = $(UV) pip compile --quiet --generate-hashes --no-emit-index-url --python-version 3.11 \
	--custom-compile-command 'make requirements' $(ARGS)

requirements: | $(UV)  ## Resolve the pins of requirements/ anew
	$(COMPILE) requirements/uv.in -o requirements/uv.txt
	$(COMPILE) --universal --extra dev pyproject.toml -o requirements/dev.txt
	$(COMPILE) --universal --extra test -c requirements/dev.txt pyproject.toml -o requirements/test.txt
	$(COMPILE) --universal -c requirements/dev.txt pyproject.toml -o requirements/base.txt
	$(COMPILE) --extra dev pyproject.toml requirements/libraries.in -o requirements/libraries.txt
	$(COMPILE) --extra dev pyproject.toml requirements/h2o.in -o requirements/h2o.txt
	$(COMPILE) --extra dev pyproject.toml requirements/spark.in -o requirements/spark.txt
	$(COMPILE) --extra dev pyproject.toml requirements/ray.in -o requirements/ray.txt
	$(COMPILE) -c requirements/dev.txt pyproject.toml requirements/peer-fuzz.in -o requirements/peer-fuzz.txt
	for peer in mlflow-1.30 mlflow-2.22 mlflow-3.17 mlflow-server mlflow-spark litserve model-signing wandb audit oidc schemathesis; do \
	  $(COMPILE) requirements/peer-$$peer.in -o requirements/peer-$$peer.txt || exit; done
	$(COMPILE) --no-deps requirements/peer-fasttrackml.in -o requirements/peer-fasttrackml.txt
