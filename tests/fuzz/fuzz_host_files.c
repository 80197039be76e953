/* What libhufu reads that is not a device's answer: archives of wrapped keys, backups, and DER. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/lib/hufu.h"
#include "tests/fuzz/fuzz.h"

static void read_archive(const char *path)
{
    struct hufu_archive *a;
    struct hufu_wrapped w;
    if (hufu_archive_read(&a, path))
        return;
    const uint64_t n = hufu_archive_count(a);
    for (uint64_t i = 0; i < n && i < 50; i++)
        if (!hufu_archive_get(a, i, &w))
            REQUIRE(w.record_size <= sizeof w.record);
    REQUIRE(hufu_archive_get(a, n, &w));
    hufu_archive_close(a);
}

/* What is good stays when the file is opened for more. */
static void archive(const uint8_t *data, size_t size)
{
    char path[40];
    struct hufu_archive *a;
    const int fd = memfd_create("archive", MFD_CLOEXEC);
    REQUIRE(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    read_archive(path);
    if (!hufu_archive_append(&a, path)) {
        const uint64_t n = hufu_archive_count(a);
        hufu_archive_close(a);
        REQUIRE(!hufu_archive_read(&a, path));
        REQUIRE(hufu_archive_count(a) == n);
        hufu_archive_close(a);
    }
    close(fd);
}

/* Whatever is taken is given back byte for byte. */
static void der(const uint8_t *data, size_t size)
{
    uint8_t out[HUFU_PUBLIC_MAX], again[600], type;
    size_t n, m;
    if (!hufu_sm2_signature_from_der(data, size, out)) {
        REQUIRE(!hufu_sm2_signature_to_der(out, again, &n));
        REQUIRE(n == size && !memcmp(again, data, n));
    }
    if (!hufu_public_from_spki(data, size, &type, out, &n)) {
        REQUIRE(n == hufu_public_size(type));
        REQUIRE(!hufu_public_to_spki(type, out, n, again, &m));
        REQUIRE(m == size && !memcmp(again, data, m));
    }
    uint8_t *raw = malloc(size + 200), *back = malloc(size + 200);
    n = size + 200;
    if (!hufu_sm2_cipher_from_der(data, size, raw, &n)) {
        m = size + 200;
        REQUIRE(!hufu_sm2_cipher_to_der(raw, n, back, &m));
        REQUIRE(m == size && !memcmp(back, data, m));
    }
    free(raw);
    free(back);
}

static void read_backup(const uint8_t *data, size_t size)
{
    struct hufu_backup_reader r;
    struct hufu_backup_head head;
    struct hufu_sealed sealed;
    const void *piece;
    uint8_t kind;
    volatile uint8_t seen = 0;
    size_t n, all = 0;
    if (hufu_backup_open(&r, data, size, &head))
        return;
    REQUIRE(strlen(head.label) <= HUFU_NAME_MAX && strlen(head.version) <= HUFU_VERSION_MAX);
    while (hufu_backup_next(&r, &kind, &piece, &n)) {
        REQUIRE(kind != HUFU_BACKUP_END);
        all += n;
        for (size_t i = 0; i < n; i++)
            seen ^= ((const uint8_t *)piece)[i];
        if (!hufu_sealed_read(piece, n, &sealed))
            REQUIRE(strlen(sealed.owner) <= HUFU_NAME_MAX);
    }
    REQUIRE(all < size);
    (void)seen; /* every byte could be read */
}

/* As it is, and with a sum that fits. */
static void backup(const uint8_t *data, size_t size)
{
    struct hufu_backup b = {malloc(size), size, size};
    REQUIRE(b.data != NULL);
    memcpy(b.data, data, size);
    read_backup(b.data, size);
    REQUIRE(!hufu_backup_end(&b));
    read_backup(b.data, b.size);
    hufu_backup_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size >= 8 && !memcmp(data, "HUFUBACK", 8))
        backup(data, size);
    else if (size && data[0] == 'H')
        archive(data, size);
    else
        der(data, size);
    return 0;
}
