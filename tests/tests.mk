# Tests: unit tests in C (cmocka), everything else in Python. tests/run.py runs and counts them all.

UNIT_SRC := $(shell find tests/unit tests/prop -name '*_test.c' 2>/dev/null)
UNIT := $(patsubst tests/%.c,$(B)/tests/%,$(UNIT_SRC))

# Which archives a test needs follows from the folder that it mirrors.
unit_libs = $(if $(findstring /server/edge/,$(1)),$(B)/lib/libedge.a,\
	$(if $(findstring /server/cmd/,$(1)),$(B)/lib/libcmd.a,\
	$(if $(findstring /server/,$(1)),$(B)/lib/libserver.a $(B)/lib/libruntime.a,\
	$(if $(findstring /sandbox/launcher/,$(1)),$(B)/lib/liblauncher.a,\
	$(if $(findstring /sandbox/init/,$(1)),$(B)/lib/libinit.a,\
	$(if $(findstring /sandbox/egress/,$(1)),$(B)/lib/libegress.a,\
	$(if $(findstring /sandbox/worker/,$(1)),$(B)/lib/libworker.a,\
	$(if $(findstring /runtime/base/,$(1)),,$(B)/lib/libruntime.a))))))))
unit_ldlibs = $(if $(findstring /sandbox/worker/,$(1)),$(LIBS_worker),$(if $(findstring /server/cmd/,$(1)),$(LIBS_cmd),$(if $(findstring /edge/,$(1))$(findstring /sandbox/,$(1)),,$(LIBS_server))))

.SECONDEXPANSION:
$(UNIT): $(B)/tests/%: tests/%.c $$(call unit_libs,/$$*) $(B)/lib/libbase.a
	@mkdir -p $(@D)
	@echo "  TEST $@"
	@$(CC) $(filter-out -Wmissing-prototypes -Wmissing-declarations,$(CFLAGS_ALL)) $(LDFLAGS_ALL) -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group -lcmocka $(call unit_ldlibs,/$*)

.PHONY: unit
unit: $(UNIT)

# ---- fuzz targets: clang's libFuzzer over the same sources, one program each ----
FUZZ_SRC := $(wildcard tests/fuzz/*.c)
FUZZ := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(FUZZ_SRC))
# A target names what it links in its first lines: `/* fuzz: server/edge/head.c … */`.
build/fuzz/%: tests/fuzz/%.c $(BASE_SRC) FORCE | $(GEN_SRC)
	@mkdir -p build/fuzz/dep
	@srcs="$$(sed -n 's|.*fuzz: \(.*\)\*/|\1|p' $< | head -1)"; libs="$$(sed -n 's|.*fuzz-libs: \(.*\)\*/|\1|p' $< | head -1)"; \
	newest=$$(ls -t $< $$srcs $(BASE_SRC) runtime/base/*.h sandbox/proto/*.h 2>/dev/null | head -1); \
	if [ ! -e $@ ] || [ $$newest -nt $@ ]; then echo "  FUZZ $@"; \
	clang -std=gnu17 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
		-iquote . -iquote runtime/base -iquote sandbox/proto -iquote $(B)/gen -o $@ $< $$srcs $(BASE_SRC) $$libs -pthread; fi
F ?=
TIME ?= 60
.PHONY: fuzz fuzz-build
fuzz-build: $(if $(F),build/fuzz/$(F),$(FUZZ))
fuzz: deps-test fuzz-build
	@for t in $(if $(F),$(F),$(notdir $(FUZZ))); do echo "== $$t"; mkdir -p build/fuzz-work/$$t; \
		build/fuzz/$$t -max_total_time=$(TIME) -timeout=10 -artifact_prefix=build/fuzz-work/$$t/ build/fuzz-work/$$t \
			$$( [ -d tests/fuzz/corpus/$$t ] && echo tests/fuzz/corpus/$$t ) 2>&1 | tail -3 || exit 1; done

# ---- test, soak, lint, bench ----
T ?=
.PHONY: test soak lab-debian lint bench size-tcb
test soak: deps-test
	@$(MAKE) --no-print-directory -j$$(nproc) all fuzz-build
	@$(MAKE) --no-print-directory -j$$(nproc) SAN=address,undefined unit
	@$(SUDO) bash sandbox/images/make-images.sh --images "$$HOME/.cache/vitrine/images" --worker $(B)/bin/vitrine-worker --progress
	@$(SUDO) $(if $(SUDO),env HOME="$$HOME" PATH="$$PATH" CI="$$CI") build/venv/bin/python tests/run.py $(if $(filter soak,$@),--soak) $(if $(T),--only $(T))

# The sandbox on the system that most have: a stock Debian 12 in an emulated machine, with its own kernel 6.1 and cgroup v2.
lab-debian: deps-lab
	@$(MAKE) --no-print-directory -j$$(nproc) $(B)/bin/vitrine-launcher $(B)/bin/vitrine-init
	@$(SUDO) bash tests/lab/lab.sh $(B)/bin $(T)

lint: $(B)/gen/views.h
	@$(MAKE) --no-print-directory -j$$(nproc) B=build/lint WERROR=-Werror all
	@python3 tests/tools/lint.py
$(if $(VIEWS),,$(B)/gen/views.h): ; @mkdir -p $(@D)

# One program for each subject in tests/bench; results as JSON lines in build/bench.
bench: deps-test
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@mkdir -p build/bench
	@$(SUDO) $(if $(SUDO),env HOME="$$HOME" PATH="$$PATH") build/venv/bin/python tests/bench/run.py $(BENCH)

TCB_BUDGET := 3500
size-tcb: ; @python3 tests/tools/tcb.py $(TCB_BUDGET)
