# vitrine's build: non-recursive, out of tree in build/VARIANT/. `make help` lists the targets.

SHELL := /bin/bash
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
SAN ?=
LISTEN ?= localhost:7860
comma := ,
VARIANT := $(if $(SAN),san-$(subst $(comma),-,$(SAN))$(if $(findstring clang,$(CC)),-clang),$(if $(findstring clang,$(CC)),clang,release))
# B is the build folder; `make bench B=edge` uses the same letter for what to measure, told apart by the slash.
BENCH := $(if $(findstring /,$(B)),,$(B))
ifeq ($(findstring /,$(B)),)
override B := build/$(VARIANT)
endif

# ---- flags (docs: ../README.md, ARCHITECTURE 8) ----
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wmissing-declarations \
	-Wpointer-arith -Wcast-qual -Wwrite-strings -Wformat=2 -Wundef -Wvla -Wswitch-enum \
	-Wimplicit-fallthrough -Wnull-dereference -Wdouble-promotion
ifeq ($(findstring clang,$(CC)),)
WARN += -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wjump-misses-init
HARDEN_CC := -fcf-protection=full
endif
HARDEN := -fno-common -fno-strict-aliasing -fstack-protector-strong -fstack-clash-protection $(HARDEN_CC)
ifeq ($(SAN),)
OPT := -O2 -g -D_FORTIFY_SOURCE=3
else
OPT := -O1 -g -fsanitize=$(SAN) -fno-omit-frame-pointer
endif
WERROR ?=
CFLAGS_ALL := -std=gnu17 -D_GNU_SOURCE $(WARN) $(WERROR) $(HARDEN) $(OPT) -fPIE -pthread -MMD -MP \
	-iquote . -iquote runtime/base -iquote sandbox/proto -iquote $(B)/gen $(CFLAGS)
LDFLAGS_ALL := -pie -pthread -Wl,-z,relro,-z,now,-z,noexecstack $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS)

LIBS_server := -lmd4c-html -lgumbo -lmicrohttpd -lwebsockets -luv -lgit2 -lsqlite3 -ljansson -lyaml -lsodium -lcrypto
LIBS_cmd    := -lcurl -ljansson -lsodium -lcrypto
LIBS_worker := -larchive -lz

# ---- sources ----
src = $(wildcard $(addsuffix /*.c,$(1)))
BASE_SRC     := $(call src,runtime/base sandbox/proto)
RUNTIME_SRC  := $(call src,runtime/space runtime/build runtime/gpu runtime/repo runtime/storage runtime/dev runtime/store runtime/account)
SERVER_SRC   := $(call src,server server/http server/api server/pages server/git server/ws)
EDGE_SRC     := $(call src,server/edge)
CMD_SRC      := $(call src,server/cmd)
LAUNCHER_SRC := $(call src,sandbox/launcher)
INIT_SRC     := $(call src,sandbox/init)
EGRESS_SRC   := $(call src,sandbox/egress)
WORKER_SRC   := $(call src,sandbox/worker)
LOCAL_SRC    := $(call src,sandbox/local)

# ---- templates and assets, compiled to C (web/compiler) ----
VTC_SRC  := $(call src,web/compiler)
VIEWS    := $(wildcard web/views/*.html)
ASSETS   := $(wildcard web/css/*.css web/js/*.js web/icons/*.svg)
# What every page loads is one file of each kind.
PAGE_CSS := web/css/palette.css web/css/site.css
PAGE_JS  := web/js/vt-time.js web/js/vt-copy.js web/js/vt-status.js
ASSETS   := $(filter-out web/css/site.css $(PAGE_JS),$(ASSETS)) $(B)/gen/page.css $(B)/gen/page.js
VIEW_GEN := $(if $(VIEWS),$(B)/gen/views.c)
ASSET_GEN := $(if $(ASSETS),$(B)/gen/assets.c)
STARTERS := $(sort $(shell find templates -type f 2>/dev/null))
GEN_SRC  := $(VIEW_GEN) $(ASSET_GEN) $(B)/gen/starters.c

obj = $(patsubst $(B)/gen/%.c,$(B)/obj/gen/%.o,$(patsubst %.c,$(B)/obj/%.o,$(1)))
without_main = $(filter-out %/main.c,$(1))

PROGRAMS := vitrine vitrine-launcher vitrine-server vitrine-edge vitrine-egress vitrine-init vitrine-worker vitrine-local
BIN := $(addprefix $(B)/bin/,$(PROGRAMS))

.PHONY: all
all: $(BIN)

$(B)/lib/libbase.a:     $(call obj,$(BASE_SRC))
$(B)/lib/libruntime.a:  $(call obj,$(RUNTIME_SRC))
$(B)/lib/libserver.a:   $(call obj,$(call without_main,$(SERVER_SRC)) $(GEN_SRC))
$(B)/lib/libedge.a:     $(call obj,$(call without_main,$(EDGE_SRC)))
$(B)/lib/libcmd.a:      $(call obj,$(call without_main,$(CMD_SRC)))
$(B)/lib/liblauncher.a: $(call obj,$(call without_main,$(LAUNCHER_SRC)) $(B)/gen/filter_table.c)
$(B)/lib/libegress.a:   $(call obj,$(call without_main,$(EGRESS_SRC)))
$(B)/lib/libworker.a:   $(call obj,$(call without_main,$(WORKER_SRC)))
$(B)/lib/liblocal.a:    $(call obj,$(call without_main,$(LOCAL_SRC)))
$(B)/lib/libinit.a:     $(call obj,$(call without_main,$(INIT_SRC)))
$(B)/lib/%.a:
	@mkdir -p $(@D)
	@rm -f $@
	@ar rcs $@ $^

link = @mkdir -p $(@D); echo "  LINK $@"; $(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o %.a,$^)
$(B)/bin/vitrine-server:   $(B)/obj/server/main.o $(B)/lib/libserver.a $(B)/lib/libruntime.a $(B)/lib/libbase.a
	$(link) $(LIBS_server)
$(B)/bin/vitrine-edge:     $(B)/obj/server/edge/main.o $(B)/lib/libedge.a $(B)/lib/libbase.a
	$(link)
$(B)/bin/vitrine:          $(B)/obj/server/cmd/main.o $(B)/lib/libcmd.a $(B)/lib/libruntime.a $(B)/lib/libbase.a
	$(link) $(LIBS_cmd) -lsqlite3 -lyaml
$(B)/bin/vitrine-launcher: $(B)/obj/sandbox/launcher/main.o $(B)/lib/liblauncher.a $(B)/lib/libbase.a
	$(link)
$(B)/bin/vitrine-egress:   $(B)/obj/sandbox/egress/main.o $(B)/lib/libegress.a $(B)/lib/libbase.a
	$(link)
$(B)/bin/vitrine-worker:   $(B)/obj/sandbox/worker/main.o $(B)/lib/libworker.a $(B)/lib/libbase.a
	$(link) $(LIBS_worker)
# The launcher's steps, as far as an ordinary user can take them.
$(B)/bin/vitrine-local:    $(B)/obj/sandbox/local/main.o $(B)/lib/liblocal.a $(B)/lib/liblauncher.a $(B)/lib/libbase.a
	$(link)
# Static: it runs before any library of the sandbox's image could be trusted to be there. No sanitizer: those need libraries.
$(B)/bin/vitrine-init:     $(INIT_SRC) $(BASE_SRC)
	@mkdir -p $(@D); echo "  LINK $@"
	@$(CC) $(filter-out -fsanitize=% -fPIE -MMD -MP,$(CFLAGS_ALL)) -static -o $@ $(filter %.c,$^)

$(B)/obj/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	@echo "  CC   $<"
	@$(CC) $(CFLAGS_ALL) -c -o $@ $<
$(B)/obj/gen/%.o: $(B)/gen/%.c $(B)/flags
	@mkdir -p $(@D)
	@echo "  CC   $<"
	@$(CC) $(CFLAGS_ALL) -iquote $(<D) -c -o $@ $<

# A change of flags rebuilds everything of the variant.
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CFLAGS_ALL)' | cmp -s - $@ || echo '$(CC) $(CFLAGS_ALL)' > $@
FORCE:

# The launcher's syscall filters, as constants.
$(B)/tools/filter: sandbox/filter/main.c
	@mkdir -p $(@D)
	@echo "  TOOL $@"
	@$(CC) -std=gnu17 -D_GNU_SOURCE -O1 -g $(WARN) -iquote runtime/base -o $@ $< -lseccomp
$(B)/gen/filter_table.c: $(B)/tools/filter
	@mkdir -p $(@D)
	@echo "  GEN  $@"
	@$(B)/tools/filter $@

$(B)/tools/vtc: $(VTC_SRC) $(wildcard web/compiler/*.h)
	@mkdir -p $(@D)
	@echo "  TOOL $@"
	@$(CC) -std=gnu17 -D_GNU_SOURCE -O1 -g $(WARN) -iquote runtime/base -o $@ $(filter %.c,$^) runtime/base/str.c runtime/base/err.c -lz
ifneq ($(VIEWS),)
$(B)/gen/views.c $(B)/gen/views.h &: $(VIEWS) $(B)/tools/vtc
	@mkdir -p $(@D)
	@echo "  VTC  $@"
	@$(B)/tools/vtc views $(B)/gen/views.c $(B)/gen/views.h $(VIEWS)
$(call obj,$(SERVER_SRC)): | $(B)/gen/views.h
endif
ifneq ($(ASSETS),)
$(B)/gen/page.css: $(PAGE_CSS)
$(B)/gen/page.js: $(PAGE_JS)
$(B)/gen/page.css $(B)/gen/page.js:
	@mkdir -p $(@D)
	@cat $^ > $@
$(B)/gen/assets.c $(B)/gen/assets.h &: $(ASSETS) $(B)/tools/vtc
	@mkdir -p $(@D)
	@echo "  VTC  $@"
	@$(B)/tools/vtc assets $(B)/gen/assets.c $(B)/gen/assets.h $(ASSETS)
$(call obj,$(SERVER_SRC)) $(VIEW_GEN:$(B)/gen/%.c=$(B)/obj/gen/%.o): | $(B)/gen/assets.h
endif
$(B)/gen/starters.c $(B)/gen/starters.h &: $(STARTERS) $(B)/tools/vtc
	@mkdir -p $(@D)
	@echo "  VTC  $@"
	@$(B)/tools/vtc starters $(B)/gen/starters.c $(B)/gen/starters.h $(STARTERS)

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)

include tests/tests.mk

# ---- what the programs need beside them: image makers and starter Spaces ----
SHARE_SRC := $(shell find sandbox/images templates -type f 2>/dev/null)
$(B)/share/made: $(SHARE_SRC)
	@rm -rf $(B)/share && mkdir -p $(B)/share
	@cp -r sandbox/images templates $(B)/share/
	@touch $@
all: $(B)/share/made

# ---- set-up: everything a fresh Debian 12 lacks ----
APT_BUILD := gcc libc6-dev pkg-config libmicrohttpd-dev libwebsockets-dev libwebsockets-evlib-uv libuv1-dev libgit2-dev \
	libsqlite3-dev libjansson-dev libyaml-dev libsodium-dev libssl-dev libcurl4-openssl-dev libarchive-dev libseccomp-dev zlib1g-dev \
	libcmocka-dev libmd4c-dev libmd4c-html0-dev libgumbo-dev
APT_RUN   := mount mmdebstrap erofs-utils e2fsprogs libnss-myhostname ca-certificates python3 python3-venv git unzip
APT_TEST  := clang libclang-rt-14-dev bubblewrap crun nginx-light git-lfs chromium fonts-dejavu-core iproute2 nftables curl busybox-static
APT_LAB   := qemu-system-x86
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
installed = dpkg-query -W -f='$${db:Status-Abbrev} $${Package}\n' $(1) 2>/dev/null | awk '$$1 == "ii" { print $$2 }' | sort -u
define apt_install
	@if ! grep -q '^ID=debian' /etc/os-release || ! grep -q '^VERSION_ID="12"' /etc/os-release; then \
		missing=$$(for p in $(1); do dpkg-query -W $$p >/dev/null 2>&1 || echo $$p; done); \
		if [ -n "$$missing" ]; then \
			echo "This is not Debian 12. Install what these Debian packages hold, make the system users vitrine, vitrine-edge and"; \
			echo "vitrine-net, then run make again with DEPS=skip:"; echo "  $(1)"; exit 1; fi; fi; \
	missing=$$(comm -13 <($(call installed,$(1))) <(printf '%s\n' $(1) | sort -u)); \
	if [ -n "$$missing" ]; then \
		echo "installing:" $$missing; \
		$(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi
endef
.PHONY: deps deps-test deps-lab
deps:
ifneq ($(DEPS),skip)
	$(call apt_install,$(APT_BUILD) $(APT_RUN))
	@for u in vitrine vitrine-edge vitrine-net; do \
		id $$u >/dev/null 2>&1 || $(SUDO) useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin $$u; done
endif
deps-lab: deps
ifneq ($(DEPS),skip)
	$(call apt_install,$(APT_LAB))
endif
deps-test: deps
ifneq ($(DEPS),skip)
	$(call apt_install,$(APT_TEST))
endif
	@cmp -s tests/requirements.txt build/venv/made || { echo "installing the real clients for the tests"; mkdir -p build && \
		/usr/bin/python3 -m venv --clear build/venv && build/venv/bin/pip install -q --disable-pip-version-check -r tests/requirements.txt && \
		cp tests/requirements.txt build/venv/made; }

# ---- run ----
STATE ?=
.PHONY: run dev
run: deps
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@$(SUDO) $(if $(SUDO),env HOME="$$HOME" PATH="$$PATH") $(B)/bin/vitrine serve --examples --log $(B)/serve.log --listen $(LISTEN) $(if $(STATE),--state $(STATE))
dev: deps
	@while :; do \
		$(MAKE) --no-print-directory -j$$(nproc) all && \
		{ $(SUDO) $(B)/bin/vitrine serve --listen $(LISTEN) $(if $(STATE),--state $(STATE)) & pid=$$!; \
		  trap 'kill $$pid 2>/dev/null; wait $$pid; exit 0' INT TERM; \
		  touch build/dev-stamp; \
		  while kill -0 $$pid 2>/dev/null && [ -z "$$(find server sandbox runtime web templates -newer build/dev-stamp -type f -print -quit)" ]; do sleep 1; done; \
		  kill $$pid 2>/dev/null; wait $$pid; } || sleep 2; \
	done

.PHONY: clean help fmt
clean: ; rm -rf build
fmt: ; clang-format -i $$(git ls-files '*.c' '*.h')
help:
	@echo 'make            build everything into build/release/bin'
	@echo 'make deps       install what Debian 12 has to provide (root or sudo), make the system users'
	@echo 'make run        deps + build + images, then start vitrine with example Spaces (LISTEN=localhost:7860 STATE=DIR)'
	@echo 'make dev        like run, rebuilding and restarting when a source file changes'
	@echo 'make test       deps + build + every test; the last line counts them (T=name for a part)'
	@echo 'make soak       the long forms of the tests'
	@echo 'make lab-debian the sandbox on a stock Debian 12: kernel 6.1, cgroup v2 (T=path for a part)'
	@echo 'make lint       include directions, sizes, banned calls, each header alone, warnings as errors'
	@echo 'make fuzz       run the fuzz targets (F=name, TIME=seconds)'
	@echo 'make bench      measure against peers (B=name); JSON lines in build/bench'
	@echo 'make size-tcb   lines of the trusted part against its budget'
	@echo 'variants: CC=clang, SAN=address,undefined'
