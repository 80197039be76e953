/*
 * The power is cut at every write of commands that change what is stored: afterwards all that can
 * be seen is as it was before or as it would be after, and after it if the answer was OK. What is
 * seen: accounts, the operator's PIN, objects with their values, host keys, label and certificate
 * of the device, and how many records of that command the log has. Commands with more to look at
 * are cut in the tests of their groups.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/app/core.h"
#include "tests/lib/dev.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

static struct dev dv;
static uint16_t admin, operator, user, auditor;
static uint32_t blob, key, secret, kek, transport;
static uint8_t host[64];
/* Bytes that set_up got of the device, for commands to give back. */
static struct {
    uint8_t bytes[2048];
    size_t n;
} wrapped, sealed, record, certified;
static uint8_t header[38];

static void log_in(void)
{
    admin = dev_login(&dv, DEV_ADMIN);
    operator= dev_login(&dv, DEV_OPERATOR);
    user = dev_login(&dv, DEV_USER);
    auditor = dev_login(&dv, DEV_AUDITOR);
}

static uint32_t make_blob(const char *label)
{
    struct object_create_rsp r;
    MUST(do_object_create(&dv, user,
                          &(struct object_create_req){.type = KEY_DATA,
                                                      .label = dev_text(label),
                                                      .value = dev_text("what is kept")},
                          &r));
    return r.handle;
}

#define KEEP(it, view)                                                                             \
    do {                                                                                           \
        ck_assert_uint_le((view).size, sizeof(it).bytes);                                          \
        memcpy((it).bytes, (view).data, (it).n = (view).size);                                     \
    } while (0)

static uint16_t key_wrap(void)
{
    struct key_wrap_rsp r;
    const uint16_t sw =
        do_key_wrap(&dv, user, &(struct key_wrap_req){kek, WRAP_KWP, DIGEST_NONE, secret}, &r);
    if (sw == SW_OK)
        KEEP(wrapped, r.wrapped);
    return sw;
}

/* Keys in each form in which they come in, and a certificate of the device's key. */
static void make_keys(void)
{
    static const uint8_t value[16] = {1, 2, 3};
    struct key_export_rsp e;
    struct encrypt_rsp c;
    struct identity_certificate_rsp i;
    key = dev_key(&dv, user, KEY_SM2, USAGE_SIGN | USAGE_EXPORT_WRAPPED);
    kek = dev_key(&dv, user, KEY_SM4, USAGE_WRAP | USAGE_UNWRAP);
    secret = dev_key(&dv, user, KEY_SM4, USAGE_ENCRYPT | USAGE_EXTRACT);
    transport = dev_key(&dv, user, KEY_SM2, USAGE_DECRYPT);
    MUST(key_wrap());
    MUST(do_key_export(&dv, user, &(struct key_export_req){key}, &e));
    memcpy(header, e.header, sizeof header);
    KEEP(record, e.record);
    MUST(do_encrypt(&dv, user,
                    &(struct encrypt_req){
                        .handle = transport, .scheme = CIPHER_SM2, .data = {value, sizeof value}},
                    &c));
    KEEP(sealed, c.data);
    MUST(do_identity_certificate(&dv, 0, &(struct identity_certificate_req){0}, &i));
    KEEP(certified, i.certificate);
    certified.bytes[certified.n - 1] ^= 1; /* of the signature, which is somebody else's business */
}

static void set_up(void)
{
    dev_small(&dv);
    dev_init(&dv, INIT_CLEAR_KEYS);
    log_in();
    blob = make_blob("blob");
    make_keys();
    dev_public(&dv, user, key, host);
    MUST(do_host_key_add(&dv, admin,
                         &(struct host_key_add_req){DEV_AUDITOR, host, dev_text("first")}, NULL));
    MUST(do_host_key_delete(&dv, admin, &(struct host_key_delete_req){0}, NULL));
    struct account_create_rsp a;
    MUST(do_account_create(
        &dv, admin,
        &(struct account_create_req){ROLE_USER, 4, dev_text("host"), dev_text("host-pin")}, &a));
    MUST(do_host_key_add(&dv, admin, &(struct host_key_add_req){a.account, host, dev_text("kept")},
                         NULL));
}

static void off(void)
{
    dev_close(&dv);
}

/* ---------------------------------------------------------------- what is done */

static uint16_t label(void)
{
    return do_label(&dv, admin, &(struct label_req){dev_text("another")}, NULL);
}
static uint16_t account_create(void)
{
    return do_account_create(
        &dv, admin,
        &(struct account_create_req){ROLE_USER, 4, dev_text("new"), dev_text("new-pin-1")}, NULL);
}
static uint16_t account_delete(void)
{
    return do_account_delete(&dv, admin, &(struct account_delete_req){DEV_OPERATOR}, NULL);
}
static uint16_t host_key_add(void)
{
    return do_host_key_add(
        &dv, admin, &(struct host_key_add_req){DEV_OPERATOR, host, dev_text("second")}, NULL);
}
static uint16_t host_key_delete(void)
{
    return do_host_key_delete(&dv, admin, &(struct host_key_delete_req){0}, NULL);
}
static uint16_t pin_unblock(void)
{
    return do_pin_unblock(&dv, admin,
                          &(struct pin_unblock_req){DEV_OPERATOR, dev_text("new-pin-1")}, NULL);
}
static uint16_t identity_install(void)
{
    return do_identity_install(
        &dv, admin, &(struct identity_install_req){{certified.bytes, certified.n}}, NULL);
}
static uint16_t key_unwrap(void)
{
    return do_key_unwrap(&dv, user,
                         &(struct key_unwrap_req){.handle = kek,
                                                  .scheme = WRAP_KWP,
                                                  .wrapped = {wrapped.bytes, wrapped.n},
                                                  .type = KEY_SM4,
                                                  .usage = USAGE_ENCRYPT,
                                                  .label = dev_text("unwrapped")},
                         NULL);
}
static uint16_t key_import(void)
{
    return do_key_import(&dv, user,
                         &(struct key_import_req){.header = header,
                                                  .record = {record.bytes, record.n},
                                                  .label = dev_text("imported")},
                         NULL);
}
static uint16_t key_receive(void)
{
    return do_key_receive(&dv, user,
                          &(struct key_receive_req){.transport = transport,
                                                    .type = KEY_SM4,
                                                    .usage = USAGE_ENCRYPT,
                                                    .label = dev_text("received"),
                                                    .sealed = {sealed.bytes, sealed.n}},
                          NULL);
}
static uint16_t key_put(void)
{
    return do_key_put(&dv, user,
                      &(struct key_put_req){.type = KEY_AES128,
                                            .usage = USAGE_ENCRYPT | USAGE_READ,
                                            .label = dev_text("put"),
                                            .secret = dev_text("sixteen bytes ..")},
                      NULL);
}
static uint16_t object_create(void)
{
    return do_object_create(&dv, user,
                            &(struct object_create_req){.type = KEY_DATA,
                                                        .label = dev_text("new"),
                                                        .value = dev_text("a value")},
                            NULL);
}
static uint16_t object_write(void)
{
    return do_object_write(&dv, user,
                           &(struct object_write_req){.handle = blob,
                                                      .parts = PART_VALUE | PART_ATTRIBUTES,
                                                      .attributes = dev_text("more"),
                                                      .value = dev_text("another value")},
                           NULL);
}
static uint16_t object_copy(void)
{
    return do_object_copy(
        &dv, user, &(struct object_copy_req){.handle = blob, .label = dev_text("copy")}, NULL);
}
static uint16_t object_label(void)
{
    return do_object_label(&dv, user,
                           &(struct object_label_req){key, dev_text("signs"), dev_text("7")}, NULL);
}
static uint16_t object_destroy(void)
{
    return do_object_destroy(&dv, user, &(struct object_destroy_req){blob}, NULL);
}
static uint16_t certificate(void)
{
    return do_object_create(
        &dv, operator, &(struct object_create_req){.type = KEY_CERTIFICATE,
                                                   .label = dev_text("cert"),
                                                   .value = dev_text("some bytes")},
        NULL);
}

static const struct {
    uint8_t ins;
    uint16_t (*run)(void);
} acts[] = {{INS_LABEL, label},
            {INS_ACCOUNT_CREATE, account_create},
            {INS_ACCOUNT_DELETE, account_delete},
            {INS_HOST_KEY_ADD, host_key_add},
            {INS_OBJECT_CREATE, object_create},
            {INS_OBJECT_WRITE, object_write},
            {INS_OBJECT_COPY, object_copy},
            {INS_OBJECT_LABEL, object_label},
            {INS_OBJECT_DESTROY, object_destroy},
            {INS_OBJECT_CREATE, certificate},
            {INS_HOST_KEY_DELETE, host_key_delete},
            {INS_PIN_UNBLOCK, pin_unblock},
            {INS_IDENTITY_INSTALL, identity_install},
            {INS_KEY_WRAP, key_wrap},
            {INS_KEY_UNWRAP, key_unwrap},
            {INS_KEY_IMPORT, key_import},
            {INS_KEY_RECEIVE, key_receive},
            {INS_KEY_PUT, key_put}};
enum { ACTS = sizeof acts / sizeof *acts };

/* ---------------------------------------------------------------- what is seen */

struct sight {
    size_t n;
    uint8_t bytes[65536];
};

static void see(struct sight *s, const void *bytes, size_t n)
{
    ck_assert_uint_le(n, sizeof s->bytes - s->n);
    memcpy(s->bytes + s->n, bytes, n);
    s->n += n;
}

static void see_objects(struct sight *s, uint16_t ch)
{
    static uint8_t copy[65536];
    struct object_scan_rsp r;
    struct object_detail e;
    struct object_read_rsp value;
    struct rd in;
    MUST(do_object_scan(&dv, ch, &(struct object_scan_req){0}, &r));
    see(s, r.entries.data, r.entries.size);
    memcpy(copy, r.entries.data, r.entries.size);
    for (rd_init(&in, copy, r.entries.size); rd_left(&in);) {
        ck_assert(object_detail_get(&in, &e));
        MUST(do_object_read(&dv, ch, &(struct object_read_req){e.handle}, &value));
        see(s, dv.response, dv.response_size);
    }
}

static uint8_t records_of(uint8_t ins)
{
    struct log_read_rsp r;
    struct log_entry e;
    struct rd in;
    uint8_t count = 0;
    MUST(do_log_read(&dv, auditor, &(struct log_read_req){0}, &r));
    for (rd_init(&in, r.entries.data, r.entries.size); rd_left(&in);) {
        ck_assert(log_entry_get(&in, &e));
        count = (uint8_t)(count + (e.command == ins && e.sw == SW_OK));
    }
    return count;
}

/* After a start. The operator's account may be gone. */
static void look(struct sight *s, uint8_t ins)
{
    struct info_rsp info;
    s->n = 0;
    dev_reboot(&dv);
    info = dev_info(&dv);
    ck_assert_uint_eq(info.state, STATE_READY);
    see(s, info.label.data, info.label.size);
    see(s, &info.objects, sizeof info.objects);
    MUST(do_account_list(&dv, 0, &(struct account_list_req){0}, NULL));
    see(s, dv.response, dv.response_size);
    user = dev_login(&dv, DEV_USER);
    auditor = dev_login(&dv, DEV_AUDITOR);
    MUST(do_host_key_list(&dv, auditor, &(struct host_key_list_req){0}, NULL));
    see(s, dv.response, dv.response_size);
    see_objects(s, user);
    const uint8_t count = records_of(ins);
    see(s, &count, 1);
    MUST(do_identity_certificate(&dv, 0, &(struct identity_certificate_req){0}, NULL));
    see(s, dv.response, dv.response_size);
    const uint16_t sw = dev_pin(&dv, user, DEV_OPERATOR, "new-pin-1");
    see(s, &sw, sizeof sw);
}

static bool same(const struct sight *a, const struct sight *b)
{
    return a->n == b->n && !memcmp(a->bytes, b->bytes, a->n);
}

/* ---------------------------------------------------------------- cut */

/* The device when all are logged in. */
static uint8_t *image, *memory;
static uint16_t channel[2];
static const uint64_t moment = 1800000000000;

static void keep(void)
{
    dev_reboot(&dv);
    log_in();
    channel[0] = user;
    channel[1] = auditor;
    image = malloc(dv.sim.size);
    memory = malloc(dv.memory_size);
    nvm_sim_save(&dv.sim, image);
    memcpy(memory, dv.memory, dv.memory_size);
}

static void begin(void)
{
    nvm_sim_load(&dv.sim, image);
    nvm_sim_power_on(&dv.sim);
    user = channel[0];
    auditor = channel[1];
    memcpy(dv.memory, memory, dv.memory_size);
    dv.now = moment;
}

START_TEST(cut_everywhere)
{
    static struct sight before, after, seen;
    const uint64_t seed = test_seed();
    unsigned cases = 0, old = 0;
    keep();
    begin();
    look(&before, acts[_i].ins);
    begin();
    MUST(acts[_i].run());
    look(&after, acts[_i].ins);
    ck_assert(!same(&before, &after));
    static const enum nvm_cut kinds[] = {NVM_CUT_HALF, NVM_CUT_ALL, NVM_CUT_LOST, NVM_CUT_SUBSET};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        const enum nvm_cut cut = kinds[k]; /* tests/power has them all */
        bool cut_off = true;
        for (uint64_t at = 0; cut_off; at += NVM_CUT_STEP, cases += NVM_CUT_STEP) {
            begin();
            nvm_sim_cut(&dv.sim, dv.sim.count + at, cut, seed + at);
            const uint16_t sw = acts[_i].run();
            cut_off = dv.sim.dead;
            ck_assert(cut_off || sw == SW_OK);
            look(&seen, acts[_i].ins);
            ck_assert_msg(same(&seen, &after) || (sw != SW_OK && same(&seen, &before)),
                          "command %02X cut (%d) at %u: neither before nor after", acts[_i].ins,
                          cut, (unsigned)at);
            old += same(&seen, &before);
        }
    }
    ck_assert_uint_ge(cases, 12);
    ck_assert_uint_gt(old, 0);
    free(image);
    free(memory);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("device_cuts");
    TCase *t = suite_case(s, "power cuts", 300, set_up, off);
    tcase_add_loop_test(t, cut_everywhere, 0, ACTS);
    return suite_run(s);
}
