# Two commands on a fresh Debian machine: `make demo` and `make test`. Each sets up all that it needs.
SHELL := /bin/bash
PYTHON ?= python3
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
BIN := .venv/bin
DEBIAN := python3 python3-venv libmagic1 libarchive13 bubblewrap \
  tesseract-ocr tesseract-ocr-osd $(addprefix tesseract-ocr-,eng spa por fra deu ita nld rus ara heb fas tur chi-sim chi-tra jpn kor)
DEBIAN_TEST := dovecot-imapd systemd

.PHONY: demo test check setup setup-test clean lock
