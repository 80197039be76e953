/* C_Initialize, C_Finalize, fork: whether the module is there. C_GetInfo. */
#include "host/pkcs11/module.h"

#include "host/pkcs11/crypto.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { START_MS = 10000 };

struct module module;

/* The state outlives initialisations: the object is never unloaded (-z nodelete), so that late
 * calls of a process that ends still find it. */
static pthread_mutex_t state = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool running, stopping, starting, watching_forks;
static pthread_t starter;
static unsigned inside;

CK_RV enter(void)
{
    pthread_mutex_lock(&state);
    const bool ok = running && !stopping;
    inside += ok;
    pthread_mutex_unlock(&state);
    return ok ? CKR_OK : CKR_CRYPTOKI_NOT_INITIALIZED;
}

CK_RV leave(CK_RV rv)
{
    pthread_mutex_lock(&state);
    if (--inside == 0 && stopping)
        pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&state);
    return rv;
}

static struct timespec time_in(unsigned ms)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    const long ns = t.tv_nsec + (long)(ms % 1000) * 1000000;
    t.tv_sec += (time_t)(ms / 1000) + ns / 1000000000;
    t.tv_nsec = ns % 1000000000;
    return t;
}

CK_RV module_wait(unsigned ms)
{
    const struct timespec t = time_in(ms);
    pthread_mutex_lock(&state);
    if (!stopping)
        pthread_cond_timedwait(&changed, &state, &t);
    const bool stop = stopping;
    pthread_mutex_unlock(&state);
    return stop ? CKR_CRYPTOKI_NOT_INITIALIZED : CKR_OK;
}

/*
 * The child has none of the threads that may have been inside, nor the right to talk over the
 * parent's link: it starts as if the module had just been loaded. What was in memory stays there,
 * unused.
 */
static void forked(void)
{
    static const pthread_mutex_t fresh_mutex = PTHREAD_MUTEX_INITIALIZER;
    static const pthread_cond_t fresh_cond = PTHREAD_COND_INITIALIZER;
    state = fresh_mutex;
    changed = fresh_cond;
    __attribute__((used)) static struct slot *inherited[GENERATIONS];
    static unsigned generation;
    if (running) {
        for (CK_ULONG i = 0; i < module.slot_count; i++)
            slot_forget(&module.slots[i]);
        inherited[generation % GENERATIONS] = module.slots;
        sessions_forget(generation++);
    }
    running = stopping = starting = false;
    inside = 0;
    memset(&module, 0, sizeof module);
}

/* ------------------------------------------------------------------ C_Initialize */

static CK_RV take_arguments(const CK_C_INITIALIZE_ARGS *a)
{
    memset(&module, 0, sizeof module);
    if (!a)
        return CKR_OK;
    const int given = (a->CreateMutex != NULL) + (a->DestroyMutex != NULL) +
                      (a->LockMutex != NULL) + (a->UnlockMutex != NULL);
    if (a->pReserved || (given != 0 && given != 4))
        return CKR_ARGUMENTS_BAD;
    module.args = *a;
    module.their_locks = given == 4 && !(a->flags & CKF_OS_LOCKING_OK);
    return CKR_OK;
}

static void end_slots(void)
{
    for (CK_ULONG i = 0; i < module.slot_count; i++)
        slot_end(&module.slots[i]);
    free(module.slots);
    module.slots = NULL;
    module.slot_count = 0;
}

static CK_RV start(const CK_C_INITIALIZE_ARGS *args)
{
    CK_RV rv = take_arguments(args);
    crypto_context();
    if (rv == CKR_OK)
        rv = config_read();
    CK_ULONG made = 0;
    while (rv == CKR_OK && made < module.slot_count) {
        rv = slot_begin(&module.slots[made]);
        made += rv == CKR_OK;
    }
    module.slot_count = made;
    if (rv == CKR_OK)
        rv = sessions_begin();
    if (rv != CKR_OK)
        end_slots();
    return rv;
}

/* Who is told that the module is initialised already may use it, so another thread's start is
 * waited for; but not for ever: libcrypto may be its lock's holder here, and its seeker there. */
static void await_start(void)
{
    const struct timespec end = time_in(START_MS);
    int status = 0;
    while (starting && !status && !pthread_equal(starter, pthread_self()))
        status = pthread_cond_timedwait(&changed, &state, &end);
}

CK_RV C_Initialize(void *init_args)
{
    pthread_mutex_lock(&state);
    await_start();
    const bool mine = !running && !starting;
    if (mine) {
        starting = true;
        starter = pthread_self();
    }
    if (mine && !watching_forks)
        watching_forks = pthread_atfork(NULL, NULL, forked) == 0;
    pthread_mutex_unlock(&state);
    if (!mine)
        return CKR_CRYPTOKI_ALREADY_INITIALIZED;
    const CK_RV rv = start(init_args);
    pthread_mutex_lock(&state);
    running = rv == CKR_OK;
    starting = false;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&state);
    return rv;
}

CK_RV C_Finalize(void *reserved)
{
    if (reserved)
        return CKR_ARGUMENTS_BAD;
    pthread_mutex_lock(&state);
    const bool mine = running && !stopping;
    stopping |= mine;
    if (mine)
        pthread_cond_broadcast(&changed);
    while (mine && inside)
        pthread_cond_wait(&changed, &state);
    pthread_mutex_unlock(&state);
    if (!mine)
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    sessions_close(NULL);
    sessions_end();
    end_slots();
    pthread_mutex_lock(&state);
    running = stopping = false;
    pthread_mutex_unlock(&state);
    return CKR_OK;
}

/* ------------------------------------------------------------------ C_GetInfo */

static void pad(CK_UTF8CHAR *out, size_t size, const char *text)
{
    const size_t n = strlen(text);
    memset(out, ' ', size);
    memcpy(out, text, n < size ? n : size);
}

CK_RV C_GetInfo(CK_INFO *info)
{
    CK_RV rv = enter();
    if (rv != CKR_OK)
        return rv;
    if (!info)
        return leave(CKR_ARGUMENTS_BAD);
    memset(info, 0, sizeof *info);
    info->cryptokiVersion.major = 3;
    info->libraryVersion.major = (CK_BYTE)strtoul(hufu_version(), NULL, 10);
    const char *dot = strchr(hufu_version(), '.');
    info->libraryVersion.minor = dot ? (CK_BYTE)strtoul(dot + 1, NULL, 10) : 0;
    pad(info->manufacturerID, sizeof info->manufacturerID, "Hufu");
    pad(info->libraryDescription, sizeof info->libraryDescription, "Hufu key device");
    return leave(CKR_OK);
}

/* Functions of parallel sessions, which are no more. */
CK_RV C_GetFunctionStatus(CK_SESSION_HANDLE session)
{
    (void)session;
    const CK_RV rv = enter();
    return rv == CKR_OK ? leave(CKR_FUNCTION_NOT_PARALLEL) : rv;
}

CK_RV C_CancelFunction(CK_SESSION_HANDLE session)
{
    return C_GetFunctionStatus(session);
}
