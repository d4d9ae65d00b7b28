# make run   sets everything up and runs Forecare with a simulated fleet
# make test  sets everything up and passes the tests
# make help  lists the rest

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := build

GO      ?= go
DATA    ?= ./data
TOOL    := $(GO) tool -modfile=tools/go.mod
# The race detector needs a C compiler; CI has one and insists on it.
RACE    := $(shell command -v gcc >/dev/null 2>&1 && echo -race)
TESTS   ?= ./...
FUZZ_S  ?= 20
GOFILES  = $(shell find . -name '*.go' -not -path './node_modules/*' -not -path './influxd/*' -not -name '*_test.go')
ASSETS  := web/static/vendor/.done

.PHONY: help preflight build run replay test check fmt bench bench-smoke fuzz vuln clean

help:
	@echo 'make build   bin/forecare, bin/firmware-sim, bin/influxd'
	@echo 'make run     Forecare with a simulated fleet, data under DATA=$(DATA)'
	@echo 'make replay  recorded turbofan runs through MQTT into a Forecare of their own (RECORDED=folder)'
	@echo 'make test    all tests'
	@echo 'make check   format, vet, lint, tidy, generated files, arch and docs tests'
	@echo 'make bench   MQTT load into a real Forecare; figures as in docs/benchmarks.md'
	@echo 'make fuzz    every fuzz target for FUZZ_S=$(FUZZ_S) seconds'
	@echo 'make vuln    known vulnerabilities in what we depend on (needs the internet)'
	@echo 'make clean   removes what was built; data stay'

preflight:
	@.ci/preflight.sh

build: preflight bin/forecare bin/firmware-sim bin/influxd

bin/forecare: $(GOFILES) go.mod go.sum $(ASSETS) $(shell find web outreach internal -type f -not -name '*.go' -not -path '*/testdata/*')
	$(GO) build -trimpath -o $@ ./cmd/forecare

bin/firmware-sim: $(GOFILES) go.mod go.sum
	$(GO) build -trimpath -o $@ ./cmd/firmware-sim

bin/influxd: $(wildcard influxd/*.go) influxd/go.mod influxd/go.sum
	@echo 'building influxd (once, about a minute)'
	cd influxd && $(GO) build -trimpath -o ../$@ .

$(ASSETS): package.json package-lock.json web/assets.mjs
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	node web/assets.mjs
	@touch $@

run: build
	bin/forecare run --demo --data $(DATA)

RECORDED ?= ../shared/data
replay: build
	@.ci/replay.sh '$(RECORDED)'

test: build
	$(GO) test $(RACE) -timeout 20m $(TESTS)

fmt:
	$(TOOL) golangci-lint fmt

check: preflight $(ASSETS)
	@out=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "not gofmt-clean:"; echo "$$out"; exit 1; fi
	$(GO) vet ./...
	cd influxd && $(GO) vet ./...
	$(GO) mod tidy -diff
	cd influxd && $(GO) mod tidy -diff
	cd tools && $(GO) mod tidy -diff
	$(TOOL) golangci-lint run ./...
	$(GO) generate ./... && git diff --exit-code
	$(GO) test -count=1 .

bench: build
	$(GO) run ./internal/bench/mqttload -forecare bin/forecare -report

bench-smoke: build
	$(GO) test -run '^$$' -bench . -benchtime 10x ./...
	$(GO) run ./internal/bench/mqttload -forecare bin/forecare -connections 20 -messages 2000 -rounds 1

fuzz:
	@for pkg in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "$$pkg $$target"; $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZ_S)s $$pkg; \
	  done; \
	done

vuln:
	$(TOOL) govulncheck ./...

clean:
	rm -rf bin node_modules web/static/vendor/*
