/*
 * How a process that uses the PKCS#11 module may end: with sessions and keys open, threads inside
 * of it, libcrypto cleaned up before, in any order. None crashes, none hangs.
 */
#include "tests/lib/run.h"
#include "tests/unit/p11_device.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>

enum { THREADS = 4, SIGNED = 8 };

static CK_OBJECT_HANDLE rsa, curve;
static int done;
static void *module;

static CK_RV sign_both(CK_SESSION_HANDLE s)
{
    CK_MECHANISM m = {CKM_ECDSA, NULL, 0};
    CK_BYTE signature[64];
    CK_ULONG n = sizeof signature;
    CK_RV rv = sign_in(s, rsa);
    if (rv == CKR_OK)
        rv = f->C_SignInit(s, &m, curve);
    return rv == CKR_OK ? f->C_Sign(s, TEXT("a digest of some"), 16, signature, &n) : rv;
}

/* Until the process ends */
static void *sign_on(void *unused)
{
    CK_SESSION_HANDLE s = 0;
    (void)unused;
    f->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &s);
    for (;;)
        if (sign_both(s) == CKR_OK)
            __atomic_add_fetch(&done, 1, __ATOMIC_RELAXED);
        else
            usleep(1000);
    return NULL;
}

static void wait_for_work(void)
{
    const int from = __atomic_load_n(&done, __ATOMIC_RELAXED);
    while (__atomic_load_n(&done, __ATOMIC_RELAXED) < from + SIGNED)
        usleep(1000);
}

static void start_work(void)
{
    pthread_t t;
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&t, NULL, sign_on, NULL), 0);
    wait_for_work();
}

/* An application that has used libcrypto before the module is there, and has keys of a session. */
static void begin_application(void)
{
    static CK_BYTE p256[] = {6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7};
    CK_MECHANISM m = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE params = {CKA_EC_PARAMS, p256, sizeof p256}, sign = {CKA_SIGN, &yes, 1};
    CK_OBJECT_HANDLE public;
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    ck_assert_int_gt(EVP_DigestInit_ex(c, EVP_sha256(), NULL), 0);
    EVP_MD_CTX_free(c);
    module = dlopen(module_path(), RTLD_NOW | RTLD_LOCAL);
    log_in();
    rsa = make_rsa(CK_FALSE, "fleeting").private;
    OK(f->C_GenerateKeyPair(session, &m, &params, 1, &sign, 1, &public, &curve));
}

/* ------------------------------------------------------------------ endings */

static void leave_all_open(void)
{
    begin_application();
    exit(0);
}

static void unload(void)
{
    begin_application();
    dlclose(module);
    exit(0);
}

static void unload_and_begin_again(void)
{
    begin_application();
    OK(f->C_Finalize(NULL));
    dlclose(module);
    load();
    log_in();
    exit(0);
}

static void use_late(void)
{
    if (sign_both(session) != CKR_OK || f->C_Finalize(NULL) != CKR_OK)
        _exit(3);
}

/* Handlers run last in, first out: this one when libcrypto's has run. */
static void work_after_libcrypto(void)
{
    atexit(use_late);
    begin_application();
    exit(0);
}

static void work_before_libcrypto(void)
{
    begin_application();
    atexit(use_late);
    exit(0);
}

static void clean_libcrypto(void)
{
    begin_application();
    OPENSSL_cleanup();
    use_late();
    exit(0);
}

static void leave_threads_inside(void)
{
    begin_application();
    start_work();
    exit(0);
}

static void unload_under_threads(void)
{
    begin_application();
    start_work();
    dlclose(module);
    wait_for_work();
    exit(0);
}

static void finalise_under_threads(void)
{
    begin_application();
    start_work();
    OK(f->C_Finalize(NULL));
    exit(0);
}

static void *leaver(void *unused)
{
    (void)unused;
    wait_for_work();
    exit(0);
}

static void leave_from_thread(void)
{
    pthread_t t;
    begin_application();
    start_work();
    pthread_create(&t, NULL, leaver, NULL);
    for (;;) /* this thread's stack holds what the leak checker must find */
        pause();
}

/* What threads had in their hands when the process forked is nobody's in the child, and no leak. */
static bool in_child;
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return in_child;
}

static int child_of_fork(void)
{
    CK_INFO info;
    CK_BYTE bytes[16];
    in_child = true;
    if (f->C_GetInfo(&info) != CKR_CRYPTOKI_NOT_INITIALIZED)
        return 1;
    log_in();
    return f->C_GenerateRandom(session, bytes, sizeof bytes) == CKR_OK ? 0 : 2;
}

/* The parent's threads are inside of the module whenever it forks. */
static void fork_under_threads(void)
{
    begin_application();
    start_work();
    for (int i = 0; i < 10; i++) {
        int status;
        const pid_t pid = fork();
        if (pid == 0) {
            const int rv = child_of_fork();
            if (i & 1)
                OK(f->C_Finalize(NULL));
            exit(rv);
        }
        if (waitpid(pid, &status, 0) != pid || status)
            _exit(4);
        wait_for_work();
    }
    exit(0);
}

static void (*const endings[])(void) = {leave_all_open,         unload,
                                        unload_and_begin_again, work_after_libcrypto,
                                        work_before_libcrypto,  clean_libcrypto,
                                        leave_threads_inside,   unload_under_threads,
                                        finalise_under_threads, leave_from_thread,
                                        fork_under_threads};

START_TEST(ending)
{
    int status;
    set_up(false);
    OK(f->C_Finalize(NULL));
    const pid_t pid = fork();
    if (pid == 0) {
        alarm(600); /* it hangs */
        endings[_i]();
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    clean_up();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("pkcs11 endings");
    TCase *c = tcase_create("endings");
    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, ending, 0, (int)COUNT(endings));
    suite_add_tcase(s, c);
    return suite_run(s);
}
