/*
 * The certificates that the device makes (RFC 5280, signed with SM2 and SM3 as in GM/T 0015): of
 * its own key, and of keys that it attests; and the request (RFC 2986) for one of its owner's CA.
 */
#ifndef HUFU_APP_X509_H
#define HUFU_APP_X509_H

#include "firmware/app/identity.h"

enum { X509_KEY_ID = 32 /* bytes of an issuer's key identifier that are kept, at most */ };

struct x509 {
    uint8_t *buffer;
    size_t room;
    struct view der;             /* the result, at the start of the buffer */
    uint8_t issuer[X509_KEY_ID]; /* key identifier of the issuer's certificate */
    size_t issuer_size;          /* 0: it has none, or a longer one */
};

/* Room for one that is made next. X509_MAX is always enough: a name as long as a certificate that
 * was installed can have, a statement, and a public key beside it. */
enum { X509_MAX = LIMIT_CERTIFICATE_MAX + 1684 };
void x509_begin(struct x509 *x, uint8_t *buffer, size_t room);

/* All: SW_RESPONSE_TOO_BIG when the room is too small. */

/* Self-signed: CN "Hufu" and the serial number in hexadecimal, a CA for attestations (path length
 * 0). */
uint16_t x509_device(struct device *d, struct x509 *x, const struct identity_key *key,
                     const uint8_t serial[DEVICE_SERIAL]);
/* The request for a certificate of that name. */
uint16_t x509_request(struct device *d, struct x509 *x, const struct identity_key *key);
/* The issuer's key identifier, from the device's certificate. Reads it into d->record. */
uint16_t x509_issuer(struct device *d, struct x509 *x, const struct identity_key *key);
/*
 * For the public key of an object, issued under the name of the device's certificate, with the key
 * identifier that x509_issuer has found; statement goes in as an extension
 * (OID 2.25.125010599781704000294229025733595844112.1).
 */
uint16_t x509_attestation(struct device *d, struct x509 *x, const struct identity_key *key,
                          const struct object *o, uint32_t handle, struct view statement);

/* The subject of a certificate whose key is this SM2 key, as DER. false: it is of another key, or
 * none. */
bool x509_subject(struct view certificate, const uint8_t pub[SM2_POINT], struct view *subject);

#endif
