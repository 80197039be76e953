#include "sim/capabilities.h"

#include <stdio.h>
#include <string.h>

#include "proto/proto.h"
#include "sim/log.h"
#include "sim/machine.h"

enum { ANSWER_MAX = 4096 };

/* Ask a command without data; false after a line. */
static bool ask(struct device *d, uint8_t ins, uint8_t *answer, struct rd *r)
{
    struct exchange x = {.link = device_link_open(d),
                         .cla = CLA_HUFU,
                         .ins = ins,
                         .response = answer,
                         .room = ANSWER_MAX};
    device_serve(d, &x, 1);
    device_link_close(d, x.link);
    rd_init(r, answer, x.response_size);
    if (x.sw != SW_OK)
        log_line(LOG_LEVEL_ERROR, "%s: %s", proto_command(ins)->name, proto_status(x.sw)->text);
    return x.sw == SW_OK;
}

/* Bit i of the mask stands for value i of the group. */
static void print_mask(const char *key, const char *group, uint32_t mask)
{
    const char *comma = "";
    printf("  \"%s\": [", key);
    for (uint32_t i = 0; i < 32; i++) {
        const struct name_info *name = proto_name(group, i);
        if ((mask >> i & 1) == 0 || !name)
            continue;
        printf("%s\"%s\"", comma, name->name);
        comma = ", ";
    }
    printf("],\n");
}

static void print_limits(const struct capabilities_rsp *c, const struct info_rsp *i)
{
    printf("  \"limits\": {");
    for (size_t at = 0; at < proto_name_count; at++)
        if (!strcmp(proto_names[at].group, "limit"))
            printf("\"%s\": %lu, ", proto_names[at].name, (unsigned long)proto_names[at].value);
    printf("\"BATCH_MAX\": %lu, \"TICKETS\": %u, \"SESSIONS\": %u, \"OBJECTS\": %lu},\n",
           (unsigned long)c->batch_max, c->tickets, i->sessions_max, (unsigned long)i->objects_max);
}

static void print_commands(void)
{
    printf("  \"commands\": {");
    for (size_t i = 0; i < proto_command_count; i++)
        printf("%s\"%s\": \"%02X\"", i ? ", " : "", proto_commands[i].name, proto_commands[i].ins);
    printf("},\n");
}

static void print_all(const struct capabilities_rsp *c, const struct info_rsp *i)
{
    printf("{\n  \"program\": \"hufu-sim\",\n  \"version\": \"%s\",\n  \"protocol\": %u,\n",
           HUFU_VERSION, i->protocol);
    printf("  \"engine\": \"%.*s\",\n", (int)i->engine.size, (const char *)i->engine.data);
    print_mask("keys", "key", c->keys);
    print_mask("signatures", "sign", c->signs);
    print_mask("ciphers", "cipher", c->ciphers);
    print_mask("digests", "digest", c->hashes);
    print_limits(c, i);
    print_commands();
    printf("  \"links\": [\"unix\"],\n"
           "  \"formats\": {\"envelopes\": [\"frame\", \"apdu-short\", \"apdu-extended\", "
           "\"apdu-chained\"], \"wrapped\": \"HFWK\", \"wrapped_version\": 1}\n}\n");
}

int capabilities_print(const struct sim_options *o)
{
    static uint8_t info_answer[ANSWER_MAX], answer[ANSWER_MAX];
    struct machine m;
    struct rd info_rd, rd;
    struct info_rsp info;
    struct capabilities_rsp capabilities;
    const bool ok = !machine_open(&m, o, NULL) && !machine_boot(&m, o) &&
                    ask(m.device, INS_INFO, info_answer, &info_rd) &&
                    ask(m.device, INS_CAPABILITIES, answer, &rd) && info_rsp_get(&info_rd, &info) &&
                    capabilities_rsp_get(&rd, &capabilities);
    if (ok)
        print_all(&capabilities, &info);
    machine_stop(&m);
    return ok ? 0 : -1;
}
