/*
 * The same checks against hufu-pkcs11.so and libsofthsm2.so, side by side. Each case runs in a
 * process of its own, on a fresh token; ours must pass every check, what the other one says is
 * shown.
 */
#ifndef HUFU_TEST_P11_PEER_H
#define HUFU_TEST_P11_PEER_H

#include "tests/lib/run.h"
#include "tests/unit/p11_tools.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>

enum { CHECKS_MAX = 400, NAME_SIZE = 72 };

struct peer_case {
    const char *name;
    void (*run)(void);
    bool bare; /* it initialises the module itself */
};

struct outcome {
    char name[NAME_SIZE];
    int result[2]; /* 1 passed, 0 failed, -1 not reached */
    unsigned long rv[2];
};

static CK_SLOT_ID slot;
static int report_fd;

/* ------------------------------------------------------------------ checks */

static inline void tell(const char *what, bool good, CK_RV rv)
{
    char line[NAME_SIZE + 32];
    const int n = snprintf(line, sizeof line, "%d %lx %.*s\n", good, rv, NAME_SIZE - 1, what);
    if (write(report_fd, line, (size_t)n) != n)
        _exit(9);
}

static inline void is(const char *what, CK_RV rv, CK_RV wanted)
{
    tell(what, rv == wanted, rv);
}

static inline void either(const char *what, CK_RV rv, CK_RV a, CK_RV b)
{
    tell(what, rv == a || rv == b, rv);
}

static inline void that(const char *what, bool good)
{
    tell(what, good, 0);
}

/* ------------------------------------------------------------------ a token */

static inline void peer_load(const char *path)
{
    CK_C_GetFunctionList list = NULL;
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (module)
        *(void **)&list = dlsym(module, "C_GetFunctionList");
    if (!list || list(&f) != CKR_OK)
        _exit(8);
}

/* The slot of the token that has been initialised, else the first one. */
static inline CK_SLOT_ID peer_slot(void)
{
    CK_SLOT_ID all[16];
    CK_ULONG n = COUNT(all);
    CK_TOKEN_INFO info;
    if (f->C_GetSlotList(CK_TRUE, all, &n) != CKR_OK || !n)
        _exit(7);
    for (CK_ULONG i = 0; i < n; i++)
        if (f->C_GetTokenInfo(all[i], &info) == CKR_OK && info.flags & CKF_TOKEN_INITIALIZED)
            return all[i];
    return all[0];
}

static inline CK_SESSION_HANDLE peer_session(CK_FLAGS flags)
{
    CK_SESSION_HANDLE s = CK_INVALID_HANDLE;
    f->C_OpenSession(slot, CKF_SERIAL_SESSION | flags, NULL, NULL, &s);
    return s;
}

static inline void peer_token(void)
{
    CK_UTF8CHAR label[33] = "peer                            ";
    bool good = f->C_Initialize(NULL) == CKR_OK;
    slot = peer_slot();
    good = good && f->C_InitToken(slot, TEXT(SO_PIN), strlen(SO_PIN), label) == CKR_OK;
    slot = peer_slot();
    session = peer_session(CKF_RW_SESSION);
    good = good && f->C_Login(session, CKU_SO, TEXT(SO_PIN), strlen(SO_PIN)) == CKR_OK &&
           f->C_InitPIN(session, TEXT(PIN), strlen(PIN)) == CKR_OK &&
           f->C_Logout(session) == CKR_OK &&
           f->C_Login(session, CKU_USER, TEXT(PIN), strlen(PIN)) == CKR_OK;
    that("a token can be set up", good);
}

/* ------------------------------------------------------------------ both, case by case */

static inline void peer_environment(char dir[TEMP_NAME])
{
    char conf[TEMP_NAME + 16];
    temp_name(dir, "peer");
    ck_assert(mkdtemp(dir) != NULL);
    snprintf(conf, sizeof conf, "%s/softhsm2.conf", dir);
    FILE *file = fopen(conf, "w");
    ck_assert(file != NULL);
    fprintf(file, "directories.tokendir = %s\nlog.level = ERROR\n", dir);
    fclose(file);
    setenv("SOFTHSM2_CONF", conf, 1);
    setenv("HUFU_DEVICE", "inproc:", 1);
    unsetenv("HUFU_PKCS11_CONF");
}

static inline struct outcome *outcome_of(struct outcome *all, const char *name, int which)
{
    for (int i = 0; i < CHECKS_MAX; i++) {
        if (!all[i].name[0]) {
            snprintf(all[i].name, sizeof all[i].name, "%s", name);
            all[i].result[0] = all[i].result[1] = -1;
        }
        if (strcmp(all[i].name, name) == 0 && all[i].result[which] < 0)
            return &all[i];
    }
    ck_abort_msg("too many checks");
}

static inline void peer_collect(FILE *from, struct outcome *all, int which)
{
    char line[NAME_SIZE + 64];
    while (fgets(line, sizeof line, from)) {
        int good;
        unsigned long rv;
        int at = 0;
        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "%d %lx %n", &good, &rv, &at) < 2)
            continue;
        struct outcome *o = outcome_of(all, line + at, which);
        o->result[which] = good;
        o->rv[which] = rv;
    }
}

static inline void peer_one(const struct peer_case *c, const char *path, struct outcome *all,
                            int which)
{
    int ends[2], status = 0;
    char dir[TEMP_NAME], remove_all[TEMP_NAME + 16];
    ck_assert_int_eq(pipe(ends), 0);
    peer_environment(dir);
    fflush(NULL);
    const pid_t child = fork();
    if (!child) {
        close(ends[0]);
        report_fd = ends[1];
        peer_load(path);
        if (!c->bare)
            peer_token();
        c->run();
        that("the process comes to its end", true);
        if (!c->bare)
            f->C_Finalize(NULL);
        exit(0); /* as programs end: what the module does then, its counts and leaks are seen too */
    }
    close(ends[1]);
    FILE *from = fdopen(ends[0], "r");
    peer_collect(from, all, which);
    fclose(from);
    waitpid(child, &status, 0);
    struct outcome *last = outcome_of(all, "the process's status", which);
    last->result[which] = status == 0;
    last->rv[which] = (unsigned long)status;
    snprintf(remove_all, sizeof remove_all, "rm -rf %s", dir);
    ck_assert_int_eq(system(remove_all), 0);
}

static inline const char *word(int result)
{
    return result < 0 ? "-" : result ? "ok" : "BAD";
}

/* Returns how many checks ours has failed. */
static inline unsigned peer_compare(const struct peer_case *cases, size_t n)
{
    static const char peer[] = "/usr/lib/softhsm/libsofthsm2.so";
    const bool there = access(peer, R_OK) == 0;
    unsigned failed = 0, passed = 0, peer_failed = 0;
    if (!there)
        printf("SKIP comparison with SoftHSM: %s is not there (package softhsm2)\n", peer);
    printf("%-10s %-72s %-4s %s\n", "case", "check", "hufu", "SoftHSM");
    for (size_t i = 0; i < n; i++) {
        struct outcome *all = calloc(CHECKS_MAX, sizeof *all);
        ck_assert(all != NULL);
        peer_one(&cases[i], module_path(), all, 0);
        if (there)
            peer_one(&cases[i], peer, all, 1);
        for (int k = 0; k < CHECKS_MAX && all[k].name[0]; k++) {
            const bool bad = all[k].result[0] != 1, theirs = there && all[k].result[1] != 1;
            failed += bad;
            passed += !bad;
            peer_failed += theirs;
            if (bad || theirs)
                printf("%-10s %-72s %-4s %s (%lx, %lx)\n", cases[i].name, all[k].name,
                       word(all[k].result[0]), word(all[k].result[1]), all[k].rv[0], all[k].rv[1]);
        }
        free(all);
    }
    printf("hufu: %u of %u checks passed; SoftHSM fails %u\n", passed, passed + failed,
           there ? peer_failed : 0);
    fflush(stdout); /* the process of a test that fails ends at once */
    return failed;
}

static inline int peer_main(const char *name, const TTest *test)
{
    Suite *s = suite_create(name);
    TCase *c = tcase_create("side by side");
    tcase_set_timeout(c, 300);
    tcase_add_test(c, test);
    suite_add_tcase(s, c);
    return suite_run(s);
}

#endif
