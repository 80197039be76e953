/*
 * The device's own SM2 key: made by INIT, kept as a SYSTEM record, signs only what the device
 * itself states (checkpoints of the log). No command signs anything else with it.
 */
#ifndef HUFU_APP_IDENTITY_H
#define HUFU_APP_IDENTITY_H

#include "firmware/app/core.h"

/* Make the key, try it, stage its record. */
uint16_t identity_make(struct call *c);
uint16_t identity_public(struct device *d, uint8_t pub[64]);
/* Sign n bytes as an SM2 message with the default ID: r || s. */
uint16_t identity_sign(struct device *d, const void *statement, size_t n, uint8_t signature[64]);

#endif
