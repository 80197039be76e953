/* A device with the accounts of the bench, and sessions on it. Failures end the bench. */
#ifndef HUFU_BENCH_CLIENT_H
#define HUFU_BENCH_CLIENT_H

#include "bench/bench.h"
#include "host/lib/hufu.h"

void client_must(enum hufu_status s, const char *what);
/* Opens the device and, when it is blank, initialises it. objects_max: room for so many; 0:
 * default. */
struct hufu_device *client_device(const struct options *o, const char *url, size_t objects_max);
/* A session with the rights of a user of keys. */
struct hufu_session *client_session(struct hufu_device *device);
void client_remove_tree(const char *path);

#endif
