/* The parts of the POSIX port: each opens with 0 or -1 and a line in error, each can be closed when
 * all zero. */
#ifndef HUFU_PORT_POSIX_INTERNAL_H
#define HUFU_PORT_POSIX_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "firmware/ports/posix/posix.h"

enum { ROOT_SIZE = 32, DEFAULT_SEGMENTS = 256, DEFAULT_SEGMENT_SIZE = 256 * 1024 };

struct message {
    char *text;
    size_t size;
};

/* Write the line and return -1. */
__attribute__((format(printf, 2, 3))) int complain(const struct message *m, const char *format,
                                                   ...);

/* The program's image: what cannot be written of it, without the digest. */
enum { IMAGE_PARTS = 16 };
struct image_part {
    const uint8_t *at;
    size_t n;
};
struct image {
    struct image_part part[IMAGE_PARTS];
    size_t parts;
};
/* seal NULL: there is nothing to compare with. */
void image_open(struct image *i, const struct hal_seal *seal, struct hal_image *hal);

/* Counts the copies of a process: a page that the kernel empties in a child. */
struct copies {
    uint64_t *page, made; /* NULL: there is no such page, the process id must do */
};
void copies_open(struct copies *c);
void copies_close(struct copies *c);
uint64_t copies_generation(void *copies);

/* A directory that this process alone may use. */
struct directory {
    const char *path; /* for messages; valid while opening */
    int fd, lock;
};
int directory_open(struct directory *d, const char *path, const struct message *m);
void directory_close(struct directory *d);
/* Whole small files. read: bytes read, or -1 with errno. write: all or nothing, durable. */
long directory_read(const struct directory *d, const char *name, void *out, size_t room);
int directory_write(const struct directory *d, const char *name, const void *data, size_t n);

/* A thread that syncs a file while others go on. NULL where no thread can be had. */
struct syncer;
struct syncer *syncer_open(int fd);
void syncer_close(struct syncer *s);
void syncer_start(struct syncer *s);
/* The file was written: a sync that runs is not enough. */
void syncer_dirty(struct syncer *s);
/* Waits for a sync that runs. 0: it has synced all that was written; 1: that needs another; -1: a
 * sync has failed. */
int syncer_wait(struct syncer *s);

/* NVM in a file; its bytes are stored inverted, so that erased space is a hole. */
struct nvm_file {
    pid_t owner; /* the process that may write: a child that it forks may not */
    struct directory directory;
    int fd;
    bool root_kept; /* a device without its root has lost it */
    uint32_t segment_size;
    uint64_t size;
    struct syncer *syncer;
};
int nvm_file_open(struct nvm_file *f, const struct posix_options *o, struct hal_nvm *nvm,
                  const struct message *m);
void nvm_file_close(struct nvm_file *f);

/* NVM in RAM. */
struct nvm_ram {
    uint8_t *bytes;
    uint32_t segment_size;
    uint64_t size;
    uint8_t root[ROOT_SIZE];
};
int nvm_ram_open(struct nvm_ram *r, const struct posix_options *o, struct hal_nvm *nvm,
                 const struct message *m);
void nvm_ram_close(struct nvm_ram *r);

struct pool;
struct pool *pool_open(unsigned threads, struct hal_par *par, const struct message *m);
void pool_close(struct pool *p); /* NULL: nothing */

#endif
