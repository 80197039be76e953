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
# The device: freestanding. The host, the ports and the simulator: POSIX.
FWFLAGS   := $(BASEFLAGS) $(SANFLAGS) -ffreestanding $(EXTRA_CFLAGS)
HOSTFLAGS := $(BASEFLAGS) $(SANFLAGS) $(HARDEN) -D_GNU_SOURCE -pthread $(EXTRA_CFLAGS)
LDFLAGS   := $(SANFLAGS) -pthread -Wl,--gc-sections $(if $(SAN),,-Wl,-z,relro,-z,now) $(EXTRA_LDFLAGS)
