/* The image of this process: the segments of its program that cannot be written, as the loader
 * mapped them, but for the header of the file (firmware/ports/tools/seal.c). */
#include <link.h>
#include <string.h>

#include "firmware/ports/posix/internal.h"

/* AddressSanitizer fences constants in with bytes that must not be read: here they are part of the
 * image. */
#if defined(__has_include)
#if __has_include(<sanitizer/asan_interface.h>)
#include <sanitizer/asan_interface.h>
#endif
#endif
#ifndef ASAN_UNPOISON_MEMORY_REGION
#define ASAN_UNPOISON_MEMORY_REGION(at, n) ((void)(at), (void)(n))
#endif

struct search {
    struct image *image;
    const struct hal_seal *seal;
};

static void add(struct image *i, const uint8_t *at, size_t n)
{
    ASAN_UNPOISON_MEMORY_REGION(at, n);
    if (n && i->parts < IMAGE_PARTS)
        i->part[i->parts++] = (struct image_part){at, n};
}

/* All but the digest. */
static void add_around(struct image *i, const uint8_t *at, size_t n, const uint8_t *digest)
{
    const uintptr_t first = (uintptr_t)at, hole = (uintptr_t)digest;
    if (hole < first || hole - first >= n) {
        add(i, at, n);
        return;
    }
    const size_t before = hole - first, behind = before + sizeof((struct hal_seal *)0)->sm3;
    add(i, at, before);
    add(i, at + behind, n - behind);
}

static int look_at(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct search *s = arg;
    const uintptr_t seal = (uintptr_t)s->seal;
    bool ours = false;
    (void)size;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        const uintptr_t at = info->dlpi_addr + p->p_vaddr;
        ours |= p->p_type == PT_LOAD && seal >= at && seal - at < p->p_filesz;
    }
    for (size_t i = 0; ours && i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        const size_t skip = p->p_offset ? 0 : sizeof(ElfW(Ehdr));
        if (p->p_type == PT_LOAD && !(p->p_flags & PF_W))
            add_around(s->image, (const uint8_t *)(info->dlpi_addr + p->p_vaddr) + skip,
                       p->p_filesz - skip, s->seal->sm3);
    }
    return ours;
}

/* A sanitizer takes the gaps between constants for none of our business. */
__attribute__((no_sanitize_address)) static void copy(uint8_t *out, const uint8_t *in, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((volatile uint8_t *)out)[i] = ((const volatile uint8_t *)in)[i];
}

static size_t image_read(void *ctx, size_t offset, uint8_t *out, size_t room)
{
    const struct image *image = ctx;
    const struct image_part *p = image->part, *end = p + image->parts;
    for (; p < end && offset >= p->n; p++)
        offset -= p->n;
    if (p == end)
        return 0;
    const size_t n = p->n - offset < room ? p->n - offset : room;
    copy(out, p->at + offset, n);
    return n;
}

void image_open(struct image *i, const struct hal_seal *seal, struct hal_image *hal)
{
    struct search s = {i, seal};
    if (!seal)
        return;
    dl_iterate_phdr(look_at, &s);
    *hal = (struct hal_image){i, image_read, seal->sm3};
}
