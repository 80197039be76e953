/*
 * Many clients of a simulator, each with one signature on its way at a time, all driven by one
 * thread that speaks the frames itself: their own cost is a write and a read each, so that what
 * is measured is the device and its socket rather than the machine's changing of threads.
 */
#ifndef HUFU_BENCH_HERD_H
#define HUFU_BENCH_HERD_H

#include <stddef.h>
#include <stdint.h>

struct herd;

/* n connections with a session and a key of this type each. */
struct herd *herd_open(const char *socket_path, size_t n, uint8_t type);
/* Until the first client has its answer; how many signatures all of them got meanwhile. */
double herd_call(void *herd);
void herd_close(void *herd);

#endif
