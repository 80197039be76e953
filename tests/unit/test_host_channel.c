/* The host's end of the secure channel, with the firmware at the other end and a liar in between.
 */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/lib/url.h"
#include "tests/lib/bridge.h"
#include "tests/lib/run.h"
#include "tests/lib/temp.h"

static struct dev dv;
static struct bridge bridge;
static struct hufu_device *d;
static char folder[TEMP_NAME], known[TEMP_NAME + 16], key[TEMP_NAME + 16];
static struct hufu_options options;

#define OK(status) ck_assert_msg((status) == HUFU_OK, "%s: %s", #status, hufu_last_error())
#define FAILS(wanted, status)                                                                      \
    do {                                                                                           \
        const enum hufu_status got = (status);                                                     \
        ck_assert_msg(got == (wanted), "%s: %s (%s)", #status, hufu_status_name(got),              \
                      hufu_last_error());                                                          \
    } while (0)

static void on(void)
{
    temp_name(folder, "channel");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(known, sizeof known, "%s/a/b/known", folder);
    snprintf(key, sizeof key, "%s/key", folder);
    unsetenv("HUFU_CHANNEL");
    unsetenv("HUFU_HOST_KEY");
    options = (struct hufu_options){.channel = "first", .known_devices = known};
    dev_open(&dv);
    bridge = (struct bridge){.dv = &dv};
}

static void on_ready(void)
{
    on();
    dev_init(&dv, 0);
    OK(bridge_open(&d, &bridge, &options));
}

static void off(void)
{
    char command[128];
    hufu_close(d);
    d = NULL;
    dev_close(&dv);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

static void log_in(struct hufu_session **s)
{
    OK(hufu_session_open(d, s));
    OK(hufu_login(*s, DEV_USER, DEV_USER_PIN, strlen(DEV_USER_PIN), NULL));
}

static unsigned objects(void)
{
    const struct info_rsp r = dev_info(&dv);
    return r.objects;
}

/* ---------------------------------------------------------------- work */

START_TEST(all_is_sealed)
{
    static uint8_t big[200000];
    struct hufu_channel_info i;
    struct hufu_session *s;
    uint32_t handle;
    const unsigned clear = bridge.clear;
    log_in(&s);
    OK(hufu_random(d, big, sizeof big)); /* more than an answer has room for */
    const struct hufu_key_spec rsa = {.type = HUFU_KEY_RSA2048, .usage = HUFU_USAGE_SIGN};
    OK(hufu_key_generate(s, &rsa, &handle, NULL, NULL)); /* a long command says that it is one */
    ck_assert_uint_eq(objects(), 1);
    OK(hufu_channel_info(d, &i));
    ck_assert(i.open && !i.mutual && i.trust == HUFU_TRUST_FIRST && i.commands > 4);
    OK(hufu_session_close(s));
    ck_assert_uint_eq(bridge.clear, clear);
    ck_assert_uint_eq(i.commands + 2, bridge.sealed); /* IDENTITY, and the end of the session */
    struct stat st;
    ck_assert(stat(known, &st) == 0 && (st.st_mode & 0777) == 0600);
}
END_TEST

static void forge(const struct hufu_request *r, uint8_t *answer, size_t *n)
{
    if (r->ins == INS_CHANNEL_SEALED)
        answer[*n / 2] ^= 1;
}

static void say_ok(const struct hufu_request *r, uint8_t *answer, size_t *n)
{
    if (r->ins != INS_CHANNEL_SEALED)
        return;
    answer[0] = 0x90;
    answer[1] = 0;
    *n = 2;
}

static void say_broken(const struct hufu_request *r, uint8_t *answer, size_t *n)
{
    if (r->ins != INS_CHANNEL_SEALED)
        return;
    answer[0] = SW_CHANNEL_BROKEN >> 8;
    answer[1] = SW_CHANNEL_BROKEN & 0xFF;
    *n = 2;
}

static void say_nothing(const struct hufu_request *r, uint8_t *answer, size_t *n)
{
    (void)answer;
    if (r->ins == INS_CHANNEL_SEALED)
        *n = 0;
}

/* An answer that was not sealed for this command says nothing about it; then nothing more is sent.
 */
START_TEST(answers)
{
    void (*const all[])(const struct hufu_request *, uint8_t *,
                        size_t *) = {forge, say_ok, say_broken, say_nothing};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        hufu_close(d);
        bridge.change = NULL;
        OK(bridge_open(&d, &bridge, &options));
        bridge.change = all[i];
        const unsigned before = bridge.sealed;
        struct hufu_request *r;
        OK(hufu_submit(d, 0, INS_INFO, NULL, 0, &r));
        FAILS(HUFU_E_UNKNOWN_OUTCOME, hufu_wait(r, NULL, NULL));
        FAILS(HUFU_E_UNKNOWN_OUTCOME, hufu_wait(r, NULL, NULL)); /* the same when asked again */
        hufu_release(r);
        FAILS(HUFU_E_LINK, hufu_command(d, 0, INS_INFO, NULL, 0, NULL, NULL));
        ck_assert_uint_eq(bridge.sealed, before + 1);
    }
}
END_TEST

/* Answers may be taken in any order, and twice. */
START_TEST(order)
{
    struct hufu_request *r[3];
    const uint8_t *answer;
    size_t n;
    for (int i = 0; i < 3; i++)
        OK(hufu_submit(d, 0, INS_RANDOM, (const uint8_t[]){0, 0, 0, (uint8_t)(5 + i)}, 4, &r[i]));
    for (int i = 2; i >= 0; i--) {
        OK(hufu_poll(r[i]));
        for (int again = 0; again < 2; again++) {
            OK(hufu_wait(r[i], &answer, &n));
            ck_assert_uint_eq(n, 5u + (unsigned)i);
        }
        hufu_release(r[i]);
    }
}
END_TEST

/* What was not sent takes no counter; a link that is lost takes the channel with it. */
START_TEST(not_sent)
{
    struct liar *l = (struct liar *)d->transport;
    struct hufu_info i;
    l->submit = HUFU_E_MEMORY;
    FAILS(HUFU_E_MEMORY, hufu_info(d, &i));
    l->submit = HUFU_OK;
    OK(hufu_info(d, &i));
    l->submit = HUFU_E_LINK;
    FAILS(HUFU_E_LINK, hufu_info(d, &i));
    l->submit = HUFU_OK;
    FAILS(HUFU_E_LINK, hufu_info(d, &i));
}
END_TEST

START_TEST(used_up)
{
    struct hufu_info i;
    d->secure.counter = CHANNEL_USED_UP;
    FAILS(HUFU_E_LINK, hufu_info(d, &i));
    ck_assert_ptr_nonnull(strstr(hufu_last_error(), "used up"));
}
END_TEST

START_TEST(worn)
{
    struct hufu_info i;
    hufu_close(d);
    options.rekey = 40;
    OK(bridge_open(&d, &bridge, &options));
    while (!hufu_channel_worn(d))
        OK(hufu_info(d, &i));
    ck_assert_uint_eq(d->secure.counter, 35);
    while (d->secure.counter < 40)
        OK(hufu_info(d, &i));
    FAILS(HUFU_E_LINK, hufu_info(d, &i));
}
END_TEST

/* What a URL says of the channel is taken out of it; what the caller says goes first. */
START_TEST(in_the_url)
{
    static const struct {
        const char *url, *plain, *channel, *host_key, *known;
        uint32_t rekey;
    } good[] = {
        {"unix:/a", "unix:/a", NULL, NULL, NULL, 0},
        {"unix:/a?", "unix:/a?", NULL, NULL, NULL, 0},
        {"unix:/a?channel=known", "unix:/a", "known", NULL, NULL, 0},
        {"unix:/a?b", "unix:/a?b", NULL, NULL, NULL, 0},
        {"unix:/a?channels=1&channel=", "unix:/a?channels=1", "", NULL, NULL, 0},
        {"usb:1:2?wait=3&channel=ca:/x&ccid&known-devices=/k&rekey=16&host-key=/h",
         "usb:1:2?wait=3&ccid", "ca:/x", "/h", "/k", 16},
        {"usb:1:2?host-key=/h&wait=3", "usb:1:2?wait=3", NULL, "/h", NULL, 0},
        {"pcsc:?rekey=4294967295&channel=first&channel=off", "pcsc:", "first", NULL, NULL,
         UINT32_MAX},
    };
    static const char *const bad[] = {"rekey=", "rekey=15", "rekey=-1", "rekey=16x",
                                      "rekey=4294967296"};
    struct url u;
    char text[64];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        OK(url_read(&u, good[i].url, NULL));
        ck_assert_str_eq(u.plain, good[i].plain);
        ck_assert_pstr_eq(u.options.channel, good[i].channel);
        ck_assert_pstr_eq(u.options.host_key, good[i].host_key);
        ck_assert_pstr_eq(u.options.known_devices, good[i].known);
        ck_assert_uint_eq(u.options.rekey, good[i].rekey);
        url_free(&u);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(text, sizeof text, "unix:/a?%s", bad[i]);
        FAILS(HUFU_E_URL, url_read(&u, text, NULL));
        url_free(&u);
    }
    const struct hufu_options first = {.channel = "off", .rekey = 99};
    OK(url_read(&u, "unix:/a?channel=known&rekey=50&host-key=h", &first));
    ck_assert_str_eq(u.options.channel, "off");
    ck_assert_str_eq(u.options.host_key, "h");
    ck_assert_uint_eq(u.options.rekey, 99);
    url_free(&u);
}
END_TEST

/* ---------------------------------------------------------------- whom it trusts */

static size_t at;
static uint8_t about;

static void change_key(const struct hufu_request *r, uint8_t *answer, size_t *n)
{
    if (r->ins == about && at < *n)
        answer[at] ^= 1;
}

/* Any bit of what the device says while the channel is agreed, changed: nothing secret is sent. */
START_TEST(in_between)
{
    static const struct {
        uint8_t ins;
        size_t size;
    } steps[] = {{INS_CHANNEL_KEY, 2 + CHANNEL_STATEMENT + 2 + 64},
                 {INS_CHANNEL_OPEN, 2 + 64 + 32}};
    bridge.change = change_key;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        for (at = i ? 2 : 0; at < steps[i].size; at++) {
            struct hufu_device *other;
            const unsigned sealed = bridge.sealed;
            about = steps[i].ins;
            const enum hufu_status s = bridge_open(&other, &bridge, &options);
            ck_assert_msg(s == HUFU_E_TRUST || s == HUFU_E_BAD_ANSWER, "byte %zu: %s", at,
                          hufu_status_name(s));
            ck_assert_uint_eq(bridge.sealed, sealed);
            ck_assert_ptr_null(other);
        }
}
END_TEST

static enum hufu_status open_as(const char *channel)
{
    struct hufu_device *other;
    options.channel = channel;
    const enum hufu_status s = bridge_open(&other, &bridge, &options);
    hufu_close(other);
    return s;
}

static void write_to(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

START_TEST(known_devices)
{
    uint8_t fingerprint[32];
    char text[256], hex[65];
    OK(hufu_fingerprint(d, fingerprint));
    for (int i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", fingerprint[i]);
    OK(open_as("known"));
    snprintf(text, sizeof text, "pin:%s", hex);
    OK(open_as(text));
    text[5] = text[5] == '0' ? '1' : '0';
    FAILS(HUFU_E_TRUST, open_as(text));
    write_to(known, "");
    FAILS(HUFU_E_TRUST, open_as("known"));
    write_to(known, "# none\nshort\n0011 liar:\n");
    FAILS(HUFU_E_TRUST, open_as("known"));
    snprintf(text, sizeof text, "%s liar:other\n%s liar:\r\n", hex, hex);
    write_to(known, text);
    OK(open_as("known"));
    snprintf(text, sizeof text, "%s *\n", hex);
    write_to(known, text);
    OK(open_as("known"));
    text[0] = text[0] == '0' ? '1' : '0';
    memcpy(strchr(text, '*'), "liar:\n", 7);
    write_to(known, text);
    FAILS(HUFU_E_TRUST, open_as("first"));
    OK(hufu_trust(d, fingerprint));
    OK(open_as("first"));
    FAILS(HUFU_E_FILE, open_as("ca:/nonexistent"));
    unlink(known);
    mkdir(known, 0700);
    FAILS(HUFU_E_FILE, open_as("first"));
    FAILS(HUFU_E_ARGUMENT, open_as("perhaps"));
    FAILS(HUFU_E_ARGUMENT, open_as("pin:00"));
    FAILS(HUFU_E_ARGUMENT, open_as("ca:"));
}
END_TEST

START_TEST(host_key_files)
{
    options.host_key = key;
    FAILS(HUFU_E_FILE, open_as("first"));
    write_to(key, "no key\n");
    FAILS(HUFU_E_FORMAT, open_as("first"));
    char command[TEMP_NAME + 128];
    snprintf(command, sizeof command,
             "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out %s 2>/dev/null",
             key);
    ck_assert_int_eq(system(command), 0);
    FAILS(HUFU_E_FORMAT, open_as("first"));
    snprintf(command, sizeof command,
             "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:SM2 -out %s 2>/dev/null",
             key);
    ck_assert_int_eq(system(command), 0);
    FAILS(HUFU_E_TRUST,
          open_as(NULL)); /* a host key asks for a channel; this one is not registered */
    OK(open_as("off"));
}
END_TEST

/* ---------------------------------------------------------------- the device's states */

START_TEST(ends_and_begins)
{
    struct hufu_session *s;
    struct hufu_info i;
    hufu_close(d);
    dev_close(&dv);
    dev_open(&dv);
    dev_init(&dv, INIT_ATTENDED);
    unlink(known);
    OK(bridge_open(&d, &bridge, &options));
    for (int turn = 0; turn < 2; turn++) {
        OK(hufu_session_open(d, &s));
        OK(hufu_login(s, DEV_ADMIN, DEV_ADMIN_PIN, strlen(DEV_ADMIN_PIN), NULL));
        OK(hufu_device_lock(s));
        free(s); /* it ended with LOCK */
        OK(hufu_device_unlock(d, DEV_UNLOCK, strlen(DEV_UNLOCK)));
    }
    OK(hufu_session_open(d, &s));
    OK(hufu_login(s, DEV_ADMIN, DEV_ADMIN_PIN, strlen(DEV_ADMIN_PIN), NULL));
    OK(hufu_device_zeroise(s));
    free(s);
    OK(hufu_info(d, &i));
    ck_assert_uint_eq(i.state, HUFU_STATE_BLANK);
    const struct hufu_init init = {.retries = 3,
                                   .label = "",
                                   .admin_pin = DEV_ADMIN_PIN,
                                   .operator_pin = "",
                                   .user_pin = DEV_USER_PIN,
                                   .unlock = ""};
    OK(hufu_device_init(d, &init, NULL));
    log_in(&s);
    OK(hufu_session_close(s));
    options.channel = "known"; /* the new identity came through the channel */
    hufu_close(d);
    OK(bridge_open(&d, &bridge, &options));
}
END_TEST

/* Whoever says that he is blank gets no PIN but those of INIT. */
START_TEST(blank)
{
    struct hufu_session s;
    OK(bridge_open(&d, &bridge, &options));
    const unsigned sealed = bridge.sealed, clear = bridge.clear;
    FAILS(HUFU_E_CHANNEL, hufu_device_unlock(d, "unlock-secret", 13));
    s = (struct hufu_session){.device = d, .generation = d->generation, .channel = 1};
    FAILS(HUFU_E_CHANNEL, hufu_login(&s, 1, "admin-pin", 9, NULL));
    ck_assert(bridge.sealed == sealed && bridge.clear == clear);
    ck_assert_uint_eq(objects(), 0);
}
END_TEST

/* A device that stopped opens no channel: it may be asked what is wrong, and gets nothing else. */
START_TEST(failed)
{
    struct hufu_info i;
    struct hufu_session s;
    hufu_close(d);
    dv.rng_dead = true;
    dev_reboot(&dv);
    OK(bridge_open(&d, &bridge, &options));
    OK(hufu_info(d, &i));
    ck_assert_uint_eq(i.state, HUFU_STATE_FAILED);
    const unsigned clear = bridge.clear;
    s = (struct hufu_session){.device = d, .generation = d->generation, .channel = 1};
    FAILS(HUFU_E_CHANNEL, hufu_login(&s, 1, "admin-pin", 9, NULL));
    ck_assert_uint_eq(bridge.clear, clear);
}
END_TEST

/* auto: in clear where nothing asks for more, by itself where the device does. */
START_TEST(by_itself)
{
    struct hufu_channel_info i;
    options.channel = NULL;
    hufu_close(d);
    OK(bridge_open(&d, &bridge, &options));
    OK(hufu_channel_info(d, &i));
    ck_assert(!i.open);
    hufu_close(d);
    dev_close(&dv);
    dev_open(&dv);
    OK(bridge_open(&d, &bridge, &options));
    const struct hufu_init init = {.flags = HUFU_INIT_CHANNEL,
                                   .retries = 3,
                                   .label = "",
                                   .admin_pin = DEV_ADMIN_PIN,
                                   .operator_pin = "",
                                   .user_pin = DEV_USER_PIN,
                                   .unlock = ""};
    unlink(known);
    OK(hufu_device_init(d, &init, NULL));
    OK(hufu_channel_info(d, &i));
    ck_assert(i.open && i.flags == HUFU_CHANNEL_REQUIRED);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("host_channel");
    TCase *t = tcase_create("ready");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, on_ready, off);
    tcase_add_test(t, all_is_sealed);
    tcase_add_test(t, answers);
    tcase_add_test(t, order);
    tcase_add_test(t, not_sent);
    tcase_add_test(t, used_up);
    tcase_add_test(t, worn);
    tcase_add_test(t, in_the_url);
    tcase_add_test(t, in_between);
    tcase_add_test(t, known_devices);
    tcase_add_test(t, host_key_files);
    tcase_add_test(t, ends_and_begins);
    tcase_add_test(t, failed);
    tcase_add_test(t, by_itself);
    suite_add_tcase(s, t);
    t = tcase_create("blank");
    tcase_add_checked_fixture(t, on, off);
    tcase_add_test(t, blank);
    suite_add_tcase(s, t);
    return suite_run(s);
}
