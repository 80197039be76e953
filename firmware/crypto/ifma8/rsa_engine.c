/* RSA in eight lanes, as the engine offers it. */
#include "firmware/crypto/ifma8/ifma8.h"

#if HUFU_IFMA8
#include "firmware/crypto/ifma8/rsa_number.h"
#include "firmware/crypto/ifma8/rsa_prime.h"
#include "firmware/crypto/ifma8/rsa_private.h"
#include "firmware/crypto/ifma8/rsa_public.h"
#include "firmware/crypto/ifma8/rsa_trial.h"

static size_t scratch_size(unsigned bits, size_t n)
{
    const size_t private_op = rsa8_private_scratch(bits), prime = rsa8_prime_scratch(bits / 2);
    const size_t trial = rsa8_trial_scratch(), most = private_op > prime ? private_op : prime;
    (void)n;
    return most > trial ? most : trial;
}

const struct rsa_ops rsa_ifma8 = {
    .name = "ifma8",
    .lanes = RSA8_LANES,
    .scratch = scratch_size,
    .private_op = rsa8_private_op,
    .public_power = rsa8_public_power,
    .prime_test = rsa8_prime_test,
    .sieve = &rsa8_sieve,
};

#endif
