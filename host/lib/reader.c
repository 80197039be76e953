#include "host/lib/reader.h"

#include <string.h>

#include "host/lib/lib.h"

struct reader *reader_open(const char *address)
{
    static const struct reader_ops *const kinds[] = {&reader_unix, &reader_inproc};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const size_t n = strlen(kinds[i]->scheme);
        if (!strncmp(address, kinds[i]->scheme, n) && address[n] == ':')
            return kinds[i]->open(address + n + 1);
    }
    fail_with(HUFU_E_URL, "%s: no such kind of device: give unix:PATH or inproc:DIRECTORY",
              address);
    return NULL;
}
