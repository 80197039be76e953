/* A card in a PC/SC reader: finding it, and whole commands of any size over its APDUs. */
#ifndef HUFU_HOST_PCSC_CARD_H
#define HUFU_HOST_PCSC_CARD_H

#include "host/lib/lib.h"
#include "host/lib/pcsclite.h"
#include "proto/apdu.h"

struct pcsc_card {
    const struct pcsc_api *api;
    long context, handle;
    bool open_context, open_handle;
    bool exclusive;
    unsigned long protocol;
    size_t part; /* bytes of data in one APDU: 255 when the reader passes short ones only */
    uint32_t le; /* what an answer may have at once */
    char why[160];
    uint8_t command[APDU_COMMAND_MAX];
    uint8_t answer[APDU_LE_MAX + 2]; /* data SW1 SW2 */
    size_t answer_size;
};

/*
 * address: READER[?OPTION[&OPTION...]]; READER is the name of a reader or its beginning; options
 * exclusive, short, extended, wait=SECONDS. Reports with fail_with(); close in any case.
 */
enum hufu_status pcsc_card_open(struct pcsc_card *c, const char *address);
void pcsc_card_close(struct pcsc_card *c);

/*
 * One command: its data in as many APDUs as it needs, its answer to c->answer. HUFU_E_LINK: it was
 * not carried out; HUFU_E_UNKNOWN_OUTCOME, HUFU_E_BAD_ANSWER; c->why then tells. Nothing is ever
 * sent twice.
 */
enum hufu_status pcsc_card_command(struct pcsc_card *c, uint8_t ins, uint16_t channel,
                                   const uint8_t *data, size_t size);

#endif
