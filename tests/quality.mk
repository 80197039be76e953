# The instruments that take longer than make check should, or only look: coverage, static analysis, sanitizers, constant
# time at every level of optimisation. Included by the Makefile.

# ---------------------------------------------------------------- coverage
# Least share of lines, in percent, of a directory that the tests and the kept corpora must reach together.
COVERAGE_LIMITS := proto=95 firmware/store=95 firmware/app=95 host/lib=95
COV := $(BUILD)-cov
COV_RUN := TEST_TIMEOUT=3600 BUILD=$(COV) LOGS=$(COV)/check bash tests/run.sh
COV_SCRIPTS := $(filter-out %/test_service.sh %/test_mps2.sh %/test_guest.sh %/test_web.sh,$(SYSTEM) $(LINKS) $(LOADS) $(CLIENTS))
ifneq ($(COVERAGE),)
# Threads do not lose a line by counting at once, only some of its turns; the arithmetic would take minutes instead.
$(call obj,$(filter firmware/crypto/%,$(FW_SRC))): FWFLAGS += -fprofile-update=single
endif

.PHONY: coverage
coverage: ## Lines reached by tests and corpora together, per directory: build-cov/coverage.{txt,html} (20 min)
	$(call setup,$(CHECK_PACKAGES) -- $(CLIENT_PACKAGES))
	$(Q)$(SUB) BUILD=$(COV) COVERAGE=1 OPT=-O1 CI= WERROR= all tests
	$(Q)find $(COV) -name '*.gcda' -delete
	$(Q)umask 0; find $(COV)/obj -name '*.gcno' | sed 's/gcno$$/gcda/' | xargs touch # tests become other users
	$(Q)$(COV_RUN) begin
	$(Q)$(COV_RUN) spread "Unit tests" $(UNIT:$(BUILD)/%=$(COV)/%)
	$(Q)$(COV_RUN) phase "Power cuts, corpora" $(COV)/tests/power $(call corpora,$(COV))
	$(Q)$(COV_RUN) phase "System tests, links, load, clients" $(COV_SCRIPTS)
	$(Q)python3 -B tests/coverage.py $(COV) $(COVERAGE_LIMITS) --keep docs/coverage.md
	$(Q)$(COV_RUN) total

# ---------------------------------------------------------------- static analysis
LINT_SRC := $(filter-out %/gen_table.c %/gen_p256_table.c %/gen_trial.c firmware/ports/mps2/% firmware/ports/skeleton/%,$(PROTO_SRC) \
    $(FW_SRC) $(POSIX_SRC) $(LIB_SRC) $(IFD_SRC) $(CLI_SRC) $(RAND_SRC) $(P11_SRC) $(PROV_SRC) $(SIM_SRC))
.PHONY: lint lint-quick
lint: $(GEN) ## cppcheck, clang-tidy, gcc -fanalyzer and shellcheck; what is let pass has its reason in tests/lint (20 min)
	$(Q)BUILD=$(BUILD) python3 -B tests/lint/lint.py shell cppcheck tidy analyzer -- $(LINT_SRC)
lint-quick: $(GEN) ## The part of make lint that takes seconds: cppcheck and shellcheck
	$(Q)BUILD=$(BUILD) python3 -B tests/lint/lint.py shell cppcheck -- $(LINT_SRC)

# ---------------------------------------------------------------- memory and threads
# MemorySanitizer must have built all that writes memory, so it gets the programs that ask no other library for
# answers; valgrind looks at the others. The eight-lane engine is not for either: valgrind's machine has no such
# registers, and MemorySanitizer does not follow all of its instructions.
# Under valgrind all takes fifty times as long: it leaves out the cases of the tag "long" (tests/lib/run.h: larger RSA
# keys, an engine a second time, thousands of objects).
MSAN := $(BUILD)-msan
TSAN := $(BUILD)-tsan
PLAIN_TESTS := $(shell grep -LE '<openssl|_tools.h|openssl_key|<gcrypt|<botan|host/|p11_|ifma8|posix|unix|sandbox' tests/unit/test_*.c)
MSAN_TESTS := $(PLAIN_TESTS:tests/unit/%.c=$(MSAN)/tests/%) $(TINY_TESTS:$(BUILD)/%=$(MSAN)/%)
MSAN_FUZZ := $(filter-out host%,$(FUZZ_NAMES))
MEMCHECK_TESTS := $(filter-out $(PLAIN_TESTS:tests/unit/%.c=$(BUILD)/tests/%) %_ifma8_rsa %_ifma8_prime %_ifma8_sm2 %_ifma8_sym \
    %test_rsa_keygen %test_rsa_oracle %test_randomness,$(UNIT))
TSAN_TESTS := $(filter %test_posix_port %test_device_gather,$(UNIT)) $(filter $(BUILD)/tests/test_host_% $(BUILD)/tests/test_pkcs11_%,$(UNIT))
TSAN_RUN := LOGS=$(TSAN)/check BUILD=$(TSAN) TEST_TIMEOUT=3600 LOAD_SECONDS=120 \
    TSAN_OPTIONS="halt_on_error=1 die_after_fork=0" bash tests/run.sh

.PHONY: msan memcheck tsan
msan: ## MemorySanitizer (clang) over the device's tests and corpora
	$(Q)$(SUB) BUILD=$(MSAN) CC=clang SAN=memory OPT=-O1 EXTRA_CFLAGS=-DHUFU_NO_IFMA8 EXTRA_LDFLAGS=-Wl,--wrap=fwrite CI= WERROR= $(MSAN_TESTS) $(MSAN_FUZZ:%=$(MSAN)/tests/fuzz_%)
	$(Q)LOGS=$(MSAN)/check bash tests/run.sh begin
	$(Q)LOGS=$(MSAN)/check bash tests/run.sh spread "MemorySanitizer" $(MSAN_TESTS) \
	    $(foreach name,$(MSAN_FUZZ),"$(MSAN)/tests/fuzz_$(name) tests/fuzz/corpus/$(name)")
	$(Q)LOGS=$(MSAN)/check bash tests/run.sh total
memcheck: ## valgrind over the tests that MemorySanitizer cannot be asked about, without their longest cases (long)
	$(Q)$(SUB) $(MEMCHECK_TESTS)
	$(Q)LOGS=$(BUILD)/memcheck bash tests/run.sh begin
	$(Q)LOGS=$(BUILD)/memcheck TEST_TIMEOUT=3600 CK_FORK=no CK_EXCLUDE_TAGS=long CK_TIMEOUT_MULTIPLIER=200 bash tests/run.sh spread "valgrind" \
	    $(MEMCHECK_TESTS:%="valgrind -q --error-exitcode=9 %")
	$(Q)LOGS=$(BUILD)/memcheck bash tests/run.sh total
tsan: ## ThreadSanitizer over simulator, library and PKCS#11 module, and 64 clients at once (10 min)
	$(Q)$(SUB) BUILD=$(TSAN) SAN=thread OPT=-O1 CI= WERROR= all $(TSAN_TESTS:$(BUILD)/%=$(TSAN)/%) $(TSAN)/tests/load-client
	$(Q)$(TSAN_RUN) begin
	$(Q)$(TSAN_RUN) spread "ThreadSanitizer" tests/system/test_cli.sh tests/system/test_sim.sh $(TSAN_TESTS:$(BUILD)/%=$(TSAN)/%)
	$(Q)$(TSAN_RUN) phase "ThreadSanitizer: 64 clients" tests/load/test_load.sh
	$(Q)$(TSAN_RUN) total

# ---------------------------------------------------------------- constant time
# What make check does with gcc -O2 (CT_TESTS), with each compiler at each level. DWARF 5, which clang writes otherwise,
# cannot be read by every valgrind.
CT_OPTIMISE ?= -O1 -O2 -O3 -Os
CT_COMPILERS ?= gcc clang
CT_COLUMNS := $(foreach cc,$(CT_COMPILERS),$(CT_OPTIMISE:%=$(cc)%))

.PHONY: ct
ct: ## Secrets marked undefined under valgrind, 6 programs x gcc and clang x -O1 -O2 -O3 -Os (8 min)
	$(Q)LOGS=$(BUILD)/ct bash tests/run.sh begin
	$(Q)set -e; $(foreach c,$(CT_COLUMNS), \
	    $(call ct-make,$(CT)-$(c),CC=$(firstword $(subst -, ,$(c))) OPT=-$(lastword $(subst -, ,$(c)))); \
	    LOGS=$(BUILD)/ct bash tests/run.sh spread "Constant time ($(subst -, -,$(c)))" $(call ct-runs,$(CT)-$(c));)
	$(Q)LOGS=$(BUILD)/ct bash tests/run.sh total

# ---------------------------------------------------------------- AFL++
AFL := $(BUILD)-afl
FUZZ_AFL ?= device
.PHONY: fuzz-afl
fuzz-afl: ## AFL++ on the targets FUZZ_AFL="name..." for FUZZ_SECONDS each; what it finds stays in build-afl
	$(call setup,$(CHECK_PACKAGES) afl++)
	$(Q)AFL_QUIET=1 $(SUB) BUILD=$(AFL) CC=afl-clang-fast OPT=-O1 LIBFUZZER=1 CI= WERROR= $(FUZZ_AFL:%=$(AFL)/tests/fuzz_%) \
	    $(AFL)/gen/hufu.dict
	$(Q)set -e; for name in $(FUZZ_AFL); do \
	    mkdir -p $(AFL)/found; echo "fuzz_$$name, $(FUZZ_SECONDS) s"; \
	    AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_UI=1 AFL_NO_AFFINITY=1 \
	    afl-fuzz -V $(FUZZ_SECONDS) -t 20000 -x $(AFL)/gen/hufu.dict -i tests/fuzz/corpus/$$name -o $(AFL)/found/$$name \
	        -- $(AFL)/tests/fuzz_$$name > $(AFL)/found/$$name.log 2>&1 || { tail -5 $(AFL)/found/$$name.log; exit 1; }; \
	    grep -E '^(execs_done|execs_per_sec|saved_crashes|saved_hangs|corpus_count|bitmap_cvg)' $(AFL)/found/$$name/default/fuzzer_stats; \
	    ! ls $(AFL)/found/$$name/default/crashes/id* 2>/dev/null; done
