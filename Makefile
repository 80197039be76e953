# Hufu. `make help` lists the targets; `make demo` and `make check` are the two to start with.
#
# Variables:  CC=gcc|clang  BUILD=build  OPT=-O3  WERROR=1  LIMB=64|32  SAN=address,undefined  V=1
SHELL := /bin/bash
.SUFFIXES:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VERSION := 0.1.0
SOVERSION := 0

BUILD  ?= build
ifeq ($(origin CC),default)
CC := gcc
endif
AR     ?= ar
OPT    ?= -O3
LIMB   ?= 64
PREFIX ?= /usr/local
DESTDIR ?=
LIBDIR ?= $(PREFIX)/lib
IFDDIR ?= $(LIBDIR)/pcsc/drivers/serial

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-8s %s\n' '$(1)' '$(2)')

# ---------------------------------------------------------------- flags
WARN := -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes \
        -Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wvla \
        -Wformat=2 -Wold-style-definition -Wimplicit-fallthrough
ifneq ($(CI)$(WERROR),)
WARN += -Werror
endif
BASEFLAGS := -std=c11 -g $(OPT) $(WARN) -I. -I$(BUILD)/gen -fPIC -fvisibility=hidden \
             -ffunction-sections -fdata-sections -MMD -MP -DHUFU_VERSION='"$(VERSION)"' \
             -DHUFU_LIMB_BITS=$(LIMB)
ifeq ($(SAN),)
HARDEN := -fstack-protector-strong $(if $(filter -O0,$(OPT)),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
else
SANFLAGS := -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
endif
ifneq ($(CTCHECK),)
BASEFLAGS += -DHUFU_CT_CHECK
endif
ifneq ($(COVERAGE),)
SANFLAGS += --coverage -fprofile-abs-path -fprofile-update=atomic
endif
# The device: freestanding. The host, the ports and the simulator: POSIX.
FWFLAGS   := $(BASEFLAGS) $(SANFLAGS) -ffreestanding $(EXTRA_CFLAGS)
HOSTFLAGS := $(BASEFLAGS) $(SANFLAGS) $(HARDEN) -D_GNU_SOURCE -pthread $(EXTRA_CFLAGS)
LDFLAGS   := $(SANFLAGS) -pthread -Wl,--gc-sections $(if $(SAN),,-Wl,-z,relro,-z,now) $(EXTRA_LDFLAGS)

# ---------------------------------------------------------------- sources
PROTO_SRC := $(filter-out proto/gen.c,$(wildcard proto/*.c))
FW_SRC    := $(filter-out %/gen_table.c %/gen_p256_table.c %/gen_trial.c,$(wildcard firmware/base/*.c firmware/crypto/*.c \
               firmware/crypto/portable/*.c firmware/crypto/ifma8/*.c firmware/store/*.c \
               firmware/app/*.c firmware/app/cmd/*.c))
POSIX_SRC := $(wildcard firmware/ports/posix/*.c)
SKEL_SRC  := $(wildcard firmware/ports/skeleton/*.c)
LIB_SRC   := $(wildcard host/lib/*.c)
IFD_SRC   := $(wildcard host/ifd/*.c)
CLI_SRC   := $(wildcard host/cli/*.c)
# Tests of randomness: the P-values are the host's, the counts below them the firmware's.
RAND_SRC  := $(wildcard host/random/*.c)
# The PKCS#11 module is built where p11-kit's header is.
P11_HEADER := $(wildcard /usr/include/p11-kit-1/p11-kit/pkcs11.h)
P11_SRC   := $(wildcard host/pkcs11/*.c)
USB_SRC   := $(wildcard sim/usb/*.c)
SIM_SRC   := $(wildcard sim/*.c) $(USB_SRC)
PROV_SRC  := $(wildcard host/provider/*.c)
BENCH_SRC := $(wildcard bench/*.c)
TLIB_SRC  := $(wildcard tests/lib/*.c)
UNIT_SRC  := $(wildcard tests/unit/test_*.c)
POWER_SRC := $(wildcard tests/power/*.c)
FUZZ_SRC  := $(wildcard tests/fuzz/fuzz_*.c)

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
GEN := $(BUILD)/gen/proto_gen.h $(BUILD)/gen/handlers_gen.h $(BUILD)/gen/dispatch_gen.inc \
       $(BUILD)/gen/sm2_table.inc $(BUILD)/gen/ifma8_table.inc $(BUILD)/gen/p256_table.inc \
       $(BUILD)/gen/ifma8_trial.inc

.PHONY: all
all: $(BUILD)/hufu $(BUILD)/hufu-sim $(BUILD)/hufu-bench $(BUILD)/libhufu.so $(BUILD)/libhufu.a $(BUILD)/libifd-hufu.so examples skeleton ## Build the programs and libraries

# ---------------------------------------------------------------- generated
$(BUILD)/tools/gen: proto/gen.c proto/commands.def proto/objects.def proto/status.def
	@mkdir -p $(@D)
	$(call say,HOSTCC,$@)
	$(Q)$(CC) -std=c11 -O1 -Wall -Wextra -I. $< -o $@

gen_rule = @mkdir -p $(@D) && $(BUILD)/tools/gen $(1) > $@.tmp && mv $@.tmp $@
$(BUILD)/gen/proto_gen.h: $(BUILD)/tools/gen
	$(call gen_rule,types)
$(BUILD)/gen/proto_gen.c: $(BUILD)/tools/gen
	$(call gen_rule,code)
$(BUILD)/gen/handlers_gen.h: $(BUILD)/tools/gen
	$(call gen_rule,handlers)
$(BUILD)/gen/dispatch_gen.inc: $(BUILD)/tools/gen
	$(call gen_rule,dispatch)
$(BUILD)/gen/protocol.md: $(BUILD)/tools/gen
	$(call gen_rule,markdown)
$(BUILD)/gen/hufu.dict: $(BUILD)/tools/gen
	$(call gen_rule,dictionary)

# The multiples of the SM2 base point, computed by the field and point code itself on this machine.
SM2_GEN := $(addprefix firmware/crypto/portable/,gen_table.c sm2_field.c sm2_invert.c sm2_scalar.c \
             sm2_point.c) \
           firmware/base/wipe.c
GEN_HEADERS := $(wildcard firmware/crypto/portable/*.h) firmware/crypto/limb.h firmware/crypto/divsteps.h
$(BUILD)/tools/sm2_table: $(SM2_GEN) $(GEN_HEADERS)
	@mkdir -p $(@D)
	$(call say,HOSTCC,$@)
	$(Q)$(CC) -std=c11 -O2 -Wall -Wextra -I. $(filter -DHUFU_SM2_%,$(EXTRA_CFLAGS)) $(SM2_GEN) -o $@
$(BUILD)/gen/sm2_table.inc: $(BUILD)/tools/sm2_table
	@mkdir -p $(@D) && $< > $@.tmp && mv $@.tmp $@
IFMA8_GEN := firmware/crypto/ifma8/gen_table.c $(filter-out %/gen_table.c,$(SM2_GEN))
$(BUILD)/tools/ifma8_table: $(IFMA8_GEN) firmware/crypto/ifma8/sm2_table.h $(GEN_HEADERS)
	@mkdir -p $(@D)
	$(call say,HOSTCC,$@)
	$(Q)$(CC) -std=c11 -O2 -Wall -Wextra -I. $(IFMA8_GEN) -o $@
$(BUILD)/gen/ifma8_table.inc: $(BUILD)/tools/ifma8_table
	@mkdir -p $(@D) && $< > $@.tmp && mv $@.tmp $@
P256_GEN := $(addprefix firmware/crypto/portable/,gen_p256_table.c sm2_invert.c) firmware/base/wipe.c
$(BUILD)/tools/p256_table: $(P256_GEN) $(GEN_HEADERS)
	@mkdir -p $(@D)
	$(call say,HOSTCC,$@)
	$(Q)$(CC) -std=c11 -O2 -Wall -Wextra -Wno-unused-function -Wno-unused-const-variable -I. $(P256_GEN) -o $@
$(BUILD)/gen/p256_table.inc: $(BUILD)/tools/p256_table
	@mkdir -p $(@D) && $< > $@.tmp && mv $@.tmp $@
$(BUILD)/tools/ifma8_trial: firmware/crypto/ifma8/gen_trial.c firmware/crypto/ifma8/rsa_trial_table.h
	@mkdir -p $(@D)
	$(call say,HOSTCC,$@)
	$(Q)$(CC) -std=c11 -O2 -Wall -Wextra -I. $< -o $@
$(BUILD)/gen/ifma8_trial.inc: $(BUILD)/tools/ifma8_trial
	@mkdir -p $(@D) && $< > $@.tmp && mv $@.tmp $@

.PHONY: docs
docs: $(BUILD)/gen/protocol.md ## Write docs/protocol.md from the command table
	$(Q)cp $< docs/protocol.md

# ---------------------------------------------------------------- objects

$(BUILD)/obj/firmware/ports/%.o: firmware/ports/%.c | $(GEN)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(HOSTFLAGS) -c $< -o $@
$(BUILD)/obj/firmware/%.o: firmware/%.c | $(GEN)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(FWFLAGS) -c $< -o $@
$(BUILD)/obj/proto/%.o: proto/%.c | $(GEN)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(FWFLAGS) -c $< -o $@
$(BUILD)/obj/gen/proto_gen.o: $(BUILD)/gen/proto_gen.c | $(GEN)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(FWFLAGS) -c $< -o $@
# Botan keeps its headers in a folder of their own. The bench measures it and libgcrypt where they are.
PEER_BOTAN  := $(wildcard /usr/include/botan-2/botan/ffi.h)
PEER_GCRYPT := $(wildcard /usr/include/gcrypt.h)
$(BUILD)/obj/tests/%.o $(BUILD)/obj/bench/%.o: HOSTFLAGS += -isystem /usr/include/botan-2
$(BUILD)/obj/bench/%.o: HOSTFLAGS += $(if $(PEER_BOTAN),-DHUFU_PEER_BOTAN) $(if $(PEER_GCRYPT),-DHUFU_PEER_GCRYPT) \
    -DHUFU_FLAGS='"$(lastword $(CC)) $(OPT)"'
$(BUILD)/obj/%.o: %.c | $(GEN)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(HOSTFLAGS) -c $< -o $@

# Links whose libraries are opened at run time (host/lib/module.h): only their headers are wanted here.
WITH_USB := $(wildcard /usr/include/libusb-1.0/libusb.h)
$(BUILD)/obj/host/lib/%.o $(BUILD)/obj/tests/%.o: HOSTFLAGS += $(if $(WITH_USB),-DHUFU_WITH_USB -isystem /usr/include/libusb-1.0)

# The eight-lane engine, chosen when the machine has the instructions: only these files may hold them,
# and -O2 would leave its arrays of registers in memory. With the sanitizers, gcc would take minutes to follow
# the variables of its long functions. cpu.c asks the machine, so it is plain.
ifneq ($(findstring x86_64,$(shell $(CC) -dumpmachine 2>/dev/null)),)
IFMA8_FLAGS := -mavx512f -mavx512dq -mavx512bw -mavx512vl -mavx512ifma -mavx512vbmi -mbmi2 \
               $(if $(filter -O2 -Os,$(OPT)),-O3) \
               $(if $(SAN),-O1 -g0)
$(call obj,$(filter-out %/cpu.c,$(filter firmware/crypto/ifma8/%,$(FW_SRC)))): FWFLAGS += $(IFMA8_FLAGS)
$(call obj,$(filter firmware/crypto/ifma8/%_lanes.c,$(FW_SRC))): FWFLAGS += -mgfni -mvaes -mvpclmulqdq -mpclmul -maes
$(BUILD)/obj/tests/lib/ifma8_probe.o: HOSTFLAGS += $(IFMA8_FLAGS)
endif

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

PROTO_OBJ := $(call obj,$(PROTO_SRC)) $(BUILD)/obj/gen/proto_gen.o
FW_OBJ    := $(call obj,$(FW_SRC)) $(PROTO_OBJ)

# The device: one archive for the simulator, in-process hosts and bare metal.
$(BUILD)/libfirmware.a: $(FW_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(BUILD)/libposix.a: $(call obj,$(POSIX_SRC))
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
.PHONY: skeleton
skeleton: $(call obj,$(SKEL_SRC))

# libhufu carries the firmware for inproc:. In the static library everything but hufu_* is made local.
LIB_OBJ := $(call obj,$(LIB_SRC) $(POSIX_SRC)) $(FW_OBJ)
$(BUILD)/libhufu.so: $(LIB_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) -shared -Wl,-soname,libhufu.so.$(SOVERSION) $(LDFLAGS) -o $@.$(SOVERSION) $^ -lcrypto
	$(Q)ln -sf $(notdir $@).$(SOVERSION) $@
$(BUILD)/libhufu.a: $(LIB_OBJ)
	$(call say,LD,$@)
	$(Q)rm -f $@ && ld -r -o $(BUILD)/libhufu.o $^ && objcopy --localize-hidden $(BUILD)/libhufu.o && $(AR) rcs $@ $(BUILD)/libhufu.o

# The driver for pcscd: what it needs of the library, and of others only libc. pcscd loads it beside other drivers, so it
# shows them nothing but its entry points.
READER_SRC := host/lib/error.c host/lib/inproc_device.c $(wildcard host/lib/reader*.c)
$(BUILD)/libifd-hufu.so: $(call obj,$(IFD_SRC) $(READER_SRC)) $(BUILD)/libfirmware.a $(BUILD)/libposix.a host/ifd/ifd.map
	$(call say,LD,$@)
	$(Q)$(CC) -shared -Wl,-soname,libifd-hufu.so -Wl,--version-script=host/ifd/ifd.map $(LDFLAGS) -o $@ $(filter %.o,$^) \
	    -Wl,--start-group $(filter %.a,$^) -Wl,--end-group

# ---------------------------------------------------------------- bare metal
# The same sources for boards of QEMU: Cortex-M3 (mps2-an385), Cortex-M33 (mps2-an505) and RV32IMAC (virt), with small
# tables and 32-bit limbs, and only RSA of up to 2048 bits. an385 is the core, without the command groups of WITHOUT_an385;
# the others have all. LIMITS: bytes of flash, of RAM and of stack; make size fails above.
SMALL         := $(BUILD)/mps2
SMALL_STACK   := 7168
LIMITS_an385  := 131072 67584 6912
WITHOUT_an385 := CERTIFICATES DOMAIN CHANNEL QUORUM CUSTODY BACKUP POLICY CHECKS PERIODIC
LIMITS_an505  := 180224 71680 6912
LIMITS_virt   := 180224 71680 6912
SMALL_CONFIG  := -DHUFU_SMALL=1 -DHUFU_SM2_WINDOW=4 -DHUFU_SM2_STEP=6 -DHUFU_SM2_BATCH=16
SMALL_FLAGS   := -std=c11 -g -Os $(WARN) -I$(SMALL)/gen -I. -I$(BUILD)/gen -ffreestanding -ffunction-sections \
                 -fdata-sections -fstack-usage -MMD -MP -DHUFU_VERSION='"$(VERSION)"' -DHUFU_LIMB_BITS=32 $(SMALL_CONFIG)
SMALL_SRC     := $(filter-out firmware/crypto/ifma8/%,$(FW_SRC)) $(PROTO_SRC) $(wildcard firmware/ports/qemu/*.c)
# An image that counts the instructions of the arithmetic alone.
FIGURES_SRC   := bench/bare/figures.c $(filter firmware/crypto/% firmware/base/%,$(SMALL_SRC)) \
                 $(addprefix firmware/ports/qemu/,run.c meter.c semihost.c uart.c)
MPS2_CC       := arm-none-eabi-gcc
VIRT_CC       := riscv64-unknown-elf-gcc

$(SMALL)/tools/sm2_table: $(SM2_GEN) $(GEN_HEADERS)
	@mkdir -p $(@D)
	$(call say,HOSTCC,$@)
	$(Q)$(CC) -std=c11 -O2 -Wall -Wextra -I. $(filter -DHUFU_SM2_%,$(SMALL_CONFIG)) $(SM2_GEN) -o $@
$(SMALL)/gen/sm2_table.inc: $(SMALL)/tools/sm2_table
	@mkdir -p $(@D) && $< > $@.tmp && mv $@.tmp $@

# $(1): the image, $(2): the folder of its port, $(3): compiler and processor, $(4): the library of mem*
define small_image
$(SMALL)/$(1)/gen/proto_gen.o: $(BUILD)/gen/proto_gen.c
	@mkdir -p $$(@D)
	$$(Q)$(3) $$(SMALL_FLAGS) $$(WITHOUT_$(1):%=-DHUFU_WITHOUT_%) -c $$< -o $$@
$(SMALL)/$(1)/%.o: %.c Makefile | $(GEN) $(SMALL)/gen/sm2_table.inc
	@mkdir -p $$(@D)
	$$(call say,$(1),$$<)
	$$(Q)$(3) $(4) $$(SMALL_FLAGS) $$(WITHOUT_$(1):%=-DHUFU_WITHOUT_%) -c $$< -o $$@
$(SMALL)/$(1)-figures.elf: $(patsubst %.c,$(SMALL)/$(1)/%.o,$(FIGURES_SRC) $(wildcard firmware/ports/$(2)/*.c))
$(SMALL)/$(1).elf: $(patsubst %.c,$(SMALL)/$(1)/%.o,$(SMALL_SRC) $(wildcard firmware/ports/$(2)/*.c) gen/proto_gen.c)
$(SMALL)/$(1).elf $(SMALL)/$(1)-figures.elf: firmware/ports/$(2)/$(1).ld firmware/ports/qemu/image.ld
	$$(call say,LD,$$@)
	$$(Q)$(3) -nostartfiles $(4) -Wl,--gc-sections -Wl,-Map=$$@.map -Wl,--defsym=STACK_SIZE=$(SMALL_STACK) \
	    -T firmware/ports/$(2)/$(1).ld -o $$@ $$(filter %.o,$$^)
	$$(if $$(findstring figures,$$@),,$$(Q)$$(BUILD)/tools/seal $$@)
$(SMALL)/$(1).elf: | $(BUILD)/tools/seal
endef
$(eval $(call small_image,an385,mps2,$(MPS2_CC) -mthumb -mcpu=cortex-m3,-specs=nano.specs))
$(eval $(call small_image,an505,mps2,$(MPS2_CC) -mthumb -mcpu=cortex-m33,-specs=nano.specs))
$(eval $(call small_image,virt,virt,$(VIRT_CC) -march=rv32imac -misa-spec=2.2 -mabi=ilp32 -mcmodel=medany,-specs=picolibc.specs))
-include $(shell find $(SMALL) -name '*.d' 2>/dev/null)

.PHONY: firmware-mps2 firmware-virt size bench-bare
firmware-mps2: $(SMALL)/an385.elf $(SMALL)/an505.elf ## Cross-build the bare-metal images for QEMU's MPS2 boards
firmware-virt: $(SMALL)/virt.elf ## Cross-build the bare-metal image for QEMU's RISC-V machine
IMAGES := an385 an505 $(if $(shell command -v riscv64-unknown-elf-gcc),virt)
size: $(IMAGES:%=$(SMALL)/%.elf) ## Flash, RAM and deepest stack of the bare-metal images, against the limits of the Makefile
	$(Q)$(SUB) $(BUILD)/hufu
	$(Q)BUILD=$(BUILD) bash tests/size.sh $(foreach i,$(IMAGES),$(i) $(LIMITS_$(i)))

bench-bare: $(IMAGES:%=$(SMALL)/%-figures.elf) ## Instructions of the arithmetic on Cortex-M and RISC-V, counted by QEMU
	$(Q)bash bench/bare/figures.sh $(SMALL) $(IMAGES)

# ---------------------------------------------------------------- programs
$(BUILD)/hufu: $(call obj,$(CLI_SRC) $(RAND_SRC) $(wildcard firmware/crypto/randomness*.c)) $(BUILD)/libhufu.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lcrypto -lm
# The device tests its own image: the last step of linking writes the digest into it.
SEAL_SRC := firmware/ports/tools/seal.c firmware/crypto/sm3.c firmware/base/wipe.c
$(BUILD)/tools/seal: $(SEAL_SRC) firmware/hal/hal.h firmware/crypto/sm3.h firmware/crypto/md.h
	@mkdir -p $(@D)
	$(call say,HOSTCC,$@)
	$(Q)$(CC) -std=c11 -O2 -Wall -Wextra -I. $(SEAL_SRC) -o $@
$(BUILD)/hufu-sim $(BUILD)/hufu-sim-lab: | $(BUILD)/tools/seal
$(BUILD)/hufu-sim: $(call obj,$(SIM_SRC)) $(BUILD)/libfirmware.a $(BUILD)/libposix.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group
	$(Q)$(BUILD)/tools/seal $@
# The same with a control socket, at which tests order faults: built by `make tests`, never installed.
LAB_SRC := $(wildcard sim/lab/*.c)
LAB_OBJ := $(patsubst %.c,$(BUILD)/obj/lab/%.o,$(SIM_SRC) $(LAB_SRC))
$(BUILD)/obj/lab/%.o: %.c | $(GEN)
	@mkdir -p $(@D)
	$(call say,CC,$< (lab))
	$(Q)$(CC) $(HOSTFLAGS) -DHUFU_CONTROL -c $< -o $@
$(BUILD)/hufu-sim-lab: $(LAB_OBJ) $(BUILD)/libfirmware.a $(BUILD)/libposix.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group
	$(Q)$(BUILD)/tools/seal $@
$(BUILD)/hufu-bench: $(call obj,$(BENCH_SRC) $(LIB_SRC)) $(BUILD)/libfirmware.a $(BUILD)/libposix.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group -lcrypto -lm -ldl \
	    $(if $(PEER_BOTAN),-lbotan-2) $(if $(PEER_GCRYPT),-lgcrypt)

# The provider of OpenSSL carries its own libhufu and shows nothing but its entry.
all: $(BUILD)/hufu.so
$(BUILD)/tests/test_provider: | $(BUILD)/hufu.so $(BUILD)/hufu-sim
$(BUILD)/hufu.so: $(call obj,$(PROV_SRC)) $(BUILD)/libhufu.a
	$(call say,LD,$@)
	$(Q)$(CC) -shared -Wl,--exclude-libs,ALL $(LDFLAGS) -o $@ $^ -lcrypto

all: $(if $(P11_HEADER),$(BUILD)/hufu-pkcs11.so)
$(BUILD)/obj/host/pkcs11/%.o $(BUILD)/obj/tests/unit/test_pkcs11_%.o $(BUILD)/obj/bench/p11/%.o: HOSTFLAGS += -isystem /usr/include/p11-kit-1
# Never unloaded: a process that ends, or closes the module without C_Finalize, may still be inside.
$(BUILD)/hufu-pkcs11.so: $(call obj,$(P11_SRC)) $(BUILD)/libhufu.a host/pkcs11/hufu-pkcs11.map
	$(call say,LD,$@)
	$(Q)$(CC) -shared -Wl,-z,nodelete -Wl,--version-script=host/pkcs11/hufu-pkcs11.map $(LDFLAGS) -o $@ \
	    $(filter %.o %.a,$^) -lcrypto -ldl

.PHONY: bench-pkcs11
bench-pkcs11: all $(BUILD)/p11-bench ## Measure the PKCS#11 module against SoftHSM2 in the same run
	$(Q)$(BUILD)/p11-bench $(BUILD)
$(BUILD)/p11-bench: $(BUILD)/obj/bench/p11/main.o
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -ldl

EXAMPLES := $(patsubst %.c,$(BUILD)/%,$(subst host/,,$(wildcard host/examples/*.c)))
.PHONY: examples
examples: $(EXAMPLES)
$(EXAMPLES): $(BUILD)/examples/%: $(BUILD)/obj/host/examples/%.o $(BUILD)/libhufu.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lcrypto

# ---------------------------------------------------------------- tests
TEST_LIBS := -lcheck -lsubunit -lcrypto -lgcrypt -lbotan-2 -lm -lrt
UNIT_SRC := $(if $(P11_HEADER),$(UNIT_SRC),$(filter-out tests/unit/test_pkcs11_%,$(UNIT_SRC)))
UNIT_SRC := $(if $(WITH_USB),$(UNIT_SRC),$(filter-out tests/unit/test_host_usb_%,$(UNIT_SRC)))
UNIT := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(UNIT_SRC))
$(filter $(BUILD)/tests/test_pkcs11_%,$(UNIT)): | $(BUILD)/hufu-pkcs11.so $(BUILD)/hufu-sim
# Of the simulator what needs no simulator around it.
SIM_PARTS := $(call obj,sim/sandbox.c sim/capture.c sim/log.c sim/usb/slot.c sim/usb/descriptors.c sim/usb/usbip_wire.c)
$(UNIT): $(BUILD)/tests/%: $(BUILD)/obj/tests/unit/%.o $(SIM_PARTS) $(call obj,$(TLIB_SRC) $(LIB_SRC) $(RAND_SRC)) $(BUILD)/libfirmware.a $(BUILD)/libposix.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(TEST_LIBS)
# What this test damages of the firmware is what it wraps.
BROKEN := $(shell awk -F'[^A-Za-z0-9_]+' '/^WRAP_/ {print $$2} /^CURVE/ {print "ec_" $$2}' tests/unit/test_device_broken.c)
$(BUILD)/tests/test_device_broken: LDFLAGS += $(BROKEN:%=-Wl,--wrap=%)
# And what this one lets fail.
$(BUILD)/tests/test_host_memory: LDFLAGS += $(foreach f,malloc calloc realloc aligned_alloc strdup,-Wl,--wrap=$(f))
$(BUILD)/tests/power: $(call obj,$(POWER_SRC) $(TLIB_SRC)) $(BUILD)/libfirmware.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(TEST_LIBS)
# A fuzz target is a program of the tests, too: with driver.c it runs once over its kept corpus, with
# libFuzzer (LIBFUZZER=1, clang) it looks for more. See "fuzz" below.
FUZZ_NAMES := $(patsubst tests/fuzz/fuzz_%.c,%,$(FUZZ_SRC))
FUZZERS    := $(FUZZ_NAMES:%=$(BUILD)/tests/fuzz_%)
FUZZ_MAIN  := $(if $(LIBFUZZER),,$(BUILD)/obj/tests/fuzz/driver.o)
$(FUZZERS): $(BUILD)/tests/%: $(BUILD)/obj/tests/fuzz/%.o $(FUZZ_MAIN) $(BUILD)/obj/sim/client.o $(SIM_PARTS) $(call obj,$(LIB_SRC) $(TLIB_SRC)) $(BUILD)/libfirmware.a $(BUILD)/libposix.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) $(if $(LIBFUZZER),-fsanitize=fuzzer) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(TEST_LIBS)
# What every link must carry, as a program of the library's own users.
$(BUILD)/tests/usb-faults: $(BUILD)/obj/tests/links/usb_faults.o $(BUILD)/libhufu.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lcrypto
$(BUILD)/tests/links-suite: $(BUILD)/obj/tests/links/suite.o $(BUILD)/libhufu.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lcrypto
# A client of the load test (tests/load).
LOAD_SRC := $(wildcard tests/load/*.c)
$(BUILD)/tests/load-client: $(call obj,$(LOAD_SRC)) $(BUILD)/libhufu.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lcrypto
# The USB device under umockdev, for tests with programs that use libusb.
UMOCKDEV := $(shell pkg-config --silence-errors --cflags umockdev-1.0 2>/dev/null)
MOCK_SRC := $(wildcard tests/usb/*.c)
$(call obj,$(MOCK_SRC)): HOSTFLAGS += $(patsubst -I%,-isystem %,$(UMOCKDEV))
$(BUILD)/tests/usb-mock: $(call obj,$(MOCK_SRC) $(USB_SRC)) $(BUILD)/libfirmware.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lumockdev -lgobject-2.0 -lglib-2.0
# The SM2 code over curves of a hundred and of four thousand points, tried with everything there is: NAME, the curve
# and the tables. The batches are as large as the smaller curve or the larger one.
TINY := p127 p4093 p4093-small
TINY_p127        := -DHUFU_SM2_CURVE='"tests/tiny/p127.h"' -DHUFU_SM2_WINDOW=4 -DHUFU_SM2_BATCH=240
TINY_p4093       := -DHUFU_SM2_CURVE='"tests/tiny/p4093.h"' -DHUFU_SM2_WINDOW=2 -DHUFU_SM2_BATCH=8192
TINY_p4093-small := -DHUFU_SM2_CURVE='"tests/tiny/p4093.h"' -DHUFU_SM2_WINDOW=2 -DHUFU_SM2_STEP=3
TINY_TESTS := $(TINY:%=$(BUILD)/tests/test_tiny_%)
TINY_GEN := $(patsubst %/sm2_field.c,tests/tiny/field.c,$(SM2_GEN))
TINY_SRC := $(filter-out %/gen_table.c,$(TINY_GEN)) $(addprefix firmware/crypto/portable/sm2_,base.c base_small.c table.c mul.c \
              verify.c finish.c engine.c) firmware/crypto/sm2.c firmware/crypto/sm3.c tests/tiny/model.c tests/tiny/test_tiny.c tests/lib/msan.c
$(TINY:%=$(BUILD)/tiny/%/sm2_table.inc): $(BUILD)/tiny/%/sm2_table.inc: $(TINY_GEN) $(GEN_HEADERS) $(wildcard tests/tiny/*.h)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c11 -O1 -Wall -Wextra -I. $(TINY_$*) $(TINY_GEN) -o $(@D)/table
	$(Q)$(@D)/table > $@.tmp && mv $@.tmp $@
$(TINY_TESTS): $(BUILD)/tests/test_tiny_%: $(BUILD)/tiny/%/sm2_table.inc $(TINY_SRC) | $(GEN)
	@mkdir -p $(@D)
	$(call say,CCLD,$@)
	$(Q)$(CC) $(filter-out -MMD -MP -I$(BUILD)/gen,$(HOSTFLAGS)) $(TINY_$*) -I$(<D) $(filter %.c,$^) $(LDFLAGS) -o $@ -lcheck -lsubunit -lm -lrt
tests: $(TINY_TESTS)
.PHONY: tests
tests: $(BUILD)/hufu-sim-lab $(BUILD)/tests/load-client $(if $(UMOCKDEV),$(BUILD)/tests/usb-mock $(BUILD)/tests/usb-faults) $(UNIT) $(FUZZERS) $(BUILD)/tests/links-suite $(if $(POWER_SRC),$(BUILD)/tests/power) ## Build the test programs without running them


# ---------------------------------------------------------------- a fresh machine
DEMO_PACKAGES  := gcc libc6-dev binutils pkg-config openssl libssl-dev
CHECK_PACKAGES := $(DEMO_PACKAGES) check libsubunit-dev libgcrypt20-dev libbotan-2-dev clang \
                  libclang-rt-14-dev valgrind python3 procps libp11-kit-dev libusb-1.0-0-dev \
                  dpkg-dev cppcheck shellcheck
# Programs of others that the tests put our links and modules under, bare metal included: a test whose program cannot
# be had is a counted skip.
CLIENT_PACKAGES := p11-kit opensc gnutls-bin softhsm2 libnss3-tools \
                  libengine-pkcs11-openssl openssh-client python3-pykcs11 umockdev libumockdev-dev pcscd pcsc-tools python3-pyscard \
                   libpcsclite1 libccid usbip qemu-system-x86 busybox-static \
                   gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm \
                   gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf qemu-system-misc \
                   nginx-light apache2-bin testssl.sh wrk curl stunnel4 openjdk-17-jdk-headless knot-dnssecutils bind9-utils libhsm-bin \
                   haproxy lighttpd lighttpd-mod-openssl openvpn gpgsm gpg-agent gnupg-pkcs11-scd osslsigncode sbsigntool
setup = $(Q)bash tests/setup.sh $(1)
.PHONY: setup setup-demo
setup: ## Install the packages that building and testing need (Debian)
	$(call setup,$(CHECK_PACKAGES) -- $(CLIENT_PACKAGES))
setup-demo:
	$(call setup,$(DEMO_PACKAGES))

JOBS := $(shell nproc 2>/dev/null || echo 2)
SUB   = $(MAKE) --no-print-directory -j$(JOBS)

# ---------------------------------------------------------------- demo
.PHONY: demo
demo: setup-demo ## Build, start a device, make and sign on it, let OpenSSL verify, print the figures
	$(Q)$(SUB) all
	$(Q)BUILD=$(BUILD) bash bench/demo.sh

# ---------------------------------------------------------------- check
RUN     := LOGS=$(BUILD)/check bash tests/run.sh
SYSTEM  := $(sort $(wildcard tests/system/test_*.sh))
# One suite over every link.
LINKS   := $(sort $(wildcard tests/links/test_*.sh))
# Many clients at once, and faults of the hardware.
LOADS   := $(sort $(wildcard tests/load/test_*.sh))
# Programs that others wrote, on our links and modules: once, with the ordinary build.
CLIENTS := $(sort $(wildcard tests/clients/test_*.sh))
# Two variants of everything, and the crypto alone with 32-bit limbs (and the small table) and under valgrind.
ASAN    := $(BUILD)-asan
LIMB32  := $(BUILD)-limb32
CLANG   := $(BUILD)-clang
CT      := $(BUILD)-ct
# Warnings are errors in the two ordinary builds; sanitizers make gcc warn of what is not there.
asan-make   = $(SUB) BUILD=$(ASAN) SAN=address,undefined OPT=-O1 CI= WERROR=
limb32-make = $(SUB) BUILD=$(LIMB32) LIMB=32 EXTRA_CFLAGS="$(filter -DHUFU_SM2_WINDOW% -DHUFU_SM2_STEP%,$(SMALL_CONFIG))"
clang-make  = $(SUB) BUILD=$(CLANG) CC=clang
# valgrind's machine has not the registers of the eight-lane engine.
ct-make     = $(SUB) BUILD=$(1) CTCHECK=1 EXTRA_CFLAGS="-gdwarf-4 -g1 -DHUFU_NO_IFMA8" CI= WERROR= $(2) $(CT_TESTS:%=$(1)/tests/%)
ct-runs     = $(CT_TESTS:%="env CK_FORK=no valgrind -q --error-exitcode=9 $(1)/tests/%")
CT_TESTS := $(notdir $(filter tests/unit/test_ct_%,$(UNIT:$(BUILD)/tests/%=tests/unit/%)))
LIMB_TESTS := $(notdir $(filter %test_sm2 %test_sm2_field %test_sm2_engine %test_ec %test_block %test_rsa %test_sm4 %test_hash %test_device %test_bignum,$(UNIT)))

corpora = $(foreach name,$(FUZZ_NAMES),"$(1)/tests/fuzz_$(name) tests/fuzz/corpus/$(name)")

.PHONY: check check-run layers
check: setup ## Build every variant and run every test; the last line counts them
	$(Q)$(MAKE) --no-print-directory check-run
check-run:
	$(Q)$(RUN) begin
	$(Q)$(SUB) all tests
	$(Q)$(RUN) phase "Layers, documents" tests/layers.sh "tests/documents.sh $(BUILD)" "make -s lint-quick"
	$(Q)$(RUN) spread "Unit tests ($(CC), $(LIMB)-bit limbs)" $(UNIT) $(TINY_TESTS)
	$(Q)$(RUN) phase "Power cuts, depth one" $(BUILD)/tests/power
	$(Q)$(RUN) phase "Fuzz targets over their kept corpora" $(call corpora,$(BUILD))
	$(Q)BUILD=$(BUILD) $(RUN) phase "System tests" $(SYSTEM)
	$(Q)BUILD=$(BUILD) $(RUN) phase "Links" $(LINKS)
	$(Q)BUILD=$(BUILD) $(RUN) phase "Load (20 seconds of make load), faults on order" $(LOADS)
	$(Q)$(if $(CLIENTS),BUILD=$(BUILD) $(RUN) phase "Clients" $(CLIENTS))
	$(Q)$(asan-make) all tests
	$(Q)BUILD=$(ASAN) $(RUN) spread "Unit tests (AddressSanitizer, UndefinedBehaviorSanitizer)" $(UNIT:$(BUILD)/%=$(ASAN)/%)
	$(Q)BUILD=$(ASAN) $(RUN) phase "System tests and kept corpora (AddressSanitizer, UndefinedBehaviorSanitizer)" \
	    $(SYSTEM) $(call corpora,$(ASAN))
	$(Q)$(limb32-make) $(LIMB_TESTS:%=$(LIMB32)/tests/%)
	$(Q)$(RUN) spread "Unit tests (32-bit limbs)" $(LIMB_TESTS:%=$(LIMB32)/tests/%)
	$(Q)$(clang-make) all tests
	$(Q)$(RUN) spread "Unit tests (clang)" $(UNIT:$(BUILD)/%=$(CLANG)/%)
	$(Q)$(call ct-make,$(CT),OPT=-O2)
	$(Q)$(RUN) spread "Constant time (valgrind, secrets undefined)" $(call ct-runs,$(CT))
	$(Q)$(RUN) total

.PHONY: check-links
check-links: setup ## One suite over inproc, unix, pcsc, usb and mps2, and a table of passes per link
	$(Q)$(SUB) all $(BUILD)/tests/links-suite
	$(Q)BUILD=$(BUILD) bash tests/links/test_links.sh

.PHONY: load
LOAD_SECONDS ?= 600
load: all $(BUILD)/tests/load-client ## 64 clients at once for LOAD_SECONDS (600), clients and simulator killed at random
	$(Q)BUILD=$(BUILD) LOAD_SECONDS=$(LOAD_SECONDS) bash tests/load/test_load.sh

layers: ## Compare every #include with the arrows of docs/design.md
	$(Q)bash tests/layers.sh

include tests/quality.mk

.PHONY: power
power: $(BUILD)/tests/power ## Power cuts at every pair of steps (long)
	$(Q)$(BUILD)/tests/power --depth 2

# ---------------------------------------------------------------- fuzz
FUZZ_SECONDS ?= 60
FUZZ ?= $(FUZZ_NAMES)
FUZZ_BUILD := $(BUILD)-fuzz
FUZZ_CORPUS = $(FUZZ_BUILD)/corpus
fuzz-make = $(SUB) BUILD=$(FUZZ_BUILD) CC=clang SAN=address,undefined OPT=-O1 LIBFUZZER=1 \
            EXTRA_CFLAGS="-fsanitize=fuzzer-no-link -DHUFU_NO_IFMA8"

.PHONY: fuzz fuzz-keep fuzz-seeds
fuzz-seeds: ## Write inputs of every command in its present form for the fuzzed device to start from
	$(Q)python3 -B tests/fuzz/seeds.py tests/fuzz/corpus/device
fuzz: ## Fuzz each target (or FUZZ="name...") for FUZZ_SECONDS; what it finds stays in build-fuzz
	$(Q)$(fuzz-make) $(FUZZ:%=$(FUZZ_BUILD)/tests/fuzz_%) $(FUZZ_BUILD)/gen/hufu.dict
	$(Q)set -eo pipefail; for name in $(FUZZ); do \
	    mkdir -p $(FUZZ_CORPUS)/$$name; echo "fuzz_$$name, $(FUZZ_SECONDS) s"; \
	    $(FUZZ_BUILD)/tests/fuzz_$$name -max_total_time=$(FUZZ_SECONDS) -dict=$(FUZZ_BUILD)/gen/hufu.dict \
	        -artifact_prefix=$(FUZZ_BUILD)/$$name- -timeout=60 -print_final_stats=1 -verbosity=0 -print_funcs=0 \
	        $(FUZZ_CORPUS)/$$name $$(ls -d tests/fuzz/corpus/$$name 2>/dev/null) 2>&1 | \
	        grep -av '# Uses:\|dictionary\|^INFO'; done
fuzz-keep: ## Add what make fuzz found of new paths to tests/fuzz/corpus, as few and small files as do
	$(Q)set -e; for name in $(FUZZ); do \
	    mkdir -p $(FUZZ_CORPUS)/$$name tests/fuzz/corpus/$$name; rm -rf $(FUZZ_CORPUS)/merged; mkdir $(FUZZ_CORPUS)/merged; \
	    $(FUZZ_BUILD)/tests/fuzz_$$name -merge=1 -verbosity=0 $(FUZZ_CORPUS)/merged tests/fuzz/corpus/$$name $(FUZZ_CORPUS)/$$name; \
	    rm -f tests/fuzz/corpus/$$name/*; cp $(FUZZ_CORPUS)/merged/* tests/fuzz/corpus/$$name/; done

# ---------------------------------------------------------------- bench
.PHONY: bench figures
bench: all ## Measure beside OpenSSL and others in the same run, with all sweeps: report.json, .csv, .svg, .md
	$(Q)$(BUILD)/hufu-bench --all --seconds 1.5 --out $(BUILD)/bench $(BENCHFLAGS)
	$(Q)if command -v arm-none-eabi-gcc >/dev/null && command -v qemu-system-arm >/dev/null; then \
	    { printf '\n## Bare metal, instructions counted by QEMU\n\n'; $(SUB) bench-bare; } >>$(BUILD)/bench/report.md; \
	    else echo "bare metal: no arm-none-eabi-gcc or qemu-system-arm, so no figures" | tee -a $(BUILD)/bench/report.md; fi
figures: ## Put the table of the last make bench into README.md
	$(Q)bash bench/figures.sh $(BUILD)/bench/figures.md README.md

.PHONY: bench-links
bench-links: all ## Round trips, largest commands and batches over each link of this machine
	$(Q)BUILD=$(BUILD) python3 -B tests/links/links.py --bench

.PHONY: bench-web
bench-web: all ## TLS handshakes of nginx with a key of the device and with a key in a file
	$(Q)BUILD=$(BUILD) bash bench/web.sh

.PHONY: lab
lab: all ## Instructions per operation, memory check, times beside secrets, engines compared, flame graphs where perf works
	$(Q)BUILD=$(BUILD) bash bench/lab.sh

# ---------------------------------------------------------------- install
.PHONY: install install-service uninstall deb
install: all install-service ## Install programs, library, headers and man pages below DESTDIR/PREFIX
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(LIBDIR)/pkgconfig \
	    $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man3
	install -m 755 $(BUILD)/hufu $(BUILD)/hufu-sim $(BUILD)/hufu-bench $(DESTDIR)$(PREFIX)/bin/
	install -m 644 host/lib/hufu.h $(DESTDIR)$(PREFIX)/include/
	install -m 755 $(BUILD)/libhufu.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/
	ln -sf libhufu.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/libhufu.so
	install -m 644 $(BUILD)/libhufu.a $(DESTDIR)$(LIBDIR)/
	sed -e 's|@PREFIX@|$(PREFIX)|;s|@LIBDIR@|$(LIBDIR)|;s|@VERSION@|$(VERSION)|' host/lib/hufu.pc.in \
	    > $(DESTDIR)$(LIBDIR)/pkgconfig/hufu.pc
	install -d $(DESTDIR)$(IFDDIR) $(DESTDIR)$(PREFIX)/share/hufu
	install -m 755 $(BUILD)/libifd-hufu.so $(DESTDIR)$(IFDDIR)/
	sed -e 's|@IFDDIR@|$(IFDDIR)|' host/ifd/reader.conf.in > $(DESTDIR)$(PREFIX)/share/hufu/reader.conf
	install -d $(DESTDIR)$(PREFIX)/lib/udev/rules.d
	install -m 644 host/udev/70-hufu.rules $(DESTDIR)$(PREFIX)/lib/udev/rules.d/
	install -d $(DESTDIR)$(LIBDIR)/ossl-modules
	install -m 755 $(BUILD)/hufu.so $(DESTDIR)$(LIBDIR)/ossl-modules/
	install -m 644 docs/man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	$(if $(P11_HEADER),install -d $(DESTDIR)$(LIBDIR)/pkcs11 $(DESTDIR)$(PREFIX)/share/p11-kit/modules)
	$(if $(P11_HEADER),install -m 755 $(BUILD)/hufu-pkcs11.so $(DESTDIR)$(LIBDIR)/pkcs11/)
	$(if $(P11_HEADER),install -m 644 host/pkcs11/hufu-pkcs11.h $(DESTDIR)$(PREFIX)/include/)
	$(if $(P11_HEADER),sed 's|^module: |module: $(LIBDIR)/pkcs11/|' host/pkcs11/hufu.module > $(DESTDIR)$(PREFIX)/share/p11-kit/modules/hufu.module)
	install -d $(DESTDIR)$(PREFIX)/share/man/man5
	install -m 644 docs/man/*.5 $(DESTDIR)$(PREFIX)/share/man/man5/
	install -m 644 docs/man/*.3 $(DESTDIR)$(PREFIX)/share/man/man3/
	$(if $(DESTDIR),,-ldconfig)

uninstall: ## Remove what make install with the same DESTDIR, PREFIX and LIBDIR puts there
	$(Q)set -e; there=$$(mktemp -d); trap 'rm -rf "$$there"' EXIT; $(SUB) -s install DESTDIR="$$there"; \
	    cd "$$there"; find . ! -type d | while read -r file; do rm -f "$(DESTDIR)/$$file"; done

MULTIARCH = $(shell $(CC) -print-multiarch)
deb: all ## Build a Debian package of what make install installs: build/hufu_VERSION_ARCH.deb
	$(Q)rm -rf $(BUILD)/deb
	$(Q)$(SUB) -s install DESTDIR=$(abspath $(BUILD))/deb PREFIX=/usr LIBDIR=/usr/lib/$(MULTIARCH) IFDDIR=/usr/lib/pcsc/drivers/serial
	$(Q)bash host/deb/deb.sh $(BUILD)/deb $(VERSION) $(BUILD)
	$(Q)rm -rf $(BUILD)/deb

install-service: ## Install what systemd wants to know of hufu-sim: unit, user, directories
	install -d $(addprefix $(DESTDIR)$(PREFIX)/lib/,systemd/system sysusers.d tmpfiles.d)
	sed -e 's|@PREFIX@|$(PREFIX)|' sim/service/hufu-sim.service.in > $(DESTDIR)$(PREFIX)/lib/systemd/system/hufu-sim.service
	install -m 644 sim/service/sysusers.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/hufu.conf
	install -m 644 sim/service/tmpfiles.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/hufu.conf

.PHONY: clean help
clean: ## Remove everything that was built
	$(Q)rm -rf $(BUILD) build-*
help: ## This list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'
	@echo; sed -n 's/^# Variables: /  Variables: /p' Makefile
