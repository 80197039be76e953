/*
 * libhufu: programs' way to a Hufu key device.
 *
 * Everything returns enum hufu_status unless it says otherwise; HUFU_OK is 0. After a failure
 * hufu_last_error() holds, for the calling thread, one line that says what was wrong, where, and
 * what to do. Strings are UTF-8. Sizes are bytes. Integers are the host's. Pointers that a call
 * takes are used during the call only, unless it says otherwise.
 *
 * Threads may share a device and its sessions; calls on unix: overlap, calls on inproc: take turns.
 * A session has one running hash and one key agreement: two threads that use those need two
 * sessions.
 *
 * Nothing that a device answers is trusted: what does not parse or is out of range is
 * HUFU_E_BAD_ANSWER.
 *
 *     struct hufu_device *device;
 *     struct hufu_session *session;
 *     if (hufu_open(&device, "unix:/run/hufu.sock") || hufu_session_open(device, &session) ||
 *         hufu_login(session, HUFU_ACCOUNT_USER, pin, strlen(pin), NULL))
 *         fprintf(stderr, "%s\n", hufu_last_error());
 */
#ifndef HUFU_H
#define HUFU_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define HUFU_API __attribute__((visibility("default")))
#else
#define HUFU_API
#endif

/* ------------------------------------------------------------------ numbers */

/* What a call comes back with: the library's own words first, then the device's status words. */
enum hufu_status {
    HUFU_OK = 0,
    HUFU_E_ARGUMENT = 1, /* an argument is out of range: the device was not asked */
    HUFU_E_MEMORY = 2,   /* no memory left on this machine */
    HUFU_E_URL = 3,      /* no device named, or no such kind of link */
    HUFU_E_OPEN = 4,     /* the device cannot be reached */
    HUFU_E_PROTOCOL = 5, /* the device speaks another version of the protocol */
    HUFU_E_LINK = 6,     /* the link is lost; the command was not carried out */
    HUFU_E_UNKNOWN_OUTCOME =
        7,                 /* the link was lost on the way: the command may have been carried out */
    HUFU_E_TIMEOUT = 8,    /* no answer in time: the command may have been carried out */
    HUFU_E_BAD_ANSWER = 9, /* the device's answer makes no sense: do not trust it */
    HUFU_E_ROOM = 10,      /* the caller's buffer is too small; its size is set to what is needed */
    HUFU_E_PENDING = 11,   /* hufu_poll: no answer yet */
    HUFU_E_STOPPED = 12,   /* the caller's function asked to stop */
    HUFU_E_FILE = 13,      /* a file cannot be read or written */
    HUFU_E_FORMAT = 14,    /* data or a file is not in the expected format */
    HUFU_E_NOT_FOUND = 15, /* there is nothing of this name */
    HUFU_E_CRYPTO = 16,    /* the host's own cryptographic library failed */
    HUFU_E_TRUST = 17,     /* not the device that is trusted: nothing secret was sent */
    HUFU_E_CHANNEL = 18,   /* only through a secure channel, and there is none: nothing was sent */
    HUFU_E_APPROVED = 19,  /* approved, not carried out: see hufu_approving */

    /* the device's: docs/protocol.md */
    HUFU_E_PIN_WRONG = 0x63C0, /* hufu_last_sw() & 15: tries left */
    HUFU_E_NVM_FAULT = 0x6581,
    HUFU_E_WRONG_LENGTH = 0x6700,
    HUFU_E_NO_SESSION = 0x6881,
    HUFU_E_CHAIN_BROKEN = 0x6883,
    HUFU_E_CHAIN_TOO_LONG = 0x6884,
    HUFU_E_KEY_GENERATION_FAILED = 0x6915,
    HUFU_E_NOT_AUTHORISED = 0x6982,
    HUFU_E_PIN_LOCKED = 0x6983,
    HUFU_E_WRONG_STATE = 0x6985,
    HUFU_E_NOT_PERMITTED = 0x6986,
    HUFU_E_CHANNEL_NEEDED = 0x6987,
    HUFU_E_CHANNEL_BROKEN = 0x6988,
    HUFU_E_WRONG_DATA = 0x6A80,
    HUFU_E_NOT_SUPPORTED = 0x6A81,
    HUFU_E_NO_FILE = 0x6A82,
    HUFU_E_NO_SPACE = 0x6A84,
    HUFU_E_LOG_FULL = 0x6A85,
    HUFU_E_WRONG_P1P2 = 0x6A86,
    HUFU_E_NO_OBJECT = 0x6A88,
    HUFU_E_EXISTS = 0x6A89,
    HUFU_E_TOO_MANY = 0x6A8F,
    HUFU_E_SIGNATURE_INVALID = 0x6A98,
    HUFU_E_ENCRYPT_FAILED = 0x6A9A,
    HUFU_E_DECRYPT_FAILED = 0x6A9B,
    HUFU_E_SIGN_FAILED = 0x6A9C,
    HUFU_E_NO_KEY = 0x6A9F,
    HUFU_E_WRONG_WRAP = 0x6AA0,
    HUFU_E_NO_TICKET = 0x6AA1,
    HUFU_E_BAD_PUBLIC_KEY = 0x6AA2,
    HUFU_E_KEY_TYPE = 0x6AA3,
    HUFU_E_PIN_RANGE = 0x6AA4,
    HUFU_E_STEP = 0x6AA5,
    HUFU_E_SHARE_WRONG = 0x6AA6,
    HUFU_E_APPROVALS_MISSING = 0x6AA7,
    HUFU_E_NEWER_FORMAT = 0x6AAF,
    HUFU_E_KEY_USED_UP = 0x6AB0,
    HUFU_E_KEY_PERIOD = 0x6AB1,
    HUFU_E_AGREEMENT_FAILED = 0x6B01,
    HUFU_E_NO_COMMAND = 0x6D00,
    HUFU_E_NO_CLASS = 0x6E00,
    HUFU_E_RESPONSE_TOO_BIG = 0x6E01,
    HUFU_E_INTERNAL = 0x6F00,
    HUFU_E_RANDOM_FAILED = 0x6F01,
    HUFU_E_DEVICE_FAILED = 0x6F02,
    HUFU_E_STORE_DAMAGED = 0x6F03
};

enum hufu_state {
    HUFU_STATE_BLANK = 1,
    HUFU_STATE_LOCKED = 2,
    HUFU_STATE_READY = 3,
    HUFU_STATE_FAILED = 4,
    HUFU_STATE_TERMINATED = 5,
    HUFU_STATE_TESTING = 6 /* before the others, where a start-up test is required */
};

/* Bits */
enum hufu_role {
    HUFU_ROLE_USER = 0x01,
    HUFU_ROLE_OPERATOR = 0x02,
    HUFU_ROLE_ADMIN = 0x04,
    HUFU_ROLE_AUDITOR = 0x08
};

/* The accounts that initialisation makes */
enum hufu_account_number {
    HUFU_ACCOUNT_ADMIN = 1,
    HUFU_ACCOUNT_OPERATOR = 2,
    HUFU_ACCOUNT_USER = 3
};

enum hufu_key_type {
    HUFU_KEY_SM2 = 1,
    HUFU_KEY_RSA2048 = 2,
    HUFU_KEY_RSA3072 = 3,
    HUFU_KEY_RSA4096 = 4,
    HUFU_KEY_SM4 = 5,
    HUFU_KEY_P256 = 6,
    HUFU_KEY_P384 = 7,
    HUFU_KEY_AES128 = 8,
    HUFU_KEY_AES192 = 9,
    HUFU_KEY_AES256 = 10,
    HUFU_KEY_HMAC = 11, /* any secret of 1 to HUFU_SECRET_MAX bytes */
    HUFU_KEY_DATA = 12, /* no keys, but objects like them: hufu_object_create */
    HUFU_KEY_CERTIFICATE = 13
};

/* Bits */
enum hufu_usage {
    HUFU_USAGE_SIGN = 0x0001,
    HUFU_USAGE_DECRYPT = 0x0002,
    HUFU_USAGE_ENCRYPT = 0x0004,
    HUFU_USAGE_AGREE = 0x0008,
    HUFU_USAGE_RAW = 0x0010,
    HUFU_USAGE_EXPORT_WRAPPED = 0x0100,
    HUFU_USAGE_BACKUP = 0x4000,
    HUFU_USAGE_DERIVE_OUT = 0x0200,
    HUFU_USAGE_WRAP = 0x0020,
    HUFU_USAGE_UNWRAP = 0x0040,
    HUFU_USAGE_EXTRACT = 0x0400, /* may be wrapped under another key */
    HUFU_USAGE_READ = 0x0800,    /* secret keys: hufu_key_value */
    HUFU_USAGE_PUBLIC = 0x1000,  /* any session may see it and use its public part, log-in or not */
    HUFU_USAGE_DIGEST_ONLY = 0x2000 /* signs digests alone: docs/keys.md */
};

/* Bits */
enum hufu_policy_flag {
    HUFU_POLICY_FROM_BIRTH = 0x01 /* no use was before the limit */
};

enum hufu_origin {
    HUFU_ORIGIN_GENERATED = 1,
    HUFU_ORIGIN_IMPORTED = 2,
    HUFU_ORIGIN_AGREED = 3,
    HUFU_ORIGIN_CLEAR = 4
};

enum hufu_digest_alg {
    HUFU_DIGEST_NONE = 0,
    HUFU_DIGEST_SM3 = 1,
    HUFU_DIGEST_SHA1 = 2,
    HUFU_DIGEST_SHA224 = 3,
    HUFU_DIGEST_SHA256 = 4,
    HUFU_DIGEST_SHA384 = 5,
    HUFU_DIGEST_SHA512 = 6
};

enum hufu_sign_scheme {
    HUFU_SIGN_SM2 = 1,
    HUFU_SIGN_SM2_MESSAGE = 2,
    HUFU_SIGN_RSA_PKCS1 = 3,
    HUFU_SIGN_RSA_PSS = 4,
    HUFU_SIGN_ECDSA = 5,  /* P256, P384: over a digest of 1 to 64 bytes */
    HUFU_SIGN_RSA_RAW = 6 /* of a number as large as the modulus */
};

enum hufu_cipher_scheme {
    HUFU_CIPHER_SM2 = 1,
    HUFU_CIPHER_RSA_PKCS1 = 2,
    HUFU_CIPHER_RSA_OAEP = 3,
    HUFU_CIPHER_SM4_ECB = 4,
    HUFU_CIPHER_SM4_CBC = 5,
    HUFU_CIPHER_SM4_CFB = 6,
    HUFU_CIPHER_SM4_OFB = 7,
    HUFU_CIPHER_SM4_CTR = 8,
    HUFU_CIPHER_SM4_GCM = 9,
    HUFU_CIPHER_SM4_MAC = 10,
    HUFU_CIPHER_RSA_RAW = 11 /* decrypt only */,
    HUFU_CIPHER_AES_ECB = 12,
    HUFU_CIPHER_AES_CBC = 13,
    HUFU_CIPHER_AES_CFB = 14,
    HUFU_CIPHER_AES_OFB = 15,
    HUFU_CIPHER_AES_CTR = 16,
    HUFU_CIPHER_AES_GCM = 17
};

enum hufu_mac_scheme { HUFU_MAC_HMAC = 1, HUFU_MAC_CMAC = 2 };

enum hufu_wrap_scheme {
    HUFU_WRAP_KW = 1,  /* RFC 3394, AES or SM4 */
    HUFU_WRAP_KWP = 2, /* RFC 5649, AES or SM4 */
    HUFU_WRAP_RSA_PKCS1 = 3,
    HUFU_WRAP_RSA_OAEP = 4,
    HUFU_WRAP_SM2 = 5
};

enum hufu_init_flag {
    HUFU_INIT_ATTENDED = 0x01,
    HUFU_INIT_AUDIT_STOPS = 0x02,
    HUFU_INIT_CLEAR_KEYS = 0x04,
    HUFU_INIT_CHANNEL = 0x40 /* commands are taken in a secure channel only */
};
enum hufu_channel_flag {
    HUFU_CHANNEL_FAR = 0x01, /* the device says: this link leaves the machine */
    HUFU_CHANNEL_REQUIRED = 0x02,
    HUFU_CHANNEL_BLANK = 0x04
};
enum hufu_channel_open_flag { HUFU_CHANNEL_OPEN_REGISTERED = 0x01 };
enum hufu_sealed_flag { HUFU_SEALED_LONG = 0x01 };
enum hufu_key_flag { HUFU_KEY_FLAG_SESSION = 0x01 };
enum hufu_agree_flag { HUFU_AGREE_INITIATOR = 0x01, HUFU_AGREE_KEY_OUT = 0x02 };

enum hufu_limit {
    HUFU_PROTOCOL = 1,
    HUFU_FRAME_MAX = 1048576,
    HUFU_APDU_MAX = 65535,
    HUFU_PIN_MIN = 6,
    HUFU_PIN_MAX = 255,
    HUFU_RETRIES_MAX = 10,
    HUFU_LABEL_MAX = 64,
    HUFU_ID_MAX = 32,
    HUFU_PUBLIC_MAX = 516,
    HUFU_SIGNATURE_MAX = 512,
    HUFU_SIGNER_ID_MAX = 8191,
    HUFU_WRAPPED_MAX = 1056,
    HUFU_ACCOUNTS_MAX = 32,
    HUFU_ATTRIBUTES_MAX = 4096,
    HUFU_VALUE_MAX = 8192,
    HUFU_SECRET_MAX = 256,
    HUFU_SESSION_KEYS_MAX = 8,
    HUFU_HOST_KEYS_MAX = 8,
    HUFU_CHANNEL_PAD = 128,
    HUFU_DERIVE_INFO_MAX = 1024,
    HUFU_NAME_MAX = 32, /* label of a device, name of an account */
    HUFU_SERIAL_SIZE = 16,
    HUFU_CERTIFICATE_MAX = 1900, /* bytes of the device's certificate */
    HUFU_QUORUM_MAX = 8,         /* administrators who must agree, at most */
    HUFU_CUSTODIANS_MAX = 10,
    HUFU_SHARE_BOX = 160,     /* bytes of an encrypted share */
    HUFU_JOIN_STATEMENT = 85, /* bytes of what a joining device signs */
    HUFU_LOG_RECORD_MAX = 96, /* bytes of an audit record */
    HUFU_LOG_STATEMENT = 69,  /* bytes of what a checkpoint signs */
    HUFU_WRAP_HEADER_SIZE = 38,
    HUFU_AGREED_MAX = 1024,
    HUFU_DIGEST_MAX = 64,
    HUFU_IV_MAX = 64,
    HUFU_SM2_PUBLIC_SIZE = 64, /* x || y */
    HUFU_SM2_SIGNATURE_SIZE = 64,
    HUFU_SM2_CIPHER_OVERHEAD = 96 /* C1 (64) and C3 (32) around C2 */
};

/* ------------------------------------------------------------------ errors, names */

/* "0.1.0" */
HUFU_API const char *hufu_version(void);
/* A few words for a status; never NULL; for ever valid. */
HUFU_API const char *hufu_strerror(enum hufu_status status);
/* "PIN_WRONG", "LINK": the name without its prefix; never NULL. */
HUFU_API const char *hufu_status_name(enum hufu_status status);
/* One line about the calling thread's last failure; never NULL; valid until the thread's next call
 * that fails. */
HUFU_API const char *hufu_last_error(void);
/* The status word of the last answer that the calling thread got, as it came; 0: none yet. */
HUFU_API uint16_t hufu_last_sw(void);
/* What PKCS#11 (CKR), SDF (GM/T 0018) and SKF (GM/T 0016) callers get for a status word of the
 * device; HUFU_OK and statuses of the library's own: zeros. */
struct hufu_codes {
    uint32_t ckr, sdr, sar;
};
HUFU_API struct hufu_codes hufu_codes(enum hufu_status status);
/*
 * Words and numbers of the enums above: hufu_name("key", 1) is "SM2". group: "state", "role",
 * "key", "usage", "origin", "digest", "sign", "cipher", "mac", "wrap". hufu_name: NULL when there
 * is none. hufu_value: any case, '-' for '_'; HUFU_E_NOT_FOUND.
 */
HUFU_API const char *hufu_name(const char *group, uint32_t value);
HUFU_API enum hufu_status hufu_value(const char *group, const char *name, uint32_t *value);
/* "sign", "key_batch" of an instruction byte; NULL when there is none. */
HUFU_API const char *hufu_command_name(uint8_t ins);

/* Bytes of a public key, and of a signature or an RSA ciphertext, by enum hufu_key_type; 0: the
 * type has none. */
HUFU_API size_t hufu_public_size(uint8_t type);
HUFU_API size_t hufu_signature_size(uint8_t type);

/* ------------------------------------------------------------------ devices */

struct hufu_device;  /* a link to a device */
struct hufu_session; /* rights on it */

/* Zeros mean the defaults. */
struct hufu_options {
    uint32_t timeout_ms; /* for an answer; default 60 000 */
    /* inproc: only, where the library is itself the device */
    uint32_t objects_max;  /* default 131072 */
    uint32_t log_max;      /* default 16384 */
    uint32_t sessions_max; /* default 256 */
    uint32_t tickets_max;  /* default 16 */
    uint32_t threads;      /* default: one per processor */
    const char *engine;    /* default: the best */
    uint32_t nonce_pool;   /* SM2 nonces made ahead; default 1024; HUFU_NO_POOL: none */
    /* unix: only, for a device behind a line that may spoil bytes */
    uint32_t checked; /* not 0: commands and answers carry check sums */
    /* The secure channel, docs/secure-channel.md; NULL: what the URL says, or else the environment.
     * Strings are copied. */
    const char *channel;       /* HUFU_CHANNEL: "auto" (default), "off", "first", "known",
                                  "pin:FINGERPRINT", "ca:FILE" */
    const char *host_key;      /* HUFU_HOST_KEY: PEM file of this host's SM2 key */
    const char *known_devices; /* HUFU_KNOWN_DEVICES; default ~/.config/hufu/known_devices */
    uint32_t rekey; /* the channel ends after so many commands, HUFU_E_LINK: reconnect, which makes
                       new keys. 0: after as many as its counter has numbers for */
};
#define HUFU_NO_POOL UINT32_MAX

/*
 * Open a device and ask who it is. url:
 *   unix:PATH    hufu-sim, or a proxy of a device, on a Unix socket
 *   pcsc:READER  a smart-card reader of pcscd, by its name or the beginning of it; behind it
 *                ?OPTION&OPTION...: exclusive (no other program may use the card meanwhile),
 *                wait=SECONDS (for the reader and its card), short or extended (APDUs, whatever
 *                the reader says of itself)
 *   usb:VID:PID[:SERIAL]
 *                a device on USB, the numbers in hexadecimal; behind it ?OPTION&OPTION...: ccid or
 *                bulk, for its interface as a smart-card reader or for frames (default: frames, if
 *                it has that one), wait=SECONDS (for it to be plugged in)
 *   inproc:DIR   the device inside this process, its memory in DIR, which is locked
 *   inproc:      the same in RAM: gone with hufu_close
 *   NULL         the environment's HUFU_DEVICE
 *   With all of them the options may also be channel=MODE, host-key=FILE, known-devices=FILE and
 *   rekey=COMMANDS, as in hufu_options, which go first.
 * options may be NULL. The caller closes the device. HUFU_E_URL, _OPEN, _PROTOCOL, _BAD_ANSWER,
 * _TIMEOUT, _MEMORY. *device is NULL after a failure.
 */
HUFU_API enum hufu_status hufu_open(struct hufu_device **device, const char *url);
HUFU_API enum hufu_status hufu_open_with(struct hufu_device **device, const char *url,
                                         const struct hufu_options *options);
/* Sessions of the device must be closed before, requests released. NULL is nothing. */
HUFU_API void hufu_close(struct hufu_device *device);
/*
 * In the child of a fork, in place of hufu_close: lets go of a device that the parent goes on to
 * use, and says nothing to it. Its sessions and requests must not be touched any more; their memory
 * is not freed, for other threads of the parent may have been using it. The child opens a device of
 * its own.
 */
HUFU_API void hufu_forget(struct hufu_device *device);
/* From now on wait so long for an answer, in ms; 0: the default. No other call may be running. */
HUFU_API void hufu_set_timeout(struct hufu_device *device, uint32_t timeout_ms);
/* As hufu_open understood it, for messages. */
HUFU_API const char *hufu_url(const struct hufu_device *device);
/*
 * After HUFU_E_LINK or _UNKNOWN_OUTCOME: a new link to the same device. Its sessions are gone:
 * close them and open new ones. No other call may be running. HUFU_E_OPEN, _PROTOCOL.
 */
HUFU_API enum hufu_status hufu_reconnect(struct hufu_device *device);

struct hufu_info {
    uint16_t protocol;
    char version[17];
    uint8_t serial[HUFU_SERIAL_SIZE];
    char label[HUFU_NAME_MAX + 1];
    uint8_t state; /* enum hufu_state */
    uint8_t flags; /* enum hufu_init_flag */
    uint64_t time; /* ms since 1970, UTC; 0: the device has no clock */
    uint32_t frame_max;
    uint16_t sessions, sessions_max;
    uint32_t objects, objects_max;
    uint32_t boots;
    char engine[17], port[17];
    char failure[HUFU_NAME_MAX + 1]; /* why it is FAILED */
    uint16_t nonces, nonces_max;     /* of SM2 signatures, made ahead */
    uint16_t groups, groups_all;     /* of the start-up test; 0 of 0: there is none */
    uint16_t pairs, pairs_max;       /* of RSA keys, made ahead */
};
/* What the device says of itself, in every state and to anybody. */
HUFU_API enum hufu_status hufu_info(struct hufu_device *device, struct hufu_info *info);

struct hufu_capabilities {
    uint32_t keys, signs, ciphers, hashes; /* bit i: value i of the enum is supported */
    uint32_t batch_max;                    /* pairs in a key batch, digests in a sign batch */
    uint16_t tickets;                      /* unacknowledged key batches at a time */
    uint8_t accounts_max, retries_max, pin_min, pin_max;
};
/* What the device can do, whatever its state. */
HUFU_API enum hufu_status hufu_capabilities(struct hufu_device *device,
                                            struct hufu_capabilities *c);

struct hufu_selftest {
    uint16_t tests, failed;
    char first[HUFU_NAME_MAX + 1]; /* the first that failed */
};
/* Run the device's self-tests. HUFU_E_DEVICE_FAILED when one failed; then the device has stopped.
 */
HUFU_API enum hufu_status hufu_selftest(struct hufu_device *device, struct hufu_selftest *result);
/* The same, and every stored record is opened, if an operator, administrator or auditor is logged
 * in. */
HUFU_API enum hufu_status hufu_selftest_records(struct hufu_session *session,
                                                struct hufu_selftest *result);
/* n random bytes of the device, n without limit. */
HUFU_API enum hufu_status hufu_random(struct hufu_device *device, void *out, size_t n);

/* ------------------------------------------------------------------ the life of a device */

struct hufu_init {
    uint8_t flags;   /* enum hufu_init_flag */
    uint8_t retries; /* of a PIN, 1 to HUFU_RETRIES_MAX */
    const char *label;
    /* NULL or empty: no such account; the administrator's is needed. unlock: only with
     * HUFU_INIT_ATTENDED. */
    const char *admin_pin, *operator_pin, *user_pin, *unlock;
};
/* BLANK to READY. serial may be NULL. */
HUFU_API enum hufu_status hufu_device_init(struct hufu_device *device, const struct hufu_init *init,
                                           uint8_t serial[HUFU_SERIAL_SIZE]);
/* LOCKED to READY, with the unlock secret of an attended device. HUFU_E_PIN_WRONG, _PIN_LOCKED,
 * _WRONG_STATE. */
HUFU_API enum hufu_status hufu_device_unlock(struct hufu_device *device, const char *secret,
                                             size_t secret_size);
/* READY to LOCKED; this session ends with all others, but is still closed by its owner. Operator or
 * administrator. */
HUFU_API enum hufu_status hufu_device_lock(struct hufu_session *session);
/* Administrator from here on. */
HUFU_API enum hufu_status hufu_device_label(struct hufu_session *session, const char *label);
/* Destroys all keys and accounts: the device is BLANK again. Where a quorum is asked for, here
 * and below: HUFU_E_APPROVALS_MISSING (hufu_approving). */
HUFU_API enum hufu_status hufu_device_zeroise(struct hufu_session *session);
/* Destroys all keys and ends the life of the device: there is no way back. */
HUFU_API enum hufu_status hufu_device_terminate(struct hufu_session *session);

/* ------------------------------------------------------------------ the secure channel */

/*
 * hufu_open opens a secure channel where options.channel says so:
 *   auto   on USB, to devices with the INIT flag CHANNEL, where a device behind pcsc: asks for
 *          it, and with a host key; else as "first"
 *   off    never: PINs go in clear where the device takes them so
 *   first  always; a device that is met for the first time at a URL is recorded as the one that
 *          belongs there
 *   known  always; only with recorded devices
 *   pin:   always; with the device of this fingerprint (64 hexadecimal digits)
 *   ca:    always; with devices whose certificate one of FILE vouches for
 * Afterwards all commands go through it. HUFU_E_TRUST: it is not the device it should be;
 * HUFU_E_CHANNEL: a command that may not go in clear was not sent.
 */
enum hufu_trust {
    HUFU_TRUST_NOBODY = 0, /* no channel, or a blank device */
    HUFU_TRUST_FIRST = 1,  /* seen now for the first time */
    HUFU_TRUST_KNOWN = 2,
    HUFU_TRUST_PINNED = 3,
    HUFU_TRUST_CA = 4
};
struct hufu_channel_info {
    uint8_t open;   /* 1: commands are sealed */
    uint8_t mutual; /* 1: and this host has proved its key */
    uint8_t flags;  /* enum hufu_channel_flag, of an open channel */
    uint16_t number;
    uint32_t commands; /* that went through it */
    enum hufu_trust trust;
    uint8_t fingerprint[32]; /* SM3 of the device's identity key */
};
/* How the link is sealed, and to whom. */
HUFU_API enum hufu_status hufu_channel_info(struct hufu_device *device,
                                            struct hufu_channel_info *out);
/* Not 0: all but an eighth of the channel's commands are used up. Who can log in again reconnects
 * when nothing is on its way, and never sees the end. */
HUFU_API int hufu_channel_worn(struct hufu_device *device);
/* SM3 of the identity key that the device shows. */
HUFU_API enum hufu_status hufu_fingerprint(struct hufu_device *device, uint8_t fingerprint[32]);
/* From now on a device of this fingerprint is known at the device's URL. HUFU_E_FILE */
HUFU_API enum hufu_status hufu_trust(struct hufu_device *device, const uint8_t fingerprint[32]);

/* Keys of hosts: log-ins to an account that has some come from these hosts only. Administrators. */
struct hufu_host_key {
    uint8_t slot, account;
    uint8_t public_key[HUFU_SM2_PUBLIC_SIZE];
    char label[HUFU_NAME_MAX + 1];
};
/* From now on log-ins to the account are taken in channels of its host keys only. label: at most
 * HUFU_NAME_MAX bytes. *slot: for hufu_host_key_delete. */
HUFU_API enum hufu_status hufu_host_key_add(struct hufu_session *session, uint8_t account,
                                            const uint8_t public_key[HUFU_SM2_PUBLIC_SIZE],
                                            const char *label, uint8_t *slot);
/* Without its last host key an account is open to all hosts again. */
HUFU_API enum hufu_status hufu_host_key_delete(struct hufu_session *session, uint8_t slot);
/* *count: in: room (HUFU_HOST_KEYS_MAX is enough), out: keys */
HUFU_API enum hufu_status hufu_host_key_list(struct hufu_session *session,
                                             struct hufu_host_key *keys, size_t *count);

/* ------------------------------------------------------------------ sessions, accounts */

/* The caller closes the session. */
HUFU_API enum hufu_status hufu_session_open(struct hufu_device *device,
                                            struct hufu_session **session);
/* Always frees the session, even when the device cannot be told. NULL is nothing. */
HUFU_API enum hufu_status hufu_session_close(struct hufu_session *session);
/*
 * The session of nobody: for calls that need none (verify, encrypt with a given key, digest).
 * It belongs to the device, is never closed, and never fails to be there.
 */
HUFU_API struct hufu_session *hufu_nobody(struct hufu_device *device);
/* role may be NULL. HUFU_E_PIN_WRONG (hufu_last_sw() & 15: tries left), _PIN_LOCKED, _PIN_RANGE. */
HUFU_API enum hufu_status hufu_login(struct hufu_session *session, uint8_t account, const char *pin,
                                     size_t pin_size, uint8_t *role);
/* Gives up the rights of the session, and its session keys. */
HUFU_API enum hufu_status hufu_logout(struct hufu_session *session);
/* By the old PIN, which is tried as at a log-in; account 0: the unlock secret of an attended
 * device. HUFU_E_PIN_WRONG, _PIN_LOCKED, _PIN_RANGE. */
HUFU_API enum hufu_status hufu_pin_change(struct hufu_session *session, uint8_t account,
                                          const char *old_pin, size_t old_size, const char *new_pin,
                                          size_t new_size);
/* Administrator: a new PIN and all its tries. */
HUFU_API enum hufu_status hufu_pin_unblock(struct hufu_session *session, uint8_t account,
                                           const char *new_pin, size_t new_size);

struct hufu_account {
    uint8_t account, role, tries, tries_max;
    char name[HUFU_NAME_MAX + 1];
};
/* account: out. */
HUFU_API enum hufu_status hufu_account_create(struct hufu_session *session, uint8_t role,
                                              uint8_t retries, const char *name, const char *pin,
                                              size_t pin_size, uint8_t *account);
/* Not one that owns objects, nor the last administrator: HUFU_E_NOT_PERMITTED. */
HUFU_API enum hufu_status hufu_account_delete(struct hufu_session *session, uint8_t account);
/* count: room in accounts; out: how many there are. HUFU_ACCOUNTS_MAX is always enough. */
HUFU_API enum hufu_status hufu_account_list(struct hufu_device *device,
                                            struct hufu_account *accounts, size_t *count);
/* An account by its number or its name; "admin", "operator", "user": else the first of that role.
 * HUFU_E_NOT_FOUND. */
HUFU_API enum hufu_status hufu_account_find(struct hufu_device *device, const char *name,
                                            uint8_t *account);

/* ------------------------------------------------------------------ several administrators */

/* An administrator's approval of a command: SM3(instruction byte || request). */
struct hufu_approval {
    uint8_t account, command;
    uint8_t hash[32];
    uint32_t left; /* milliseconds */
};
struct hufu_approvals {
    unsigned needed, administrators; /* so many must agree, so many there are */
    size_t count;
    struct hufu_approval approval[HUFU_ACCOUNTS_MAX]; /* one of each account at most */
};

/* So many administrators must stand behind what cannot be undone. HUFU_E_WRONG_DATA: there are not
 * so many. */
HUFU_API enum hufu_status hufu_quorum_set(struct hufu_session *session, unsigned needed);
/*
 * on: the calls of this session that need a quorum are not carried out but approved, and give
 * HUFU_E_APPROVED; others that would change something give HUFU_E_ARGUMENT. An approval ends with
 * the session, after 10 minutes, and when another administrator has made the very same call.
 */
HUFU_API void hufu_approving(struct hufu_session *session, int on);
/* How many administrators must agree, and what is approved now. */
HUFU_API enum hufu_status hufu_approvals(struct hufu_session *session, struct hufu_approvals *out);

/* ------------------------------------------------------------------ objects */

/* The limits of a key; zeros are none. */
struct hufu_policy {
    uint32_t uses; /* of its private or secret part at most */
    uint32_t used; /* so far; only read */
    /* Usable from the one until before the other: ms since 1970, UTC, as the device's clock has it.
     */
    uint64_t not_before, not_after;
    uint32_t withheld; /* HUFU_USAGE_* that no key which comes out of it can have */
    uint8_t flags;     /* enum hufu_policy_flag; only read */
};

struct hufu_object {
    uint32_t handle;
    uint8_t type; /* enum hufu_key_type */
    uint32_t usage;
    uint8_t owner; /* account */
    uint8_t origin;
    uint64_t created; /* ms since 1970, UTC */
    char label[HUFU_LABEL_MAX + 1];
    uint8_t id[HUFU_ID_MAX];
    size_t id_size;
    /* SM2: x || y; RSA: e (4 bytes) || n; SM4: none. Not in a list. */
    uint8_t public_key[HUFU_PUBLIC_MAX];
    size_t public_size;
    struct hufu_policy policy; /* not in a list */
};
/* Called for each object in order of handle; anything but 0 stops the list (HUFU_E_STOPPED). It may
 * call the library. */
typedef int hufu_object_fn(void *context, const struct hufu_object *object);
/* type 0: all. */
HUFU_API enum hufu_status hufu_object_list(struct hufu_session *session, uint8_t type,
                                           hufu_object_fn *each, void *context);
/* One object with its public key and its limits. HUFU_E_NO_OBJECT: none that the session may see;
 * so in all that follows. */
HUFU_API enum hufu_status hufu_object_info(struct hufu_session *session, uint32_t handle,
                                           struct hufu_object *object);
/*
 * The next object after a handle (0: from the start) with this label and this id; NULL: any.
 * HUFU_E_NO_OBJECT: no (more) such object.
 */
HUFU_API enum hufu_status hufu_object_find(struct hufu_session *session, uint32_t after,
                                           const char *label, const void *id, size_t id_size,
                                           uint32_t *handle);
/* A new label (NULL: empty) and id. */
HUFU_API enum hufu_status hufu_object_label(struct hufu_session *session, uint32_t handle,
                                            const char *label, const void *id, size_t id_size);
/* The key is gone for good, from the medium, too. */
HUFU_API enum hufu_status hufu_object_destroy(struct hufu_session *session, uint32_t handle);

/*
 * DATA and CERTIFICATE: bytes that the device keeps for programs, and attributes: bytes that they
 * attach to any object. Both are a program's own; the device only keeps them.
 */
struct hufu_object_spec {
    uint8_t type;   /* HUFU_KEY_DATA, HUFU_KEY_CERTIFICATE */
    uint32_t usage; /* 0 or HUFU_USAGE_PUBLIC */
    const char *label;
    const void *id;
    size_t id_size;
    const void *attributes;
    size_t attributes_size; /* at most HUFU_ATTRIBUTES_MAX */
    const void *value;
    size_t value_size; /* at most HUFU_VALUE_MAX */
};
/* *handle: the new object. HUFU_E_NO_SPACE. */
HUFU_API enum hufu_status hufu_object_create(struct hufu_session *session,
                                             const struct hufu_object_spec *spec, uint32_t *handle);
/* Attributes of any object, and the value of DATA and CERTIFICATE (of a key: nothing). Sizes: room,
 * then what there is; HUFU_E_ROOM. A pair of NULLs is not asked for. */
HUFU_API enum hufu_status hufu_object_read(struct hufu_session *session, uint32_t handle,
                                           void *attributes, size_t *attributes_size, void *value,
                                           size_t *value_size);
/* Replace parts (bits); only the object's owner may. */
enum hufu_part { HUFU_PART_ATTRIBUTES = 0x01, HUFU_PART_VALUE = 0x02 };
HUFU_API enum hufu_status hufu_object_write(struct hufu_session *session, uint32_t handle,
                                            uint8_t parts, const void *attributes,
                                            size_t attributes_size, const void *value,
                                            size_t value_size);
/* A copy within the device, of a key too. spec: usage (some of the original's; PUBLIC as it likes),
 * label, id and attributes of the copy; its type and value are not looked at. */
HUFU_API enum hufu_status hufu_object_copy(struct hufu_session *session, uint32_t handle,
                                           const struct hufu_object_spec *spec, uint32_t *copy);

struct hufu_detail {
    struct hufu_object object; /* with its public key */
    const uint8_t *attributes; /* for the time of the call */
    size_t attributes_size;
    size_t value_size; /* of DATA and CERTIFICATE; bytes of a secret key */
};
typedef int hufu_scan_fn(void *context, const struct hufu_detail *detail);
/*
 * All objects that the session may see, in order of handle, with all that is known of them, some
 * thousands a command; not 0 from each stops (HUFU_E_STOPPED). type 0: all. *changes (may be NULL):
 * what hufu_object_changes would have said at the beginning.
 */
HUFU_API enum hufu_status hufu_object_scan(struct hufu_session *session, uint8_t type,
                                           hufu_scan_fn *each, void *context, uint64_t *changes);
/* A number that is another one after every change to any object: whoever keeps what a scan gave
 * asks whether it still holds. count (may be NULL): objects in the device, seen or not. */
HUFU_API enum hufu_status hufu_object_changes(struct hufu_session *session, uint64_t *changes,
                                              uint32_t *count);
/*
 * Whose the changes since that number were: one handle for each, seen or not, still there or not.
 * *n: room; then how many, which lead to the number since + n: 0 at the end. HUFU_E_TOO_MANY: the
 * device does not know any more, everything may have changed.
 */
HUFU_API enum hufu_status hufu_object_changed(struct hufu_session *session, uint64_t since,
                                              uint32_t *handles, size_t *n);

/* ------------------------------------------------------------------ making and moving keys */

struct hufu_key_spec {
    uint8_t type;      /* enum hufu_key_type */
    uint8_t flags;     /* enum hufu_key_flag */
    uint32_t usage;    /* enum hufu_usage */
    const char *label; /* NULL: empty */
    const void *id;
    size_t id_size;
    uint16_t size;                    /* bytes of an HMAC key; 0 for other types */
    const struct hufu_policy *policy; /* of a key that is generated to be stored; NULL: no limits */
};
/* public_key (room HUFU_PUBLIC_MAX) and public_size may be NULL. */
HUFU_API enum hufu_status hufu_key_generate(struct hufu_session *session,
                                            const struct hufu_key_spec *spec, uint32_t *handle,
                                            uint8_t *public_key, size_t *public_size);

/*
 * Tighten what a stored key may, for good. usage: some of the present one, HUFU_USAGE_DIGEST_ONLY
 * in addition as it likes, 0: as it is. policy (may be NULL): what is 0 stays as it is. A limit
 * goes with keys only that cannot leave the device (EXPORT_WRAPPED, EXTRACT, READ):
 * HUFU_E_WRONG_DATA. HUFU_E_NOT_PERMITTED: it would loosen something.
 */
HUFU_API enum hufu_status hufu_key_restrict(struct hufu_session *session, uint32_t handle,
                                            uint32_t usage, const struct hufu_policy *policy);

/* A key wrapped under the wrap-domain key: safe to keep anywhere. */
struct hufu_wrapped {
    uint8_t header[HUFU_WRAP_HEADER_SIZE];
    uint32_t index; /* of the record in its batch */
    uint8_t record[HUFU_WRAPPED_MAX];
    size_t record_size;
};
/* A key of usage EXPORT_WRAPPED goes out, and stays. HUFU_E_NOT_PERMITTED. */
HUFU_API enum hufu_status hufu_key_export(struct hufu_session *session, uint32_t handle,
                                          struct hufu_wrapped *wrapped);
/* And comes in, to any device of its wrap domain, with the usage that its header states. label
 * may be NULL. HUFU_E_WRONG_WRAP: damaged, or of another domain; _NO_SPACE. */
HUFU_API enum hufu_status hufu_key_import(struct hufu_session *session,
                                          const struct hufu_wrapped *wrapped, const char *label,
                                          const void *id, size_t id_size, uint32_t *handle);

/*
 * A key that was made elsewhere: spec's type, usage, label and id. sealed: SM2 ciphertext, C1 || C3
 * || C2, to the key transport (SM2, usage DECRYPT) of SM2 and EC d; RSA p || q, e = 65537; secret
 * keys the key. public_key and public_size may be NULL. HUFU_E_WRONG_DATA: no such key.
 */
HUFU_API enum hufu_status hufu_key_receive(struct hufu_session *session, uint32_t transport,
                                           const struct hufu_key_spec *spec, const void *sealed,
                                           size_t size, uint32_t *handle, uint8_t *public_key,
                                           size_t *public_size);
/*
 * The same with the secret in clear: the device makes a transport key for this one time, the secret
 * is encrypted to it here, by libcrypto, and the transport key is destroyed. The caller wipes the
 * secret.
 */
HUFU_API enum hufu_status hufu_key_take(struct hufu_session *session,
                                        const struct hufu_key_spec *spec, const void *secret,
                                        size_t size, uint32_t *handle, uint8_t *public_key,
                                        size_t *public_size);
/*
 * Keys wrapped under keys. What is wrapped, or comes in clear: SM2 and EC d; RSA p || q; of secret
 * keys the key. scheme: enum hufu_wrap_scheme; hash: with RSA_OAEP. *wrapped_size: room, then what
 * was written; HUFU_WRAPPED_MAX is always enough. The key has usage EXTRACT, wrapping_key WRAP.
 */
HUFU_API enum hufu_status hufu_key_wrap(struct hufu_session *session, uint32_t wrapping_key,
                                        uint8_t scheme, uint8_t hash, uint32_t handle,
                                        uint8_t *wrapped, size_t *wrapped_size);
/* The unwrapped key becomes what spec says (spec->size is not looked at). unwrapping_key has usage
 * UNWRAP. public_key (room HUFU_PUBLIC_MAX) and public_size may be NULL, here and below. */
HUFU_API enum hufu_status hufu_key_unwrap(struct hufu_session *session, uint32_t unwrapping_key,
                                          uint8_t scheme, uint8_t hash, const void *wrapped,
                                          size_t wrapped_size, const struct hufu_key_spec *spec,
                                          uint32_t *handle, uint8_t *public_key,
                                          size_t *public_size);
/* A key that comes in clear: of the session, or on devices with HUFU_INIT_CLEAR_KEYS any. */
HUFU_API enum hufu_status hufu_key_put(struct hufu_session *session,
                                       const struct hufu_key_spec *spec, const void *secret,
                                       size_t secret_size, uint32_t *handle, uint8_t *public_key,
                                       size_t *public_size);
/* A secret key of usage READ, in clear. value: room HUFU_SECRET_MAX; wipe it after use. */
HUFU_API enum hufu_status hufu_key_value(struct hufu_session *session, uint32_t handle,
                                         uint8_t *value, size_t *value_size);

/* What the header in front of wrapped keys says. */
struct hufu_wrap_header {
    uint8_t type;
    uint32_t usage;
    uint8_t domain[8], batch[16];
    uint32_t count;
};
/* HUFU_E_FORMAT: not such a header, or of a version this library does not know. */
HUFU_API enum hufu_status hufu_wrap_header_read(const uint8_t header[HUFU_WRAP_HEADER_SIZE],
                                                struct hufu_wrap_header *out);

/* A part of a batch. The memory is the library's, for the time of the call. */
struct hufu_key_chunk {
    uint64_t ticket;
    const uint8_t *header; /* HUFU_WRAP_HEADER_SIZE bytes, as they came */
    struct hufu_wrap_header fields;
    uint32_t count, good;  /* records; those that are good */
    const uint8_t *status; /* bit i, least significant first: record i is good */
    size_t status_size;
    const uint8_t *records; /* count * record_size bytes; each begins with the public key */
    size_t record_size;
    int fetched; /* not new: from a batch that was not acknowledged, perhaps handed over before */
};
/*
 * 0: the chunk is safe, its ticket may be acknowledged. HUFU_CHUNK_KNOWN: it was there before,
 * acknowledge it but do not count it. Anything else stops the batch (HUFU_E_STOPPED): the ticket
 * stays with the device, where a resumed batch finds it.
 */
enum { HUFU_CHUNK_KNOWN = -1 };
typedef int hufu_chunk_fn(void *context, const struct hufu_key_chunk *chunk);

struct hufu_batch {
    uint8_t type;   /* enum hufu_key_type */
    uint32_t usage; /* of the wrapped keys */
    uint64_t total; /* good pairs that are wanted */
    uint32_t chunk; /* pairs per command; 0: as many as suit the type */
    int resume; /* first hand over what ended sessions of this account have left unacknowledged */
};
/*
 * Make pairs and hand them over, chunk by chunk, while the device makes the next: the command for a
 * chunk is on its way before the last one is handed over, and acknowledges the one before. *made
 * (may be NULL) counts the good pairs of this type and usage that were taken. After HUFU_E_LINK or
 * _UNKNOWN_OUTCOME nothing is lost: reconnect, open a session, log in, and call again with resume
 * set and the rest as total.
 */
HUFU_API enum hufu_status hufu_key_batch(struct hufu_session *session,
                                         const struct hufu_batch *batch, hufu_chunk_fn *each,
                                         void *context, uint64_t *made);
/* For callers that keep tickets themselves. Ticket 0: this session's oldest, else the account's.
 * Not acknowledged. */
HUFU_API enum hufu_status hufu_key_fetch(struct hufu_session *session, uint64_t ticket,
                                         hufu_chunk_fn *each, void *context);
/* The chunk is safe here: the device may forget it. HUFU_E_NO_TICKET. */
HUFU_API enum hufu_status hufu_key_ack(struct hufu_session *session, uint64_t ticket);

/* ------------------------------------------------------------------ archives of wrapped keys:
 * docs/archive.md */

struct hufu_archive;

/*
 * Open a file of wrapped keys for adding to it, and make it (mode 0600) if it is not there. A torn
 * end, left by a crash, is cut off. The file is locked: HUFU_E_FILE when another process has it.
 */
HUFU_API enum hufu_status hufu_archive_append(struct hufu_archive **archive, const char *path);
/* Open it for reading. A torn end is not seen. HUFU_E_FORMAT: no archive. */
HUFU_API enum hufu_status hufu_archive_read(struct hufu_archive **archive, const char *path);
/* NULL is nothing. */
HUFU_API void hufu_archive_close(struct hufu_archive *archive);
/* Good keys in it. */
HUFU_API uint64_t hufu_archive_count(const struct hufu_archive *archive);
/* Add a chunk and bring it to the disk. One that is there already (same batch) is left alone:
 * HUFU_OK. */
HUFU_API enum hufu_status hufu_archive_add(struct hufu_archive *archive,
                                           const struct hufu_key_chunk *chunk);
/* A hufu_chunk_fn; context is the archive. */
HUFU_API int hufu_archive_chunk(void *archive, const struct hufu_key_chunk *chunk);
/* The good key of a number, from 0. */
HUFU_API enum hufu_status hufu_archive_get(struct hufu_archive *archive, uint64_t number,
                                           struct hufu_wrapped *wrapped);

/* ------------------------------------------------------------------ using keys */

struct hufu_signing {
    uint8_t scheme;        /* enum hufu_sign_scheme */
    uint8_t hash;          /* enum hufu_digest_alg; SM2: 0 or SM3 */
    uint16_t salt;         /* RSA_PSS: bytes of salt */
    const void *signer_id; /* SM2_MESSAGE; NULL: the default ID 1234567812345678 */
    size_t signer_id_size;
};
/*
 * data: a digest, or with SM2_MESSAGE a message, at most a little less than info.frame_max.
 * signature: room HUFU_SIGNATURE_MAX; SM2: r || s (64), see hufu_sm2_signature_to_der.
 */
HUFU_API enum hufu_status hufu_sign(struct hufu_session *session, uint32_t handle,
                                    const struct hufu_signing *signing, const void *data,
                                    size_t size, uint8_t *signature, size_t *signature_size);
/*
 * Sign n digests of digest_size bytes each, one after the other in memory; n without limit.
 * signatures: n * signature_size bytes, signature_size as the key's (SM2 64; RSA 256, 384, 512).
 * good: n bytes, 1 for each signature that is there (one failure does not spoil the others); may be
 * NULL: then a failure is HUFU_E_SIGN_FAILED.
 */
HUFU_API enum hufu_status hufu_sign_batch(struct hufu_session *session, uint32_t handle,
                                          const struct hufu_signing *signing, const void *digests,
                                          size_t digest_size, size_t n, uint8_t *signatures,
                                          size_t signature_size, uint8_t *good);

/* A key in the device (handle), or (handle 0) a public key that is given. */
struct hufu_key {
    uint32_t handle;
    uint8_t type;
    const uint8_t *public_key;
    size_t public_size;
};
/* HUFU_E_SIGNATURE_INVALID when it is wrong. */
HUFU_API enum hufu_status hufu_verify(struct hufu_session *session, const struct hufu_key *key,
                                      const struct hufu_signing *signing, const void *data,
                                      size_t size, const uint8_t *signature, size_t signature_size);
/*
 * Verify n SM2 signatures (64 bytes each) of n digests (32 bytes each), each sort one after the
 * other in memory; n without limit. With one key for all, or (key NULL) with public_keys: 64 bytes
 * for each. good: n bytes, 1 for each signature that is right; may be NULL: then one that is wrong,
 * or was not made with a public key, is HUFU_E_SIGNATURE_INVALID.
 */
HUFU_API enum hufu_status hufu_verify_batch(struct hufu_session *session,
                                            const struct hufu_key *key, const void *public_keys,
                                            const void *digests, const void *signatures, size_t n,
                                            uint8_t *good);

struct hufu_ciphering {
    uint8_t scheme; /* enum hufu_cipher_scheme */
    uint8_t hash;   /* RSA_OAEP; GCM: bytes of the tag, 4 to 16, 0: 16 */
    const void *iv;
    size_t iv_size;
    const void *aad; /* SM4_GCM; RSA_OAEP: the label */
    size_t aad_size;
};
/*
 * *out_size: room in out; then what was written; with HUFU_E_ROOM what is needed. SM2: size + 96;
 * RSA: of the modulus; SM4: size, GCM: size + 16. A public key may be used by nobody.
 */
HUFU_API enum hufu_status hufu_encrypt(struct hufu_session *session, const struct hufu_key *key,
                                       const struct hufu_ciphering *ciphering, const void *data,
                                       size_t size, void *out, size_t *out_size);
/* The same back, with a private or secret key. HUFU_E_DECRYPT_FAILED says no more than that it
 * failed. */
HUFU_API enum hufu_status hufu_decrypt(struct hufu_session *session, uint32_t handle,
                                       const struct hufu_ciphering *ciphering, const void *data,
                                       size_t size, void *out, size_t *out_size);

/* SM2 key exchange (GB/T 32918.3). Our temporary public key, for the peer. */
HUFU_API enum hufu_status hufu_agree_begin(struct hufu_session *session, uint32_t handle,
                                           uint8_t temporary[64]);
struct hufu_agreement {
    uint8_t flags;                /* enum hufu_agree_flag */
    const void *own_id, *peer_id; /* NULL: the default ID */
    size_t own_id_size, peer_id_size;
    const uint8_t *peer, *peer_temporary; /* 64 bytes each: static and temporary public key */
    uint16_t size;                        /* of the key: 16, or with KEY_OUT 1 to HUFU_AGREED_MAX */
};
struct hufu_agreed {
    uint8_t confirm_own[32];      /* send it to the peer */
    uint8_t confirm_peer[32];     /* compare it with what the peer sends */
    uint32_t handle;              /* the session's SM4 key, without KEY_OUT */
    uint8_t key[HUFU_AGREED_MAX]; /* with KEY_OUT: wipe it after use (hufu_wipe) */
    size_t key_size;
};
/* After hufu_agree_begin in this session; the key is the peer's, too, if the confirmations are
 * right. HUFU_E_STEP: not begun. */
HUFU_API enum hufu_status hufu_agree_finish(struct hufu_session *session,
                                            const struct hufu_agreement *agreement,
                                            struct hufu_agreed *agreed);
/* In one step: the temporary pair is a key of usage AGREE, for this one time. */
HUFU_API enum hufu_status hufu_agree_keys(struct hufu_session *session, uint32_t handle,
                                          uint32_t temporary,
                                          const struct hufu_agreement *agreement,
                                          struct hufu_agreed *agreed);

/*
 * MAC with a secret key of usage SIGN: HMAC (an HMAC key and the hash) or CMAC (an SM4 or AES key).
 * mac: room HUFU_DIGEST_MAX.
 */
HUFU_API enum hufu_status hufu_mac(struct hufu_session *session, uint32_t handle, uint8_t scheme,
                                   uint8_t hash, const void *data, size_t size, uint8_t *mac,
                                   size_t *mac_size);

/*
 * ECDH with a P256 or P384 key of usage AGREE. Without KEY_OUT the result is a session key of the
 * type and usage, in *handle; with it (usage DERIVE_OUT) size bytes are written to key, and type
 * and usage are 0. handle or key may be NULL, whichever is not asked for.
 */
enum hufu_derive_flag { HUFU_DERIVE_KEY_OUT = 0x02 };
struct hufu_derivation {
    uint8_t flags;       /* enum hufu_derive_flag */
    const uint8_t *peer; /* x || y */
    size_t peer_size;
    uint8_t hash;     /* 0: the last bytes of the shared x; else the KDF of ANSI X9.63 */
    const void *info; /* for the KDF, at most HUFU_DERIVE_INFO_MAX */
    size_t info_size;
    uint8_t type; /* a secret key's: enum hufu_key_type */
    uint32_t usage;
    uint16_t size; /* 1 to HUFU_SECRET_MAX */
};
HUFU_API enum hufu_status hufu_derive(struct hufu_session *session, uint32_t handle,
                                      const struct hufu_derivation *derivation, uint32_t *derived,
                                      uint8_t *key);

/*
 * Hash in the device. key NULL: plain; with an SM2 key and SM3: Z first, of the signer's ID (NULL:
 * default). digest: room HUFU_DIGEST_MAX.
 */
HUFU_API enum hufu_status hufu_digest(struct hufu_session *session, uint8_t hash,
                                      const struct hufu_key *key, const void *signer_id,
                                      size_t signer_id_size, const void *data, size_t size,
                                      uint8_t *digest, size_t *digest_size);
/* The same in parts, one hash at a time in a session. HUFU_E_STEP: none was begun. */
HUFU_API enum hufu_status hufu_hash_init(struct hufu_session *session, uint8_t hash,
                                         const struct hufu_key *key, const void *signer_id,
                                         size_t signer_id_size);
HUFU_API enum hufu_status hufu_hash_update(struct hufu_session *session, const void *data,
                                           size_t size);
HUFU_API enum hufu_status hufu_hash_final(struct hufu_session *session, uint8_t *digest,
                                          size_t *digest_size);

/* ------------------------------------------------------------------ audit */

struct hufu_log_entry {
    uint64_t sequence, time; /* ms since 1970, UTC */
    uint8_t command, account;
    uint16_t sw;
    uint32_t object;
    char detail[HUFU_NAME_MAX + 1];
    uint8_t previous[32];                /* SM3 of the record before; zeros in record 1 */
    uint8_t record[HUFU_LOG_RECORD_MAX]; /* this one as the device keeps it */
    size_t record_size;
};
typedef int hufu_log_fn(void *context, const struct hufu_log_entry *entry);
/* The records after a sequence number (0: all that are kept), oldest first; not 0 from each stops.
 */
HUFU_API enum hufu_status hufu_log_read(struct hufu_session *session, uint64_t after,
                                        hufu_log_fn *each, void *context);
/* A record from its bytes. HUFU_E_FORMAT */
HUFU_API enum hufu_status hufu_log_entry_read(const void *record, size_t size,
                                              struct hufu_log_entry *out);
/*
 * What the device states about its newest record: signature (r || s) is of the 69 bytes of
 * statement as an SM2 message with the default ID, by the device's own key.
 */
struct hufu_log_checkpoint {
    uint8_t statement[HUFU_LOG_STATEMENT], signature[64];
    uint8_t serial[HUFU_SERIAL_SIZE];
    uint64_t time, sequence; /* of the newest record */
    uint8_t hash[32];        /* SM3 of the newest record */
};
/* Sign the newest record. */
HUFU_API enum hufu_status hufu_log_checkpoint(struct hufu_session *session,
                                              struct hufu_log_checkpoint *out);
/* The fields of a statement; the signature is not looked at. HUFU_E_FORMAT */
HUFU_API enum hufu_status hufu_log_statement_read(const uint8_t statement[HUFU_LOG_STATEMENT],
                                                  struct hufu_log_checkpoint *out);
/* The device forgets the records up to this one (auditor). A checkpoint since the last start of the
 * device must cover it: HUFU_E_WRONG_DATA. */
HUFU_API enum hufu_status hufu_log_truncate(struct hufu_session *session, uint64_t through);

/* ------------------------------------------------------------------ what the device states of
 * itself */

/* The public part x || y of the device's own key. HUFU_E_WRONG_STATE: not initialised. */
HUFU_API enum hufu_status hufu_identity(struct hufu_device *device, uint8_t public_key[64]);
/* Its certificate, DER; *size: room (HUFU_CERTIFICATE_MAX is enough), then bytes. HUFU_E_ROOM */
HUFU_API enum hufu_status hufu_identity_certificate(struct hufu_device *device, uint8_t *der,
                                                    size_t *size);
/* A PKCS #10 request for one of another CA; and that one, which must be of the device's key:
 * HUFU_E_WRONG_DATA. Administrator. */
HUFU_API enum hufu_status hufu_identity_request(struct hufu_session *session, uint8_t *der,
                                                size_t *size);
HUFU_API enum hufu_status hufu_identity_install(struct hufu_session *session, const void *der,
                                                size_t size);

/* What a device states about one of its keys. */
struct hufu_key_statement {
    uint8_t version; /* 1: of an older firmware, that did not state a policy */
    uint8_t serial[HUFU_SERIAL_SIZE];
    uint64_t time;          /* ms since 1970, UTC */
    char firmware[17];      /* its version */
    char port[17];          /* what it runs on: "simulator", "inproc", or the board */
    uint8_t flags;          /* HUFU_INIT_* */
    struct hufu_object key; /* with its public part */
    uint8_t nonce[64];      /* the caller's */
    size_t nonce_size;
};
/* The statement as the device signed it (r || s, as an SM2 message with the default ID). */
struct hufu_attestation {
    uint8_t statement[1024], signature[64];
    size_t statement_size;
    struct hufu_key_statement says;
};
/* nonce: up to 64 bytes that show that it is fresh */
HUFU_API enum hufu_status hufu_attest(struct hufu_session *session, uint32_t handle,
                                      const void *nonce, size_t nonce_size,
                                      struct hufu_attestation *out);
/* The same as an X.509 certificate of the key, DER, issued by the device (room 3584 is enough); the
 * statement is its extension HUFU_STATEMENT_OID. Not for secret keys: HUFU_E_KEY_TYPE. */
HUFU_API enum hufu_status hufu_attest_certificate(struct hufu_session *session, uint32_t handle,
                                                  const void *nonce, size_t nonce_size,
                                                  uint8_t *der, size_t *size);
#define HUFU_STATEMENT_OID "2.25.125010599781704000294229025733595844112.1"
/* The fields of a statement; the signature is not looked at. HUFU_E_FORMAT */
HUFU_API enum hufu_status hufu_statement_read(const void *statement, size_t size,
                                              struct hufu_key_statement *out);

/* ------------------------------------------------------------------ wrap domains */

/*
 * The wrap-domain key as shares (administrator), threshold of which make another device a member:
 * box i is encrypted to the SM2 public key (x || y) of custodian i. 2 <= threshold <= count <=
 * HUFU_CUSTODIANS_MAX. HUFU_E_ARGUMENT, _BAD_PUBLIC_KEY
 */
HUFU_API enum hufu_status hufu_domain_split(struct hufu_session *session, unsigned threshold,
                                            const uint8_t (*custodians)[64], unsigned count,
                                            uint8_t (*boxes)[HUFU_SHARE_BOX]);
/* What a device that joins a domain states: custodians encrypt their shares (SM2, C1 || C3 || C2)
 * to public_key once they have checked the signature (r || s) of the device's own key. */
struct hufu_join {
    uint8_t statement[HUFU_JOIN_STATEMENT], signature[64];
    uint8_t serial[HUFU_SERIAL_SIZE], public_key[64];
};
/* Begin to join (administrator): the shares of an earlier beginning are forgotten. */
HUFU_API enum hufu_status hufu_domain_begin(struct hufu_session *session, struct hufu_join *out);
/* The fields of a statement; the signature is not looked at. HUFU_E_FORMAT */
HUFU_API enum hufu_status hufu_join_read(const uint8_t statement[HUFU_JOIN_STATEMENT],
                                         struct hufu_join *out);
/* One share, encrypted to the key of hufu_domain_begin. HUFU_E_SHARE_WRONG, _STEP (none is awaited)
 */
HUFU_API enum hufu_status hufu_domain_give(struct hufu_session *session,
                                           const uint8_t box[HUFU_SHARE_BOX], unsigned *given,
                                           unsigned *threshold);
/* With all shares: the wrap domain is now theirs. HUFU_E_STEP: more are needed; _SHARE_WRONG: begin
 * anew. */
HUFU_API enum hufu_status hufu_domain_join(struct hufu_session *session, uint8_t domain[8]);

/*
 * The same for an attended device: shares of a key that opens it. Administrator, and the device
 * must be READY. Shares of a split before open it, too, until these do so for the first time.
 */
HUFU_API enum hufu_status hufu_custody_split(struct hufu_session *session, unsigned threshold,
                                             const uint8_t (*custodians)[64], unsigned count,
                                             uint8_t (*boxes)[HUFU_SHARE_BOX]);
/* The unlock secret opens it no longer. HUFU_E_STEP: shares have to open it first. */
HUFU_API enum hufu_status hufu_custody_only(struct hufu_session *session);
/* A device that is LOCKED: as hufu_domain_begin and _give; operator or administrator. */
HUFU_API enum hufu_status hufu_custody_begin(struct hufu_session *session, struct hufu_join *out);
HUFU_API enum hufu_status hufu_custody_give(struct hufu_session *session,
                                            const uint8_t box[HUFU_SHARE_BOX], unsigned *given,
                                            unsigned *threshold);
/* With all shares: the device is READY. HUFU_E_STEP: more are needed; _SHARE_WRONG: begin anew. */
HUFU_API enum hufu_status hufu_custody_unlock(struct hufu_session *session);

/* ------------------------------------------------------------------ backup of a device */

enum {
    HUFU_SEALED_MAX = 14336, /* bytes of a sealed object, at most */
    HUFU_VERSION_MAX = 16,
};
/* What is in clear in front of a sealed object. */
struct hufu_sealed {
    uint8_t serial[HUFU_SERIAL_SIZE], domain[8]; /* of which device and wrap domain */
    uint32_t handle;                             /* there */
    uint8_t type;                                /* enum hufu_key_type */
    char owner[HUFU_NAME_MAX + 1];
};
/*
 * An object with all that is kept of it, sealed under the wrap-domain key (operator).
 * HUFU_E_NOT_PERMITTED: it is to stay. *size: room in out (HUFU_SEALED_MAX is enough), then bytes.
 */
HUFU_API enum hufu_status hufu_object_seal(struct hufu_session *session, uint32_t handle, void *out,
                                           size_t *size);
/*
 * And back, as an object of an account (0: the one with its owner's name), in this device or
 * another of the same wrap domain. *there: it was here already, and its uses are the greater of the
 * two numbers. HUFU_E_WRONG_WRAP: damaged, or of another domain; _NEWER_FORMAT; _WRONG_DATA: no
 * such account.
 */
HUFU_API enum hufu_status hufu_object_unseal(struct hufu_session *session, uint8_t owner,
                                             const void *sealed, size_t size, uint32_t *handle,
                                             int *there);
/*
 * Say in the device's log that it goes on where the log of a backup ends: its last checkpoint and
 * the key that signed it. HUFU_E_SIGNATURE_INVALID: it did not.
 */
HUFU_API enum hufu_status hufu_restore_log(struct hufu_session *session,
                                           const struct hufu_log_checkpoint *last,
                                           const uint8_t key[64]);
/* What is in clear in front; whether it is true, only the device can say. HUFU_E_FORMAT */
HUFU_API enum hufu_status hufu_sealed_read(const void *sealed, size_t size,
                                           struct hufu_sealed *out);

/* The file: a head, then pieces of these kinds, then a sum. */
enum hufu_backup_kind {
    HUFU_BACKUP_ACCOUNT = 1, /* number, role, name */
    HUFU_BACKUP_OBJECT = 2,  /* sealed */
    HUFU_BACKUP_LEFT = 3,    /* handle (4 bytes), type, label of an object that is not in it */
    HUFU_BACKUP_LOG = 4,     /* what hufu log export writes */
    HUFU_BACKUP_END = 255,
};
struct hufu_backup_head {
    uint8_t serial[HUFU_SERIAL_SIZE], key[64]; /* the device, and the public part of its own key */
    uint64_t time;
    char version[HUFU_VERSION_MAX + 1], label[HUFU_NAME_MAX + 1];
};
/* In memory: data and size are the file after hufu_backup_end. */
struct hufu_backup {
    uint8_t *data;
    size_t size, room;
};
/* Write one: begin, add pieces, end, in memory that is freed whatever came of it. b need not be
 * initialised. HUFU_E_ARGUMENT: a text of the head is too long; _MEMORY. */
HUFU_API enum hufu_status hufu_backup_begin(struct hufu_backup *b,
                                            const struct hufu_backup_head *head);
HUFU_API enum hufu_status hufu_backup_add(struct hufu_backup *b, uint8_t kind, const void *data,
                                          size_t size);
HUFU_API enum hufu_status hufu_backup_end(struct hufu_backup *b);
HUFU_API void hufu_backup_free(struct hufu_backup *b);
/*
 * Reading one that stays in memory. The sum finds damage, not malice: what is sealed and signed
 * inside does. HUFU_E_FORMAT: none, or damaged; HUFU_E_NEWER_FORMAT.
 */
struct hufu_backup_reader {
    const uint8_t *data;
    size_t size, at;
};
/* data stays the caller's, and where it is while b is read. head: out. */
HUFU_API enum hufu_status hufu_backup_open(struct hufu_backup_reader *b, const void *data,
                                           size_t size, struct hufu_backup_head *head);
/* The next piece; 0: there is none. */
HUFU_API int hufu_backup_next(struct hufu_backup_reader *b, uint8_t *kind, const void **data,
                              size_t *size);

/* ------------------------------------------------------------------ formats */

/* SM2 signature: r || s (64 bytes) to DER (room 72) and back. Strict: HUFU_E_FORMAT. */
HUFU_API enum hufu_status hufu_sm2_signature_to_der(const uint8_t signature[64], uint8_t *der,
                                                    size_t *der_size);
HUFU_API enum hufu_status hufu_sm2_signature_from_der(const void *der, size_t der_size,
                                                      uint8_t signature[64]);
/* The same for a signature of any of the curves, signature_size (of hufu_signature_size) bytes;
 * room in der: signature_size + 9. */
HUFU_API enum hufu_status hufu_ec_signature_to_der(const uint8_t *signature, size_t signature_size,
                                                   uint8_t *der, size_t *der_size);
HUFU_API enum hufu_status hufu_ec_signature_from_der(const void *der, size_t der_size,
                                                     uint8_t *signature, size_t signature_size);
/*
 * SM2 ciphertext: C1 || C3 || C2 to the DER of GM/T 0009 (SM2Cipher; room size + 24) and back
 * (room der_size). *out_size: room, then what was written; HUFU_E_ROOM.
 */
HUFU_API enum hufu_status hufu_sm2_cipher_to_der(const void *cipher, size_t size, uint8_t *out,
                                                 size_t *out_size);
HUFU_API enum hufu_status hufu_sm2_cipher_from_der(const void *der, size_t der_size, uint8_t *out,
                                                   size_t *out_size);
/*
 * Public keys as SubjectPublicKeyInfo DER (room 600) and back (room HUFU_PUBLIC_MAX), SM2, P-256,
 * P-384 and RSA 2048, 3072, 4096 with e = 65537. HUFU_E_NOT_SUPPORTED: another kind of key.
 */
HUFU_API enum hufu_status hufu_public_to_spki(uint8_t type, const uint8_t *public_key,
                                              size_t public_size, uint8_t *der, size_t *der_size);
HUFU_API enum hufu_status hufu_public_from_spki(const void *der, size_t der_size, uint8_t *type,
                                                uint8_t *public_key, size_t *public_size);
/* 1: the text, as a label, comes back from the device as it went there; 0: it is not UTF-8
 * that may be printed throughout, and a "?" comes in place of what is not. */
HUFU_API int hufu_text_lasts(const void *text, size_t size);
/* Overwrite n bytes with zeros, so that the compiler cannot drop it. */
HUFU_API void hufu_wipe(void *p, size_t n);

/* ------------------------------------------------------------------ raw commands */

/* The number that P1 P2 carry; 0 for nobody. */
HUFU_API uint16_t hufu_channel(const struct hufu_session *session);
/*
 * Send a command as it is and take its answer. *response_size: room, then what came; with
 * HUFU_E_ROOM what is needed (the answer is lost). A status word other than 9000 is the result.
 */
HUFU_API enum hufu_status hufu_command(struct hufu_device *device, uint16_t channel, uint8_t ins,
                                       const void *data, size_t size, void *response,
                                       size_t *response_size);

struct hufu_request; /* a command on its way */
/* Send and do not wait. The data is copied or sent when this returns. Every request is released,
 * once. */
HUFU_API enum hufu_status hufu_submit(struct hufu_device *device, uint16_t channel, uint8_t ins,
                                      const void *data, size_t size, struct hufu_request **request);
/*
 * HUFU_E_PENDING: no answer yet; HUFU_OK: there is one, hufu_wait will not block. Else the link
 * failed. On inproc: it is this call, or hufu_wait, that does the work.
 */
HUFU_API enum hufu_status hufu_poll(struct hufu_request *request);
/*
 * Wait for the answer, at most the device's time-out. *response stays valid until hufu_release.
 * The result is the status word's. Requests may be waited for in any order, each by one thread.
 */
HUFU_API enum hufu_status hufu_wait(struct hufu_request *request, const uint8_t **response,
                                    size_t *response_size);
/* Forget the request; an answer that still comes is dropped. NULL is nothing. */
HUFU_API void hufu_release(struct hufu_request *request);

#ifdef __cplusplus
}
#endif

#endif
