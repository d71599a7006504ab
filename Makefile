# Two commands on a fresh Debian machine: `make demo` and `make test`. Each sets up all that it needs.
SHELL := /bin/bash
PYTHON ?= python3
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
BIN := .venv/bin
LANGUAGES := eng spa por fra deu ita nld rus ara heb fas tur chi-sim chi-tra jpn kor
DEBIAN := python3 python3-venv libmagic1 libarchive13 fonts-dejavu-core fonts-noto-cjk bubblewrap tesseract-ocr tesseract-ocr-osd $(addprefix tesseract-ocr-,$(LANGUAGES))
DEBIAN_TEST := dovecot-imapd systemd strace hylafax-client hylafax-server
DEBIAN_BENCH := ghostscript

.PHONY: demo test check setup lock kill-sweep crash-sweep disk-sweep fuzz loops pictures life forms-campaign bombs-campaign live-units bench clean

demo: setup  ## set everything up and run the main job on the example packets
	@$(BIN)/python -m fixtures.demo

test: setup .venv/.debian-test .venv/clamav/.unpacked  ## set everything up and pass every gate
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n 2 --dist loadgroup

kill-sweep: setup .venv/.debian-test  ## kill the daemon before every durable step (the long form of the tests' short one)
	KILL_SWEEP=all $(BIN)/pytest -n 0 tests/faults/test_kill_sweep.py -s

crash-sweep: setup .venv/.debian-test  ## the disk after a crash or a power cut before every durable step (the long form of the tests' short one)
	CRASH_SWEEP=all $(BIN)/pytest -n 0 tests/faults/test_storage_crashes.py -s

disk-sweep: setup .venv/.debian-test  ## one failing write or fsync at a time, all over a run (the long form of the tests' short one)
	DISK_SWEEP=all $(BIN)/pytest -n 0 tests/faults/test_storage_errors.py -s

fuzz: setup .venv/fuzz/.installed  ## coverage-guided fuzzing (FUZZ_RUNS=1000000 inputs each; FUZZ=names of entry points, FUZZ_SECONDS each)
	.venv/fuzz/bin/python -m tests.fuzz $(FUZZ)

loops: setup .venv/.debian-test  ## ten thousand looped mails into one case (the long form of the tests' short one)
	LOOPED=all $(BIN)/pytest -n 0 --timeout 3600 tests/faults/test_outbound_loops.py -s

pictures: setup  ## every update in every language as a picture in var/pictures (needs a Chromium: make pictures CHROMIUM=chromium)
	@mkdir -p var/pictures
	@for event in $$(ls outbound/templates/en | sed -n 's/\.j2$$//p'); do for lang in en es pt fr ar zh ru ja; do \
	  $(BIN)/somrr preview $$event --lang $$lang --html var/pictures/$$event-$$lang.html && \
	  $(or $(CHROMIUM),chromium) --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=700,2800 \
	    --screenshot=var/pictures/$$event-$$lang.png var/pictures/$$event-$$lang.html 2>/dev/null; done; done

life: setup  ## more than ten thousand random steps in the life of cases, against a model
	LIFE_STEPS=all $(BIN)/pytest -n 0 tests/properties/test_life.py

forms-campaign: setup  ## returned forms in every state and by every way, against the bars (long; --help of tests.campaign says more)
	$(BIN)/python -m tests.campaign $(CAMPAIGN)

bombs-campaign: setup  ## ten bombs among twenty good packets, against the good ones alone
	$(BIN)/python -m tests.hostile

live-units: setup .venv/.debian-test  ## the systemd units under a real systemd, booted in namespaces of its own (root only)
	$(SUDO) $(BIN)/python -m tests.live

bench: setup .venv/.debian-test .venv/bench/.installed  ## speed and memory against the raw engines and peers, as ratios in one run
	$(BIN)/python -m benchmarks $(BENCH)

setup: .venv/.debian .venv/.installed

# Debian packages that are not there yet; `apt` is not asked when none is missing.
define install
	@missing=""; for package in $(1); do dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"; done; \
	if [ -n "$$missing" ]; then echo "installing Debian packages:$$missing"; \
	  $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; fi
	@mkdir -p .venv && touch $@
endef

.venv/.debian: Makefile
	$(call install,$(DEBIAN))

.venv/.debian-test: Makefile
	$(call install,$(DEBIAN_TEST))

# clamd alone, taken out of its packages: installed they would start services, one of which fetches signatures
.venv/clamav/.unpacked: Makefile | .venv/.debian-test
	@mkdir -p .venv/clamav/partial
	@get="$(SUDO) apt-get install -y -qq --no-install-recommends --download-only -o Dir::Cache::archives=$(CURDIR)/.venv/clamav -o APT::Sandbox::User=root clamav-daemon"; \
	  $$get >/dev/null 2>&1 || { $(SUDO) apt-get update -qq && $$get >/dev/null; }
	@for package in .venv/clamav/*.deb; do [ ! -e "$$package" ] || dpkg-deb -x "$$package" .venv/clamav; done
	@touch $@

.venv/.debian-bench: Makefile
	$(call install,$(DEBIAN_BENCH))

# OCRmyPDF is a rival, not a part: an environment of its own
.venv/bench/.installed: benchmarks/requirements.lock | .venv/.debian-bench
	$(PYTHON) -m venv .venv/bench
	.venv/bench/bin/pip install --quiet --disable-pip-version-check --require-hashes -r benchmarks/requirements.lock
	@touch $@

# atheris is a tool of the campaign alone: an environment of its own, which looks into the first one for all else
.venv/fuzz/.installed: tests/fuzz/requirements.lock .venv/.installed
	$(PYTHON) -m venv .venv/fuzz
	.venv/fuzz/bin/pip install --quiet --disable-pip-version-check --require-hashes -r tests/fuzz/requirements.lock
	@$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > \
	  "$$(.venv/fuzz/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/project.pth"
	@touch $@

.venv/.installed: requirements.lock pyproject.toml | .venv/.debian
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed; name one with: make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

lock:  ## pin every dependency with its hashes
	$(PYTHON) -m venv .venv/lock && .venv/lock/bin/pip install --quiet uv
	.venv/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
	  --group dev pyproject.toml -o requirements.lock
	.venv/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
	  benchmarks/requirements.in -o benchmarks/requirements.lock
	.venv/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
	  tests/fuzz/requirements.in -o tests/fuzz/requirements.lock

clean:
	rm -rf .venv var fixtures/made .mypy_cache .ruff_cache .pytest_cache .hypothesis
