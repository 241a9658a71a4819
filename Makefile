# Each target works from a fresh clone, as root or with sudo, and again after itself.
SHELL := /bin/bash
TARGET := $(or $(CARGO_TARGET_DIR),target)
export CARGO_TARGET_DIR := $(abspath $(TARGET))
IMAGE := $(CARGO_TARGET_DIR)/image
MARU := $(CARGO_TARGET_DIR)/release/maru
SUDO := $(if $(filter 0,$(shell id -u)),,sudo -E env PATH=$$PATH)

.DEFAULT_GOAL := help
.PHONY: help demo build image up down purge test test-long bench tempest install deb fmt lint check

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: build image ## a cloud in a namespace of its own, from "no network" to ssh into a server
	$(SUDO) $(MARU) demo --image $(IMAGE)/tiny.qcow2

build: ## compile the program (release)
	@scripts/deps.sh build run
	cargo build --release --locked -p maru

image: ## make the tiny guest image, if anything it is made of changed
	@scripts/deps.sh image
	@image/build.sh $(IMAGE)

up: build image ## start the cloud on this host, in the background
	$(SUDO) env MARU_IMAGE=$(IMAGE)/tiny.qcow2 $(MARU) up --background

# The cloud of "make up" and that of "make demo", whichever there is.
STATES = $(wildcard $(or $(MARU_STATE_DIR),/var/lib/maru) /var/lib/maru-demo)

down: ## stop the clouds of "up" and "demo"; servers and their network stay
	@for state in $(STATES); do echo "stopping $$state"; $(SUDO) $(MARU) down --state-dir $$state || exit 1; done

purge: ## stop them and remove everything they made on this host
	@for state in $(STATES); do echo "removing $$state"; $(SUDO) $(MARU) purge --yes --state-dir $$state || exit 1; done

test: ## the default suite, 15 minutes at most on 2 cores
	@scripts/test.sh

test-long: ## the default suite, and what takes longer
	@scripts/test.sh long

bench: build image ## measure, each figure beside its goal and a baseline of the same run
	@scripts/bench.sh $(MARU) $(IMAGE)/tiny.qcow2 $(BENCH)

tempest: build image ## the whole of the official conformance suite (hours)
	@scripts/tempest.sh $(MARU) $(IMAGE)/tiny.qcow2 $(TEMPEST)

install: build image ## install program, systemd unit, completions and manual pages below PREFIX
	@$(SUDO) scripts/install.sh $(MARU) $(IMAGE)/tiny.qcow2

deb: build image ## a Debian package in target/
	@scripts/deb.sh $(MARU) $(IMAGE)/tiny.qcow2

fmt: ## format the code
	cargo fmt --all

lint: ## formatting, lints
	@scripts/deps.sh build lint
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

check: ## does everything compile? (quick)
	cargo check --workspace --all-targets
