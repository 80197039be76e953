/* hufu, the command line: what its files share. */
#ifndef HUFU_CLI_H
#define HUFU_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "host/lib/hufu.h"

/* Exit codes */
enum { DONE = 0, FAILED = 1, USAGE = 2 };

/* An option of a command: "name" or, with a value, "name=WHAT"; "name=WHAT!" if it must be given,
 * "name=WHAT?" if the value may be empty */
struct option {
    const char *spec, *text;
    char letter; /* -n; 0: none */
};

struct cli;

struct command {
    const char *name;     /* "key generate" */
    const char *operands; /* in the usage line; NULL: none are taken */
    const char *text;
    const char *account; /* who logs in unless --account says otherwise; NULL: nobody */
    int (*run)(struct cli *cli);
    const struct option *options; /* ends with a spec of NULL; may be NULL */
};

struct value {
    const struct option *option; /* NULL: an operand */
    const char *text;
};

struct pin {
    char text[HUFU_PIN_MAX + 1];
    size_t size;
};

struct cli {
    const struct command *command;
    bool approve;      /* the command is to be approved, not carried out */
    const char *group; /* the first word of commands, when no command followed it */
    struct value *value; /* the caller of args_parse frees them */
    unsigned values;
    struct hufu_device *device;
    struct hufu_session *session;
    uint8_t account; /* that logged in, and its PIN, for link_again */
    struct pin pin;
    bool plain;         /* the link goes without a secure channel */
    bool no_passphrase; /* one was asked for, and a message said why there is none */
};

/* ------------------------------------------------------------------ main.c: the table; args.c */
extern const struct command *const command_groups[]; /* each ends with a name of NULL */
extern const struct option global_options[];
/* The tables, one in each file of commands. */
extern const struct command admin_commands[], account_commands[], key_commands[],
    archive_commands[], use_commands[], x509_commands[], log_commands[], identity_commands[],
    quorum_commands[], channel_commands[], domain_commands[], random_commands[], import_commands[],
    backup_commands[], device_backup_commands[];

/* Sort the arguments; 0, or USAGE after a message. */
int args_parse(struct cli *cli, int argc, char **argv);
bool flag(const struct cli *cli, const char *name);
const char *value_of(const struct cli *cli,
                     const char *name); /* NULL: not given; the last one counts */
const char *value_nth(const struct cli *cli, const char *name, unsigned n); /* NULL: no more */
const char *operand(const struct cli *cli, unsigned n);                     /* NULL: no more */
/* Are the command's options there that must be, and can the file of --out be written? USAGE or
 * FAILED after a message. */
int args_sound(const struct cli *cli);
bool option_needed(const struct option *o);
const char *option_value(const struct option *o, char out[16]); /* "FILE"; "": a flag */
/* Decimal digits alone. */
bool number_parse(const char *text, uint64_t least, uint64_t most, uint64_t *out);
/* Numbers: the default when not given; false after a usage message. */
bool number_of(const struct cli *cli, const char *name, uint64_t least, uint64_t most,
               uint64_t otherwise, uint64_t *out);
/* Hex digits to bytes: false after a usage message. *size: room, then bytes. */
bool hex_of(const struct cli *cli, const char *name, uint8_t *out, size_t *size);
bool hex_bytes(const char *text, uint8_t *out, size_t *size);
/* A label or name for something in the device: UTF-8 without control characters. what: "--label";
 * text: may be NULL. False after a usage message. */
bool name_sound(const struct cli *cli, const char *what, const char *text, size_t most);
/* One word, or with commas a mask, of a group of hufu_name: false after a usage message. */
bool word_of(const struct cli *cli, const char *name, const char *group, uint32_t otherwise,
             uint32_t *out);
bool mask_of(const struct cli *cli, const char *name, const char *group, uint32_t otherwise,
             uint32_t *out);

/* ------------------------------------------------------------------ say.c */
/* "hufu: ..." on stderr, one line; the result is FAILED or USAGE. */
int say_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));
int say_usage(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
int say_library(const struct cli *cli); /* hufu_last_error, and what to do about it */
int say_crypto(const char *what);       /* libcrypto's last error */
/* On stderr, unless --quiet. */
void say_note(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Somebody looks at standard error, and wants to. */
bool watched(const struct cli *cli);

/* "sm2", "export-wrapped": the tables' words as they are typed; out: room 24. "?" for an unknown
 * one. */
const char *word(const char *group, uint32_t value, char *out);
enum { USAGE_ROOM = 160 }; /* for all the words of a usage */
const char *mask_words(const char *group, uint32_t mask, char *out, size_t room);
const char *time_text(uint64_t ms, char out[32]);
/* The number of what was made: alone in a line, or as JSON under this key. */
int say_number(const struct cli *cli, const char *key, uint64_t number);
const char *hex_text(const void *data, size_t n, char *out); /* room 2n + 1 */

/* JSON: keys NULL inside arrays. Commas and indents come by themselves. */
void json_open(const char *key, char bracket); /* { or [ */
void json_close(char bracket);
void json_text(const char *key, const char *text);
void json_hex(const char *key, const void *data, size_t n);
void json_number(const char *key, uint64_t number);
void json_bool(const char *key, bool value);
void json_mask(const char *key, const char *group, uint32_t mask);
void json_quoted(FILE *f, const char *text); /* one string, escaped */
void json_end(void);                         /* the last newline; for lines of JSON, too */

/* ------------------------------------------------------------------ file.c */
/* Everything from a file, "-" or NULL: standard input. The caller frees (and wipes) *data. FAILED
 * after a message. */
int file_read(const char *path, size_t most, uint8_t **data, size_t *size);
/* The first line of a file, without its end. FAILED after a message, also when it does not fit; the
 * caller wipes. */
int file_line(const char *path, char *line, size_t room);
/* To standard output (NULL or "-"), or under a temporary name that becomes path when all is on the
 * disk. */
int file_write(const char *path, const void *data, size_t size, bool secret);
/* Before anything is done for it: FAILED after a message if no file of this name can be written. */
int file_possible(const char *path);
/* The same for what cannot be had again: FAILED after a message if there is a file of this name. */
int file_absent(const char *path);

/* ------------------------------------------------------------------ pin.c */
/*
 * From the file that an option names, from the environment, or typed (twice if it is new).
 * optional: may be left out (size 0). who: for the prompt and messages.
 */
struct pin_source {
    const char *who;
    const char *option, *file;        /* "pin-file", and its value or NULL */
    const char *variable, *variable2; /* of the environment; the first that is set */
    bool is_new, optional;
};
int pin_get(const struct pin_source *source, struct pin *pin);
/* A line from the terminal without echo; its length, or -1: there is no terminal, or it was closed. */
int ask(const char *prompt, char *line, size_t room);

/* ------------------------------------------------------------------ link.c */
int link_open(struct cli *cli);
/* A session in which the command's account, or --account, is logged in. */
int link_login(struct cli *cli);
/* After a lost link: a new one, with the PIN that was given before. Says nothing. */
enum hufu_status link_again(struct cli *cli);
void link_close(struct cli *cli);
/* The key that --key names: a label, label:TEXT, id:HEX, handle:NUMBER or a number; with its public
 * part. */
int key_find(struct cli *cli, const char *name, struct hufu_object *key);
/* A public key or certificate of a file, PEM or DER; its handle stays. */
int pubin_read(const char *path, struct hufu_object *key);
int pubin_read_sm2(const char *path, struct hufu_object *key); /* the same, of an SM2 key alone */
/* The key of --key (logs in) or --pubin (a file of PEM or DER; needs no session). handle 0:
 * --pubin. */
int key_or_pubin(struct cli *cli, struct hufu_object *key);
struct hufu_key key_of(const struct hufu_object *key);

/* ------------------------------------------------------------------ sign_batch.c */
/* sign --batch: many digests, a line each. der: EC signatures are written so. */
int sign_batch(struct cli *cli, const struct hufu_object *key, const struct hufu_signing *signing,
               bool der);

/* ------------------------------------------------------------------ cmd_quorum.c */
/* Keep an approval until its command was carried out. */
int approve_wait(struct cli *cli);
/* What to do when approvals are missing, for a message; "" when it is something else. */
const char *approve_hint(const struct cli *cli, char *out, size_t room);

/* ------------------------------------------------------------------ cmd_key.c */
/* One key that was exported by itself, as a batch of one. */
enum hufu_status archive_put(struct hufu_archive *archive, const struct hufu_wrapped *wrapped);

/* ------------------------------------------------------------------ policy.c */
/* The options of limits, for tables of options; false after a usage message. */
#define POLICY_OPTIONS                                                                             \
    {"limit=N", "uses of its private or secret part, at most", 0},                                 \
        {"not-before=DATE", "usable from YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ (UTC) on", 0},         \
        {"not-after=DATE", "and until before then", 0},                                            \
        {"withhold=LIST", "usage that no key unwrapped, derived or agreed with it can have", 0},   \
    {                                                                                              \
        "digest-only", "signs digests alone, no data as it is", 0                                  \
    }
bool policy_of(const struct cli *cli, struct hufu_policy *policy);
void policy_json(const struct hufu_policy *policy);
void policy_text(const struct hufu_policy *policy); /* lines; none if there are no limits */

/* ------------------------------------------------------------------ hash.c */
/* hash: enum hufu_digest_alg. Of a file or standard input; for SM2 keys Z || M with this signer's
 * ID (NULL: default). */
int hash_file(const char *path, uint32_t hash, const struct hufu_object *sm2_key,
              const char *signer_id, uint8_t digest[HUFU_DIGEST_MAX], size_t *digest_size);
/* Of bytes. */
int hash_bytes(const void *data, size_t size, uint32_t hash, const struct hufu_object *sm2_key,
               const char *signer_id, uint8_t digest[HUFU_DIGEST_MAX], size_t *digest_size);
size_t hash_size(uint32_t hash);
int hash_nid(uint32_t hash); /* libcrypto's */

#endif
