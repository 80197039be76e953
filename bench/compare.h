/* Do the lanes compute what the portable engine computes? */
#ifndef HUFU_BENCH_COMPARE_H
#define HUFU_BENCH_COMPARE_H

#include "bench/bench.h"

struct comparison {
    size_t pairs, openssl; /* compared; of them with OpenSSL as well */
    size_t differ;         /* in the pair, in its signature or in what is refused */
    double seconds;
};

/* o->compare SM2 key pairs of random scalars, and a signature with each, by the engine and by the
 * portable one, in batches of many sizes, on o->threads threads; reported. false: some differ. */
bool compare(const struct options *o);

#endif
