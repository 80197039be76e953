/* Keys outside the device: records sealed under the wrap-domain key (record wrap_header of
 * docs/protocol.md). */
#ifndef HUFU_APP_WRAP_H
#define HUFU_APP_WRAP_H

#include <stddef.h>
#include <stdint.h>

#include "firmware/app/core.h"
#include "firmware/base/config.h"
#include "firmware/crypto/sm4.h"

enum { WRAP_HEADER = 38, WRAP_AUTHENTICATED = 34, WRAP_TAG = 16, WRAP_SECRET_MAX = RSA_MAX_BYTES };

/* A batch of wrapped keys being made or opened. */
struct wrap {
    uint8_t header[WRAP_HEADER];
    struct wrap_header h; /* views into header */
    struct sm4_key key;
};

/* Of a record of so many bytes, the bytes of the secret (SM2 and EC: d; RSA: p || q; secret keys:
 * the key). false: no record of this type has that size */
bool wrap_secret_size(uint8_t type, size_t record, size_t *secret);
size_t wrap_record_size(uint8_t type); /* of a key pair; 0: no such type */

/* A new batch with a random id. 0, or -1: no randomness */
int wrap_begin(struct device *d, struct wrap *w, uint8_t type, uint32_t usage, uint32_t count);
/* A batch from outside. 0, or -1: of another domain, version or type */
int wrap_resume(const struct device *d, struct wrap *w, const uint8_t header[WRAP_HEADER]);
void wrap_end(struct wrap *w);

/* record: wrap_record_size bytes, starting with the public part that is already there. CT: yes */
void wrap_seal(const struct wrap *w, uint32_t index, uint8_t *record, const uint8_t *secret,
               size_t n);
/* The same for n SM2 records from index `from` on, with the engine's lanes. room holds nothing
 * secret. */
enum { WRAP_GROUP = CONFIG_WRAP_BATCH };
struct wrap_room {
    uint8_t nonce[WRAP_GROUP][12];
    uint8_t aad[WRAP_GROUP][WRAP_AUTHENTICATED + SM2_POINT];
    struct sm4_gcm_item item[WRAP_GROUP];
};
void wrap_seal_sm2(const struct wrap *w, const struct sym_ops *sym, uint32_t from, size_t n,
                   uint8_t *records, const uint8_t (*secrets)[32], struct wrap_room *room);
/* secret: n bytes, as wrap_secret_size says. 0, or -1 with secret wiped: the record is not this
 * batch's record `index` */
int wrap_open(const struct wrap *w, uint32_t index, const uint8_t *record, uint8_t *secret,
              size_t n);

#endif
