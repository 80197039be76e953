/*
 * The audit log as a file: a line of JSON for each record, and one for the checkpoint at the end.
 * What counts in a line are its bytes "record" and, in the last, "checkpoint" with its signature;
 * the rest says the same for people, and is compared with them.
 */
#ifndef HUFU_CLI_LOG_FILE_H
#define HUFU_CLI_LOG_FILE_H

#include "host/cli/cli.h"

/* "sign"; "start" for 0 */
const char *log_command(uint8_t command);
/* A line, with its newline. */
void log_line_record(FILE *f, const struct hufu_log_entry *e);
void log_line_checkpoint(FILE *f, const struct hufu_log_checkpoint *c, const uint8_t key[64]);

/* What verifying one file after another has found so far. Begin with zeros but for key. */
struct log_chain {
    uint64_t first, last;          /* records that were seen */
    uint8_t hash[HUFU_DIGEST_MAX]; /* SM3 of the last one */
    uint8_t key[64];               /* the device's, known */
    bool key_known;                /* else it is taken from the first checkpoint */
    bool ended;                    /* a checkpoint covers the last record */
    struct hufu_log_checkpoint checkpoint;
    const struct log_chain *before; /* the log of a backup; NULL: none */
    uint64_t restored; /* the first record that says that this one goes on there; 0: none */
};
/* Every record, the links between them, the checkpoints. FAILED after a message that names the
 * line. */
int log_file_verify(const char *path, struct log_chain *chain);
/* The same of such a file's bytes; path: for messages. */
int log_bytes_verify(const char *path, const void *data, size_t size, struct log_chain *chain);
/* The device's records after this one and a checkpoint, as such a file; the caller frees *text. */
int log_text(struct cli *cli, uint64_t after, char **text, size_t *size);

#endif
