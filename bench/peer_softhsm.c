/*
 * SoftHSM2 through PKCS#11, where its module is installed: a token in a temporary folder, RSA keys
 * as session objects, CKM_RSA_PKCS over a ready DigestInfo. Only what is called here of PKCS#11
 * v2.40 is declared.
 */
#include "bench/peers.h"

#include <dlfcn.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long ck_ulong;
struct ck_mechanism {
    ck_ulong mechanism;
    void *parameter;
    ck_ulong size;
};
struct ck_attribute {
    ck_ulong type;
    void *value;
    ck_ulong size;
};

enum {
    CKR_OK = 0,
    CKF_RW = 6, /* serial, read and write */
    CKU_SO = 0,
    CKU_USER = 1,
    CKM_RSA_GEN = 0,
    CKM_RSA_PKCS = 1,
    CKA_TOKEN = 1,
    CKA_SIGN = 0x108,
    CKA_VERIFY = 0x10a,
    CKA_BITS = 0x121,
    CKA_EXPONENT = 0x122,
    PREFIX = 19,
    SHA256 = 32
};

static struct {
    ck_ulong (*Initialize)(void *);
    ck_ulong (*GetSlotList)(unsigned char, ck_ulong *, ck_ulong *);
    ck_ulong (*InitToken)(ck_ulong, unsigned char *, ck_ulong, unsigned char *);
    ck_ulong (*OpenSession)(ck_ulong, ck_ulong, void *, void *, ck_ulong *);
    ck_ulong (*CloseSession)(ck_ulong);
    ck_ulong (*Login)(ck_ulong, ck_ulong, unsigned char *, ck_ulong);
    ck_ulong (*Logout)(ck_ulong);
    ck_ulong (*InitPIN)(ck_ulong, unsigned char *, ck_ulong);
    ck_ulong (*GenerateKeyPair)(ck_ulong, struct ck_mechanism *, struct ck_attribute *, ck_ulong,
                                struct ck_attribute *, ck_ulong, ck_ulong *, ck_ulong *);
    ck_ulong (*DestroyObject)(ck_ulong, ck_ulong);
    ck_ulong (*SignInit)(ck_ulong, struct ck_mechanism *, ck_ulong);
    ck_ulong (*Sign)(ck_ulong, unsigned char *, ck_ulong, unsigned char *, ck_ulong *);
    ck_ulong (*VerifyInit)(ck_ulong, struct ck_mechanism *, ck_ulong);
    ck_ulong (*Verify)(ck_ulong, unsigned char *, ck_ulong, unsigned char *, ck_ulong);
} p11;

static struct {
    bool tried;
    const char *absent;
    char dir[64];
    ck_ulong slot;
} token;

static unsigned char so_pin[] = "bench-so", user_pin[] = "bench-user";

struct peer {
    ck_ulong session, public_key, private_key;
    unsigned char info[PREFIX + SHA256], signature[512];
    ck_ulong signature_size;
};

static void must(ck_ulong rv, const char *what)
{
    if (rv != CKR_OK)
        bench_die("SoftHSM2", what);
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

static void remove_token(void)
{
    nftw(token.dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void *load_module(void)
{
    static const char *const paths[] = {"/usr/lib/softhsm/libsofthsm2.so",
                                        "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
                                        "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
                                        "/usr/local/lib/softhsm/libsofthsm2.so", "libsofthsm2.so"};
    void *module = NULL;
    for (size_t i = 0; i < sizeof paths / sizeof *paths && !module; i++)
        module = dlopen(paths[i], RTLD_NOW | RTLD_LOCAL);
    return module;
}

static bool resolve(void *module)
{
    static const char *const names[] = {
        "C_Initialize", "C_GetSlotList", "C_InitToken",  "C_OpenSession",     "C_CloseSession",
        "C_Login",      "C_Logout",      "C_InitPIN",    "C_GenerateKeyPair", "C_DestroyObject",
        "C_SignInit",   "C_Sign",        "C_VerifyInit", "C_Verify"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        void *f = dlsym(module, names[i]);
        if (!f)
            return false;
        memcpy((char *)&p11 + i * sizeof f, &f, sizeof f);
    }
    return true;
}

/* SoftHSM2 finds its tokens by a file of configuration, which it finds by the environment. */
static bool configure(void)
{
    char path[96];
    snprintf(token.dir, sizeof token.dir, "/tmp/hufu-bench-hsm-XXXXXX");
    if (!mkdtemp(token.dir))
        return false;
    atexit(remove_token);
    snprintf(path, sizeof path, "%s/softhsm2.conf", token.dir);
    FILE *f = fopen(path, "w");
    if (!f)
        return false;
    fprintf(f, "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n",
            token.dir);
    return fclose(f) == 0 && setenv("SOFTHSM2_CONF", path, 1) == 0;
}

static void make_token(void)
{
    unsigned char label[32];
    ck_ulong slots[4], count = 4, session;
    memset(label, ' ', sizeof label);
    memcpy(label, "bench", 5);
    must(p11.Initialize(NULL), "C_Initialize");
    must(p11.GetSlotList(1, slots, &count), "C_GetSlotList");
    must(p11.InitToken(slots[0], so_pin, sizeof so_pin - 1, label), "C_InitToken");
    count = 4;
    must(p11.GetSlotList(1, slots, &count), "C_GetSlotList");
    token.slot = slots[0];
    must(p11.OpenSession(token.slot, CKF_RW, NULL, NULL, &session), "C_OpenSession");
    must(p11.Login(session, CKU_SO, so_pin, sizeof so_pin - 1), "C_Login");
    must(p11.InitPIN(session, user_pin, sizeof user_pin - 1), "C_InitPIN");
    must(p11.Logout(session), "C_Logout");
    must(p11.CloseSession(session), "C_CloseSession");
    must(p11.OpenSession(token.slot, CKF_RW, NULL, NULL, &session), "C_OpenSession");
    must(p11.Login(session, CKU_USER, user_pin, sizeof user_pin - 1), "C_Login");
}

const char *softhsm_absent(void)
{
    if (token.tried)
        return token.absent;
    token.tried = true;
    void *module = load_module();
    if (!module)
        token.absent = "its module libsofthsm2.so is not installed";
    else if (!resolve(module) || !configure())
        token.absent = "its module cannot be used here";
    else
        make_token();
    return token.absent;
}

static void generate(struct peer *p)
{
    unsigned char no = 0, yes = 1, e[3] = {1, 0, 1};
    ck_ulong bits = 2048;
    struct ck_mechanism how = {CKM_RSA_GEN, NULL, 0};
    struct ck_attribute public_key[] = {{CKA_TOKEN, &no, 1},
                                        {CKA_VERIFY, &yes, 1},
                                        {CKA_BITS, &bits, sizeof bits},
                                        {CKA_EXPONENT, e, sizeof e}};
    struct ck_attribute private_key[] = {{CKA_TOKEN, &no, 1}, {CKA_SIGN, &yes, 1}};
    must(p11.GenerateKeyPair(p->session, &how, public_key, 4, private_key, 2, &p->public_key,
                             &p->private_key),
         "C_GenerateKeyPair");
}

static double call_keygen(void *state)
{
    struct peer *p = state;
    generate(p);
    must(p11.DestroyObject(p->session, p->public_key), "C_DestroyObject");
    must(p11.DestroyObject(p->session, p->private_key), "C_DestroyObject");
    return 1;
}

static double call_sign(void *state)
{
    struct peer *p = state;
    struct ck_mechanism how = {CKM_RSA_PKCS, NULL, 0};
    p->signature_size = sizeof p->signature;
    must(p11.SignInit(p->session, &how, p->private_key), "C_SignInit");
    must(p11.Sign(p->session, p->info, sizeof p->info, p->signature, &p->signature_size), "C_Sign");
    return 1;
}

static double call_verify(void *state)
{
    struct peer *p = state;
    struct ck_mechanism how = {CKM_RSA_PKCS, NULL, 0};
    must(p11.VerifyInit(p->session, &how, p->public_key), "C_VerifyInit");
    must(p11.Verify(p->session, p->info, sizeof p->info, p->signature, p->signature_size),
         "C_Verify");
    return 1;
}

static struct peer *open_peer(int key)
{
    static const unsigned char prefix[PREFIX] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60,
                                                 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
                                                 0x01, 0x05, 0x00, 0x04, 0x20};
    struct peer *p = bench_alloc(sizeof *p);
    memcpy(p->info, prefix, sizeof prefix);
    must(p11.OpenSession(token.slot, CKF_RW, NULL, NULL, &p->session), "C_OpenSession");
    if (key) {
        generate(p);
        call_sign(p);
    }
    return p;
}

static void close_peer(void *state)
{
    struct peer *p = state;
    must(p11.CloseSession(p->session), "C_CloseSession");
    free(p);
}

OPEN(open_rsa, open_peer(0))
OPEN(open_rsa_key, open_peer(1))

const struct subject softhsm_subjects[OPERATIONS] = {
    [RSA_KEYGEN] = {open_rsa, call_keygen, close_peer, NULL},
    [RSA_SIGN] = {open_rsa_key, call_sign, close_peer, NULL},
    [RSA_VERIFY] = {open_rsa_key, call_verify, close_peer, NULL},
};
