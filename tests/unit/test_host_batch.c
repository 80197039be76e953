/* Batches of keys and signatures as the host sees them: the order of commands, acknowledgements,
 * and lies. */
#include <check.h>

#include "tests/lib/liar.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

enum { KEPT_MAX = 16, RECORD = 112 };

/* A device that makes batches, of which the test can break any field. */
struct maker {
    uint64_t kept[KEPT_MAX]; /* tickets that are not acknowledged */
    uint32_t counts[KEPT_MAX];
    uint64_t last_ticket;
    unsigned ordered, acked, most_kept, room;
    uint32_t pairs, bad_every; /* a failed pair now and then; 0: none */
    unsigned handed;           /* chunks that the caller has seen */
    unsigned ahead;            /* most commands that were ahead of the caller */
    /* lies */
    int more_records, more_status, more_count;
    uint8_t type, version;
    uint64_t ticket;
    bool no_ticket, all_bad;
    unsigned stop_at; /* the caller stops at this chunk; 0: never */
    bool forever;     /* fetch always finds something */
};

static struct liar *liar;
static struct hufu_device *device;
static struct maker maker;

static void ack(struct maker *m, uint64_t ticket)
{
    for (unsigned i = 0; i < KEPT_MAX; i++)
        if (ticket && m->kept[i] == ticket) {
            m->kept[i] = 0;
            m->acked++;
        }
}

static unsigned kept(const struct maker *m)
{
    unsigned n = 0;
    for (unsigned i = 0; i < KEPT_MAX; i++)
        n += m->kept[i] != 0;
    return n;
}

static void put_header(const struct maker *m, struct wr *w, uint64_t ticket, uint32_t count)
{
    uint8_t batch[16] = {0};
    batch[0] = (uint8_t)ticket;
    batch[1] = (uint8_t)(ticket >> 8);
    const struct wrap_header h = {.magic = (const uint8_t *)"HFWK",
                                  .version = m->version,
                                  .type = m->type,
                                  .usage = HUFU_USAGE_SIGN,
                                  .domain = batch,
                                  .batch = batch,
                                  .count = count + (uint32_t)m->more_count};
    wrap_header_put(w, &h);
}

static void put_chunk(const struct maker *m, struct wr *w, uint64_t ticket, uint32_t count)
{
    const size_t status = (count + 7) / 8 + (size_t)m->more_status;
    wr_u64(w, m->no_ticket ? 0 : ticket);
    put_header(m, w, ticket, count);
    wr_u16(w, (uint16_t)status);
    uint8_t *bits = wr_reserve(w, status);
    memset(bits, 0, status);
    for (uint32_t i = 0; i < count && !m->all_bad; i++)
        if ((!m->bad_every || (i + ticket) % m->bad_every) && i / 8 < status)
            bits[i / 8] |= (uint8_t)(1u << i % 8);
    uint8_t *records = wr_reserve(w, (size_t)((long)count * RECORD + m->more_records));
    memset(records, (uint8_t)ticket, (size_t)((long)count * RECORD + m->more_records));
    wr_u16(w, SW_OK);
}

static void make(struct maker *m, struct view data, struct wr *w)
{
    struct rd r;
    struct key_batch_req req;
    unsigned place = 0;
    rd_init(&r, data.data, data.size);
    ck_assert(key_batch_req_get(&r, &req));
    ack(m, req.ack);
    while (place < m->room && m->kept[place])
        place++;
    if (place == m->room) {
        wr_u16(w, SW_TOO_MANY);
        return;
    }
    m->kept[place] = ++m->last_ticket;
    m->counts[place] = req.count;
    m->ordered++;
    m->pairs += req.count;
    if (m->ordered - m->handed > m->ahead)
        m->ahead = m->ordered - m->handed;
    if (kept(m) > m->most_kept)
        m->most_kept = kept(m);
    put_chunk(m, w, m->last_ticket, req.count);
}

static void fetch(struct maker *m, struct wr *w)
{
    unsigned oldest = KEPT_MAX;
    if (m->forever) {
        put_chunk(m, w, ++m->last_ticket, 3);
        return;
    }
    for (unsigned i = 0; i < KEPT_MAX; i++)
        if (m->kept[i] && (oldest == KEPT_MAX || m->kept[i] < m->kept[oldest]))
            oldest = i;
    if (oldest == KEPT_MAX)
        wr_u16(w, SW_NO_TICKET);
    else
        put_chunk(m, w, m->kept[oldest], m->counts[oldest]);
}

static void answer(struct liar *l, const struct hufu_request *r, struct wr *w)
{
    const struct view data = liar_data(r);
    struct rd in;
    (void)l;
    rd_init(&in, data.data, data.size);
    switch (r->ins) {
    case INS_KEY_BATCH:
        make(&maker, data, w);
        break;
    case INS_KEY_FETCH:
        fetch(&maker, w);
        break;
    case INS_KEY_ACK:
        ack(&maker, rd_u64(&in));
        wr_u16(w, SW_OK);
        break;
    default:
        wr_u16(w, SW_NO_COMMAND);
    }
}

static void set_up(void)
{
    liar = liar_new();
    liar->batch_max = 100;
    liar->tickets = KEPT_MAX;
    ck_assert_int_eq(device_attach(&device, "liar:", &liar->base, NULL), HUFU_OK);
    liar->answer = answer;
    memset(&maker, 0, sizeof maker);
    maker.type = KEY_SM2;
    maker.version = 1;
    maker.room = KEPT_MAX;
}

static void tear_down(void)
{
    hufu_close(device);
}

/* The caller: checks that what it gets is whole, in order, and comes once. Where tickets are scarce
 * one that was refused and ordered again may come after the next. */
struct caller {
    uint64_t good;
    unsigned chunks, fetched, known;
    uint64_t last;
    bool seen[64];
};

static int take(void *context, const struct hufu_key_chunk *k)
{
    struct caller *c = context;
    maker.handed++;
    if (maker.room == KEPT_MAX)
        ck_assert_uint_gt(k->ticket, c->last);
    c->last = k->ticket;
    ck_assert(!c->seen[k->ticket % 64]);
    c->seen[k->ticket % 64] = !maker.forever;
    for (size_t i = 0; i < k->count * k->record_size; i++)
        ck_assert_uint_eq(k->records[i], (uint8_t)k->ticket);
    c->chunks++;
    c->fetched += k->fetched != 0;
    c->good += k->good;
    if (maker.stop_at && c->chunks == maker.stop_at)
        return 5;
    return k->fetched && c->known ? HUFU_CHUNK_KNOWN : 0;
}

static enum hufu_status run(uint64_t total, int resume, struct caller *c, uint64_t *made)
{
    const struct hufu_batch batch = {
        .type = HUFU_KEY_SM2, .usage = HUFU_USAGE_SIGN, .total = total, .resume = resume};
    memset(c, 0, sizeof *c);
    return hufu_key_batch(hufu_nobody(device), &batch, take, c, made);
}

START_TEST(whole_batches)
{
    static const uint64_t totals[] = {0, 1, 99, 100, 101, 200, 1234};
    for (size_t i = 0; i < sizeof totals / sizeof *totals; i++) {
        struct caller c;
        uint64_t made;
        maker.ordered = maker.acked = maker.pairs = maker.handed = maker.ahead = 0;
        ck_assert_int_eq(run(totals[i], 0, &c, &made), HUFU_OK);
        ck_assert_uint_eq(made, totals[i]);
        ck_assert_uint_eq(c.good, totals[i]);
        ck_assert_uint_eq(maker.pairs, totals[i]);
        ck_assert_uint_eq(maker.acked, maker.ordered);
        ck_assert_uint_eq(kept(&maker), 0);
        /* two commands were on their way while a chunk was handed over */
        const unsigned chunks = (unsigned)(totals[i] + 99) / 100;
        ck_assert_uint_eq(maker.ahead, chunks < 3 ? chunks : 3);
    }
    ck_assert_uint_le(maker.most_kept, 4);
}
END_TEST

START_TEST(failed_pairs_are_made_up_for)
{
    struct caller c;
    uint64_t made;
    maker.bad_every = 7;
    ck_assert_int_eq(run(1000, 0, &c, &made), HUFU_OK);
    ck_assert_uint_ge(made, 1000);
    ck_assert_uint_eq(made, c.good);
    ck_assert_uint_gt(maker.pairs, 1000);
    ck_assert_uint_eq(kept(&maker), 0);
}
END_TEST

START_TEST(few_tickets)
{
    tear_down();
    for (unsigned room = 1; room <= 4; room++) {
        struct caller c;
        uint64_t made;
        set_up();
        maker.room = room;
        ck_assert_int_eq(run(1000, 0, &c, &made), HUFU_OK);
        ck_assert_uint_eq(made, 1000);
        ck_assert_uint_eq(maker.pairs, 1000);
        ck_assert_uint_eq(kept(&maker), 0);
        tear_down();
    }
    set_up();
}
END_TEST

START_TEST(device_that_says_it_has_one_ticket)
{
    struct caller c;
    uint64_t made;
    struct liar *l = liar_new();
    hufu_close(device);
    l->tickets = 1;
    l->batch_max = 100;
    ck_assert_int_eq(device_attach(&device, "liar:", &l->base, NULL), HUFU_OK);
    l->answer = answer;
    maker.room = 1;
    ck_assert_int_eq(run(500, 0, &c, &made), HUFU_OK);
    ck_assert_uint_eq(made, 500);
    ck_assert_uint_eq(maker.ahead, 1);
}
END_TEST

START_TEST(no_ticket_is_free)
{
    struct caller c;
    for (unsigned i = 0; i < KEPT_MAX; i++) {
        maker.kept[i] = ++maker.last_ticket;
        maker.counts[i] = 2;
    }
    ck_assert_int_eq(run(10, 0, &c, NULL), HUFU_E_TOO_MANY);
    ck_assert_uint_eq(kept(&maker), KEPT_MAX); /* somebody else's: left alone */
}
END_TEST

START_TEST(the_caller_stops)
{
    struct caller c;
    uint64_t made;
    maker.stop_at = 3;
    ck_assert_int_eq(run(1000, 0, &c, &made), HUFU_E_STOPPED);
    ck_assert_uint_eq(made, 200);
    ck_assert_uint_eq(kept(&maker), 3); /* the one refused, and those that were under way */
    maker.stop_at = 0;
    ck_assert_int_eq(run(1000, 1, &c, &made), HUFU_OK);
    ck_assert_uint_eq(c.fetched, 3);
    ck_assert_uint_eq(made, 1000);
    ck_assert_uint_eq(c.good, 1000);
    ck_assert_uint_eq(kept(&maker), 0);
}
END_TEST

START_TEST(what_is_known_is_not_counted)
{
    struct caller c;
    uint64_t made;
    maker.stop_at = 2;
    ck_assert_int_eq(run(1000, 0, &c, &made), HUFU_E_STOPPED);
    maker.stop_at = 0;
    const struct hufu_batch batch = {
        .type = HUFU_KEY_SM2, .usage = HUFU_USAGE_SIGN, .total = 50, .resume = 1};
    c = (struct caller){.known = 1};
    ck_assert_int_eq(hufu_key_batch(hufu_nobody(device), &batch, take, &c, &made), HUFU_OK);
    ck_assert_uint_eq(made, 50);
    ck_assert_uint_eq(c.good, 350);
    ck_assert_uint_eq(kept(&maker), 0);
}
END_TEST

START_TEST(fetch_without_end)
{
    struct caller c;
    maker.forever = true;
    ck_assert_int_eq(run(10, 1, &c, NULL), HUFU_E_BAD_ANSWER);
    ck_assert_uint_le(c.chunks, KEPT_MAX + 1);
}
END_TEST

START_TEST(fetch_one)
{
    struct caller c = {0};
    maker.kept[0] = maker.last_ticket = 9;
    maker.counts[0] = 4;
    ck_assert_int_eq(hufu_key_fetch(hufu_nobody(device), 9, take, &c), HUFU_OK);
    ck_assert_uint_eq(c.good, 4);
    ck_assert_uint_eq(kept(&maker), 1);
    c = (struct caller){0};
    ck_assert_int_eq(hufu_key_fetch(hufu_nobody(device), 8, take, &c), HUFU_E_BAD_ANSWER);
    ck_assert_uint_eq(c.chunks, 0); /* another ticket than the one that was asked for */
    ck_assert_int_eq(hufu_key_ack(hufu_nobody(device), 9), HUFU_OK);
    ck_assert_int_eq(hufu_key_fetch(hufu_nobody(device), 9, take, &c), HUFU_E_NO_TICKET);
}
END_TEST

START_TEST(lies)
{
    tear_down();
    for (int i = 0; i < 11; i++) {
        struct caller c;
        enum hufu_status wanted = HUFU_E_BAD_ANSWER;
        set_up();
        maker.more_records = i == 0 ? 1 : i == 1 ? -1 : i == 2 ? 10 : 0;
        maker.more_status = i == 3 ? 1 : i == 4 ? -1 : 0;
        maker.more_count = i == 5 ? 1 : i == 6 ? -1 : i == 7 ? -10 : 0;
        maker.no_ticket = i == 8;
        maker.type = i == 9 ? KEY_SM4 : KEY_SM2;
        maker.version = i == 10 ? 2 : 1;
        ck_assert_int_eq(run(10, 0, &c, NULL), wanted);
        ck_assert_uint_eq(c.chunks, 0);
        tear_down();
    }
    set_up();
}
END_TEST

START_TEST(all_pairs_failed)
{
    struct caller c;
    maker.all_bad = true;
    ck_assert_int_eq(run(10, 0, &c, NULL), HUFU_E_KEY_GENERATION_FAILED);
}
END_TEST

START_TEST(the_link_goes)
{
    struct caller c;
    liar->failure = HUFU_E_UNKNOWN_OUTCOME;
    ck_assert_int_eq(run(10, 0, &c, NULL), HUFU_E_UNKNOWN_OUTCOME);
    ck_assert_uint_eq(kept(&maker), 1); /* the lost answer */
    liar->failure = HUFU_OK;
    uint64_t made;
    ck_assert_int_eq(run(10, 1, &c, &made), HUFU_OK);
    ck_assert_uint_eq(made, 10);
    ck_assert_uint_eq(maker.pairs, 10); /* it was found, not made again */
    ck_assert_uint_eq(kept(&maker), 0);
}
END_TEST

/* ------------------------------------------------------------------ signatures */

static struct {
    unsigned under_way, most, commands;
    int more_count, more_bytes, more_status;
    uint32_t bad; /* this one fails; UINT32_MAX: none */
    uint32_t done;
} signer;

static void sign(struct liar *l, const struct hufu_request *r, struct wr *w)
{
    struct sign_batch_req req;
    struct rd in;
    (void)l;
    const struct view data = liar_data(r);
    rd_init(&in, data.data, data.size);
    ck_assert(sign_batch_req_get(&in, &req));
    const uint32_t n = (uint32_t)(req.digests.size / 32);
    const size_t bits = (n + 7) / 8 + (size_t)signer.more_status;
    wr_u32(w, n + (uint32_t)signer.more_count);
    wr_u16(w, (uint16_t)bits);
    uint8_t *status = wr_reserve(w, bits);
    memset(status, 0xFF, bits);
    if (signer.bad >= signer.done && signer.bad - signer.done < n)
        status[(signer.bad - signer.done) / 8] &= (uint8_t) ~(1u << (signer.bad - signer.done) % 8);
    for (uint32_t i = 0; i < n; i++) { /* a signature is its digest, twice */
        wr_bytes(w, req.digests.data + 32 * i, 32);
        wr_bytes(w, req.digests.data + 32 * i, 32);
    }
    for (int i = 0; i < signer.more_bytes; i++)
        wr_u8(w, 0);
    wr_u16(w, SW_OK);
    signer.done += n;
    signer.commands++;
}

static const struct hufu_signing sm2 = {.scheme = HUFU_SIGN_SM2};

START_TEST(sign_many)
{
    enum { N = 25000 };
    uint8_t *digests = malloc(N * 32), *signatures = malloc(N * 64), *good = malloc(N);
    ck_assert(digests && signatures && good);
    test_seed();
    test_random(digests, N * 32);
    liar->answer = sign;
    for (size_t n = 0; n <= N; n = n * 5 + 1) {
        memset(&signer, 0, sizeof signer);
        signer.bad = UINT32_MAX;
        ck_assert_int_eq(
            hufu_sign_batch(hufu_nobody(device), 1, &sm2, digests, 32, n, signatures, 64, good),
            HUFU_OK);
        ck_assert_uint_eq(signer.done, n);
        ck_assert_uint_eq(signer.commands, (n + 99) / 100);
        for (size_t i = 0; i < n; i++)
            ck_assert(good[i] == 1 && !memcmp(signatures + 64 * i, digests + 32 * i, 32) &&
                      !memcmp(signatures + 64 * i + 32, digests + 32 * i, 32));
    }
    free(digests);
    free(signatures);
    free(good);
}
END_TEST

START_TEST(one_signature_fails)
{
    static uint8_t digests[250 * 32], signatures[250 * 64], good[250];
    liar->answer = sign;
    memset(&signer, 0, sizeof signer);
    signer.bad = 123;
    ck_assert_int_eq(
        hufu_sign_batch(hufu_nobody(device), 1, &sm2, digests, 32, 250, signatures, 64, good),
        HUFU_OK);
    for (size_t i = 0; i < 250; i++)
        ck_assert_uint_eq(good[i], i != 123);
    signer.done = 0;
    ck_assert_int_eq(
        hufu_sign_batch(hufu_nobody(device), 1, &sm2, digests, 32, 250, signatures, 64, NULL),
        HUFU_E_SIGN_FAILED);
}
END_TEST

START_TEST(signer_lies)
{
    static uint8_t digests[250 * 32], signatures[250 * 64];
    liar->answer = sign;
    for (int i = 0; i < 6; i++) {
        memset(&signer, 0, sizeof signer);
        signer.bad = UINT32_MAX;
        signer.more_count = i == 0 ? 1 : i == 1 ? -1 : 0;
        signer.more_bytes = i == 2 ? 1 : i == 3 ? 64 : 0;
        signer.more_status = i == 4 ? 1 : i == 5 ? -1 : 0;
        ck_assert_int_eq(
            hufu_sign_batch(hufu_nobody(device), 1, &sm2, digests, 32, 250, signatures, 64, NULL),
            HUFU_E_BAD_ANSWER);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("host batches");
    TCase *t = tcase_create("keys"), *u = tcase_create("signatures");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_checked_fixture(u, set_up, tear_down);
    tcase_add_test(t, whole_batches);
    tcase_add_test(t, failed_pairs_are_made_up_for);
    tcase_add_test(t, few_tickets);
    tcase_add_test(t, device_that_says_it_has_one_ticket);
    tcase_add_test(t, no_ticket_is_free);
    tcase_add_test(t, the_caller_stops);
    tcase_add_test(t, what_is_known_is_not_counted);
    tcase_add_test(t, fetch_without_end);
    tcase_add_test(t, fetch_one);
    tcase_add_test(t, lies);
    tcase_add_test(t, all_pairs_failed);
    tcase_add_test(t, the_link_goes);
    tcase_add_test(u, sign_many);
    tcase_add_test(u, one_signature_fails);
    tcase_add_test(u, signer_lies);
    tcase_set_timeout(t, 120);
    tcase_set_timeout(u, 120);
    suite_add_tcase(s, t);
    suite_add_tcase(s, u);
    return suite_run(s);
}
