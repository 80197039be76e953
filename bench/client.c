#include "bench/client.h"

#include <ftw.h>
#include <stdio.h>

void client_must(enum hufu_status s, const char *what)
{
    if (s != HUFU_OK)
        bench_die(what, hufu_last_error());
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

void client_remove_tree(const char *path)
{
    nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void prepare(struct hufu_device *device)
{
    static const struct hufu_init init = {.retries = 5,
                                          .label = "bench",
                                          .admin_pin = "bench-admin",
                                          .operator_pin = "bench-operator",
                                          .user_pin = "bench-user"};
    struct hufu_info info;
    client_must(hufu_info(device, &info), "device information");
    if (info.state == HUFU_STATE_BLANK)
        client_must(hufu_device_init(device, &init, NULL), "initialisation");
}

struct hufu_device *client_device(const struct options *o, const char *url, size_t objects_max)
{
    const struct hufu_options options = {
        .threads = o->threads, .engine = o->engine, .objects_max = (uint32_t)objects_max};
    struct hufu_device *device;
    client_must(hufu_open_with(&device, url, &options), "device");
    prepare(device);
    return device;
}

struct hufu_session *client_session(struct hufu_device *device)
{
    struct hufu_session *session;
    client_must(hufu_session_open(device, &session), "session");
    client_must(hufu_login(session, HUFU_ACCOUNT_USER, "bench-user", 10, NULL), "log-in");
    return session;
}
