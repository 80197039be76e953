/* Mutexes: the system's, unless the application gave its own and did not allow the system's. */
#include "host/pkcs11/module.h"

CK_RV lock_make(struct lock *l)
{
    l->theirs = NULL;
    if (module.their_locks)
        return module.args.CreateMutex(&l->theirs);
    return pthread_mutex_init(&l->os, NULL) ? CKR_HOST_MEMORY : CKR_OK;
}

void lock_end(struct lock *l)
{
    if (module.their_locks)
        module.args.DestroyMutex(l->theirs);
    else
        pthread_mutex_destroy(&l->os);
}

void lock_take(struct lock *l)
{
    if (module.their_locks)
        module.args.LockMutex(l->theirs);
    else
        pthread_mutex_lock(&l->os);
}

void lock_give(struct lock *l)
{
    if (module.their_locks)
        module.args.UnlockMutex(l->theirs);
    else
        pthread_mutex_unlock(&l->os);
}
