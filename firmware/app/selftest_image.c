/* The firmware's own image: what the port finds of it in memory has the digest that it was built
 * with. */
#include "firmware/app/selftest.h"
#include "firmware/crypto/sm3.h"

#include <string.h>

enum { PIECE = 256 };

static bool test_image(const struct selftest_env *e)
{
    const struct hal_image *image = e->image;
    struct sm3 s;
    uint8_t digest[SM3_SIZE], piece[PIECE];
    if (!image || !image->read)
        return true;
    sm3_init(&s);
    for (size_t n, at = 0; (n = image->read(image->ctx, at, piece, PIECE)) != 0; at += n)
        sm3_update(&s, piece, n);
    sm3_final(&s, digest);
    return !memcmp(digest, image->sm3, sizeof digest);
}

const struct selftest selftests_image[] = {
    {"firmware image", test_image},
    {NULL, NULL},
};
