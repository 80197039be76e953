#include "proto/proto.h"

static int same_word(const char *a, const char *b, int any_case)
{
    for (;; a++, b++) {
        char x = *a, y = *b;
        if (any_case && x >= 'a' && x <= 'z')
            x = (char)(x - 'a' + 'A');
        if (any_case && y >= 'a' && y <= 'z')
            y = (char)(y - 'a' + 'A');
        if (x != y)
            return 0;
        if (!x)
            return 1;
    }
}

const struct command_info *proto_command(uint8_t ins)
{
    for (size_t i = 0; i < proto_command_count; i++)
        if (proto_commands[i].ins == ins)
            return &proto_commands[i];
    return NULL;
}

size_t proto_approved_size(uint8_t ins, const uint8_t *request, size_t n)
{
    struct account_create_req create;
    struct pin_unblock_req unblock;
    struct rd r;
    rd_init(&r, request, n);
    if (ins == INS_ACCOUNT_CREATE && account_create_req_get(&r, &create))
        return n - 2 - create.pin.size;
    if (ins == INS_PIN_UNBLOCK && pin_unblock_req_get(&r, &unblock))
        return n - 2 - unblock.new.size;
    return n;
}

const struct status_info *proto_status(uint16_t sw)
{
    const uint16_t wanted = (sw & 0xFFF0) == SW_PIN_WRONG ? SW_PIN_WRONG : sw;
    const struct status_info *internal = NULL;
    for (size_t i = 0; i < proto_status_count; i++) {
        if (proto_statuses[i].sw == wanted)
            return &proto_statuses[i];
        if (proto_statuses[i].sw == SW_INTERNAL)
            internal = &proto_statuses[i];
    }
    return internal;
}

const struct name_info *proto_name(const char *group, uint32_t value)
{
    for (size_t i = 0; i < proto_name_count; i++)
        if (proto_names[i].value == value && same_word(proto_names[i].group, group, 0))
            return &proto_names[i];
    return NULL;
}

const struct name_info *proto_value(const char *group, const char *name)
{
    for (size_t i = 0; i < proto_name_count; i++)
        if (same_word(proto_names[i].group, group, 0) && same_word(proto_names[i].name, name, 1))
            return &proto_names[i];
    return NULL;
}
