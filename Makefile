# make setup   everything a fresh Debian 12 machine needs (also done by demo and test)
# make demo    one lane on the simulated rig, guard console on http://127.0.0.1:8080
# make test    all tests, in real Chromium too
# make tour    scripted passages, a table, exit 1 on any difference
# make bench-peers  the matcher beside deepface and face_recognition, on the same pairs (needs ../shared)
# make pcsc    the chip reader through real pcscd and its virtual reader, a table, exit 1 on any surprise
# make shots   pictures of every page of the guard console, into docs/images/console
# make faults  the fault menu: every fault injected, a table and a page in var/faults, exit 1 on any surprise
# make mutation  mutants of the safety core against its tests (about an hour), a score, exit 1 below 90 %
# make soak    a million sessions in virtual time (SESSIONS=, SEED=), exit 1 on any broken invariant
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup demo test tour pcsc cast shots bench bench-peers soak faults mutation lint types wheel lock clean

PORT ?= 8080
SESSIONS ?= 1000000
SEED ?= 1
TIMES ?= 5
# Weights on this machine, if there are any; without them the matcher of the Python registry is used.
SHARED ?= $(firstword $(wildcard ../shared))
UV := .tools/bin/uv
PY := .venv/bin/python
export UV_PYTHON_DOWNLOADS := never
export OMP_NUM_THREADS := 1
say = @printf '\033[1m==> %s\033[0m\n' $(1)

help:
	@sed -n 's/^# make/make/p' Makefile

setup: .venv/.ok ui/static/.ok var/models/.ok

var/system.ok: .ci/system-packages
	@bash .ci/system-packages
	@mkdir -p var && touch $@

.tools/.ok: .ci/tools.lock var/system.ok
	$(call say,"tools")
	@python3 -m venv .tools
	@.tools/bin/pip install --quiet --require-hashes -r .ci/tools.lock
	@touch $@

.venv/.ok: requirements.lock pyproject.toml .tools/.ok
	$(call say,"Python packages from requirements.lock - about 1 GB the first time")
	@test -x $(PY) || $(UV) venv --quiet --python python3 .venv
	@$(UV) pip sync --python $(PY) --require-hashes requirements.lock
	@$(UV) pip install --python $(PY) --quiet --no-deps --editable .
	@touch $@

ui/web/node_modules/.ok: ui/web/package-lock.json var/system.ok
	$(call say,"packages of the pages")
	@npm --prefix ui/web ci --no-audit --no-fund --loglevel=error
	@touch $@

ui/static/.ok: ui/web/node_modules/.ok $(shell find ui/web/src ui/web/*.html ui/web/*.ts -type f 2>/dev/null)
	$(call say,"pages")
	@npm --prefix ui/web run --silent build -- --logLevel warn
	@touch $@

# The best matcher this machine can get: from a folder, else by URL, else the one in the Python registry.
var/models/.ok: .venv/.ok
	$(call say,"weights of the face matchers")
	@mkdir -p var/models
	@if [ -n "$(SHARED)" ] && [ -d "$(SHARED)/models" ]; then .venv/bin/appliance models import "$(SHARED)/models"; \
	else .venv/bin/appliance models fetch open-omz \
	  || echo "open-omz is not to be had here: the lane will use pypi-dlib, development grade, and say so."; fi
	@.venv/bin/appliance models list
	@touch $@

demo: setup
	@$(PY) -m hil demo --port $(PORT)

tour: setup
	@$(PY) -m hil tour

.tools/pcsc/.ok: hil/pcsc/requirements.lock hil/pcsc/build.lock .venv/.ok
	@$(PY) -m hil.pcsc.packages
	$(call say,"pyscard - it compiles")
	@$(UV) pip sync --quiet --python $(PY) --target .tools/pcsc --require-hashes hil/pcsc/requirements.lock \
	  --require-build-hashes --build-constraints hil/pcsc/build.lock
	@touch $@

pcsc: setup .tools/pcsc/.ok
	@PYTHONPATH=.tools/pcsc $(PY) -m hil pcsc --times $(TIMES)

cast: setup
	@$(PY) -m hil.scene.castcheck

shots: setup
	@$(PY) -P tests/ui/shots.py

bench: setup
	@$(PY) -m hil bench

.tools/peers/.ok: hil/bench/peers/requirements.lock .tools/.ok
	$(call say,"deepface and face_recognition - about 2 GB - to be compared with and for nothing else")
	@$(UV) venv --quiet --allow-existing --python python3 .tools/peers
	@$(UV) pip sync --python .tools/peers/bin/python --require-hashes hil/bench/peers/requirements.lock
	@touch $@

bench-peers: setup .tools/peers/.ok
	@$(PY) -m hil.bench.peers $(SHARED)/data/faces/lfw $(SHARED)/models --peers .tools/peers/bin/python

soak: setup
	@$(PY) -m hil soak --sessions $(SESSIONS) --seed $(SEED) --jobs $(shell nproc)

faults: setup
	@$(PY) -m hil faults

mutation: setup
	@rm -rf var/mutation && mkdir -p var/mutation && cp -r appliance tests docs pyproject.toml var/mutation
	@cd var/mutation && ../../.venv/bin/mutmut run && cd ../.. && $(PY) .ci/mutation-score var/mutation

lint: setup
	$(call say,"format and lint")
	@.venv/bin/ruff format --check --quiet . && .venv/bin/ruff check --quiet .
	$(call say,"layers")
	@PYTHONPATH=. .venv/bin/lint-imports --no-cache --verbose >var/lint-imports.log || { cat var/lint-imports.log; exit 1; }
	$(call say,"types")
	@.venv/bin/mypy
	$(call say,"types and accessibility of the pages")
	@npm --prefix ui/web run --silent check
	@npm --prefix ui/web run --silent test -- --reporter=dot

test: lint
	$(call say,"tests")
	@SALLYPORT_SHARED="$(if $(SHARED),$(abspath $(SHARED)))" $(PY) -P -m pytest $(ARGS)

wheel: setup
	@$(PY) -m build --wheel --outdir dist .

# Lock files carry hashes and no addresses. pcsc is left out: it compiles, and needs Debian packages to.
EXTRAS := open-omz pypi-dlib examiner learn osdp datasets mesh gallery oidc gallery-pg
lock: .tools/.ok
	@$(UV) pip compile pyproject.toml --python-version 3.11 $(addprefix --extra ,$(EXTRAS)) --group dev --generate-hashes --no-annotate \
	  --no-header --quiet --output-file requirements.lock
	@echo 'uv==0.13.9' | $(UV) pip compile - --python-version 3.11 --generate-hashes --no-annotate --no-header --quiet \
	  --output-file .ci/tools.lock
	@$(UV) pip compile hil/bench/peers/requirements.in --override hil/bench/peers/overrides.txt --python-version 3.11 \
	  --generate-hashes --no-annotate --no-header --quiet --output-file hil/bench/peers/requirements.lock
	@for name in requirements build; do $(UV) pip compile hil/pcsc/$$name.in --python-version 3.11 --generate-hashes \
	  --no-annotate --no-header --quiet --output-file hil/pcsc/$$name.lock; done

clean:
	rm -rf .venv .tools ui/web/node_modules ui/static var dist
