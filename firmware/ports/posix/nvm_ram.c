/* NVM in RAM: pages that were never programmed are not there, as in the sparse file (bytes are
 * inverted too). */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "firmware/ports/nvm_rule.h"
#include "firmware/ports/posix/internal.h"

enum { UNIT = 16, PAGE = 4096 };

static uint8_t *locate(const struct nvm_ram *r, uint32_t segment, uint32_t offset, uint32_t n)
{
    const uint64_t at = (uint64_t)segment * r->segment_size + offset;
    if (offset > r->segment_size || n > r->segment_size - offset || at + n > r->size)
        return NULL;
    return r->bytes + at;
}

static int nvm_read(void *ctx, uint32_t segment, uint32_t offset, void *buffer, uint32_t n)
{
    const uint8_t *p = locate(ctx, segment, offset, n);
    uint8_t *out = buffer;
    if (p == NULL)
        return -1;
    for (uint32_t i = 0; i < n; i++)
        out[i] = (uint8_t)~p[i];
    return 0;
}

static int nvm_program(void *ctx, uint32_t segment, uint32_t offset, const void *data, uint32_t n)
{
    uint8_t *p = locate(ctx, segment, offset, n), old[UNIT];
    const uint8_t *in = data;
    if (p == NULL || offset % UNIT || n % UNIT)
        return -1;
    for (uint32_t i = 0; i < n; i += UNIT) {
        for (uint32_t j = 0; j < UNIT; j++)
            old[j] = (uint8_t)~p[i + j];
        if (!may_program(old, in + i, UNIT, UNIT))
            return -1;
    }
    for (uint32_t i = 0; i < n; i++)
        p[i] = (uint8_t)~in[i];
    return 0;
}

static int nvm_erase(void *ctx, uint32_t segment)
{
    struct nvm_ram *r = ctx;
    uint8_t *p = locate(r, segment, 0, r->segment_size);
    if (p == NULL)
        return -1;
    if (r->segment_size % PAGE || madvise(p, r->segment_size, MADV_DONTNEED))
        memset(p, 0, r->segment_size);
    return 0;
}

static int nvm_sync(void *ctx)
{
    (void)ctx;
    return 0;
}

static int root_read(void *ctx, uint8_t root[ROOT_SIZE])
{
    struct nvm_ram *r = ctx;
    memcpy(root, r->root, ROOT_SIZE);
    return 0;
}

static int root_program(void *ctx, const uint8_t root[ROOT_SIZE])
{
    struct nvm_ram *r = ctx;
    memcpy(r->root, root, ROOT_SIZE);
    return 0;
}

int nvm_ram_open(struct nvm_ram *r, const struct posix_options *o, struct hal_nvm *nvm,
                 const struct message *m)
{
    const uint32_t segments = o->segments ? o->segments : DEFAULT_SEGMENTS;
    r->segment_size = o->segment_size ? o->segment_size : DEFAULT_SEGMENT_SIZE;
    r->size = (uint64_t)segments * r->segment_size;
    void *p = MAP_FAILED;
    if (r->size <= SIZE_MAX)
        p = mmap(NULL, (size_t)r->size, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return complain(m, "no memory for %u segments of %u bytes: take fewer or smaller ones",
                        segments, r->segment_size);
    r->bytes = p;
    *nvm = (struct hal_nvm){.ctx = r,
                            .segments = segments,
                            .segment_size = r->segment_size,
                            .unit = UNIT,
                            .read = nvm_read,
                            .program = nvm_program,
                            .erase = nvm_erase,
                            .sync = nvm_sync,
                            .root_read = root_read,
                            .root_program = root_program};
    return 0;
}

void nvm_ram_close(struct nvm_ram *r)
{
    if (r->bytes)
        munmap(r->bytes, (size_t)r->size);
    r->bytes = NULL;
    explicit_bzero(r->root, sizeof r->root);
}
