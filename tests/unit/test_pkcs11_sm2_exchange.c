/* C_DeriveKey with the key exchange of SM2: both roles, and a second party that is no module. */
#include "tests/lib/run.h"
#include "tests/unit/p11_tools.h"

#include "firmware/crypto/sm2.h"
#include "firmware/crypto/portable/portable.h"

#include <stdbool.h>

enum { POINT = 67, SIZE = 40 };

/* A private key of SM2 and its point, in an OCTET STRING */
struct key {
    CK_OBJECT_HANDLE private, public;
    CK_BYTE point[POINT];
};

static struct key make_key(CK_BBOOL *token, CK_BBOOL *derive)
{
    struct key k;
    CK_MECHANISM m = {CKM_SM2_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE t[] = {{CKA_TOKEN, token, 1}, {CKA_DERIVE, derive, 1}};
    OK(f->C_GenerateKeyPair(session, &m, t, 1, t, 2, &k.public, &k.private));
    ck_assert_uint_eq(get(k.public, CKA_EC_POINT, k.point, sizeof k.point), POINT);
    return k;
}

struct side {
    struct key key, temporary;
    const char *id;
    CK_BYTE own[32], peer[32], secret[SIZE];
};

static struct side make_side(const char *id)
{
    return (struct side){.key = make_key(&yes, &yes), .temporary = make_key(&no, &yes), .id = id};
}

static HUFU_SM2_DERIVE_PARAMS params_of(struct side *own, struct side *peer, bool initiator)
{
    return (HUFU_SM2_DERIVE_PARAMS){.bInitiator = initiator,
                                    .hTemporary = own->temporary.private,
                                    .pOwnId = TEXT(own->id),
                                    .ulOwnIdLen = own->id ? strlen(own->id) : 0,
                                    .pPeerId = TEXT(peer->id),
                                    .ulPeerIdLen = peer->id ? strlen(peer->id) : 0,
                                    .pPeer = peer->key.point,
                                    .ulPeerLen = POINT,
                                    .pPeerTemporary = peer->temporary.point,
                                    .ulPeerTemporaryLen = POINT,
                                    .pConfirmOwn = own->own,
                                    .pConfirmPeer = own->peer};
}

static CK_RV derive(CK_OBJECT_HANDLE base, HUFU_SM2_DERIVE_PARAMS *p, CK_ULONG size,
                    CK_OBJECT_HANDLE *handle)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_MECHANISM m = {CKM_SM2_DERIVE, p, sizeof *p};
    CK_ATTRIBUTE t[] = {{CKA_CLASS, &class, sizeof class},
                        {CKA_KEY_TYPE, &type, sizeof type},
                        {CKA_SENSITIVE, &no, 1},
                        {CKA_EXTRACTABLE, &yes, 1},
                        {CKA_VALUE_LEN, &size, sizeof size}};
    return f->C_DeriveKey(session, &m, base, t, size ? COUNT(t) : COUNT(t) - 1, handle);
}

static void agree(struct side *own, struct side *peer, bool initiator)
{
    CK_OBJECT_HANDLE secret;
    HUFU_SM2_DERIVE_PARAMS p = params_of(own, peer, initiator);
    OK(derive(own->key.private, &p, SIZE, &secret));
    ck_assert_uint_eq(get(secret, CKA_VALUE, own->secret, SIZE), SIZE);
}

static void assert_agreed(const struct side *a, const struct side *b)
{
    ck_assert_mem_eq(a->secret, b->secret, SIZE);
    ck_assert_mem_eq(a->own, b->peer, 32);
    ck_assert_mem_eq(a->peer, b->own, 32);
    ck_assert_mem_ne(a->own, a->peer, 32);
}

START_TEST(both_roles)
{
    static const char *const ids[][2] = {
        {NULL, NULL}, {"Alice", "Bob"}, {"1234567812345678", NULL}};
    begin();
    for (size_t i = 0; i < COUNT(ids); i++) {
        struct side a = make_side(ids[i][0]), b = make_side(ids[i][1]);
        agree(&a, &b, true);
        agree(&b, &a, false);
        assert_agreed(&a, &b);
        struct side c = b;
        c.id = "somebody else";
        agree(&c, &a, false);
        ck_assert_mem_ne(c.secret, a.secret, SIZE);
    }
    end();
}
END_TEST

/* The second party is the library's own arithmetic with keys that are known. */
START_TEST(second_party)
{
    begin();
    for (int initiator = 0; initiator < 2; initiator++) {
        struct side own = make_side("device"), other = {.id = "other"};
        uint8_t d[32] = {0x12, 1}, r[32] = {0x34, 2}, pub[64], r_pub[64], z_own[32], z_other[32];
        ck_assert_int_eq(sm2_public_from_private(&sm2_portable, d, pub), 0);
        ck_assert_int_eq(sm2_public_from_private(&sm2_portable, r, r_pub), 0);
        memcpy(other.key.point, own.key.point, 3);
        memcpy(other.key.point + 3, pub, 64);
        memcpy(other.temporary.point, own.key.point, 3);
        memcpy(other.temporary.point + 3, r_pub, 64);
        agree(&own, &other, initiator);
        ck_assert_int_eq(sm2_z((const uint8_t *)"device", 6, own.key.point + 3, z_own), 0);
        ck_assert_int_eq(sm2_z((const uint8_t *)"other", 5, pub, z_other), 0);
        const struct sm2_exchange x = {.initiator = !initiator,
                                       .d = d,
                                       .r = r,
                                       .r_pub = r_pub,
                                       .peer_pub = own.key.point + 3,
                                       .peer_r_pub = own.temporary.point + 3,
                                       .z_a = initiator ? z_own : z_other,
                                       .z_b = initiator ? z_other : z_own};
        ck_assert_int_eq(sm2_exchange(&x, other.secret, SIZE, other.own, other.peer), 0);
        assert_agreed(&own, &other);
    }
    end();
}
END_TEST

/* A key of SM4 needs no length; points may be bare; nobody has to ask for confirmations. */
START_TEST(forms)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_SM4;
    CK_OBJECT_HANDLE key[2];
    CK_BYTE block[2][16];
    begin();
    struct side a = make_side(NULL), b = make_side(NULL);
    for (int i = 0; i < 2; i++) {
        HUFU_SM2_DERIVE_PARAMS p = i ? params_of(&b, &a, false) : params_of(&a, &b, true);
        CK_MECHANISM m = {CKM_SM2_DERIVE, &p, sizeof p}, ecb = {CKM_SM4_ECB, NULL, 0};
        CK_ATTRIBUTE t[] = {{CKA_CLASS, &class, sizeof class},
                            {CKA_KEY_TYPE, &type, sizeof type},
                            {CKA_ENCRYPT, &yes, 1}};
        CK_ULONG n = 16;
        p.pPeer += 2;
        p.ulPeerLen -= 2;
        p.pConfirmOwn = p.pConfirmPeer = NULL;
        OK(f->C_DeriveKey(session, &m, i ? b.key.private : a.key.private, t, COUNT(t), &key[i]));
        OK(f->C_EncryptInit(session, &ecb, key[i]));
        OK(f->C_Encrypt(session, TEXT("one block of it."), 16, block[i], &n));
    }
    ck_assert_mem_eq(block[0], block[1], 16);
    end();
}
END_TEST

START_TEST(refusals)
{
    CK_OBJECT_HANDLE o;
    begin();
    struct side a = make_side(NULL), b = make_side(NULL);
    const struct key idle = make_key(&no, &no);
    HUFU_SM2_DERIVE_PARAMS p = params_of(&a, &b, true);
    CK_MECHANISM short_one = {CKM_SM2_DERIVE, &p, sizeof p - 1};
    IS(f->C_DeriveKey(session, &short_one, a.key.private, NULL, 0, &o),
       CKR_MECHANISM_PARAM_INVALID);
    IS(derive(a.key.private, &p, 0, &o), CKR_TEMPLATE_INCOMPLETE);
    IS(derive(a.key.private, &p, 257, &o), CKR_KEY_SIZE_RANGE);
    IS(derive(idle.private, &p, SIZE, &o), CKR_KEY_FUNCTION_NOT_PERMITTED);
    ck_assert_uint_ne(derive(a.key.public, &p, SIZE, &o), CKR_OK);
    p.hTemporary = idle.private; /* not for this */
    IS(derive(a.key.private, &p, SIZE, &o), CKR_KEY_HANDLE_INVALID);
    p.hTemporary = a.temporary.public;
    IS(derive(a.key.private, &p, SIZE, &o), CKR_KEY_HANDLE_INVALID);
    p = params_of(&a, &b, true);
    p.pPeer = NULL;
    IS(derive(a.key.private, &p, SIZE, &o), CKR_MECHANISM_PARAM_INVALID);
    p = params_of(&a, &b, true);
    p.ulPeerTemporaryLen--;
    IS(derive(a.key.private, &p, SIZE, &o), CKR_MECHANISM_PARAM_INVALID);
    p = params_of(&a, &b, true);
    b.temporary.point[POINT - 1] ^= 1; /* off the curve */
    IS(derive(a.key.private, &p, SIZE, &o), CKR_MECHANISM_PARAM_INVALID);
    end();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("pkcs11 SM2 exchange");
    TCase *c = tcase_create("exchange");
    tcase_set_timeout(c, 60);
    tcase_add_test(c, both_roles);
    tcase_add_test(c, second_party);
    tcase_add_test(c, forms);
    tcase_add_test(c, refusals);
    suite_add_tcase(s, c);
    return suite_run(s);
}
