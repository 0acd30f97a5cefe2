# SPDX-License-Identifier: GPL-2.0-or-later
# glacis: plain make. `make help` lists the targets.
#
# Sources are found by folder (architecture.md section 4): user/<module>/*.c, bpf/*.bpf.c,
# tests/{unit,kernel}/test_*.c, tests/kernel/*.bpf.c, tests/fuzz/fuzz_*.c.

CC ?= gcc
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
O := build
Q := $(if $(V),,@) # V=1 shows whole commands
MULTIARCH := $(shell $(CC) -print-multiarch)
VERSION := $(shell git describe --always --dirty 2>/dev/null || echo unknown)

WARN := -Wall -Wextra -Werror -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla
CFLAGS ?= -O2 -g
ALL_CFLAGS := -std=gnu17 $(WARN) $(CFLAGS) -D_GNU_SOURCE -I. -I$(O) -fno-strict-aliasing -MMD -MP
SAN := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
BPF_ARCH := $(subst x86_64,x86,$(subst aarch64,arm64,$(firstword $(subst -, ,$(MULTIARCH)))))
BPF_CFLAGS := -O2 -g -target bpf -D__TARGET_ARCH_$(BPF_ARCH) -mcpu=v3 -Wall -Wextra -Werror -Wno-unused-parameter -I. -idirafter /usr/include/$(MULTIARCH) -MMD -MP
# nested makes use every core unless the user said how many
PARALLEL = $(if $(findstring j,$(filter-out --%,$(MAKEFLAGS))),,-j$(shell nproc))
LIBS := -lbpf -lelf -lz -lnghttp2 -lbrotlidec -lhs -ljansson -lyaml -levent -lssl -lcrypto -lsqlite3 -lseccomp -lcurl -lpthread -lm
CTL_LIBS := -ljansson -lyaml -lhs -lz -lm
FUZZ_LIBS := $(LIBS) -lbrotlienc

# every user module; main() lives in user/keeper/main.c and user/ctl/main.c only
MODULES := base sandbox policy store inspect kern detect inspector respond courier keeper api
LIB_SRC := $(filter-out user/keeper/main.c,$(foreach m,$(MODULES),$(wildcard user/$(m)/*.c)))
# glacisctl reads and compiles policies but never loads one: policy/apply reaches the kernel side;
# it scans files with the rules of detect, and has nothing else of it
TEXT_SRC := $(addprefix user/detect/,assigned.c blocks.c checks.c findings.c literals.c personal.c rules.c rules_read.c text.c \
	text_build.c token_pattern.c)
CTL_SRC := $(wildcard user/ctl/*.c) $(wildcard user/base/*.c) \
	$(filter-out user/policy/apply%,$(wildcard user/policy/*.c)) $(TEXT_SRC)
BPF_SRC := $(wildcard bpf/*.bpf.c)
UNIT_SRC := $(wildcard tests/unit/test_*.c)
KERNEL_SRC := $(wildcard tests/kernel/test_*.c)
KERNEL_BPF_SRC := $(wildcard tests/kernel/*.bpf.c)
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)

LIB_OBJ := $(LIB_SRC:%.c=$(O)/%.o)
CTL_OBJ := $(CTL_SRC:%.c=$(O)/%.o)
# what tests and fuzzers link: all but the two main()s
TESTED_SRC := $(LIB_SRC) $(filter-out user/ctl/main.c,$(wildcard user/ctl/*.c))
SAN_OBJ := $(TESTED_SRC:%.c=$(O)/san/%.o)
BPF_OBJ := $(BPF_SRC:bpf/%.bpf.c=$(O)/bpf/%.bpf.o)
SKEL := $(BPF_SRC:bpf/%.bpf.c=$(O)/%.skel.h)
UNIT_BIN := $(UNIT_SRC:tests/unit/%.c=$(O)/unit/%)
KERNEL_BIN := $(KERNEL_SRC:tests/kernel/%.c=$(O)/kernel/%)
KERNEL_OBJ := $(KERNEL_BPF_SRC:tests/kernel/%.bpf.c=$(O)/kernel/%.bpf.o)
FUZZ_BIN := $(FUZZ_SRC:tests/fuzz/%.c=$(O)/fuzz/%)
FUZZING_BIN := $(FUZZ_SRC:tests/fuzz/%.c=$(O)/fuzzing/%)
FUZZING_OBJ := $(TESTED_SRC:%.c=$(O)/fuzzing/%.o)

.DEFAULT_GOAL := all
.PHONY: all run check demo drill lint unit kernel e2e adversary fuzz-replay fuzz bench bench-detect bench-inspect bench-store quality \
	check-kernels check-libraries format deps deps-check deps-fuzz deps-kernels test-programs clean help FORCE
.DELETE_ON_ERROR:
.SECONDARY:

all: $(O)/glacisd $(O)/glacisctl ## build the agent and its CLI

run: deps ## install what is missing, build, and run the agent on this host (monitor; MODE=enforce enforces)
	+@$(MAKE) --no-print-directory $(PARALLEL) all
	$(O)/glacisd --policy deploy/policies/baseline.yaml --mode $(or $(MODE),monitor) --foreground

check: deps-check ## every test of the project; ends in "N passed, N failed"
	+@$(MAKE) --no-print-directory $(PARALLEL) all test-programs
	@tests/harness/check $(O)

demo: deps-check ## a narrated run in its own namespaces: 429, ban, expiry
	+@$(MAKE) --no-print-directory $(PARALLEL) all
	@tests/harness/demo

drill: all ## a containment drill with its timeline, and how fast each verb holds: p99 of TRIES=100 a way
	@TRIES=$(or $(TRIES),100) tests/e2e/58-drill

deps:
	@deploy/deps build

deps-check:
	@deploy/deps check

deps-fuzz:
	@deploy/deps check fuzz

deps-kernels:
	@deploy/deps check kernels

test-programs: $(UNIT_BIN) $(KERNEL_BIN) $(KERNEL_OBJ) $(FUZZ_BIN) $(O)/quality/judge

lint: ## house rules
	@tests/harness/lint

unit: $(UNIT_BIN) ## unit tests under ASan and UBSan
	@tests/harness/check $(O) unit

kernel: all $(KERNEL_BIN) $(KERNEL_OBJ) ## BPF_PROG_TEST_RUN tests
	@tests/harness/check $(O) kernel

e2e: all ## end to end, in network namespaces
	@tests/harness/check $(O) e2e

adversary: all ## evasion attempts, in network namespaces
	@tests/harness/check $(O) adversary

fuzz-replay: $(FUZZ_BIN) ## replay the corpora
	@tests/harness/check $(O) fuzz

bench: all ## ratios against peers; not part of check
	@tests/bench/run && tests/bench/sight && tests/bench/body
	+@$(MAKE) --no-print-directory bench-detect bench-inspect

fuzz: deps-fuzz $(if $(ONLY),$(ONLY:%=$(O)/fuzzing/%),$(FUZZING_BIN)) ## every fuzz target for SECONDS (600) of CPU each; ONLY=fuzz_http for one
	@tests/fuzz/run $(O)/fuzzing $(or $(SECONDS),600) $(if $(ONLY),$(ONLY),$(notdir $(FUZZING_BIN)))

check-kernels: deps-kernels all ## the kernel matrix in qemu
	@tests/kernels/check

check-libraries: deps-check all $(O)/libraries/places ## TLS libraries and servers of other Debian and Ubuntu releases
	@tests/libraries/check

$(O)/libraries/%: tests/libraries/%.c $(LIB_OBJ) Makefile
	@mkdir -p $(@D)
	@$(if $(V),,echo '  TEST   $(@:$(O)/%=%)')
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $< $(LIB_OBJ) $(LIBS)

# programs of tests/bench that are C and need the agent's code
$(O)/bench/%: tests/bench/%.c $(LIB_OBJ) Makefile
	@mkdir -p $(@D)
	@$(if $(V),,echo '  BENCH  $(@:$(O)/%=%)')
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $< $(LIB_OBJ) $(LIBS)

# the detectors, asked by tests/quality/report
$(O)/quality/judge: tests/quality/judge.c $(LIB_OBJ) Makefile
	@mkdir -p $(@D)
	@$(if $(V),,echo '  TEST   $(@:$(O)/%=%)')
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $< $(LIB_OBJ) $(LIBS)

quality: $(O)/quality/judge ## precision and recall of the detectors, by family
	@tests/quality/report --build $(O)

.PHONY: soak image
soak: all ## does the agent grow? DURATION=600 seconds of mixed load, slopes of its memory
	@DURATION=$(or $(DURATION),600) tests/bench/soak

.PHONY: soak-findings
soak-findings: all ## a million findings an hour for DURATION=1800 seconds: memory, databases, no missed alert
	@DURATION=$(or $(DURATION),1800) tests/bench/soak-findings

bench-inspect: $(O)/bench/inspect ## ns of a transaction in inspector and keeper, on one core
	@$(O)/bench/inspect

bench-store: all $(O)/bench/store_fill ## p50 and p99 of the API's answers with ROWS=10000000 stored rows
	@tests/bench/store

bench-detect: $(O)/bench/detect ## ns of a transaction, GB/s of all text rules, on one core
	@$(O)/bench/detect

image: ## the container image (BASE=debootstrap: from Debian's mirror alone)
	@deploy/container/image $(or $(TAG),glacis)

# Lays out what a package or an image holds; starts and enables nothing. A configuration that is there
# stays.
PREFIX ?= /usr
SYSCONFDIR ?= /etc
install: all ## install below $(DESTDIR)$(PREFIX) and $(DESTDIR)$(SYSCONFDIR)
	install -D -m 755 $(O)/glacisd $(DESTDIR)$(PREFIX)/sbin/glacisd
	install -D -m 755 $(O)/glacisctl $(DESTDIR)$(PREFIX)/bin/glacisctl
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)$(PREFIX)/share/man/man1 \
		$(DESTDIR)$(PREFIX)/share/man/man8 $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	sed 's,/usr/sbin/,$(PREFIX)/sbin/,;s,/etc/glacis,$(SYSCONFDIR)/glacis,g' deploy/systemd/glacis.service \
		> $(DESTDIR)$(PREFIX)/lib/systemd/system/glacis.service
	for d in policies rules schema controls; do \
		install -d $(DESTDIR)$(PREFIX)/share/glacis/$$d && \
		install -m 644 deploy/$$d/* $(DESTDIR)$(PREFIX)/share/glacis/$$d; done
	install -d -m 755 $(DESTDIR)$(SYSCONFDIR)/glacis
	[ -e $(DESTDIR)$(SYSCONFDIR)/glacis/glacisd.yaml ] || \
		install -m 644 deploy/glacisd.yaml $(DESTDIR)$(SYSCONFDIR)/glacis/glacisd.yaml
	$(O)/glacisctl completion bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/glacisctl
	$(O)/glacisctl completion man > $(DESTDIR)$(PREFIX)/share/man/man1/glacisctl.1
	$(O)/glacisd --help | deploy/man/glacisd > $(DESTDIR)$(PREFIX)/share/man/man8/glacisd.8

format: ## apply .clang-format
	clang-format -i $$(git ls-files '*.c' '*.h')

clean: ## remove build/
	rm -rf $(O)

help:
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- kernel programs -----------------------------------------------------------------------------
$(O)/bpf/%.bpf.o: bpf/%.bpf.c Makefile
	@mkdir -p $(@D)
	@$(if $(V),,echo '  BPF    $(@:$(O)/%=%)')
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(O)/%.skel.h: $(O)/bpf/%.bpf.o
	@$(if $(V),,echo '  SKEL   $(@:$(O)/%=%)')
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@

# --- user space ----------------------------------------------------------------------------------
$(O)/user/%.o: user/%.c Makefile | $(SKEL)
	@mkdir -p $(@D)
	@$(if $(V),,echo '  CC     $(@:$(O)/%=%)')
	$(Q)$(CC) $(ALL_CFLAGS) -c $< -o $@

$(O)/san/user/%.o: user/%.c Makefile | $(SKEL)
	@mkdir -p $(@D)
	@$(if $(V),,echo '  CC     $(@:$(O)/%=%)')
	$(Q)$(CC) $(ALL_CFLAGS) -O1 $(SAN) -c $< -o $@

$(O)/glacisd: $(LIB_OBJ) $(O)/user/keeper/main.o
	@$(if $(V),,echo '  LINK   $(@:$(O)/%=%)')
	$(Q)$(CC) $(CFLAGS) -o $@ $^ $(LIBS)

$(O)/glacisctl: $(CTL_OBJ)
	@$(if $(V),,echo '  LINK   $(@:$(O)/%=%)')
	$(Q)$(CC) $(CFLAGS) -o $@ $^ $(CTL_LIBS)

# the catalogue is part of the program
$(O)/user/keeper/controls.o $(O)/san/user/keeper/controls.o: deploy/controls/controls.json

# what says its version is built again when that changes, and nothing else is
$(O)/user/base/version.o $(O)/san/user/base/version.o $(O)/fuzzing/user/base/version.o: $(O)/built_version.h
$(O)/built_version.h: FORCE
	@mkdir -p $(@D)
	@echo '#define GLACIS_VERSION "$(VERSION)"' | cmp -s - $@ || echo '#define GLACIS_VERSION "$(VERSION)"' > $@
FORCE:

# --- tests ---------------------------------------------------------------------------------------
$(O)/libglacis-san.a: $(SAN_OBJ)
	@$(if $(V),,echo '  AR     $(@:$(O)/%=%)')
	@rm -f $@
	$(Q)ar rcs $@ $^

$(O)/unit/%: tests/unit/%.c $(O)/libglacis-san.a Makefile
	@mkdir -p $(@D)
	@$(if $(V),,echo '  TEST   $(@:$(O)/%=%)')
	$(Q)$(CC) $(ALL_CFLAGS) -O1 $(SAN) -o $@ $< $(O)/libglacis-san.a -lcmocka $(LIBS)

# BPF objects for the kernel tests, which get their folder as first argument
$(O)/kernel/%.bpf.o: tests/kernel/%.bpf.c Makefile
	@mkdir -p $(@D)
	@$(if $(V),,echo '  BPF    $(@:$(O)/%=%)')
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(O)/kernel/%: tests/kernel/%.c $(O)/libglacis-san.a Makefile | $(KERNEL_OBJ)
	@mkdir -p $(@D)
	@$(if $(V),,echo '  TEST   $(@:$(O)/%=%)')
	$(Q)$(CC) $(ALL_CFLAGS) -O1 $(SAN) -o $@ $< $(O)/libglacis-san.a -lcmocka $(LIBS)

$(O)/fuzz/%: tests/fuzz/%.c $(O)/libglacis-san.a Makefile
	@mkdir -p $(@D)
	@$(if $(V),,echo '  FUZZ   $(@:$(O)/%=%)')
	$(Q)$(CC) $(ALL_CFLAGS) -O1 $(SAN) -o $@ $< tests/fuzz/replay.c $(O)/libglacis-san.a $(FUZZ_LIBS)

# the same targets for libFuzzer: clang, with coverage; warnings are gcc's business
FUZZING := $(CLANG) $(ALL_CFLAGS) -w -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
$(O)/fuzzing/user/%.o: user/%.c Makefile | $(SKEL)
	@mkdir -p $(@D)
	@$(if $(V),,echo '  CC     $(@:$(O)/%=%)')
	$(Q)$(FUZZING) -fsanitize=fuzzer-no-link -c $< -o $@

$(O)/fuzzing/libglacis.a: $(FUZZING_OBJ)
	$(Q)rm -f $@ && ar rcs $@ $^

$(O)/fuzzing/%: tests/fuzz/%.c $(O)/fuzzing/libglacis.a Makefile
	@mkdir -p $(@D)
	@$(if $(V),,echo '  FUZZ   $(@:$(O)/%=%)')
	$(Q)$(FUZZING) -fsanitize=fuzzer -o $@ $< $(O)/fuzzing/libglacis.a $(FUZZ_LIBS)

-include $(shell find $(O) -name '*.d' 2>/dev/null)
