/*
 * Destroyed is gone: who has the root, the master key and the raw image of the medium, but only as
 * it is afterwards, opens nothing with them. The same search finds the key in the image of before,
 * which shows that it can find one - and what an old copy of the medium is worth to whoever has the
 * keys for it.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/app/core.h"
#include "firmware/base/endian.h"
#include "firmware/crypto/hash.h"
#include "firmware/crypto/sm4.h"
#include "firmware/store/format.h"
#include "tests/lib/dev.h"
#include "tests/lib/run.h"

static struct dev dv;
static uint8_t *image; /* the raw medium */
static uint8_t root[32], system_key[32], master[32];

/* A record that is looked for: what it was sealed as, and where its body lay. */
struct wanted {
    const uint8_t *class_key;
    uint8_t cls, type;
    uint32_t id;
    uint16_t n;
    size_t body;
};

static bool opens(const struct wanted *w, const uint8_t *salt, const uint8_t *body, uint8_t *out)
{
    uint8_t info[9] = {STORE_FORMAT, w->cls, w->type}, k[32];
    struct hmac h;
    struct sm4_key key;
    store_be16(info + 3, w->n);
    store_be32(info + 5, w->id);
    hmac_init(&h, HASH_SM3, w->class_key, 32);
    hmac_update(&h, salt, SALT_SIZE);
    hmac_update(&h, info, sizeof info);
    hmac_final(&h, k);
    sm4_set_key(&key, k);
    return sm4_gcm_open(&key, k + 16, 12, info, sizeof info, body, w->n, out, body + w->n) == 0;
}

/* Where a record opens with the salt in front of its body; sets w->body. */
static bool find(struct wanted *w, uint8_t *out)
{
    for (size_t at = 0; at + HEAD_SIZE + AREA_SIZE + w->n + TAG_SIZE <= dv.sim.size; at += LINE) {
        const uint8_t *salt = image + at + HEAD_SIZE;
        if (load_be32(image + at + 4) != w->id || !opens(w, salt, salt + AREA_SIZE, out))
            continue;
        w->body = at + HEAD_SIZE + AREA_SIZE;
        return true;
    }
    return false;
}

/* Every run of bytes of the image, or of those that begin a line, as salts do, is taken for the
 * salt. */
static bool found_anywhere(const struct wanted *w, const uint8_t *body, size_t step)
{
    uint8_t out[STORE_MAX_DATA];
    for (size_t at = 0; at + SALT_SIZE <= dv.sim.size; at += step)
        if (opens(w, image + at, body, out))
            return true;
    return false;
}

static void look(void)
{
    nvm_sim_save(&dv.sim, image);
}

static void on(void)
{
    struct hmac h;
    dev_small(&dv);
    dev_init(&dv, 0);
    image = malloc(dv.sim.size);
    memcpy(root, dv.sim.root, 32);
    memcpy(master, dv.d->master, 32);
    hmac_init(&h, HASH_SM3, root, 32);
    hmac_update(&h, "hufu system records", 19);
    hmac_final(&h, system_key);
}

static void off(void)
{
    dev_close(&dv);
    free(image);
}

/* The record of a stored secret and its bytes. */
static struct wanted object(uint32_t handle, uint8_t *secret)
{
    uint8_t out[STORE_MAX_DATA];
    struct wanted w = {.class_key = master, .cls = STORE_OBJECT, .id = handle};
    struct object o;
    size_t n;
    MUST(object_get(dv.d, handle, &o));
    memcpy(secret, o.secret.data, 16);
    MUST(record_get(dv.d, handle, &n));
    record_wipe(dv.d);
    w.type = o.type;
    w.n = (uint16_t)n;
    look();
    ck_assert(find(&w, out));
    ck_assert(memmem(out, n, secret, 16) != NULL);
    return w;
}

START_TEST(destroyed)
{
    uint8_t secret[16], *before = malloc(dv.sim.size);
    const uint16_t user = dev_login(&dv, DEV_USER);
    const uint32_t handle = dev_key(&dv, user, KEY_SM4, USAGE_ENCRYPT);
    const struct wanted w = object(handle, secret);
    memcpy(before, image, dv.sim.size);
    MUST(do_object_destroy(&dv, user, &(struct object_destroy_req){handle}, NULL));
    look();
    ck_assert(!nvm_sim_contains(&dv.sim, secret, 16));
    ck_assert_mem_eq(image + w.body, before + w.body, w.n); /* what nobody can open may stay */
    ck_assert(!found_anywhere(&w, before + w.body, 1));
    dev_reboot(&dv);
    look();
    ck_assert(!found_anywhere(&w, before + w.body, LINE));
    memcpy(image, before, dv.sim.size); /* a copy of before, and its keys: not promised */
    ck_assert(found_anywhere(&w, before + w.body, LINE));
    free(before);
}
END_TEST

/* A new value takes the old one out of the world. */
START_TEST(replaced)
{
    struct object_create_rsp r;
    uint8_t secret[16];
    const uint16_t user = dev_login(&dv, DEV_USER);
    MUST(do_object_create(
        &dv, user,
        &(struct object_create_req){.type = KEY_DATA, .value = dev_text("sixteen bytes...")}, &r));
    struct wanted w = object(r.handle, secret);
    uint8_t body[512];
    memcpy(body, image + w.body, w.n + TAG_SIZE);
    MUST(do_object_write(&dv, user,
                         &(struct object_write_req){.handle = r.handle,
                                                    .parts = PART_VALUE,
                                                    .value = dev_text("other bytes then")},
                         NULL));
    look();
    ck_assert(!found_anywhere(&w, body, LINE));
}
END_TEST

static void zeroise(uint16_t admin)
{
    do_zeroise(&dv, admin, &(struct zeroise_req){0}, NULL);
}

static void terminate(uint16_t admin)
{
    do_terminate(&dv, admin, &(struct terminate_req){0}, NULL);
}

static void tamper(uint16_t admin)
{
    (void)admin;
    dv.tamper = true;
    device_idle(dv.d);
}

/*
 * The end of all keys, to its end and cut off after each step: as soon as the record of the master
 * key is no longer there, no root and no image opens it, nor does it reach the objects.
 */
START_TEST(ended)
{
    static void (*const ends[])(uint16_t) = {zeroise, terminate, tamper};
    struct wanted w = {.class_key = system_key,
                       .cls = STORE_SYSTEM,
                       .type = RECORD_MASTER,
                       .id = ID_MASTER,
                       .n = STORE_KEY};
    uint8_t out[STORE_MAX_DATA], body[STORE_KEY + TAG_SIZE], *before = malloc(dv.sim.size);
    bool done = false;
    unsigned gone = 0;
    look();
    memcpy(before, image, dv.sim.size);
    ck_assert(find(&w, out));
    ck_assert_mem_eq(out, master, 32);
    memcpy(body, image + w.body, sizeof body);
    for (uint64_t at = 0; !done; at++) {
        nvm_sim_load(&dv.sim, before);
        memcpy(dv.sim.root, root, 32);
        dv.tamper = false;
        dev_reboot(&dv);
        const uint16_t admin = dev_login(&dv, DEV_ADMIN);
        nvm_sim_cut(&dv.sim, dv.sim.count + at, NVM_CUT_ALL, at);
        ends[_i](admin);
        done = !dv.sim.dead;
        look();
        if (found_anywhere(&w, body, LINE)) {
            ck_assert(!gone);                        /* once gone it is gone for good */
            ck_assert_mem_eq(dv.sim.root, root, 32); /* and the root goes after it */
            continue;
        }
        gone++;
        nvm_sim_power_on(&dv.sim);
        memcpy(dv.sim.root, root, 32); /* as if its fuses had been read before */
        dv.tamper = false;
        dev_reboot(&dv);
        ck_assert_uint_ne(device_state(dv.d), STATE_READY);
    }
    ck_assert_uint_gt(gone, 5);
    ck_assert(!nvm_sim_contains(&dv.sim, root, 16));
    ck_assert(!nvm_sim_contains(&dv.sim, master, 16));
    free(before);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("device_gone");
    TCase *t = suite_case(s, "gone", 300, on, off);
    tcase_add_test(t, destroyed);
    tcase_add_test(t, replaced);
    tcase_add_loop_test(t, ended, 0, 3);
    return suite_run(s);
}
