/* The reader of APDUs: what it takes lies inside the input and can be written again to the same
 * meaning. */
#include <string.h>

#include "proto/apdu.h"
#include "tests/fuzz/fuzz.h"

static void write_again(const struct apdu *a, const uint8_t *data, size_t size)
{
    static uint8_t out[APDU_COMMAND_MAX];
    struct apdu b;
    const size_t n = apdu_build(out, sizeof out, a);
    REQUIRE(n >= 4 && n <= size);
    REQUIRE(n == size || n + 1 == size); /* the third byte of Le is not written */
    REQUIRE(apdu_parse(&b, out, n));
    REQUIRE(!memcmp(out, data, 4));
    REQUIRE(b.le == a->le && b.extended == a->extended && b.data.size == a->data.size);
    REQUIRE(!a->data.size || !memcmp(b.data.data, a->data.data, a->data.size));
    REQUIRE(apdu_build(out, n - 1, a) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct apdu a;
    if (!apdu_parse(&a, data, size))
        return 0;
    REQUIRE(size >= 4 && a.le <= APDU_LE_MAX && a.data.size <= APDU_LC_MAX);
    if (a.data.size) {
        REQUIRE(a.data.data > data + 4);
        REQUIRE(a.data.data + a.data.size <= data + size);
    }
    write_again(&a, data, size);
    return 0;
}
