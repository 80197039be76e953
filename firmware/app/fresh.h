/* Keys on their way into the store or a session: made, unwrapped or given. */
#ifndef HUFU_APP_FRESH_H
#define HUFU_APP_FRESH_H

#include "firmware/app/core.h"

/* The parts as a record has them. Wiped by its owner. */
struct fresh {
    uint8_t pub[LIMIT_PUBLIC_MAX];
    uint8_t secret[7 * RSA_MAX_BYTES / 2];
    size_t secret_size;
};

struct fresh_spec {
    uint8_t type, flags; /* KEY_FLAG_* */
    uint32_t usage;
    uint8_t origin;
    struct view label, id;
    struct key_policy policy;
};

/* Is there such a kind of key, and can it be used so? SW_NOT_SUPPORTED, SW_WRONG_DATA */
uint16_t fresh_check(uint8_t type, uint32_t usage);
/* May this session have such a key, and is there room for it? */
uint16_t fresh_allowed(const struct call *c, const struct fresh_spec *spec);
/*
 * From the secret alone - SM2 and EC d, RSA p || q, the key itself - all other parts.
 * SW_WRONG_DATA: it makes no key of this type, or has another size
 */
uint16_t fresh_complete(struct device *d, struct fresh *f, uint8_t type);
/* The same of a secret whose maker is not known: what came of it is tried out as well. */
uint16_t fresh_receive(struct device *d, struct fresh *f, uint8_t type);
/* Stage it for the store, or keep it in the session. */
uint16_t fresh_keep(struct call *c, const struct fresh *f, const struct fresh_spec *spec,
                    uint32_t *handle);

#endif
