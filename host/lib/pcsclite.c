#include "host/lib/pcsclite.h"

#include "host/lib/module.h"

/* In the order of struct pcsc_api. */
static const char *const names[] = {
    "SCardEstablishContext", "SCardReleaseContext", "SCardListReaders",      "SCardGetStatusChange",
    "SCardConnect",          "SCardDisconnect",     "SCardBeginTransaction", "SCardEndTransaction",
    "SCardTransmit",         "SCardControl",
};
static struct pcsc_api api;
static struct module library = {.file = "libpcsclite.so.1",
                                .package = "libpcsclite1",
                                .names = names,
                                .table = &api,
                                .count = sizeof names / sizeof *names};
_Static_assert(sizeof api == sizeof names, "a function for each name");

const struct pcsc_api *pcsc_api(const char *address)
{
    return module_need(&library, "pcsc", address) == HUFU_OK ? &api : 0;
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
