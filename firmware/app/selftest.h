/*
 * Known-answer tests of every algorithm that the device uses, at boot and on SELFTEST: one table.
 * Those of the engine's operations run once for each engine that is tried.
 */
#ifndef HUFU_APP_SELFTEST_H
#define HUFU_APP_SELFTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/base/config.h"
#include "firmware/crypto/engine.h"
#include "firmware/crypto/rng.h"
#include "firmware/hal/hal.h"

struct device;
struct rsa_private;

enum { SELFTEST_BATCH = CONFIG_SM2_BATCH_MIN }; /* items in the engine's scratch at least */

struct selftest_env {
    const struct engine *engine;
    struct rng rng;          /* a fixed stream: no entropy is needed */
    struct rsa_private *rsa; /* room for a key */
    void *scratch;           /* as a lane of the device has it */
    const struct hal_image *image;
};

enum { SELFTEST_NAME_MAX = 22 };
struct selftest {
    const char *name; /* up to SELFTEST_NAME_MAX characters */
    bool (*run)(const struct selftest_env *e);
};
extern const struct selftest selftests[]; /* of what is the same for all engines, ended by NULL */
extern const struct selftest selftests_image[];
extern const struct selftest selftests_keys[];
extern const struct selftest selftests_lanes[];  /* of the engine's symmetric part */
extern const struct selftest selftests_engine[]; /* of its SM2 and RSA */

/* At boot: run everything with the configured engine, or with the best that this machine can run.
 * An engine that fails is no reason to take a lesser one: the processor, or the image, is broken.
 * false: failed, and the device knows why. */
bool selftest_choose_engine(struct device *d);
/* On command: run everything with the chosen engine. */
unsigned selftest_all(struct device *d, unsigned *failed, const char **first);

/* Opens every stored record. false: one is damaged, name says which. */
bool selftest_store(struct device *d, char name[SELFTEST_NAME_MAX + 1]);

/* The bytes of hex digits. For the tables of known answers. */
size_t selftest_bytes(uint8_t *out, const char *hex);
/* hex stands for just these bytes */
bool selftest_is(const uint8_t *bytes, size_t n, const char *hex);

#endif
