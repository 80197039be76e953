/*
 * The tables say one thing only, and what is generated from them does what they say: each message
 * of each command is made here from its field list by a second reader of the table, and must come
 * through the generated decoder and encoder unchanged.
 */
#include <check.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/proto.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

enum { MESSAGE_MAX = 40000, REST_MAX = 300, ROUNDS = 40 };

/* ------------------------------------------------------------------ tables */

START_TEST(commands_are_distinct)
{
    ck_assert_uint_gt(proto_command_count, 40);
    for (size_t i = 0; i < proto_command_count; i++) {
        const struct command_info *c = &proto_commands[i];
        ck_assert_msg((c->ins >> 4) != 6 && (c->ins >> 4) != 9, "%s: INS %02X is not ISO's",
                      c->name, c->ins);
        ck_assert_msg(!(c->ins & 1) && c->ins != 0xC0 && c->ins != 0xA4, "%s: INS %02X is taken",
                      c->name, c->ins);
        ck_assert_ptr_eq(proto_command(c->ins), c);
        ck_assert_uint_ne(c->states & COMMAND_ALL_STATES, 0);
        ck_assert((c->states & ~COMMAND_ALL_STATES) == 0);
        ck_assert_uint_ne(c->roles, 0);
        ck_assert_uint_le(c->audit, AUDIT_ALWAYS);
        const unsigned role_bits = ROLE_USER | ROLE_OPERATOR | ROLE_ADMIN | ROLE_AUDITOR;
        ck_assert(c->roles == COMMAND_ANYONE || c->roles == COMMAND_SESSION ||
                  !(c->roles & ~(role_bits | COMMAND_QUORUM | COMMAND_QUORUM_ADMINS)));
        ck_assert(!(c->roles & (COMMAND_QUORUM | COMMAND_QUORUM_ADMINS)) ||
                  ((c->roles & role_bits) == ROLE_ADMIN && c->audit == AUDIT_ALWAYS));
        for (size_t j = 0; j < i; j++)
            ck_assert_msg(proto_commands[j].ins != c->ins &&
                              strcmp(proto_commands[j].name, c->name) != 0,
                          "%s is there twice", c->name);
    }
    for (unsigned ins = 0, found = 0; ins < 256; ins++) {
        found += proto_command((uint8_t)ins) != NULL;
        if (ins == 255)
            ck_assert_uint_eq(found, proto_command_count);
    }
}
END_TEST

START_TEST(statuses_are_distinct)
{
    for (size_t i = 0; i < proto_status_count; i++) {
        const struct status_info *s = &proto_statuses[i];
        const unsigned high = s->sw >> 8;
        ck_assert_msg(s->sw == 0x9000 || (high >= 0x62 && high <= 0x6F && high != 0x6C), "%04X",
                      s->sw);
        ck_assert_str_ne(s->text, "");
        ck_assert_ptr_eq(proto_status(s->sw), s);
        if (s->sw != SW_OK)
            ck_assert(s->ckr && s->sdr && s->sar);
        for (size_t j = 0; j < i; j++)
            ck_assert_msg(proto_statuses[j].sw != s->sw &&
                              strcmp(proto_statuses[j].name, s->name) != 0,
                          "%s is there twice", s->name);
    }
    for (unsigned tries = 0; tries < 16; tries++)
        ck_assert_uint_eq(proto_status((uint16_t)(0x63C0 + tries))->sw, SW_PIN_WRONG);
    ck_assert_uint_eq(proto_status(0x1234)->sw, SW_INTERNAL);
    ck_assert_uint_eq(proto_status(0x63B0)->sw, SW_INTERNAL);
}
END_TEST

START_TEST(names_are_distinct)
{
    for (size_t i = 0; i < proto_name_count; i++) {
        const struct name_info *n = &proto_names[i];
        char lower[64] = "";
        ck_assert_ptr_eq(proto_value(n->group, n->name), n);
        for (size_t k = 0; n->name[k] && k < sizeof lower - 1; k++)
            lower[k] = (char)tolower((unsigned char)n->name[k]);
        ck_assert_ptr_eq(proto_value(n->group, lower), n);
        if (strcmp(n->group, "limit") != 0)
            ck_assert_ptr_eq(proto_name(n->group, n->value), n);
    }
    ck_assert_ptr_null(proto_value("key", "NONE"));
    ck_assert_ptr_null(proto_value("KEY", "SM2"));
    ck_assert_ptr_null(proto_name("key", 0));
    ck_assert_uint_eq(proto_value("limit", "frame_max")->value, LIMIT_FRAME_MAX);
}
END_TEST

/* ------------------------------------------------------------------ messages */

/* Decode with the generated code, encode what came out: what the round trip makes of bytes. */
#define ROUND(T)                                                                                   \
    static bool round_##T(const uint8_t *in, size_t n, uint8_t *out, size_t room, size_t *size)    \
    {                                                                                              \
        struct T m;                                                                                \
        struct rd r;                                                                               \
        struct wr w;                                                                               \
        rd_init(&r, in, n);                                                                        \
        if (!T##_get(&r, &m) || rd_left(&r))                                                       \
            return false;                                                                          \
        wr_init(&w, out, room);                                                                    \
        T##_put(&w, &m);                                                                           \
        *size = wr_size(&w);                                                                       \
        return !w.bad;                                                                             \
    }
#define GROUP(name, text)
#define RECORD(name, fields, text) ROUND(name)
#define COMMAND(ins, name, group, states, roles, audit, request, response, text)                   \
    ROUND(name##_req) ROUND(name##_rsp)
#include "proto/commands.def"
#undef RECORD
#undef COMMAND

static const struct message {
    const char *name, *fields;
    bool (*round)(const uint8_t *in, size_t n, uint8_t *out, size_t room, size_t *size);
} messages[] = {
#define RECORD(name, fields, text) {#name, fields, round_##name},
#define COMMAND(ins, name, group, states, roles, audit, request, response, text)                   \
    {#name " command", request, round_##name##_req},                                               \
        {#name " answer", response, round_##name##_rsp},
#include "proto/commands.def"
};

static unsigned long number(const char *s)
{
    char lower[40] = "";
    if (isdigit((unsigned char)*s))
        return strtoul(s, NULL, 10);
    snprintf(lower, sizeof lower, "%s", s);
    const struct name_info *n = proto_value("limit", lower);
    ck_assert_msg(n != NULL, "no limit %s", s);
    return n->value;
}

struct made {
    uint8_t bytes[MESSAGE_MAX];
    size_t size;
    size_t length_at, length_max; /* a two-byte length and its limit; 0: the message has none */
    bool open;                    /* ends with a field that takes all that is left */
};

static void add(struct made *m, size_t n)
{
    ck_assert_uint_le(m->size + n, MESSAGE_MAX);
    test_random(m->bytes + m->size, n);
    m->size += n;
}

/* One field "name:type" with random content; sizes at their ends more often than in between. */
static void make_field(struct made *m, const char *type)
{
    if (*type == 'u') {
        add(m, strtoul(type + 1, NULL, 10) / 8);
    } else if (*type == 'b') {
        add(m, number(type + 1));
    } else if (*type == 'v') {
        const uint32_t max = (uint32_t)number(type + 1);
        const uint32_t pick = test_random_below(4);
        const uint32_t n = pick == 0 ? 0 : pick == 1 ? max : test_random_below(max + 1);
        m->length_at = m->size;
        m->length_max = max;
        add(m, 2);
        m->bytes[m->size - 2] = (uint8_t)(n >> 8);
        m->bytes[m->size - 1] = (uint8_t)n;
        add(m, n);
    } else {
        add(m, test_random_below(REST_MAX));
        m->open = true;
    }
}

static void make(struct made *m, const char *fields)
{
    char copy[600];
    ck_assert_uint_lt(strlen(fields), sizeof copy);
    strcpy(copy, fields);
    m->size = m->length_at = m->length_max = 0;
    m->open = false;
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
        ck_assert_msg(!m->open, "%s: nothing can follow the rest", fields);
        make_field(m, strchr(word, ':') + 1);
    }
}

static void check_made(const struct message *t, struct made *m)
{
    static uint8_t out[MESSAGE_MAX + 1];
    size_t size = 0;
    ck_assert_msg(t->round(m->bytes, m->size, out, sizeof out, &size), "%s, %zu bytes", t->name,
                  m->size);
    ck_assert_uint_eq(size, m->size);
    ck_assert_msg(!memcmp(out, m->bytes, size), "%s came back changed", t->name);
    if (m->size)
        ck_assert_msg(!t->round(m->bytes, m->size, out, m->size - 1, &size), "%s: no room",
                      t->name);
    if (!m->open) {
        ck_assert_msg(!t->round(m->bytes, m->size + 1, out, sizeof out, &size), "%s: a byte more",
                      t->name);
        for (size_t n = m->size > 200 ? m->size - 200 : 0; n < m->size; n++)
            ck_assert_msg(!t->round(m->bytes, n, out, sizeof out, &size), "%s: cut at %zu", t->name,
                          n);
    }
    if (m->length_max && m->length_max < 65535) {
        m->bytes[m->length_at] = (uint8_t)((m->length_max + 1) >> 8);
        m->bytes[m->length_at + 1] = (uint8_t)(m->length_max + 1);
        ck_assert_msg(!t->round(m->bytes, MESSAGE_MAX, out, sizeof out, &size),
                      "%s: field too long", t->name);
    }
}

START_TEST(messages_come_through)
{
    static struct made m;
    for (int i = 0; i < ROUNDS; i++) {
        make(&m, messages[_i].fields);
        check_made(&messages[_i], &m);
    }
}
END_TEST

START_TEST(encoders_refuse_what_is_too_long)
{
    static const uint8_t long_pin[LIMIT_PIN_MAX + 1];
    uint8_t out[LIMIT_PIN_MAX + 16];
    struct wr w;
    struct login_req q = {1, {long_pin, LIMIT_PIN_MAX}};
    wr_init(&w, out, sizeof out);
    login_req_put(&w, &q);
    ck_assert(!w.bad);
    q.pin.size++;
    wr_init(&w, out, sizeof out);
    login_req_put(&w, &q);
    ck_assert(w.bad);
}
END_TEST

/* ------------------------------------------------------------------ document */

/* docs/protocol.md is written by make docs; HUFU_TOP says where the tree is. */
START_TEST(document_names_everything)
{
    const char *top = getenv("HUFU_TOP");
    char path[512], line[4096], wanted[128];
    size_t commands = 0, statuses = 0;
    snprintf(path, sizeof path, "%s/docs/protocol.md", top ? top : ".");
    FILE *f = fopen(path, "r");
    ck_assert_msg(f != NULL, "%s is not there", path);
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        unsigned code;
        if (sscanf(line, "### %2X ", &code) == 1 && line[6] == ' ' &&
            proto_command((uint8_t)code)) {
            snprintf(wanted, sizeof wanted, "### %02X %s", code,
                     proto_command((uint8_t)code)->name);
            for (char *s = wanted; *s; s++)
                *s = (char)toupper((unsigned char)*s);
            ck_assert_str_eq(line, wanted);
            commands++;
        }
        if (sscanf(line, "| %4X | ", &code) == 1 && proto_status((uint16_t)code)->sw == code &&
            strstr(line, proto_status((uint16_t)code)->name) == line + 9)
            statuses++;
    }
    fclose(f);
    ck_assert_uint_eq(commands, proto_command_count);
    ck_assert_uint_eq(statuses, proto_status_count);
}
END_TEST

int main(void)
{
    test_seed();
    Suite *s = suite_create("proto");
    TCase *t = tcase_create("proto");
    tcase_add_test(t, commands_are_distinct);
    tcase_add_test(t, statuses_are_distinct);
    tcase_add_test(t, names_are_distinct);
    case_rows(t, messages_come_through, messages);
    tcase_add_test(t, encoders_refuse_what_is_too_long);
    tcase_add_test(t, document_names_everything);
    tcase_set_timeout(t, 60);
    suite_add_tcase(s, t);
    return suite_run(s);
}
