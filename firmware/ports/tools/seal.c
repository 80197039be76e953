/*
 * The last step of linking a device: its image gets the SM3 of itself. What is measured is what a
 * program that runs finds unchanged in its memory: the segments of the ELF file that cannot be
 * written, one after the other, without the 32 bytes behind the magic (struct hal_seal,
 * firmware/hal/hal.h) that receive the digest, and without the header of the file, which strip
 * changes: nothing in it runs. 32 and 64 bits, the byte order of this machine.
 *
 *   seal FILE
 */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/crypto/sm3.h"
#include "firmware/hal/hal.h"

struct file {
    const char *path;
    uint8_t *bytes;
    size_t size;
    uint8_t *digest; /* inside */
};

static void stop(const struct file *f, const char *why)
{
    fprintf(stderr, "seal: %s: %s\n", f->path, why);
    exit(1);
}

static void load(struct file *f)
{
    FILE *in = fopen(f->path, "rb");
    if (!in || fseek(in, 0, SEEK_END))
        stop(f, "cannot be read");
    f->size = (size_t)ftell(in);
    f->bytes = malloc(f->size);
    rewind(in);
    if (!f->bytes || fread(f->bytes, 1, f->size, in) != f->size || f->size < sizeof(Elf64_Ehdr))
        stop(f, "cannot be read");
    fclose(in);
}

static void find_seal(struct file *f)
{
    static const char magic[] = HAL_SEAL_MAGIC;
    for (size_t i = 0; i + sizeof(struct hal_seal) <= f->size; i++)
        if (!memcmp(f->bytes + i, magic, sizeof((struct hal_seal *)0)->magic)) {
            if (f->digest)
                stop(f, "holds more than one seal");
            f->digest = f->bytes + i + sizeof((struct hal_seal *)0)->magic;
        }
    if (!f->digest)
        stop(f, "holds no seal");
}

static void measure(const struct file *f, struct sm3 *s, size_t offset, size_t n, size_t header)
{
    if (offset > f->size || n > f->size - offset)
        stop(f, "a segment ends behind the file");
    const size_t skip = offset ? 0 : header;
    if (skip > n)
        stop(f, "a segment ends inside the header");
    offset += skip;
    n -= skip;
    const size_t digest = (size_t)(f->digest - f->bytes);
    if (digest >= offset && digest - offset < n) {
        sm3_update(s, f->bytes + offset, digest - offset);
        n -= digest - offset + SM3_SIZE;
        offset = digest + SM3_SIZE;
    }
    sm3_update(s, f->bytes + offset, n);
}

/* One segment of the table of program headers. */
static void segment(const struct file *f, struct sm3 *s, const uint8_t *at)
{
    if (f->bytes[EI_CLASS] == ELFCLASS64) {
        Elf64_Phdr p;
        memcpy(&p, at, sizeof p);
        if (p.p_type == PT_LOAD && !(p.p_flags & PF_W))
            measure(f, s, p.p_offset, p.p_filesz, sizeof(Elf64_Ehdr));
    } else {
        Elf32_Phdr p;
        memcpy(&p, at, sizeof p);
        if (p.p_type == PT_LOAD && !(p.p_flags & PF_W))
            measure(f, s, p.p_offset, p.p_filesz, sizeof(Elf32_Ehdr));
    }
}

int main(int argc, char **argv)
{
    struct file f = {.path = argc == 2 ? argv[1] : ""};
    struct sm3 s;
    Elf64_Ehdr h64;
    Elf32_Ehdr h32;
    load(&f);
    find_seal(&f);
    memcpy(&h64, f.bytes, sizeof h64);
    memcpy(&h32, f.bytes, sizeof h32);
    const int wide = h64.e_ident[EI_CLASS] == ELFCLASS64;
    const size_t table = wide ? h64.e_phoff : h32.e_phoff;
    const size_t each = wide ? h64.e_phentsize : h32.e_phentsize;
    const size_t count = wide ? h64.e_phnum : h32.e_phnum;
    if (memcmp(h64.e_ident, ELFMAG, SELFMAG) || table > f.size || count * each > f.size - table)
        stop(&f, "is not an ELF program");
    sm3_init(&s);
    for (size_t i = 0; i < count; i++)
        segment(&f, &s, f.bytes + table + i * each);
    sm3_final(&s, f.digest);
    FILE *out = fopen(f.path, "r+b");
    if (!out || fwrite(f.bytes, 1, f.size, out) != f.size || fclose(out))
        stop(&f, "cannot be written");
    free(f.bytes);
    return 0;
}
