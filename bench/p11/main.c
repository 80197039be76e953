/*
 * build/p11-bench: what a PKCS#11 application gets, against SoftHSM2 in the same run. Each module
 * works in a process of its own, with a token of its own in a folder that is removed afterwards.
 * One line for each case: operations a second of both, the best of some rounds that take turns, and
 * their ratio.
 */
#include <dlfcn.h>
#include <errno.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SOFTHSM "/usr/lib/softhsm/libsofthsm2.so"
enum { THREADS_MAX = 256, ROUNDS = 3 };
static const char pin[] = "12345678", so_pin[] = "87654321";

/* ------------------------------------------------------------------ cases */

struct worker;
struct bench {
    const char *name;
    unsigned threads;
    double seconds; /* of a round */
    CK_RV (*once)(struct worker *w);
    CK_MECHANISM_TYPE mechanism;
    bool ec;
};

struct worker {
    CK_FUNCTION_LIST *f;
    CK_SESSION_HANDLE session;
    const struct bench *bench;
    CK_OBJECT_HANDLE key;
    pthread_barrier_t *start;
    volatile bool *stop;
    uint64_t done;
    CK_RV rv;
};

static CK_RV sign(struct worker *w)
{
    static const uint8_t data[32] = "what is signed, of 32 bytes.....";
    uint8_t signature[512];
    CK_ULONG size = sizeof signature;
    CK_MECHANISM m = {w->bench->mechanism, NULL, 0};
    const CK_RV rv = w->f->C_SignInit(w->session, &m, w->key);
    return rv ? rv
              : w->f->C_Sign(w->session, (CK_BYTE *)(uintptr_t)data, sizeof data, signature, &size);
}

static CK_RV make_pair(struct worker *w, CK_OBJECT_HANDLE *public, CK_OBJECT_HANDLE *private)
{
    static const uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    CK_ULONG bits = 2048;
    CK_BBOOL yes = CK_TRUE;
    CK_BYTE e[3] = {1, 0, 1};
    CK_MECHANISM m = {w->bench->ec ? CKM_EC_KEY_PAIR_GEN : CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE rsa[] = {{CKA_TOKEN, &yes, sizeof yes},
                          {CKA_VERIFY, &yes, sizeof yes},
                          {CKA_MODULUS_BITS, &bits, sizeof bits},
                          {CKA_PUBLIC_EXPONENT, e, sizeof e}};
    CK_ATTRIBUTE ec[] = {{CKA_TOKEN, &yes, sizeof yes},
                         {CKA_VERIFY, &yes, sizeof yes},
                         {CKA_EC_PARAMS, (void *)(uintptr_t)p256, sizeof p256}};
    CK_ATTRIBUTE secret[] = {{CKA_TOKEN, &yes, sizeof yes},
                             {CKA_PRIVATE, &yes, sizeof yes},
                             {CKA_SIGN, &yes, sizeof yes}};
    return w->f->C_GenerateKeyPair(w->session, &m, w->bench->ec ? ec : rsa, w->bench->ec ? 3 : 4,
                                   secret, 3, public, private);
}

static CK_RV generate(struct worker *w)
{
    CK_OBJECT_HANDLE public, private;
    CK_RV rv = make_pair(w, &public, &private);
    if (rv == CKR_OK)
        rv = w->f->C_DestroyObject(w->session, private);
    if (rv == CKR_OK) /* in some tokens the pair is one */
        w->f->C_DestroyObject(w->session, public);
    return rv;
}

static const struct bench benches[] = {
    {"C_Sign RSA-2048, 1 thread", 1, 1, sign, CKM_SHA256_RSA_PKCS, false},
    {"C_Sign RSA-2048, 64 threads", 64, 1, sign, CKM_SHA256_RSA_PKCS, false},
    {"C_Sign ECDSA P-256, 1 thread", 1, 1, sign, CKM_ECDSA, true},
    {"C_Sign ECDSA P-256, 64 threads", 64, 1, sign, CKM_ECDSA, true},
    {"C_GenerateKeyPair RSA-2048, 1 thread", 1, 2, generate, 0, false},
    {"C_GenerateKeyPair RSA-2048, 16 threads", 16, 2, generate, 0, false},
};
enum { BENCHES = sizeof benches / sizeof *benches };

/* ------------------------------------------------------------------ one round, in the module's
 * process */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *work(void *context)
{
    struct worker *w = context;
    pthread_barrier_wait(w->start);
    while (!*w->stop && w->rv == CKR_OK) {
        w->rv = w->bench->once(w);
        w->done += w->rv == CKR_OK;
    }
    return NULL;
}

static double measure(CK_FUNCTION_LIST *f, CK_SLOT_ID slot, const struct bench *b,
                      CK_OBJECT_HANDLE key)
{
    static struct worker w[THREADS_MAX];
    pthread_t thread[THREADS_MAX];
    pthread_barrier_t start;
    volatile bool stop = false;
    pthread_barrier_init(&start, NULL, b->threads + 1);
    for (unsigned i = 0; i < b->threads; i++) {
        w[i] = (struct worker){.f = f, .bench = b, .key = key, .start = &start, .stop = &stop};
        f->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &w[i].session);
        pthread_create(&thread[i], NULL, work, &w[i]);
    }
    pthread_barrier_wait(&start);
    const double from = now();
    struct timespec t = {(time_t)b->seconds, 0};
    nanosleep(&t, NULL);
    stop = true;
    uint64_t done = 0;
    CK_RV rv = CKR_OK;
    for (unsigned i = 0; i < b->threads; i++) {
        pthread_join(thread[i], NULL);
        f->C_CloseSession(w[i].session);
        done += w[i].done;
        rv = rv ? rv : w[i].rv;
    }
    pthread_barrier_destroy(&start);
    if (rv)
        fprintf(stderr, "p11-bench: %s: CKR %#lx\n", b->name, rv);
    return rv ? 0 : (double)done / (now() - from);
}

static CK_FUNCTION_LIST *load(const char *path)
{
    CK_FUNCTION_LIST *f = NULL;
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    CK_C_GetFunctionList get = NULL;
    if (module)
        *(void **)&get = dlsym(module, "C_GetFunctionList");
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
    return get && get(&f) == CKR_OK && f->C_Initialize(&args) == CKR_OK ? f : NULL;
}

static CK_RV prepare(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE *session)
{
    CK_UTF8CHAR label[32];
    CK_SLOT_ID slot = 0;
    memset(label, ' ', sizeof label);
    memcpy(label, "bench", 5);
    CK_UTF8CHAR *so = (CK_UTF8CHAR *)(uintptr_t)so_pin, *user = (CK_UTF8CHAR *)(uintptr_t)pin;
    const CK_FLAGS flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
    CK_RV rv = f->C_InitToken(0, so, 8, label);
    if (rv == CKR_OK) { /* SoftHSM numbers its slots anew */
        f->C_Finalize(NULL);
        CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
        CK_ULONG n = 1;
        rv = f->C_Initialize(&args);
        if (rv == CKR_OK)
            rv = f->C_GetSlotList(CK_TRUE, NULL, &n);
        CK_SLOT_ID list[16];
        n = 16;
        if (rv == CKR_OK)
            rv = f->C_GetSlotList(CK_TRUE, list, &n);
        slot = list[0];
    }
    if (rv == CKR_OK)
        rv = f->C_OpenSession(slot, flags, NULL, NULL, session);
    if (rv == CKR_OK)
        rv = f->C_Login(*session, CKU_SO, so, 8);
    if (rv == CKR_OK)
        rv = f->C_InitPIN(*session, user, 8);
    if (rv == CKR_OK)
        rv = f->C_Logout(*session);
    return rv == CKR_OK ? f->C_Login(*session, CKU_USER, user, 8) : rv;
}

/* Serves numbers of cases from the pipe with rates. */
static int serve(const char *path, int fd)
{
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE key[2] = {0, 0}, public;
    CK_FUNCTION_LIST *f = load(path);
    if (!f || prepare(f, &session) != CKR_OK) {
        fprintf(stderr, "p11-bench: %s: cannot be prepared\n", path);
        return 1;
    }
    CK_SESSION_INFO info;
    f->C_GetSessionInfo(session, &info);
    for (unsigned char i; read(fd, &i, 1) == 1;) {
        struct worker w = {.f = f, .session = session, .bench = &benches[i]};
        double rate = 0;
        CK_RV rv = CKR_OK;
        if (!key[benches[i].ec])
            rv = make_pair(&w, &public, &key[benches[i].ec]);
        if (rv == CKR_OK)
            rate = measure(f, info.slotID, &benches[i], key[benches[i].ec]);
        if (write(fd, &rate, sizeof rate) != sizeof rate)
            break;
    }
    f->C_Finalize(NULL);
    return 0;
}

/* ------------------------------------------------------------------ both */

struct peer {
    const char *name;
    pid_t pid;
    int fd;
};

static bool start(struct peer *p, const char *path)
{
    int fd[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) < 0)
        return false;
    p->pid = fork();
    if (p->pid == 0) {
        close(fd[0]);
        _exit(serve(path, fd[1]));
    }
    close(fd[1]);
    p->fd = fd[0];
    return p->pid > 0;
}

static double ask(const struct peer *p, unsigned char i)
{
    double rate;
    if (write(p->fd, &i, 1) != 1 || read(p->fd, &rate, sizeof rate) != sizeof rate)
        return 0;
    return rate;
}

static pid_t start_device(const char *sim, const char *directory)
{
    char socket_path[300], memory[300], url[320];
    snprintf(socket_path, sizeof socket_path, "%s/socket", directory);
    snprintf(memory, sizeof memory, "%s/device", directory);
    snprintf(url, sizeof url, "unix:%s", socket_path);
    setenv("HUFU_DEVICE", url, 1);
    const pid_t pid = fork();
    if (pid == 0) {
        execl(sim, sim, "--dir", memory, "--socket", socket_path, "--log-level", "error",
              (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 300 && access(socket_path, F_OK) < 0; i++)
        nanosleep(&(struct timespec){0, 100000000}, NULL);
    return pid;
}

static bool softhsm_config(const char *directory)
{
    char path[300], tokens[300];
    snprintf(path, sizeof path, "%s/softhsm2.conf", directory);
    snprintf(tokens, sizeof tokens, "%s/tokens", directory);
    FILE *f = mkdir(tokens, 0700) == 0 ? fopen(path, "w") : NULL;
    if (!f)
        return false;
    fprintf(f, "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n",
            tokens);
    setenv("SOFTHSM2_CONF", path, 1);
    return fclose(f) == 0;
}

static void compare(const struct peer *hufu, const struct peer *soft)
{
    printf("%-40s %12s %12s %8s\n", "operations a second", "hufu-pkcs11", "SoftHSM2", "ratio");
    for (unsigned char i = 0; i < BENCHES; i++) {
        double best[2] = {0, 0};
        for (int round = 0; round < ROUNDS; round++) {
            const double ours = ask(hufu, i), theirs = soft ? ask(soft, i) : 0;
            best[0] = ours > best[0] ? ours : best[0];
            best[1] = theirs > best[1] ? theirs : best[1];
        }
        printf("%-40s %12.1f %12.1f %8.2f\n", benches[i].name, best[0], best[1],
               best[1] > 0 ? best[0] / best[1] : 0);
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    char directory[] = "/tmp/p11-bench.XXXXXX", command[400];
    const char *build = argc > 1 ? argv[1] : "build";
    char module[300], sim[300];
    if (!mkdtemp(directory) || !softhsm_config(directory)) {
        fprintf(stderr, "p11-bench: %s: %s\n", directory, strerror(errno));
        return 1;
    }
    snprintf(module, sizeof module, "%s/hufu-pkcs11.so", build);
    snprintf(sim, sizeof sim, "%s/hufu-sim", build);
    const pid_t device = start_device(sim, directory);
    struct peer hufu = {"hufu", 0, -1}, soft = {"softhsm", 0, -1};
    const bool both = access(SOFTHSM, R_OK) == 0 && start(&soft, SOFTHSM);
    if (!both)
        puts("SoftHSM2 is not installed: no comparison");
    if (start(&hufu, module))
        compare(&hufu, both ? &soft : NULL);
    close(hufu.fd);
    close(soft.fd);
    waitpid(hufu.pid, NULL, 0);
    if (both)
        waitpid(soft.pid, NULL, 0);
    kill(device, SIGTERM);
    waitpid(device, NULL, 0);
    snprintf(command, sizeof command, "rm -rf %s", directory);
    return system(command) == 0 ? 0 : 1;
}
