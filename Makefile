# What a developer needs, and no more. `make help` prints the list.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build
.PHONY: build run test race e2e interop a11y pictures bench bench-fleet fleet-cluster counter fuzz lab lab-gate lab-gate-proof campaign campaign-long soak replay lint cross deb help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

# SQLite's C code takes about a hundred seconds to compile, and Go compiles it again for every other
# combination of these flags. So they stand in one place and reach every go command below, those
# that tests start included: one compilation for build, test, e2e and bench together.
TAGS := sqlite_omit_load_extension,osusergo,netgo
export GOFLAGS := $(strip $(filter-out -trimpath -tags=%,$(shell go env GOFLAGS)) -trimpath -tags=$(TAGS))
export CGO_ENABLED := 1
# Tests and benchmarks of whole shops start these programs instead of building their own.
export TILLWIRE_BIN := $(CURDIR)/bin
LDFLAGS := -s -w -X main.version=$(VERSION)
STATIC := $(LDFLAGS) -linkmode external -extldflags -static
# What is delivered; the programs below these are for developers, and cmd/cli is a part of all three.
PROGRAMS := $(addprefix ./,$(wildcard cmd/till*))

build: ## the programs, into bin/
	go build -ldflags '$(LDFLAGS)' -o bin/ $(PROGRAMS)

run: build ## a demo shop with its cloud and its customers' phones; prints the addresses
	bin/tillcloud demo --data-dir .demo

test: ## everything: formatting, vet, all Go tests, the browser, the laboratory's gate, a foreign client, axe-core in two languages
	.ci/needs chromium cjk node zbar mosquitto nats postgresql
	$(call formatted)
	go vet ./...
	$(MAKE) --no-print-directory build
	go test -timeout 15m ./...
	go test -tags=$(TAGS),faultfs -timeout 10m ./offline/faultfs
	$(MAKE) --no-print-directory lab-gate
	$(MAKE) --no-print-directory interop
	$(MAKE) --no-print-directory a11y A11Y='en ar'

race: build ## the Go tests under the race detector
	go test -race -timeout 30m ./...

e2e: build ## the real programs in a real browser
	.ci/needs chromium cjk
	go test -count=1 -timeout 15m -run E2E ./cmd/tillcloud/...

interop: build ## WeChat Pay's and Alipay's clients from npm, written by others, against the sandbox; zbar reads the QR codes
	.ci/needs node zbar
	go test -count=1 -tags=$(TAGS),interop -timeout 20m -run ZBar ./agent/wallet/emvqr/... ./drivers/printer
	cd agent/sandbox/interop && npm ci --ignore-scripts --no-audit --no-fund && node interop.mjs '$(CURDIR)/bin'

A11Y ?=
a11y: ## axe-core on every page, in both themes and every language; A11Y='en ar' for two of them
	.ci/needs chromium node
	cd agent/web/a11y && npm ci --ignore-scripts --no-audit --no-fund
	TILLWIRE_A11Y='$(A11Y)' go test -count=1 -tags=$(TAGS),a11y -timeout 30m -run WCAG ./agent/web

PICTURES ?= $(CURDIR)/.pictures
pictures: ## every screen in three sizes, both themes, English, Chinese and Arabic, into .pictures/; A11Y='fr th' for other languages
	.ci/needs chromium cjk scripts
	TILLWIRE_A11Y='$(A11Y)' TILLWIRE_PICTURES='$(PICTURES)' go test -count=1 -tags=$(TAGS),pictures -timeout 60m -run Pictures ./agent/web

bench: build ## the figures of one shop, measured on this machine
	.ci/needs chromium
	go test -run='^$$' -bench=Code ./agent/wallet ./agent/wallet/emvqr/...
	go test -run='^$$' -bench=. ./agent/wallet/voucher
	go test -run='^$$' -bench=ScanToEvent ./drivers/scanner
	go test -run='^$$' -bench=QR ./agent/qr ./drivers/printer
	go test -run='^$$' -bench=Shop -benchtime=1x -timeout 30m ./cmd/tillwire/... ./cmd/tillcloud/lab

COUNTER ?= 10000
counter: ## COUNTER (10000) payments at three registers whose scanners, displays and printer are pulled out at random
	TILLWIRE_COUNTER='$(COUNTER)' go test -count=1 -timeout 60m -v -run TestACounterWhoseDevicesArePulledOut ./cmd/tillwire

TERMINALS ?=
bench-fleet: build ## 5,000 (TERMINALS) simulated terminals on mosquitto with mutual TLS, through a restart of it; some six minutes
	.ci/needs mosquitto
	TILLWIRE_TERMINALS='$(TERMINALS)' go test -run='^$$' -bench=Fleet -benchtime=1x -timeout 30m ./cmd/tillfleet/bench

fleet-cluster: build ## 1,000 (TERMINALS) of them on three NATS servers and two services on one PostgreSQL, of which one each is killed
	.ci/needs nats postgresql
	TILLWIRE_TERMINALS='$(TERMINALS)' go test -run='^$$' -bench=Cluster -benchtime=1x -timeout 60m ./cmd/tillfleet/bench

FUZZTIME ?= 20s
fuzz: ## every fuzz target for FUZZTIME (20s)
	@grep -rlE --include='*_test.go' '^func Fuzz' agent drivers offline cmd | sort | while read -r file; do \
		for target in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*).*/\1/p' "$$file"); do \
			echo "$$target in $$file"; \
			go test -run='^$$' -fuzz="^$$target\$$" -fuzztime=$(FUZZTIME) "./$$(dirname "$$file")" </dev/null; \
		done; \
	done

# A program of its own and not "go run", which would not hand on that it was told to end.
lab: build
	go build -o bin/ ./cmd/tillcloud/lab/campaign
PAGE_FLAG = $(if $(PAGE),-page '$(PAGE)')

lab-gate: lab ## the fault laboratory at the size of a merge: no violation, and every faulty build caught
	bin/campaign gate $(ONLY)

lab-gate-proof: lab ## that the gate needs each of its checks: without it, a faulty build passes
	bin/campaign proof $(ONLY)

campaign: lab ## the fault laboratory at the size of a release, and its page offline/CAMPAIGN.md; takes over an hour
	bin/campaign release $(PAGE_FLAG)

campaign-long: lab ## ten times a release's codes and key sets for a thief (C11), and its page offline/CAMPAIGN-LONG.md
	bin/campaign release -size long $(PAGE_FLAG)

SOAK ?= 1h
soak: lab ## every fault at random for SOAK (1h) of real time, and its page offline/SOAK.md; PAGE=FILE for less than an hour
	SOAK='$(SOAK)' bin/campaign soak $(PAGE_FLAG)

replay: lab ## one case again: SEED=C6-17, and SABOTAGE=name for one of a faulty build
	SABOTAGE='$(SABOTAGE)' bin/campaign replay '$(SEED)'

lint: ## formatting, vet, the rules of the house; staticcheck where it is installed
	$(call formatted)
	go vet ./...
	go test -count=1 -run 'House|Rule|Offender|Table' ./agent
	@if command -v staticcheck >/dev/null; then staticcheck -tags=$(TAGS) ./...; else \
		echo '!! staticcheck is not installed and did NOT run: go install honnef.co/go/tools/cmd/staticcheck@latest' >&2; fi

cross: ## static programs for amd64, arm64 and armv7, into dist/
	.ci/needs cc-amd64 cc-arm64 cc-armv7
	$(foreach arch,amd64 arm64 armv7,$(call static,$(arch)))

ARCH ?= $(shell go env GOARCH | sed 's/^arm$$/armv7/')
deb: ## Debian packages of the agent and the kiosk, into dist/; ARCH=arm64 or armv7 for another machine
	.ci/needs cc-$(ARCH) dpkg-deb
	$(call static,$(ARCH))
	packaging/deb/build 'dist/linux-$(ARCH)' '$(ARCH)' '$(VERSION)' dist

help: ## this list
	@sed -nE 's/^([a-z0-9-]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r name text; do printf '  make %-14s %s\n' "$$name" "$$text"; done

# formatted fails with the names of the files that gofmt would change.
formatted = @changed=$$(gofmt -l agent drivers offline cmd packaging); \
	if [ -n "$$changed" ]; then echo "gofmt would change:" $$changed >&2; exit 1; fi

# static builds for one architecture without any library of the target system, and looks.
triplet_amd64 := x86_64-linux-gnu
triplet_arm64 := aarch64-linux-gnu
triplet_armv7 := arm-linux-gnueabihf
define static
$(if $(filter $(1),$(shell go env GOHOSTARCH)),,CC=$(triplet_$(1))-gcc) GOOS=linux GOARCH=$(patsubst armv%,arm,$(1)) GOARM=$(if $(filter armv7,$(1)),7,) \
	go build -ldflags '$(STATIC)' -o 'dist/linux-$(1)/' $(PROGRAMS)
for program in dist/linux-$(1)/*; do \
	if readelf -d "$$program" | grep NEEDED; then echo "$$program is not static" >&2; exit 1; fi; \
done

endef
