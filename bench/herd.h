/*
 * Many clients of a simulator, each with one signature or verification on its way at a time, all
 * driven by one thread that speaks the frames itself: their own cost is a write and a read each, so
 * that what is measured is the device and its socket rather than the machine's changing of threads.
 */
#ifndef HUFU_BENCH_HERD_H
#define HUFU_BENCH_HERD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct herd;

/* n connections with a session and a key of this type each. verify (SM2 only): a signature each is
 * made at once, and then verified. */
struct herd *herd_open(const char *socket_path, size_t n, uint8_t type, bool verify);
/* Until the first client has its answer; how many all of them got meanwhile. */
double herd_call(void *herd);
void herd_close(void *herd);

#endif
