/*
 * The device's own SM2 key: made by INIT, kept as a SYSTEM record, signs only what the device
 * itself states: checkpoints of the log, attestations of keys, its certificate and the request for
 * one. No command signs anything else with it.
 */
#ifndef HUFU_APP_IDENTITY_H
#define HUFU_APP_IDENTITY_H

#include "firmware/app/core.h"
#include "firmware/crypto/sm2.h"

/* d, x || y */
struct identity_key {
    uint8_t d[SM2_SCALAR], pub[SM2_POINT];
};

/* Make the key and a certificate that it signs itself, try it, stage both records. */
uint16_t identity_make(struct call *c, const uint8_t serial[DEVICE_SERIAL]);
/* The caller wipes it. */
uint16_t identity_load(struct device *d, struct identity_key *key);
uint16_t identity_public(struct device *d, uint8_t pub[SM2_POINT]);
/* Sign n bytes as an SM2 message with the default ID: r || s, tried before it is given. */
uint16_t identity_sign(struct device *d, const struct identity_key *key, const void *m, size_t n,
                       uint8_t signature[SM2_SIGNATURE]);
/* The same with the key from its record, for a statement that needs the key for nothing else. */
uint16_t identity_state(struct device *d, const void *m, size_t n,
                        uint8_t signature[SM2_SIGNATURE]);

#endif
