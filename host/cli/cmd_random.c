/* hufu random test: the 15 tests of GM/T 0005 over a file. */
#include "host/cli/cli.h"

#include <stdlib.h>

#include "host/random/random_test.h"

enum { MOST = 512 << 20, DEFAULT_BITS = 1000000, LEAST_BITS = 128 };

static void name_of(char *out, size_t room, const struct random_item *item)
{
    char parameter[16] = "";
    if (item->parameter)
        snprintf(parameter, sizeof parameter, " %u", item->parameter);
    snprintf(out, room, "%s%s%s%s", item->test, parameter, item->part[0] ? ", " : "", item->part);
}

static void print_table(const struct random_series *s, size_t bits, bool good)
{
    printf("%-36s %14s %12s %12s\n", "test", s->samples > 1 ? "passed" : "", "least P", "P_T");
    for (size_t i = 0; i < s->items; i++) {
        const struct random_verdict *v = &s->verdict[i];
        char name[48], passed[32] = "", uniform[16] = "";
        name_of(name, sizeof name, &v->item);
        if (s->samples > 1) {
            snprintf(passed, sizeof passed, "%zu of %zu", v->passed, v->samples);
            snprintf(uniform, sizeof uniform, "%.6f", v->uniform);
        }
        printf("%-36s %14s %12.6f %12s  %s\n", name, passed, v->lowest, uniform,
               v->good ? "pass" : "FAIL");
    }
    printf("%zu sample%s of %zu bits: %s\n", s->samples, s->samples == 1 ? "" : "s", bits,
           good ? "pass" : "FAIL");
}

static void json_probability(const char *key, double p)
{
    char text[16];
    snprintf(text, sizeof text, "%.6f", p);
    json_text(key, text);
}

static void print_json(const struct random_series *s, size_t bits, bool good)
{
    json_open(NULL, '{');
    json_number("samples", s->samples);
    json_number("bits", bits);
    json_bool("pass", good);
    json_open("items", '[');
    for (size_t i = 0; i < s->items; i++) {
        const struct random_verdict *v = &s->verdict[i];
        json_open(NULL, '{');
        json_text("test", v->item.test);
        json_number("parameter", v->item.parameter);
        json_text("part", v->item.part);
        json_number("passed", v->passed);
        json_number("needed", v->least);
        json_probability("p", v->lowest);
        json_probability("q", v->item.q);
        json_probability("uniform", v->uniform);
        json_bool("pass", v->good);
        json_close('}');
    }
    json_close(']');
    json_close('}');
    json_end();
}

/* The file as samples of so many bits; what is left over is not looked at. */
static int test_samples(const struct cli *cli, const uint8_t *data, size_t size, size_t bits)
{
    static struct random_series s;
    const size_t samples = size * 8 / bits;
    for (size_t i = 0; i < samples; i++) {
        if (watched(cli))
            fprintf(stderr, "\rsample %zu of %zu%s", i + 1, samples, i + 1 < samples ? "" : "\n");
        if (!random_series_add(&s, data + i * (bits / 8), bits))
            return say_failed("memory: there is none left");
    }
    const bool good = random_series_judge(&s);
    if (flag(cli, "json"))
        print_json(&s, bits, good);
    else
        print_table(&s, bits, good);
    return good ? DONE : say_failed("%s: an item failed", operand(cli, 0));
}

static int run_random_test(struct cli *cli)
{
    const char *path = operand(cli, 0);
    uint8_t *data;
    size_t size;
    uint64_t bits;
    if (!path || operand(cli, 1))
        return say_usage(cli, "give one file; - is standard input");
    if (!number_of(cli, "sample-bits", LEAST_BITS, UINT32_MAX, 0, &bits))
        return USAGE;
    if (bits % 8)
        return say_usage(cli, "--sample-bits: a multiple of 8");
    int status = file_read(path, MOST, &data, &size);
    if (status)
        return status;
    if (!bits) /* one sample of what there is, or samples of a million */
        bits = size * 8 < DEFAULT_BITS ? size * 8 : DEFAULT_BITS;
    if (size * 8 < bits || bits < LEAST_BITS)
        status = say_failed("%s: fewer bits than one sample has", path);
    else
        status = test_samples(cli, data, size, (size_t)bits);
    free(data);
    return status;
}

static const struct option test_options[] = {
    {"sample-bits=N", "bits of a sample (default 1000000, or all if there are fewer)", 0},
    {NULL, NULL, 0}};
const struct command random_commands[] = {
    {"random test", "FILE", "The 15 randomness tests of GM/T 0005 over the bits of a file", NULL,
     run_random_test, test_options},
    {NULL, NULL, NULL, NULL, NULL, NULL}};
