#include "host/lib/pcsc_card.h"

#include <stdio.h>
#include <string.h>

enum { INS_GET_RESPONSE = 0xC0, SW_MORE = 0x61, SW_LE = 0x6C, SHORT_LE = 256, SHORT_PART = 255 };

/* ------------------------------------------------------------------ one APDU */

/* The errors that pcscd gives before the reader has seen anything. */
static bool not_sent(enum pcsc_error e)
{
    return e == PCSC_W_RESET || e == PCSC_W_REMOVED || e == PCSC_E_SHARING_VIOLATION ||
           e == PCSC_E_INVALID_HANDLE || e == PCSC_E_INVALID_PARAMETER || e == PCSC_W_UNPOWERED;
}

static enum hufu_status broken(struct pcsc_card *c, enum hufu_status s, const char *why)
{
    snprintf(c->why, sizeof c->why, "%s", why);
    return s;
}

/* Append the response's data to the answer; its status word in *sw. */
static enum pcsc_error transmit(struct pcsc_card *c, const struct apdu *a, uint16_t *sw)
{
    const struct pcsc_pci send = {c->protocol, sizeof send};
    const size_t n = apdu_build(c->command, sizeof c->command, a);
    uint8_t *to = c->answer + c->answer_size;
    unsigned long got = sizeof c->answer - c->answer_size;
    const long rv = c->api->transmit(c->handle, &send, c->command, n, NULL, to, &got);
    const enum pcsc_error e = (enum pcsc_error)(unsigned)rv;
    *sw = 0;
    if (e == PCSC_OK && got >= 2 && got <= sizeof c->answer - c->answer_size) {
        *sw = (uint16_t)(to[got - 2] << 8 | to[got - 1]);
        c->answer_size += got - 2;
    }
    return e;
}

/* ------------------------------------------------------------------ one command */

/* All parts but the last. */
static enum hufu_status send_chain(struct pcsc_card *c, struct apdu *a, const uint8_t *data,
                                   size_t size, size_t *sent)
{
    for (*sent = 0; size - *sent > c->part; *sent += c->part) {
        uint16_t sw;
        a->cla = CLA_HUFU | CLA_CHAIN;
        a->data = (struct view){data + *sent, c->part};
        a->le = 0;
        const enum pcsc_error e = transmit(c, a, &sw);
        if (e != PCSC_OK) /* a chain without its end is not carried out */
            return broken(c, HUFU_E_LINK, pcsc_text(e));
        if (sw != SW_OK)
            return broken(c, HUFU_E_LINK, "the device broke off a command chain");
    }
    return HUFU_OK;
}

/* The rest of an answer that does not come at once. */
static enum hufu_status fetch(struct pcsc_card *c, uint16_t *sw)
{
    for (unsigned wrong = 0; *sw >> 8 == SW_MORE || *sw >> 8 == SW_LE;) {
        const uint32_t left = *sw & 0xFF ? *sw & 0xFFu : SHORT_LE;
        const bool many = left == SHORT_LE && c->le > SHORT_LE;
        const struct apdu a = {
            .cla = CLA_ISO, .ins = INS_GET_RESPONSE, .le = many ? c->le : left, .extended = many};
        const size_t before = c->answer_size;
        const enum pcsc_error e = transmit(c, &a, sw);
        if (e != PCSC_OK)
            return broken(c, HUFU_E_UNKNOWN_OUTCOME, pcsc_text(e));
        if (c->answer_size == before && ++wrong > 2)
            return broken(c, HUFU_E_BAD_ANSWER, "an answer without an end came");
    }
    return HUFU_OK;
}

static enum hufu_status exchange(struct pcsc_card *c, struct apdu *a, const uint8_t *data,
                                 size_t size)
{
    size_t sent;
    uint16_t sw;
    enum hufu_status s = send_chain(c, a, data, size, &sent);
    if (s)
        return s;
    c->answer_size = 0;
    a->cla = CLA_HUFU;
    a->data = (struct view){data + sent, size - sent};
    a->le = c->protocol == PCSC_T0 && size ? 0 : c->le;
    const enum pcsc_error e = transmit(c, a, &sw);
    if (e != PCSC_OK)
        return broken(c, not_sent(e) ? HUFU_E_LINK : HUFU_E_UNKNOWN_OUTCOME, pcsc_text(e));
    s = fetch(c, &sw);
    if (s)
        return s;
    if (!sw)
        return broken(c, HUFU_E_BAD_ANSWER, "an answer without a status word came");
    c->answer[c->answer_size++] = (uint8_t)(sw >> 8);
    c->answer[c->answer_size++] = (uint8_t)sw;
    return HUFU_OK;
}

static enum hufu_status begin(struct pcsc_card *c)
{
    const enum pcsc_error e = (enum pcsc_error)(unsigned)c->api->begin_transaction(c->handle);
    return e == PCSC_OK ? HUFU_OK : broken(c, HUFU_E_LINK, pcsc_text(e));
}

/*
 * Programs share the card. What may take several APDUs gets it for itself meanwhile; a single APDU
 * does not need that, unless another program has it.
 */
enum hufu_status pcsc_card_command(struct pcsc_card *c, uint8_t ins, uint16_t channel,
                                   const uint8_t *data, size_t size)
{
    struct apdu a = {.ins = ins,
                     .p1 = (uint8_t)(channel >> 8),
                     .p2 = (uint8_t)channel,
                     .extended = c->part > SHORT_PART};
    bool alone = !c->exclusive && (size > c->part || c->le <= SHORT_LE);
    enum hufu_status s = HUFU_OK;
    c->answer_size = 0;
    if (alone)
        s = begin(c);
    if (s)
        return s;
    s = exchange(c, &a, data, size);
    if (s == HUFU_E_LINK && !alone && !strcmp(c->why, pcsc_text(PCSC_E_SHARING_VIOLATION))) {
        s = begin(c); /* nothing was sent: when the other one is done, it is our turn */
        alone = !s;
        if (!s)
            s = exchange(c, &a, data, size);
    }
    if (alone)
        c->api->end_transaction(c->handle, PCSC_LEAVE);
    return s;
}

/* ------------------------------------------------------------------ options */

struct choice {
    char reader[200];
    bool exclusive, short_only, extended;
    uint64_t deadline; /* until which a reader with a card is waited for; 0: not at all */
};

static bool option_take(struct choice *o, const char *word)
{
    unsigned seconds;
    char rest;
    if (!strcmp(word, "exclusive"))
        return o->exclusive = true;
    if (!strcmp(word, "short"))
        return o->short_only = true;
    if (!strcmp(word, "extended"))
        return o->extended = true;
    if (sscanf(word, "wait=%6u%c", &seconds, &rest) != 1)
        return false;
    o->deadline = now_ms() + 1000u * (uint64_t)seconds;
    return true;
}

static enum hufu_status choice_read(struct choice *o, const char *address)
{
    char copy[300];
    memset(o, 0, sizeof *o);
    if (strlen(address) >= sizeof copy)
        return fail_with(HUFU_E_URL, "pcsc:%.60s...: too long", address);
    memcpy(copy, address, strlen(address) + 1);
    char *options = strchr(copy, '?');
    if (options)
        *options++ = 0;
    if (strlen(copy) >= sizeof o->reader)
        return fail_with(HUFU_E_URL, "pcsc:%.60s...: too long", address);
    memcpy(o->reader, copy, strlen(copy) + 1);
    for (char *save, *word = options ? strtok_r(options, "&", &save) : NULL; word;
         word = strtok_r(NULL, "&", &save))
        if (!option_take(o, word))
            return fail_with(
                HUFU_E_URL,
                "pcsc:%s: \"%s\" is no option: give exclusive, short, extended or wait=SECONDS",
                address, word);
    return HUFU_OK;
}

/* ------------------------------------------------------------------ finding the reader */

enum { NAMES = 4096 };

/* One name after the other, with an empty one at the end. */
static enum pcsc_error list_readers(const struct pcsc_card *c, char names[NAMES])
{
    unsigned long size = NAMES - 1;
    memset(names, 0, NAMES);
    return (enum pcsc_error)(unsigned)c->api->list_readers(c->context, NULL, names, &size);
}

static bool has_card(const struct pcsc_card *c, const char *reader, unsigned long *state)
{
    struct pcsc_reader_state r = {.reader = reader};
    c->api->get_status_change(c->context, 0, &r, 1);
    *state = r.event & ~(unsigned long)PCSC_STATE_CHANGED;
    return (r.event & PCSC_STATE_PRESENT) != 0;
}

/* The historical bytes end with the issuer's data "Hufu". */
static bool is_ours(const struct pcsc_card *c, const char *reader)
{
    struct pcsc_reader_state r = {.reader = reader};
    uint8_t atr[ATR_MAX];
    const size_t n = atr_put(atr);
    c->api->get_status_change(c->context, 0, &r, 1);
    return r.atr_size == n && !memcmp(r.atr, atr, n);
}

/* The reader of this whole name, or the only one whose name begins so; among several, the only one
 * with a Hufu device. *found: NULL when there is none, else in names. */
static enum hufu_status match(const struct pcsc_card *c, const char *wanted, const char *names,
                              const char **found)
{
    const char *first = NULL, *ours = NULL;
    unsigned matches = 0, hufus = 0;
    *found = NULL;
    for (const char *p = names; *p; p += strlen(p) + 1) {
        if (!strcmp(p, wanted)) {
            *found = p;
            return HUFU_OK;
        }
        if (strncmp(p, wanted, strlen(wanted)) != 0)
            continue;
        first = p;
        matches++;
        if (is_ours(c, p)) {
            ours = p;
            hufus++;
        }
    }
    if (matches > 1 && hufus != 1)
        return fail_with(HUFU_E_URL, "pcsc:%s: %u readers have such a name: give the whole name",
                         wanted, matches);
    *found = matches > 1 ? ours : first;
    return HUFU_OK;
}

/* Sleep until a reader comes or goes, or a card in this one (NULL: none is there yet). */
static enum pcsc_error sleep_for_change(const struct pcsc_card *c, const char *reader,
                                        unsigned long state, const char *names, uint64_t deadline)
{
    unsigned long readers = 0;
    const uint64_t now = now_ms();
    for (const char *p = names; *p; p += strlen(p) + 1)
        readers++;
    struct pcsc_reader_state r[2] = {
        {.reader = "\\\\?PnP?\\Notification", .current = readers << 16},
        {.reader = reader, .current = state}};
    return (enum pcsc_error)(unsigned)c->api->get_status_change(
        c->context, deadline > now ? deadline - now : 0, r, reader ? 2 : 1);
}

static enum hufu_status find_reader(const struct pcsc_card *c, const struct choice *o,
                                    char name[200])
{
    for (;;) {
        char names[NAMES];
        const char *found;
        unsigned long state = 0;
        const enum pcsc_error e = list_readers(c, names);
        if (e != PCSC_OK && e != PCSC_E_NO_READERS)
            return fail_with(HUFU_E_OPEN, "pcsc:%s: %s", o->reader, pcsc_text(e));
        const enum hufu_status s = match(c, o->reader, names, &found);
        if (s)
            return s;
        const bool card = found && has_card(c, found, &state);
        if (found)
            snprintf(name, 200, "%s", found);
        if (card || (found && !o->deadline))
            return HUFU_OK;
        if (!o->deadline || now_ms() >= o->deadline)
            return fail_with(HUFU_E_OPEN, "pcsc:%s: pcscd has no such reader%s", o->reader,
                             found ? " with a card" : "; pcsc_scan lists those that are there");
        sleep_for_change(c, found, state, names, o->deadline);
    }
}

/* ------------------------------------------------------------------ what the reader passes */

static const uint8_t *find_tlv(const uint8_t *p, size_t n, uint8_t tag)
{
    for (size_t i = 0; i + 2 <= n && i + 2 + p[i + 1] <= n; i += 2u + p[i + 1])
        if (p[i] == tag && p[i + 1] == 4)
            return p + i + 2;
    return NULL;
}

/* Bytes of data in an APDU, from the reader's properties (PC/SC part 10); it may not tell: 0. */
static uint32_t ask_reader(const struct pcsc_card *c)
{
    enum { FEATURES = 0x42000000 + 3400, PROPERTIES = 0x12, MAX_APDU_DATA = 0x0A };
    uint8_t out[256];
    unsigned long n = 0;
    if (c->api->control(c->handle, FEATURES, NULL, 0, out, sizeof out, &n) || n > sizeof out)
        return 0;
    const uint8_t *v = find_tlv(out, n, PROPERTIES);
    if (!v)
        return 0;
    const unsigned long code =
        (unsigned long)v[0] << 24 | (unsigned long)v[1] << 16 | (unsigned long)v[2] << 8 | v[3];
    n = 0;
    if (c->api->control(c->handle, code, NULL, 0, out, sizeof out, &n) || n > sizeof out)
        return 0;
    v = find_tlv(out, n, MAX_APDU_DATA);
    return v ? (uint32_t)v[3] << 24 | (uint32_t)v[2] << 16 | (uint32_t)v[1] << 8 | v[0] : 0;
}

static void choose_sizes(struct pcsc_card *c, const struct choice *o)
{
    uint32_t most = o->extended ? APDU_LC_MAX : o->short_only ? 0 : ask_reader(c);
    if (c->protocol == PCSC_T0)
        most = 0; /* it has no extended APDUs */
    if (most > APDU_LC_MAX)
        most = APDU_LC_MAX;
    c->part = most > SHORT_PART ? most : SHORT_PART;
    c->le = most == APDU_LC_MAX ? APDU_LE_MAX : most > SHORT_LE ? most : SHORT_LE;
}

/* ------------------------------------------------------------------ open, close */

static enum hufu_status connect_card(struct pcsc_card *c, const struct choice *o,
                                     const char *reader)
{
    const enum pcsc_error e = (enum pcsc_error)(unsigned)c->api->connect(
        c->context, reader, o->exclusive ? PCSC_EXCLUSIVE : PCSC_SHARED, PCSC_T0 | PCSC_T1,
        &c->handle, &c->protocol);
    if (e != PCSC_OK)
        return fail_with(HUFU_E_OPEN, "pcsc:%s: %s (%08X)", reader, pcsc_text(e), (unsigned)e);
    c->open_handle = true;
    c->exclusive = o->exclusive;
    choose_sizes(c, o);
    return HUFU_OK;
}

/* Other cards are left alone. */
static enum hufu_status select_application(struct pcsc_card *c, const char *reader)
{
    static const uint8_t aid[] = {0xF0, 'H', 'u', 'f', 'u', 'K', 'E', 'Y', 0x01};
    enum { INS_SELECT = 0xA4, BY_NAME = 0x04, NO_FCI = 0x0C };
    const struct apdu a = {
        .ins = INS_SELECT, .p1 = BY_NAME, .p2 = NO_FCI, .data = {aid, sizeof aid}};
    uint16_t sw = 0;
    enum pcsc_error e = transmit(c, &a, &sw);
    if (e == PCSC_E_SHARING_VIOLATION && c->api->begin_transaction(c->handle) == 0) {
        e = transmit(c, &a, &sw);
        c->api->end_transaction(c->handle, PCSC_LEAVE);
    }
    if (e != PCSC_OK)
        return fail_with(HUFU_E_OPEN, "pcsc:%s: %s (%08X)", reader, pcsc_text(e), (unsigned)e);
    if (sw != SW_OK)
        return fail_with(HUFU_E_OPEN, "pcsc:%s: the card there is no Hufu device (%04X)", reader,
                         sw);
    return HUFU_OK;
}

enum hufu_status pcsc_card_open(struct pcsc_card *c, const char *address)
{
    struct choice o;
    char reader[200] = "";
    enum hufu_status s = choice_read(&o, address);
    if (s)
        return s;
    c->api = pcsc_api(address);
    if (!c->api)
        return HUFU_E_OPEN;
    const enum pcsc_error e =
        (enum pcsc_error)(unsigned)c->api->establish(PCSC_SYSTEM, NULL, NULL, &c->context);
    if (e != PCSC_OK)
        return fail_with(HUFU_E_OPEN, "pcsc:%s: %s (%08X): start pcscd", address, pcsc_text(e),
                         (unsigned)e);
    c->open_context = true;
    s = find_reader(c, &o, reader);
    if (!s)
        s = connect_card(c, &o, reader);
    return s ? s : select_application(c, reader);
}

void pcsc_card_close(struct pcsc_card *c)
{
    /* A card that nobody else shares is reset, so that nothing of ours stays in it. */
    if (c->open_handle)
        c->api->disconnect(c->handle, c->exclusive ? PCSC_RESET : PCSC_LEAVE);
    if (c->open_context)
        c->api->release(c->context);
    wipe(c->command, sizeof c->command);
    wipe(c->answer, sizeof c->answer);
    c->open_handle = c->open_context = false;
}
