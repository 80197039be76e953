#include "host/lib/pcsclite.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static struct pcsc_api api;
static bool loaded;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The library stays loaded: its threads and handles may outlive a link. */
static void load(void)
{
    static const struct {
        const char *name;
        size_t at; /* in api */
    } wanted[] = {
        {"SCardEstablishContext", offsetof(struct pcsc_api, establish)},
        {"SCardReleaseContext", offsetof(struct pcsc_api, release)},
        {"SCardListReaders", offsetof(struct pcsc_api, list_readers)},
        {"SCardGetStatusChange", offsetof(struct pcsc_api, get_status_change)},
        {"SCardConnect", offsetof(struct pcsc_api, connect)},
        {"SCardDisconnect", offsetof(struct pcsc_api, disconnect)},
        {"SCardBeginTransaction", offsetof(struct pcsc_api, begin_transaction)},
        {"SCardEndTransaction", offsetof(struct pcsc_api, end_transaction)},
        {"SCardTransmit", offsetof(struct pcsc_api, transmit)},
        {"SCardControl", offsetof(struct pcsc_api, control)},
    };
    void *library = dlopen("libpcsclite.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        void *symbol = dlsym(library, wanted[i].name);
        if (!symbol)
            return;
        memcpy((char *)&api + wanted[i].at, &symbol, sizeof symbol);
    }
    loaded = true;
}

const struct pcsc_api *pcsc_api(void)
{
    pthread_once(&once, load);
    return loaded ? &api : NULL;
}

const char *pcsc_text(enum pcsc_error error)
{
    switch (error) {
    case PCSC_OK:
        return "done";
    case PCSC_E_INVALID_HANDLE:
        return "pcscd does not know us any more";
    case PCSC_E_UNKNOWN_READER:
    case PCSC_E_READER_UNAVAILABLE:
        return "the reader is gone";
    case PCSC_E_SHARING_VIOLATION:
        return "another program has the card for itself";
    case PCSC_E_NO_SMARTCARD:
        return "there is no card in the reader";
    case PCSC_F_COMM_ERROR:
        return "the connection to pcscd broke";
    case PCSC_E_NOT_TRANSACTED:
        return "the reader could not bring the command to its end";
    case PCSC_E_NO_SERVICE:
        return "pcscd is not running";
    case PCSC_E_NO_READERS:
        return "pcscd has no reader";
    case PCSC_W_UNRESPONSIVE:
        return "the card does not answer";
    case PCSC_W_UNPOWERED:
        return "the card has no power";
    case PCSC_W_RESET:
        return "another program has reset the card, which ended the sessions";
    case PCSC_W_REMOVED:
        return "the card was removed";
    case PCSC_W_SECURITY:
        return "pcscd does not let us in";
    default:
        return "PC/SC failed";
    }
}
