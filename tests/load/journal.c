#include "tests/load/journal.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 65536 };

static int journal = -1;

static void put_line(const char *line, size_t n)
{
    if (write(journal, line, n) != (ssize_t)n) {
        perror("load client: its journal");
        exit(1);
    }
}

void note(const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line - 1, format, args);
    va_end(args);
    if (n > (int)sizeof line - 2)
        n = (int)sizeof line - 2;
    line[n] = '\n';
    put_line(line, (size_t)n + 1);
}

static size_t put_hex(char *out, const uint8_t *bytes, size_t n)
{
    size_t at = 0;
    out[at++] = ' ';
    for (size_t i = 0; i < n; i++)
        at += (size_t)sprintf(out + at, "%02x", bytes[i]);
    return at;
}

void note_bytes(const char *head, const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size)
{
    static char line[LINE_MAX_BYTES];
    size_t n = strlen(head);
    if (n + 2 * (a_size + b_size) + 4 > sizeof line)
        abort();
    memcpy(line, head, n);
    n += put_hex(line + n, a, a_size);
    if (b)
        n += put_hex(line + n, b, b_size);
    line[n++] = '\n';
    put_line(line, n);
}

/* ------------------------------------------------------------------ what was left */

void keys_remove(struct keys *keys, uint32_t handle)
{
    for (size_t i = 0; i < keys->n; i++)
        if (keys->key[i].handle == handle)
            keys->key[i] = keys->key[--keys->n];
}

static struct own_key *find(struct keys *keys, uint32_t handle)
{
    for (size_t i = 0; i < keys->n; i++)
        if (keys->key[i].handle == handle)
            return &keys->key[i];
    return NULL;
}

static void take_key(struct keys *keys, const char *line)
{
    static char hex[2 * HUFU_PUBLIC_MAX + 1];
    unsigned handle, type;
    struct own_key k = {0};
    hex[0] = 0;
    if (keys->n == KEYS_MAX ||
        sscanf(line, "K %u %u %31s %1032s", &handle, &type, k.label, hex) < 3)
        return;
    k.handle = handle;
    k.type = (uint8_t)type;
    for (; hex[2 * k.public_size]; k.public_size++) {
        unsigned byte;
        sscanf(hex + 2 * k.public_size, "%2x", &byte);
        k.public_key[k.public_size] = (uint8_t)byte;
    }
    keys->key[keys->n++] = k;
}

static void take_line(struct keys *keys, const char *line)
{
    char label[LABEL_ROOM];
    unsigned handle;
    if (*line == 'G' || *line == 'L')
        keys->labels++;
    if (*line == 'K')
        take_key(keys, line);
    else if (sscanf(line, "D %u", &handle) == 1)
        keys_remove(keys, handle);
    else if (sscanf(line, "L %u", &handle) == 1 && find(keys, handle))
        find(keys, handle)->label[0] = 0;
    else if (sscanf(line, "M %u %31s", &handle, label) == 2 && find(keys, handle))
        strcpy(find(keys, handle)->label, label);
}

void journal_open(const char *path, struct keys *keys)
{
    static char line[LINE_MAX_BYTES];
    FILE *f = fopen(path, "r");
    memset(keys, 0, sizeof *keys);
    while (f && fgets(line, sizeof line, f))
        take_line(keys, line);
    if (f)
        fclose(f);
    journal = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (journal < 0) {
        perror(path);
        exit(1);
    }
}
