/*
 * The size of a build. HUFU_SMALL is for microcontrollers: RSA of up to 2048 bits, and batches that
 * only amortise what a processor without lanes can amortise. The formats are the same; a device of
 * a small build refuses keys that it has no room for.
 *
 * HUFU_WITHOUT_X (X: a GROUP of proto/commands.def in capitals) leaves the commands of that group
 * out, and with them what only they need: the device answers as to a command that does not exist.
 */
#ifndef HUFU_BASE_CONFIG_H
#define HUFU_BASE_CONFIG_H

#ifndef HUFU_SMALL
#define HUFU_SMALL 0
#endif

#ifdef HUFU_WITHOUT_DOMAIN
#define CONFIG_DOMAIN 0
#else
#define CONFIG_DOMAIN 1
#endif

#ifdef HUFU_WITHOUT_CHANNEL
#define CONFIG_CHANNEL 0
#else
#define CONFIG_CHANNEL 1
#endif

#ifdef HUFU_WITHOUT_CUSTODY
#define CONFIG_CUSTODY 0
#else
#define CONFIG_CUSTODY 1
#endif

#ifdef HUFU_WITHOUT_QUORUM
#define CONFIG_QUORUM 0
#else
#define CONFIG_QUORUM 1
#endif

#ifdef HUFU_WITHOUT_POLICY
#define CONFIG_POLICY 0 /* keys with limits are not made, and those that are there not used */
#else
#define CONFIG_POLICY 1
#endif

/* Not a group: the periodic test of the generator, which a token (class C of GM/T 0062) need not
 * make. */
#ifdef HUFU_WITHOUT_PERIODIC
#define CONFIG_PERIODIC 0
#else
#define CONFIG_PERIODIC 1
#endif

enum {
    CONFIG_RSA_BITS = HUFU_SMALL ? 2048 : 4096,    /* of the largest RSA key */
    CONFIG_SIEVE = HUFU_SMALL ? 1 << 11 : 1 << 14, /* primes for trial division are below it */
    CONFIG_RSA_BATCH = HUFU_SMALL ? 1 : 16,        /* RSA signatures that are made at once */
    CONFIG_SM2_BATCH_MIN = HUFU_SMALL ? 8 : 32,    /* SM2 items that an engine gets at once */
    CONFIG_SM2_BATCH_MAX = HUFU_SMALL ? 8 : 2048,
    CONFIG_WRAP_BATCH = HUFU_SMALL ? 4 : 512, /* records that are sealed at once */
    CONFIG_SPARE = HUFU_SMALL ? 0 : 1,        /* lanes for commands that come during a long one */
    CONFIG_CHANNELS = HUFU_SMALL ? 2 : 256, /* secure channels at once, and no more than sessions */
    CONFIG_GATHER = HUFU_SMALL ? 2 : 64,    /* single signatures that are made at once */
    CONFIG_VERIFY = HUFU_SMALL ? 0 : 64,    /* single verifications at once; 0: none wait */
    CONFIG_RECORD = HUFU_SMALL ? 2048 : 13312, /* bytes of a stored record */
    CONFIG_SEGMENTS = HUFU_SMALL ? 32 : 512    /* of the store's log */
};

#endif
