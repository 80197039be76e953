/* Stored keys and data: every record is opened, as it would be for use. */
#include "firmware/app/core.h"
#include "firmware/app/selftest.h"

/* "stored key 0000012c": which one, for whoever restores or destroys it */
static void name_of(uint32_t id, char name[SELFTEST_NAME_MAX + 1])
{
    static const char hex[] = "0123456789abcdef";
    const struct view text = text_view("stored record ");
    size_t n = 0;
    for (; n < text.size; n++)
        name[n] = (char)text.data[n];
    for (unsigned shift = 32; shift; shift -= 4)
        name[n++] = hex[id >> (shift - 4) & 15];
    name[n] = 0;
}

bool selftest_store(struct device *d, char name[SELFTEST_NAME_MAX + 1])
{
    for (uint32_t id = store_next(d->store, 0, 0); id; id = store_next(d->store, id, 0)) {
        const enum store_result r = store_check(d->store, id);
        if (r == STORE_OK || r == STORE_LOCKED)
            continue;
        name_of(id, name);
        return false;
    }
    return true;
}
