/*
 * Reads the tables (commands.def, objects.def, status.def) and writes what both halves use.
 *   gen types      the header: numbers, structs, prototypes
 *   gen code       encoders, decoders, tables
 *   gen handlers   prototypes of the device's command handlers
 *   gen dispatch   the device's dispatch table
 *   gen markdown   docs/protocol.md
 *   gen dictionary the fuzzers' dictionary
 * Runs on the build machine only.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct table_enum {
    const char *group, *name;
    unsigned long value;
    const char *text;
    bool flag;
};
#define ENUM(group, name, value, text) {#group, #name, value, text, false},
#define FLAG(group, name, value, text) {#group, #name, value, text, true},
#define LIMIT(name, value, text)       {"limit", #name, value, text, false},
static const struct table_enum enums[] = {
#include "proto/objects.def"
};
#undef ENUM
#undef FLAG
#undef LIMIT

struct table_status {
    unsigned sw;
    const char *name, *text;
    unsigned long ckr, sdr, sar;
};
#define STATUS(sw, name, text, ckr, sdr, sar) {sw, #name, text, ckr, sdr, sar},
static const struct table_status statuses[] = {
#include "proto/status.def"
};
#undef STATUS

enum kind { KIND_GROUP, KIND_RECORD, KIND_COMMAND };
struct table_entry {
    enum kind kind;
    unsigned ins;
    const char *name, *group, *states, *roles, *audit, *request, *response, *text;
};
#define GROUP(name, text) {KIND_GROUP, 0, #name, NULL, NULL, NULL, NULL, NULL, NULL, text},
#define RECORD(name, fields, text)                                                                 \
    {KIND_RECORD, 0, #name, NULL, NULL, NULL, NULL, fields, NULL, text},
#define COMMAND(ins, name, group, states, roles, audit, request, response, text)                   \
    {KIND_COMMAND, ins, #name, #group, #states, #roles, #audit, request, response, text},
static const struct table_entry entries[] = {
#include "proto/commands.def"
};
#undef GROUP
#undef RECORD
#undef COMMAND

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define EACH(e)  for (const struct table_entry *e = entries; e < entries + COUNT(entries); e++)

/* ------------------------------------------------------------------ fields */

enum type { U8, U16, U32, U64, FIXED, VARIABLE, REST };
struct field {
    char name[40], record[40];
    enum type type;
    unsigned long size; /* FIXED: bytes; VARIABLE: bytes at most */
};

static void die(const char *what, const char *where)
{
    fprintf(stderr, "gen: %s: %s\n", what, where);
    exit(1);
}

static unsigned long number(const char *s)
{
    if (isdigit((unsigned char)*s))
        return strtoul(s, NULL, 0);
    for (size_t i = 0; i < COUNT(enums); i++)
        if (!strcmp(enums[i].group, "limit") && !strcmp(enums[i].name, s))
            return enums[i].value;
    die("no such limit", s);
    return 0;
}

static void parse_type(struct field *f, const char *t)
{
    static const char *const words[] = {"u8", "u16", "u32", "u64"};
    for (size_t i = 0; i < COUNT(words); i++) {
        if (!strcmp(t, words[i])) {
            f->type = (enum type)i;
            return;
        }
    }
    if (!strcmp(t, "rest") || t[strlen(t) - 1] == '*') {
        f->type = REST;
        if (t[strlen(t) - 1] == '*')
            snprintf(f->record, sizeof f->record, "%.*s", (int)strlen(t) - 1, t);
        return;
    }
    if (*t != 'b' && *t != 'v')
        die("no such field type", t);
    f->type = *t == 'b' ? FIXED : VARIABLE;
    f->size = number(t + 1);
}

/* The next field of the list at *s, 0 when there is none. */
static int next_field(const char **s, struct field *f)
{
    char word[100];
    int used = 0;
    if (sscanf(*s, " %99s%n", word, &used) != 1)
        return 0;
    *s += used;
    char *colon = strchr(word, ':');
    if (!colon)
        die("field without type", word);
    *colon = 0;
    memset(f, 0, sizeof *f);
    snprintf(f->name, sizeof f->name, "%.39s", word);
    parse_type(f, colon + 1);
    return 1;
}

#define FIELDS(list, f)                                                                            \
    for (struct {                                                                                  \
             const char *s;                                                                        \
             struct field f;                                                                       \
         } it_ = {(list), {{0}, {0}, U8, 0}};                                                      \
         next_field(&it_.s, &it_.f) && ((f) = it_.f, 1);)

static const char *upper(const char *s)
{
    static char out[8][80];
    static unsigned turn;
    char *o = out[turn++ % 8];
    size_t i = 0;
    for (; s[i] && i < 79; i++)
        o[i] = (char)toupper((unsigned char)s[i]);
    o[i] = 0;
    return o;
}

/* "A|B" with a prefix for each; a word in `plain` stands alone. */
static void print_mask(const char *list, const char *prefix, const char *const *plain)
{
    char copy[200];
    snprintf(copy, sizeof copy, "%s", list);
    const char *sep = "";
    for (char *w = strtok(copy, "| "); w; w = strtok(NULL, "| ")) {
        bool alone = false;
        for (size_t i = 0; plain[i]; i++)
            alone = alone || !strcmp(plain[i], w);
        printf("%s%s%s", sep, alone ? "COMMAND_" : prefix, w);
        sep = " | ";
    }
}

/* ------------------------------------------------------------------ types */

static void print_struct(const char *name, const char *suffix, const char *list)
{
    static const char *const c_type[] = {"uint8_t", "uint16_t", "uint32_t", "uint64_t"};
    struct field f;
    printf("struct %s%s {\n", name, suffix);
    int any = 0;
    FIELDS(list, f)
    {
        any = 1;
        if (f.type <= U64)
            printf("    %s %s;\n", c_type[f.type], f.name);
        else if (f.type == FIXED)
            printf("    const uint8_t *%s; /* %lu bytes */\n", f.name, f.size);
        else
            printf("    struct view %s;\n", f.name);
    }
    if (!any)
        printf("    uint8_t nothing;\n");
    printf("};\nvoid %s%s_put(struct wr *w, const struct %s%s *m);\n", name, suffix, name, suffix);
    printf("bool %s%s_get(struct rd *r, struct %s%s *m);\n\n", name, suffix, name, suffix);
}

static void print_enums(void)
{
    const char *group = "";
    for (size_t i = 0; i < COUNT(enums); i++) {
        if (strcmp(group, enums[i].group))
            printf("%senum {\n", i ? "};\n\n" : "");
        group = enums[i].group;
        printf(enums[i].flag ? "    %s_%s = 0x%lX, /* %s */\n" : "    %s_%s = %lu, /* %s */\n",
               upper(group), enums[i].name, enums[i].value, enums[i].text);
    }
    printf("};\n\n");
}

static void types(void)
{
    printf("/* Made from proto/ by gen.c: change the tables, not this. */\n"
           "#ifndef HUFU_PROTO_GEN_H\n#define HUFU_PROTO_GEN_H\n\n");
    print_enums();
    printf("enum {\n");
    for (size_t i = 0; i < COUNT(statuses); i++)
        printf("    SW_%s = 0x%04X, /* %s */\n", statuses[i].name, statuses[i].sw,
               statuses[i].text);
    printf("};\n\nenum {\n");
    EACH(e)
    if (e->kind == KIND_COMMAND)
        printf("    INS_%s = 0x%02X,\n", upper(e->name), e->ins);
    printf("};\n\n");
    EACH(e)
    {
        if (e->kind == KIND_RECORD)
            print_struct(e->name, "", e->request);
        if (e->kind != KIND_COMMAND)
            continue;
        print_struct(e->name, "_req", e->request);
        print_struct(e->name, "_rsp", e->response);
    }
    printf("#endif\n");
}

/* ------------------------------------------------------------------ code */

static void print_put(const char *name, const char *suffix, const char *list)
{
    struct field f;
    int any = 0;
    printf("void %s%s_put(struct wr *w, const struct %s%s *m)\n{\n", name, suffix, name, suffix);
    FIELDS(list, f)
    {
        any = 1;
        if (f.type <= U64)
            printf("    wr_u%d(w, m->%s);\n", 8 << f.type, f.name);
        else if (f.type == FIXED)
            printf("    wr_bytes(w, m->%s, %lu);\n", f.name, f.size);
        else if (f.type == VARIABLE)
            printf("    wr_var(w, m->%s, %lu);\n", f.name, f.size);
        else
            printf("    wr_bytes(w, m->%s.data, m->%s.size);\n", f.name, f.name);
    }
    printf("%s}\n\n", any ? "" : "    (void)w, (void)m;\n");
}

static void print_get(const char *name, const char *suffix, const char *list, bool whole)
{
    struct field f;
    printf("bool %s%s_get(struct rd *r, struct %s%s *m)\n{\n", name, suffix, name, suffix);
    int any = 0;
    FIELDS(list, f)
    {
        any = 1;
        if (f.type <= U64)
            printf("    m->%s = rd_u%d(r);\n", f.name, 8 << f.type);
        else if (f.type == FIXED)
            printf("    m->%s = rd_bytes(r, %lu);\n", f.name, f.size);
        else if (f.type == VARIABLE)
            printf("    m->%s = rd_var(r, %lu);\n", f.name, f.size);
        else
            printf("    m->%s = rd_rest(r);\n", f.name);
    }
    if (!any)
        printf("    m->nothing = 0;\n");
    printf("    return %s;\n}\n\n", whole ? "rd_done(r)" : "!r->bad");
}

static void print_quoted(const char *s)
{
    putchar('"');
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            putchar('\\');
        putchar(*s);
    }
    putchar('"');
}

/* A PIN, or a key in clear, travels with the command or its answer: its field says so. */
static bool in_clear(const struct table_entry *e)
{
    return strstr(e->request, ":vPIN_MAX") || strstr(e->request, "secret:") ||
           strstr(e->response, ":vSECRET_MAX") || strstr(e->response, " key:v");
}

/* Around what belongs to e's group: a build may leave a group out. */
static void without(const struct table_entry *e)
{
    printf("#ifndef HUFU_WITHOUT_");
    for (const char *c = e->group; *c; c++)
        putchar(toupper((unsigned char)*c));
    putchar('\n');
}

static void print_command_table(void)
{
    static const char *const plain_states[] = {"ALL_STATES", NULL};
    static const char *const plain_roles[] = {"ANYONE", "SESSION", "QUORUM", "QUORUM_ADMINS", NULL};
    static const char *const none[] = {NULL};
    printf("const struct command_info proto_commands[] = {\n");
    EACH(e)
    {
        if (e->kind != KIND_COMMAND)
            continue;
        without(e);
        printf("    {0x%02X, \"%s\", \"%s\", ", e->ins, e->name, e->group);
        print_mask(e->states, "COMMAND_IN_", plain_states);
        printf(", ");
        print_mask(e->roles, "ROLE_", plain_roles);
        printf(", ");
        print_mask(e->audit, "AUDIT_", none);
        printf(", %s},\n#endif\n", in_clear(e) ? "true" : "false");
    }
    printf("};\nconst size_t proto_command_count = sizeof proto_commands / sizeof "
           "*proto_commands;\n\n");
}

static void code(void)
{
    printf("/* Made from proto/ by gen.c: change the tables, not this. */\n"
           "#include \"proto/proto.h\"\n\n");
    EACH(e)
    {
        if (e->kind == KIND_RECORD) {
            print_put(e->name, "", e->request);
            print_get(e->name, "", e->request, false);
        }
        if (e->kind != KIND_COMMAND)
            continue;
        print_put(e->name, "_req", e->request);
        print_get(e->name, "_req", e->request, true);
        print_put(e->name, "_rsp", e->response);
        print_get(e->name, "_rsp", e->response, true);
    }
    print_command_table();
    printf("const struct status_info proto_statuses[] = {\n");
    for (size_t i = 0; i < COUNT(statuses); i++) {
        printf("    {0x%04X, \"%s\", ", statuses[i].sw, statuses[i].name);
        print_quoted(statuses[i].text);
        printf(", 0x%08lX, 0x%08lX, 0x%08lX},\n", statuses[i].ckr, statuses[i].sdr,
               statuses[i].sar);
    }
    printf("};\nconst size_t proto_status_count = sizeof proto_statuses / sizeof "
           "*proto_statuses;\n\n");
    printf("const struct name_info proto_names[] = {\n");
    for (size_t i = 0; i < COUNT(enums); i++) {
        printf("    {\"%s\", \"%s\", 0x%lX, ", enums[i].group, enums[i].name, enums[i].value);
        print_quoted(enums[i].text);
        printf("},\n");
    }
    printf("};\nconst size_t proto_name_count = sizeof proto_names / sizeof *proto_names;\n");
}

/* ------------------------------------------------------------------ the device's side */

static void handlers(void)
{
    printf("/* Made from proto/commands.def by gen.c: change the table, not this. */\n"
           "#ifndef HUFU_HANDLERS_GEN_H\n#define HUFU_HANDLERS_GEN_H\n\nstruct call;\n");
    EACH(e)
    if (e->kind == KIND_COMMAND)
        printf("uint16_t cmd_%s(struct call *c, const struct %s_req *q, struct wr *out);\n",
               e->name, e->name);
    printf("\n#endif\n");
}

static void dispatch(void)
{
    printf("/* Made from proto/commands.def by gen.c: change the table, not this. */\n");
    EACH(e)
    if (e->kind == KIND_COMMAND) {
        without(e);
        printf("static uint16_t run_%s(struct call *c, struct rd *in, struct wr *out)\n{\n"
               "    struct %s_req q;\n"
               "    return %s_req_get(in, &q) ? cmd_%s(c, &q, out) : SW_WRONG_LENGTH;\n}\n"
               "#endif\n\n",
               e->name, e->name, e->name, e->name);
    }
    printf("/* In the order of proto_commands. */\n"
           "static uint16_t (*const run[])(struct call *, struct rd *, struct wr *) = {\n");
    EACH(e)
    if (e->kind == KIND_COMMAND) {
        without(e);
        printf("    run_%s,\n#endif\n", e->name);
    }
    printf("};\n");
}

/* ------------------------------------------------------------------ documents */

static void markdown_fields(const char *title, const char *list)
{
    struct field f;
    int any = 0;
    FIELDS(list, f)
    {
        printf("%s`%s` ", any++ ? ", " : title, f.name);
        if (f.type <= U64)
            printf("u%d", 8 << f.type);
        else if (f.type == FIXED)
            printf("%lu bytes", f.size);
        else if (f.type == VARIABLE)
            printf("0-%lu bytes after a u16 length", f.size);
        else if (f.record[0])
            printf("records of *%s* to the end", f.record);
        else
            printf("bytes to the end");
    }
    printf(any ? "\n\n" : "%snothing\n\n", title);
}

static void markdown_numbers(void)
{
    const char *group = "";
    for (size_t i = 0; i < COUNT(enums); i++) {
        if (strcmp(group, enums[i].group))
            printf("\n### %s\n\n| value | name | meaning |\n|---|---|---|\n", enums[i].group);
        group = enums[i].group;
        printf(enums[i].flag ? "| 0x%04lX | %s | %s |\n" : "| %lu | %s | %s |\n", enums[i].value,
               enums[i].name, enums[i].text);
    }
    printf(
        "\n## Status words\n\nPKCS#11, SDF (GM/T 0018) and SKF (GM/T 0016) show the code that the "
        "adapters give.\n\n| SW | name | meaning | PKCS#11 | SDF | SKF "
        "|\n|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < COUNT(statuses); i++)
        printf("| %04X | %s | %s | %08lX | %08lX | %08lX |\n", statuses[i].sw, statuses[i].name,
               statuses[i].text, statuses[i].ckr, statuses[i].sdr, statuses[i].sar);
}

static void markdown_entry(const struct table_entry *e)
{
    if (e->kind == KIND_GROUP) {
        printf("## %s\n\n", e->text);
    } else if (e->kind == KIND_RECORD) {
        printf("### record %s\n\n%s.\n\n", e->name, e->text);
        markdown_fields("Fields: ", e->request);
    } else {
        printf("### %02X %s\n\n%s.\n\n", e->ins, upper(e->name), e->text);
        printf("States: %s. Roles: %s. Audit: %s.\n\n", e->states, e->roles, e->audit);
        markdown_fields("Command: ", e->request);
        markdown_fields("Response: ", e->response);
    }
}

static bool in_list(const char *list, const char *word)
{
    const size_t n = strlen(word);
    for (const char *p = list; (p = strstr(p, word)); p += n)
        if ((p == list || strchr("| ", p[-1])) && (!p[n] || strchr("| ", p[n])))
            return true;
    return false;
}

static void markdown_matrix(void)
{
    static const char *const states[] = {"TESTING", "BLANK",  "LOCKED",
                                         "READY",   "FAILED", "TERMINATED"};
    static const char *const roles[] = {"USER", "OPERATOR", "ADMIN", "AUDITOR"};
    printf("\n## Command x state x role\n\nA dot: works there. Roles: a dot means that the role "
           "suffices; *anyone* needs no session, *session* no log-in. *clear*: it carries a PIN, "
           "or may "
           "carry a key in clear, and works on a link that leaves the machine in a secure channel "
           "only. *quorum*: more "
           "administrators must have approved it; *admins*: when it is about an administrator's "
           "account.\n\n"
           "| INS | command | TESTING | BLANK | LOCKED | READY | FAILED | TERMINATED | anyone | "
           "session | "
           "USER | "
           "OPERATOR | ADMIN | AUDITOR | clear | quorum |\n"
           "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
    EACH(e)
    {
        if (e->kind != KIND_COMMAND)
            continue;
        printf("| %02X | %s |", e->ins, upper(e->name));
        for (size_t i = 0; i < COUNT(states); i++)
            printf(" %s |",
                   in_list(e->states, "ALL_STATES") || in_list(e->states, states[i]) ? "•" : "");
        const bool anyone = in_list(e->roles, "ANYONE"), session = in_list(e->roles, "SESSION");
        printf(" %s | %s |", anyone ? "•" : "", anyone || session ? "•" : "");
        for (size_t i = 0; i < COUNT(roles); i++)
            printf(" %s |", anyone || session || in_list(e->roles, roles[i]) ? "•" : "");
        printf(" %s |", in_clear(e) ? "•" : "");
        printf(" %s |\n", in_list(e->roles, "QUORUM")          ? "•"
                          : in_list(e->roles, "QUORUM_ADMINS") ? "admins"
                                                               : "");
    }
}

static void markdown(void)
{
    printf("# The protocol of Hufu\n\nMade from `proto/commands.def`, `objects.def` and "
           "`status.def` by "
           "`make docs`: change the tables, not this page.\n\n"
           "A command is an APDU of ISO 7816-4, class C0 (D0 when more parts of a command chain "
           "follow), "
           "short or extended, or a native frame ([protocol-links.md](protocol-links.md)). "
           "P1 P2 hold the channel: the number of the session, big-endian, 0000 where none is "
           "needed. Integers are big-endian.\n\n");
    EACH(e)
    markdown_entry(e);
    markdown_matrix();
    printf("\n## Numbers\n");
    markdown_numbers();
}

static void dictionary(void)
{
    EACH(e)
    if (e->kind == KIND_COMMAND)
        printf("%s=\"\\xC0\\x%02X\\x00\\x00\"\n", e->name, e->ins);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*make)(void);
    } outputs[] = {{"types", types},       {"code", code},         {"handlers", handlers},
                   {"dispatch", dispatch}, {"markdown", markdown}, {"dictionary", dictionary}};
    for (size_t i = 0; argc == 2 && i < COUNT(outputs); i++) {
        if (!strcmp(argv[1], outputs[i].name)) {
            outputs[i].make();
            return fflush(stdout) ? 1 : 0;
        }
    }
    fprintf(stderr, "usage: gen types|code|handlers|dispatch|markdown|dictionary\n");
    return 2;
}
