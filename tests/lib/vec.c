#include "tests/lib/vec.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_FIELDS = 64 };

struct field {
    char *key, *text;
    uint8_t *bytes;
    size_t size;
};

struct vec {
    FILE *file;
    char path[512];
    int line, case_line, count;
    struct field field[MAX_FIELDS];
};

static void die(const struct vec *v, const char *what, const char *key)
{
    fprintf(stderr, "%s:%d: %s: %s\n", v->path, v->case_line, what, key);
    exit(1);
}

struct vec *vec_open(const char *name)
{
    struct vec *v = calloc(1, sizeof *v);
    const char *dir = getenv("HUFU_VECTORS");
    if (!v)
        abort();
    snprintf(v->path, sizeof v->path, "%s/%s.vec", dir ? dir : "tests/vectors", name);
    v->file = fopen(v->path, "r");
    if (!v->file) {
        perror(v->path);
        exit(1);
    }
    return v;
}

static void clear_case(struct vec *v)
{
    for (int i = 0; i < v->count; i++) {
        free(v->field[i].key);
        free(v->field[i].text);
        free(v->field[i].bytes);
    }
    memset(v->field, 0, sizeof v->field);
    v->count = 0;
}

void vec_close(struct vec *v)
{
    clear_case(v);
    fclose(v->file);
    free(v);
}

static char *trim(char *s)
{
    while (isspace((unsigned char)*s))
        s++;
    char *end = s + strlen(s);
    while (end > s && isspace((unsigned char)end[-1]))
        *--end = 0;
    return s;
}

int vec_next(struct vec *v)
{
    char *text = NULL;
    size_t room = 0;
    clear_case(v);
    while (getline(&text, &room, v->file) >= 0) {
        v->line++;
        char *s = trim(text);
        if (*s == '#')
            continue;
        if (!*s) {
            if (v->count)
                break;
            continue;
        }
        if (!v->count)
            v->case_line = v->line;
        char *eq = strchr(s, '=');
        if (!eq || v->count == MAX_FIELDS)
            die(v, "not a 'key = value' line, or too many of them", s);
        *eq = 0;
        struct field *f = &v->field[v->count++];
        f->key = strdup(trim(s));
        f->text = strdup(trim(eq + 1));
    }
    free(text);
    return v->count > 0;
}

int vec_line(const struct vec *v)
{
    return v->case_line;
}

static const struct field *find(const struct vec *v, const char *key)
{
    for (int i = 0; i < v->count; i++)
        if (!strcmp(v->field[i].key, key))
            return &v->field[i];
    return NULL;
}

int vec_has(const struct vec *v, const char *key)
{
    return find(v, key) != NULL;
}

const char *vec_text(const struct vec *v, const char *key)
{
    const struct field *f = find(v, key);
    return f ? f->text : NULL;
}

unsigned long vec_number(const struct vec *v, const char *key)
{
    const struct field *f = find(v, key);
    if (!f)
        die(v, "value missing", key);
    return strtoul(f->text, NULL, 10);
}

static size_t decode_hex(const struct vec *v, const struct field *f, uint8_t *out)
{
    size_t n = 0;
    for (const char *s = f->text; *s;) {
        unsigned byte = 0;
        if (isspace((unsigned char)*s)) {
            s++;
            continue;
        }
        if (!isxdigit((unsigned char)s[0]) || !isxdigit((unsigned char)s[1]) ||
            sscanf(s, "%2x", &byte) != 1)
            die(v, "not hex", f->key);
        out[n++] = (uint8_t)byte;
        s += 2;
    }
    return n;
}

static void decode(const struct vec *v, struct field *f)
{
    const char *s = f->text;
    if (*s != '"') {
        f->bytes = malloc(strlen(s) + 1);
        f->size = decode_hex(v, f, f->bytes);
        return;
    }
    const char *end = strchr(s + 1, '"');
    if (!end)
        die(v, "quote not closed", f->key);
    const size_t once = (size_t)(end - s - 1);
    const char *star = strchr(end, '*');
    const size_t times = star ? strtoul(star + 1, NULL, 10) : 1;
    f->size = once * times;
    f->bytes = malloc(f->size + 1);
    for (size_t i = 0; i < times; i++)
        memcpy(f->bytes + i * once, s + 1, once);
}

const uint8_t *vec_bytes(struct vec *v, const char *key, size_t *n)
{
    for (int i = 0; i < v->count; i++) {
        struct field *f = &v->field[i];
        if (strcmp(f->key, key))
            continue;
        if (!f->bytes)
            decode(v, f);
        *n = f->size;
        return f->bytes;
    }
    die(v, "value missing", key);
    return NULL;
}

const uint8_t *vec_exact(struct vec *v, const char *key, size_t n)
{
    size_t got;
    const uint8_t *p = vec_bytes(v, key, &got);
    if (got != n)
        die(v, "wrong number of bytes", key);
    return p;
}

static uint64_t state;

uint64_t test_seed(void)
{
    static uint64_t seed;
    if (!seed) {
        const char *given = getenv("HUFU_TEST_SEED");
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        seed = given ? strtoull(given, NULL, 0)
                     : (uint64_t)now.tv_sec * 1000003u ^ (uint64_t)now.tv_nsec;
        seed |= 1;
        state = seed * 0x9E3779B97F4A7C15u;
        printf("seed: HUFU_TEST_SEED=0x%llx\n", (unsigned long long)seed);
        fflush(stdout);
    }
    return seed;
}

static uint64_t next64(void)
{
    test_seed();
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * 0x2545F4914F6CDD1Du;
}

void test_random(void *out, size_t n)
{
    uint8_t *p = out;
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(next64() >> 32);
}

uint32_t test_random_below(uint32_t limit)
{
    return (uint32_t)((next64() >> 32) * limit >> 32);
}
