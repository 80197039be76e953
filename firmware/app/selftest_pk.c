/* Known answers of the public-key algorithms: GB/T 32918.5 for SM2; one fixed key for RSA. */
#include "firmware/app/batch.h"
#include "firmware/app/selftest.h"

#include "firmware/base/wipe.h"
#include "firmware/crypto/ec.h"
#include "firmware/crypto/rsa.h"
#include "firmware/crypto/sm2.h"

#include <string.h>

/* Four pairs of the standard's examples. */
static const struct {
    const char *d, *pub;
} pairs[] = {
    {"3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8",
     "09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
     "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"},
    {"81EB26E941BB5AF16DF116495F90695272AE2CD63D6C4AE1678418BE48230029",
     "160E12897DF4EDB61DD812FEB96748FBD3CCF4FFE26AA6F6DB9540AF49C94232"
     "4A7DAD08BB9A459531694BEB20AA489D6649975E1BFCF8C4741B78B4B223007F"},
    {"785129917D45A9EA5437A59356B82338EAADDA6CEB199088F14AE10DEFA229B5",
     "6AE848C57C53C7B1B5FA99EB2286AF078BA64C64591B8B566F7357D576F16DFB"
     "EE489D771621A27B36C5C7992062E9CD09A9264386F3FBEA54DFF69305621C4D"},
    {"D4DE15474DB74D06491C440D305E012400990F3E390C7E87153C12DB2EA60BB3",
     "64CED1BDBC99D590049B434D0FD73428CF608A5DB8FE5CE07F15026940BAE40E"
     "376629C7AB21E7DB260922499DDB118F07CE8EAAE3E7720AFEF6A5CC062070C0"},
};
static const char rb_pub[] = "ACC27688A6F7B706098BC91FF3AD1BFF7DC2802CDB14CCCCDB0A90471F9BD707"
                             "2FEDAC0494B2FFC4D6853876C79B8F301C6573AD0AA50F39FC87181E1A1B46FE";
static const char nonce[] = "59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21";
static const char digest[] = "F0B43E94BA45ACCAACE692ED534382EB17E6AB5A19CE7B31F4486FDFC0D28640";
static const char signature[] = "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
                                "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA";
enum { PAIRS = sizeof pairs / sizeof *pairs, BAD = 5 };

/* A whole batch, so that an engine uses all its lanes; one item is out of range and must fail
 * alone. */
static bool test_sm2_keygen(const struct selftest_env *e)
{
    uint8_t k[SELFTEST_BATCH][32], pub[SELFTEST_BATCH][64], ok[SELFTEST_BATCH];
    for (size_t i = 0; i < SELFTEST_BATCH; i++)
        selftest_bytes(k[i], pairs[i % PAIRS].d);
    memset(k[BAD], 0, sizeof k[BAD]);
    e->engine->sm2->keygen(SELFTEST_BATCH, (const uint8_t(*)[32])k, pub, ok, e->scratch);
    bool good = true;
    for (size_t i = 0; i < SELFTEST_BATCH; i++)
        good &= i == BAD ? !ok[i] : ok[i] && selftest_is(pub[i], 64, pairs[i % PAIRS].pub);
    return good;
}

static bool test_sm2_sign(const struct selftest_env *e)
{
    uint8_t k[SELFTEST_BATCH][32], in[SELFTEST_BATCH][32], sig[SELFTEST_BATCH][64],
        ok[SELFTEST_BATCH];
    const struct sm2_sign_key *keys[SELFTEST_BATCH];
    struct sm2_sign_key key;
    uint8_t d[32];
    selftest_bytes(d, pairs[0].d);
    bool good = sm2_sign_key(&key, d) == 0;
    for (size_t i = 0; i < SELFTEST_BATCH; i++) {
        keys[i] = &key;
        selftest_bytes(k[i], nonce);
        selftest_bytes(in[i], digest);
    }
    memset(k[BAD], 0, sizeof k[BAD]);
    e->engine->sm2->sign(SELFTEST_BATCH, keys, (const uint8_t(*)[32])in, (const uint8_t(*)[32])k,
                         sig, ok, e->scratch);
    for (size_t i = 0; i < SELFTEST_BATCH; i++)
        good &= i == BAD ? !ok[i] : ok[i] && selftest_is(sig[i], 64, signature);
    return good;
}

static bool test_sm2_verify(const struct selftest_env *e)
{
    uint8_t pub[64], in[32], sig[64];
    selftest_bytes(pub, pairs[0].pub);
    selftest_bytes(in, digest);
    selftest_bytes(sig, signature);
    if (sm2_verify(e->engine->sm2, pub, in, sig))
        return false;
    sig[63] ^= 1;
    return sm2_verify(e->engine->sm2, pub, in, sig) != 0;
}

/* All lanes; one point is off the curve. */
static bool test_sm2_points(const struct selftest_env *e)
{
    uint8_t pub[PAIRS][64], off[64], ok[SELFTEST_BATCH];
    const uint8_t *points[SELFTEST_BATCH];
    for (size_t i = 0; i < PAIRS; i++)
        selftest_bytes(pub[i], pairs[i].pub);
    memcpy(off, pub[0], sizeof off);
    off[63] ^= 1;
    for (size_t i = 0; i < SELFTEST_BATCH; i++)
        points[i] = i == BAD ? off : pub[i % PAIRS];
    e->engine->sm2->check(SELFTEST_BATCH, points, ok);
    bool good = true;
    for (size_t i = 0; i < SELFTEST_BATCH; i++)
        good &= i == BAD ? !ok[i] : ok[i] == 1;
    return good;
}

static bool test_sm2_z(const struct selftest_env *e)
{
    uint8_t pub[64], out[32];
    (void)e;
    selftest_bytes(pub, pairs[0].pub);
    return !sm2_digest(sm2_default_id, sizeof sm2_default_id, pub, "message digest", 14, out) &&
           selftest_is(out, sizeof out, digest);
}

static int fill_nonce(void *ctx, void *out, size_t n)
{
    (void)ctx;
    return n == 32 && selftest_bytes(out, nonce) == 32 ? 0 : -1;
}

static bool test_sm2_encrypt(const struct selftest_env *e)
{
    static const char expected[] =
        "04EBFC718E8D1798620432268E77FEB6415E2EDE0E073C0F4F640ECD2E149A73"
        "E858F9D81E5430A57B36DAAB8F950A3C64E6EE6A63094D99283AFF767E124DF0"
        "59983C18F809E262923C53AEC295D30383B54E39D609D160AFCB1908D0BD8766"
        "21886CA989CA9C7D58087307CA93092D651EFA";
    const struct rng rng = {fill_nonce, NULL};
    uint8_t pub[64], d[32], out[19 + SM2_CIPHER_OVERHEAD], back[19];
    (void)e;
    selftest_bytes(pub, pairs[0].pub);
    selftest_bytes(d, pairs[0].d);
    if (sm2_encrypt(&rng, pub, "encryption standard", 19, out) ||
        !selftest_is(out, sizeof out, expected) || sm2_decrypt(d, out, sizeof out, back) ||
        memcmp(back, "encryption standard", sizeof back))
        return false;
    out[sizeof out - 1] ^= 1;
    return sm2_decrypt(d, out, sizeof out, back) != 0;
}

static bool test_sm2_exchange(const struct selftest_env *e)
{
    uint8_t d[32], r[32], r_pub[64], peer[64], peer_r[64], own[64], z_a[32], z_b[32];
    uint8_t key[16], mine[32], theirs[32];
    (void)e;
    selftest_bytes(own, pairs[1].pub);
    selftest_bytes(d, pairs[1].d);
    selftest_bytes(r, pairs[3].d);
    selftest_bytes(r_pub, pairs[3].pub);
    selftest_bytes(peer, pairs[2].pub);
    selftest_bytes(peer_r, rb_pub);
    sm2_z(sm2_default_id, sizeof sm2_default_id, own, z_a);
    sm2_z(sm2_default_id, sizeof sm2_default_id, peer, z_b);
    const struct sm2_exchange x = {1, d, r, r_pub, peer, peer_r, z_a, z_b};
    return !sm2_exchange(&x, key, sizeof key, mine, theirs) &&
           selftest_is(key, sizeof key, "6C89347354DE2484C60B4AB1FDE4C6E5") &&
           selftest_is(mine, sizeof mine,
                       "18C7894B3816DF16CF07B05C5EC0BEF5D655D58F779CC1B400A4F3884644DB88") &&
           selftest_is(theirs, sizeof theirs,
                       "D3A0FE15DEE185CEAE907A6B595CC32A266ED7B3367E9983A896DC32FA20F8EB");
}

/* ---------------------------------------------------------------- EC */

#if !HUFU_SMALL

/* RFC 6979 A.2.5 and A.2.6, the text "sample" */
static const struct {
    const struct ec_curve *curve;
    const char *d, *pub, *digest, *k, *signature;
} ec_cases[] = {
    {&ec_p256, "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721",
     "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"
     "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299",
     "AF2BDBE1AA9B6EC1E2ADE1D694F41FC71A831D0268E9891562113D8A62ADD1BF",
     "A6E3C57DD01ABE90086538398355DD4C3B17AA873382B0F24D6129493D8AAD60",
     "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
     "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"},
    {&ec_p384,
     "6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D8"
     "96D5724E4C70A825F872C9EA60D2EDF5",
     "EC3A4E415B4E19A4568618029F427FA5DA9A8BC4AE92E02E06AAE5286B300C64"
     "DEF8F0EA9055866064A254515480BC138015D9B72D7D57244EA8EF9AC0C62189"
     "6708A59367F9DFB9F54CA84B3F1C9DB1288B231C3AE0D4FE7344FD2533264720",
     "9A9083505BC92276AEC4BE312696EF7BF3BF603F4BBD381196A029F340585312"
     "313BCA4A9B5B890EFEE42C77B1EE25FE",
     "94ED910D1A099DAD3254E9242AE85ABDE4BA15168EAF0CA87A555FD56D10FBCA"
     "2907E3E83BA95368623B8C4686915CF9",
     "94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C"
     "81A648152E44ACF96E36DD1E80FABE4699EF4AEB15F178CEA1FE40DB2603138F"
     "130E740A19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8"},
};

static bool test_ec_case(size_t i)
{
    const struct ec_curve *c = ec_cases[i].curve;
    uint8_t d[EC_MAX], k[EC_MAX], in[EC_MAX], pub[EC_POINT_MAX], sig[EC_SIGNATURE_MAX];
    selftest_bytes(d, ec_cases[i].d);
    selftest_bytes(k, ec_cases[i].k);
    const size_t n = selftest_bytes(in, ec_cases[i].digest);
    if (c->public_from_private(d, pub) || !selftest_is(pub, 2 * c->size, ec_cases[i].pub) ||
        c->sign(d, k, in, n, sig) || !selftest_is(sig, 2 * c->size, ec_cases[i].signature) ||
        c->verify(pub, in, n, sig))
        return false;
    sig[2 * c->size - 1] ^= 1;
    return c->verify(pub, in, n, sig) != 0;
}

static bool test_ec_p256(const struct selftest_env *e)
{
    (void)e;
    return test_ec_case(0);
}

static bool test_ec_p384(const struct selftest_env *e)
{
    (void)e;
    return test_ec_case(1);
}

/* [d]([k]G) is [k]([d]G), whichever way it is multiplied; a point off the curve is refused. */
static bool test_ecdh(const struct selftest_env *e)
{
    uint8_t d[EC_MAX], k[EC_MAX], r[EC_POINT_MAX], pub[EC_POINT_MAX], x[EC_MAX], y[EC_MAX];
    (void)e;
    for (size_t i = 0; i < 2; i++) {
        const struct ec_curve *c = ec_cases[i].curve;
        selftest_bytes(d, ec_cases[i].d);
        selftest_bytes(k, ec_cases[i].k);
        selftest_bytes(pub, ec_cases[i].pub);
        if (c->public_from_private(k, r) || c->agree(d, r, x) || c->agree(k, pub, y) ||
            memcmp(x, y, c->size))
            return false;
        r[0] ^= 1;
        if (!c->agree(d, r, x))
            return false;
    }
    return true;
}

#endif

/* ---------------------------------------------------------------- RSA */

static const char rsa_p[] = "DDFE42215083E2C01EE907B9C1DB22A7A8AAEC7FC38E03B67FE433734AFE3A76"
                            "B89B3B0F2FE9524C4C0FCFE07EC016BF9399541C6B1C6B1DA62D13A034D1CDC1"
                            "8E82989DDD7B8A8E81695206B9DC8E2DF3172E981CFD6F4000FFDC4F83E0B880"
                            "4197901CB7F03B63F3951C8E699E2B65B7A9CA69C546B08EC9AD6A6C52D828CB";
static const char rsa_q[] = "CD138318D1F3BE51FC1770192E941E853004A1B9F57AC76EB5A7E332CC208000"
                            "680A3C097A8776A66195C49995D40CD5D9E3B7B1E4A7B31CE5F74B86181BF88D"
                            "D641F24E4DD3BE71C78119BB2C394FD50D422F2097792D3237ADD9D13196EF0C"
                            "995F019D118DD6673AD7CAF5A8D899D3F94B5F14A3CDC16551988498885B571D";
/* PKCS#1 v1.5 with SHA-256 over "abc" */
static const char rsa_signature[] =
    "9F224A42B8ED7A9F20CFC8DA89E86F37F17D886CC6B20BF897E55BDEE440B394"
    "0C34A51430C743656744CBAAD2733EDEAE5EDAB7F638134DD07F234CFE46B542"
    "4122B9C3BA109DD692BF295949B1AD4B505A12681687E6A98D27AA2AFBC982B2"
    "00C14EA6ECABD8AC2D20C6D5A9D1E6F0152152EA73CA36423216550D116497DE"
    "CBFF319741C49F84E6EC7EE3FEBF8BEEC6E03EB15EF82C2F82A45FA52D84C4C5"
    "C4626FFD5E6E1F880553295403E48A7FC46BC77B0F3A8E25B461202A3FDA5F83"
    "62688018A6EE9EAFB54227EBD1F1265791B3840C6C2EE6F3E384647B5BA1491C"
    "03AE30D5B6C71BE30F32784CEAA4A35E11894B503C89BE52257984B3D03B713E";

static bool rsa_key(const struct selftest_env *e)
{
    memset(e->rsa, 0, sizeof *e->rsa);
    e->rsa->pub.bits = 2048;
    selftest_bytes(e->rsa->p, rsa_p);
    selftest_bytes(e->rsa->q, rsa_q);
    return rsa_from_primes(e->rsa, e->scratch) == 0;
}

/* All lanes of the engine; one item is out of range and must fail alone. */
static bool test_rsa(const struct selftest_env *e)
{
    enum { ITEMS = BATCH_RSA_LANES };
    uint8_t hash[32], em[256], wrong[256], sig[ITEMS][256], ok[ITEMS];
    const struct rsa_private *keys[ITEMS];
    const uint8_t *in[ITEMS];
    uint8_t *out[ITEMS];
    if (!rsa_key(e) || hash_digest(HASH_SHA256, "abc", 3, hash) ||
        rsa_pkcs1_sign_pad(2048, HASH_SHA256, hash, sizeof hash, em))
        return false;
    memset(wrong, 0xFF, sizeof wrong);
    const size_t n = e->engine->rsa->lanes + 2 < ITEMS ? e->engine->rsa->lanes + 2 : ITEMS;
    for (size_t i = 0; i < n; i++) {
        keys[i] = e->rsa;
        in[i] = i == 1 ? wrong : em;
        out[i] = sig[i];
    }
    e->engine->rsa->private_op(n, keys, in, out, ok, &e->rng, e->scratch);
    bool good = true;
    for (size_t i = 0; i < n; i++)
        good &= i == 1 ? !ok[i] : ok[i] && selftest_is(sig[i], sizeof sig[i], rsa_signature);
    return good && !rsa_public_op(e->engine->rsa, &e->rsa->pub, sig[0], wrong, e->scratch) &&
           !memcmp(wrong, em, sizeof em);
}

/* Two primes among composites, by bases of the fixed stream and by 2 alone. */
static bool test_rsa_primes(const struct selftest_env *e)
{
    enum { ITEMS = BATCH_RSA_LANES };
    uint8_t number[3][128], ok[ITEMS];
    const uint8_t *in[ITEMS];
    bool good = true;
    selftest_bytes(number[0], rsa_p);
    selftest_bytes(number[1], rsa_q);
    selftest_bytes(number[2], rsa_p);
    number[2][127] ^= 2;
    for (size_t i = 0; i < ITEMS; i++)
        in[i] = number[i % 3];
    for (unsigned rounds = 0; rounds < 2; rounds++) {
        e->engine->rsa->prime_test(ITEMS, in, sizeof number[0], rounds, ok, &e->rng, e->scratch);
        for (size_t i = 0; i < ITEMS; i++)
            good &= ok[i] == (i % 3 != 2);
    }
    return good;
}

/* PSS and OAEP have no single answer: what was made must be taken back, and a flipped bit refused.
 */
static bool test_rsa_encodings(const struct selftest_env *e)
{
    uint8_t em[256], hash[32], out[256];
    size_t n;
    (void)e;
    hash_digest(HASH_SHA256, "abc", 3, hash);
    if (rsa_pss_pad(2048, HASH_SHA256, hash, sizeof hash, hash, sizeof hash, em) ||
        rsa_pss_verify(2048, HASH_SHA256, hash, sizeof hash, sizeof hash, em))
        return false;
    em[20] ^= 1;
    if (!rsa_pss_verify(2048, HASH_SHA256, hash, sizeof hash, sizeof hash, em))
        return false;
    if (rsa_oaep_pad(&e->rng, 2048, HASH_SHA256, hash, 0, hash, sizeof hash, em) ||
        rsa_oaep_unpad(2048, HASH_SHA256, hash, 0, em, out, &n) || n != sizeof hash ||
        memcmp(out, hash, n))
        return false;
    em[20] ^= 1;
    return rsa_oaep_unpad(2048, HASH_SHA256, hash, 0, em, out, &n) != 0;
}

/* PKCS #1 v1.5 for encryption: a wrong padding gives something else, without a word. */
static bool test_rsa_padding(const struct selftest_env *e)
{
    uint8_t em[256], cipher[256] = {1}, out[256];
    size_t n;
    if (!rsa_key(e) || rsa_pkcs1_encrypt_pad(&e->rng, 2048, (const uint8_t *)"message", 7, em) ||
        rsa_pkcs1_decrypt_unpad(e->rsa, cipher, em, out, &n) || n != 7 || memcmp(out, "message", 7))
        return false;
    em[1] ^= 1;
    return !rsa_pkcs1_decrypt_unpad(e->rsa, cipher, em, out, &n) &&
           (n != 7 || memcmp(out, "message", 7));
}

const struct selftest selftests_engine[] = {
    {"sm2 key pairs", test_sm2_keygen},
    {"sm2 sign", test_sm2_sign},
    {"sm2 verify", test_sm2_verify},
    {"sm2 points", test_sm2_points},
    {"sm2 digest", test_sm2_z},
    {"sm2 encrypt", test_sm2_encrypt},
    {"sm2 exchange", test_sm2_exchange},
#if !HUFU_SMALL
    {"ecdsa p-256", test_ec_p256},
    {"ecdsa p-384", test_ec_p384},
    {"ecdh", test_ecdh},
#endif
    {"rsa", test_rsa},
    {"rsa primes", test_rsa_primes},
    {"rsa encodings", test_rsa_encodings},
    {"rsa padding", test_rsa_padding},
    {NULL, NULL},
};
