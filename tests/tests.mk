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
unit_ldlibs = $(if $(findstring /sandbox/launcher/,$(1)),$(LIBS_launcher),$(if $(findstring /sandbox/worker/,$(1)),$(LIBS_worker),$(if $(findstring /server/cmd/,$(1)),$(LIBS_cmd),$(if $(findstring /edge/,$(1))$(findstring /sandbox/,$(1)),,$(LIBS_server)))))

.SECONDEXPANSION:
$(UNIT): $(B)/tests/%: tests/%.c $$(call unit_libs,/$$*) $(B)/lib/libbase.a
	@mkdir -p $(@D)
	@echo "  TEST $@"
	@$(CC) $(filter-out -Wmissing-prototypes -Wmissing-declarations,$(CFLAGS_ALL)) $(LDFLAGS_ALL) -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group -lcmocka $(call unit_ldlibs,/$*)

.PHONY: unit
unit: $(UNIT)
