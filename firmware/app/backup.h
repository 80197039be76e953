/*
 * An object as a whole, sealed under the wrap-domain key: what a backup of the device holds of it.
 * The record of the store travels as it is, with the count of its uses and the name of its owner.
 */
#ifndef HUFU_APP_BACKUP_H
#define HUFU_APP_BACKUP_H

#include <stdint.h>

#include "proto/proto.h"

struct call;

/* Seal an object into out. SW_NOT_PERMITTED: its usage keeps it in the device. */
uint16_t backup_seal(struct call *c, uint32_t handle, struct wr *out);
/*
 * Stage a sealed object as one of this account, or find that it is there already: then its count of
 * uses is raised to the sealed one's, never lowered. SW_WRONG_WRAP: damaged, or of another domain;
 * SW_NEWER_FORMAT; SW_WRONG_DATA: no such account. out is used as scratch and left as it was.
 */
uint16_t backup_open(struct call *c, uint8_t owner, struct view sealed, struct wr *out,
                     uint32_t *handle, bool *there);

#endif
