/* The PKCS#11 module and a device that is another process: restarts under a living application,
 * several processes at once, children after fork. */
#include "tests/lib/run.h"
#include "tests/unit/p11_device.h"

#include "host/lib/hufu.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>

/* A clear code, and after a login everything goes on with the handles that are there. */
START_TEST(restart)
{
    CK_SESSION_INFO info;
    CK_SLOT_INFO slot;
    CK_OBJECT_HANDLE o[4];
    CK_ATTRIBUTE label = {CKA_LABEL, TEXT("key"), 3};
    set_up(false);
    const struct pair p = make_rsa(CK_TRUE, "key");
    OK(sign_in(session, p.private));
    stop_sim();
    ck_assert_uint_ne(sign_in(session, p.private), CKR_OK);
    const CK_RV rv = sign_in(session, p.private);
    ck_assert_msg(rv == CKR_DEVICE_REMOVED || rv == CKR_TOKEN_NOT_PRESENT ||
                      rv == CKR_USER_NOT_LOGGED_IN,
                  "%#lx", rv);
    OK(f->C_GetSlotInfo(0, &slot));
    ck_assert(!(slot.flags & CKF_TOKEN_PRESENT));
    start_sim();
    /* it may still rest from the last attempt */
    for (int i = 0; i < 100; i++) {
        OK(f->C_GetSlotInfo(0, &slot));
        if (slot.flags & CKF_TOKEN_PRESENT)
            break;
        usleep(100000);
    }
    ck_assert(slot.flags & CKF_TOKEN_PRESENT);
    OK(f->C_GetSessionInfo(session, &info));
    ck_assert_uint_eq(info.state, CKS_RW_PUBLIC_SESSION);
    ck_assert_uint_ne(sign_in(session, p.private), CKR_OK);
    OK(f->C_Login(session, CKU_USER, TEXT(PIN), strlen(PIN)));
    OK(sign_in(session, p.private));
    ck_assert_uint_eq(find(&label, 1, o, 4), 2);
    clean_up();
}
END_TEST

/* With relogin the application does not notice, whenever the device was restarted. */
START_TEST(restart_relogin)
{
    set_up(true);
    const struct pair p = make_rsa(CK_TRUE, "key");
    for (int i = 0; i < 3; i++) {
        OK(sign_in(session, p.private));
        stop_sim();
        start_sim();
        OK(sign_in(session, p.private));
    }
    OK(f->C_Logout(session)); /* a PIN is not kept after that */
    stop_sim();
    start_sim();
    ck_assert_uint_ne(sign_in(session, p.private), CKR_OK);
    clean_up();
}
END_TEST

/* Threads that sign while the device goes and comes: each call ends, with a known code. */
static CK_OBJECT_HANDLE shared_key;
static atomic_int wrong, good;
static atomic_bool stop;

static void *keep_signing(void *unused)
{
    CK_SESSION_HANDLE s;
    (void)unused;
    if (f->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &s))
        return NULL;
    while (!stop) {
        const CK_RV rv = sign_in(s, shared_key);
        if (rv == CKR_OK)
            good++;
        else if (rv != CKR_DEVICE_REMOVED && rv != CKR_TOKEN_NOT_PRESENT &&
                 rv != CKR_USER_NOT_LOGGED_IN && rv != CKR_KEY_HANDLE_INVALID &&
                 rv != CKR_DEVICE_ERROR && rv != CKR_FUNCTION_FAILED)
            wrong = (int)rv;
    }
    f->C_CloseSession(s);
    return NULL;
}

START_TEST(restart_under_load)
{
    enum { THREADS = 8 };
    pthread_t t[THREADS];
    set_up(true);
    shared_key = make_rsa(CK_TRUE, "key").private;
    for (int i = 0; i < THREADS; i++)
        pthread_create(&t[i], NULL, keep_signing, NULL);
    for (int i = 0; i < 3; i++) {
        const int before = good;
        while (good < before + 10)
            usleep(10000);
        stop_sim();
        start_sim();
    }
    const int before = good;
    while (good < before + 10)
        usleep(10000);
    stop = true;
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    ck_assert_int_eq(wrong, 0);
    clean_up();
}
END_TEST

static void *sign_60(void *unused)
{
    CK_SESSION_HANDLE s;
    (void)unused;
    CK_RV rv = f->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &s);
    for (int i = 0; i < 60 && rv == CKR_OK; i++)
        rv = sign_in(s, shared_key);
    if (rv)
        wrong = (int)rv;
    return NULL;
}

/* A secure channel by the URL. It is used up again and again, and nobody notices. */
START_TEST(new_channels)
{
    enum { THREADS = 4 };
    char known[TEMP_NAME + 16];
    pthread_t t[THREADS];
    set_up_at(true, true);
    shared_key = make_rsa(CK_TRUE, "key").private;
    sign_60(NULL);
    ck_assert_int_eq(wrong, CKR_OK);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&t[i], NULL, sign_60, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    ck_assert_int_eq(wrong, CKR_OK);
    snprintf(known, sizeof known, "%s/known", directory);
    ck_assert_int_eq(access(known, R_OK), 0); /* there was one */
    clean_up();
}
END_TEST

/* ------------------------------------------------------------------ processes */

static int child(int turns)
{
    CK_SESSION_HANDLE s;
    CK_OBJECT_HANDLE o[4];
    CK_ULONG n;
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE t[] = {{CKA_LABEL, TEXT("key"), 3}, {CKA_CLASS, &class, sizeof class}};
    if (f->C_Initialize(NULL) != CKR_OK)
        return 1;
    if (f->C_OpenSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s) != CKR_OK)
        return 2;
    if (f->C_Login(s, CKU_USER, TEXT(PIN), strlen(PIN)) != CKR_OK)
        return 3;
    if (f->C_FindObjectsInit(s, t, 2) || f->C_FindObjects(s, o, 4, &n) ||
        f->C_FindObjectsFinal(s) || n != 1)
        return 4;
    for (int i = 0; i < turns; i++)
        if (sign_in(s, o[0]) != CKR_OK)
            return 5;
    return f->C_Finalize(NULL) == CKR_OK ? 0 : 6;
}

/* As a web server forks its workers: each child starts anew, the parent goes on. */
START_TEST(processes)
{
    enum { CHILDREN = 6 };
    pid_t pid[CHILDREN];
    set_up(false);
    const struct pair p = make_rsa(CK_TRUE, "key");
    for (int i = 0; i < CHILDREN; i++) {
        pid[i] = fork();
        if (pid[i] == 0)
            _exit(child(20));
    }
    for (int i = 0; i < 20; i++)
        OK(sign_in(session, p.private));
    for (int i = 0; i < CHILDREN; i++) {
        int status;
        ck_assert_int_eq(waitpid(pid[i], &status, 0), pid[i]);
        ck_assert_int_eq(status, 0);
    }
    OK(sign_in(session, p.private)); /* nobody has closed our link */
    clean_up();
}
END_TEST

/* What another process makes and destroys is seen at the next search. */
START_TEST(changes_of_others)
{
    int status;
    CK_OBJECT_HANDLE o[4];
    CK_ATTRIBUTE label = {CKA_LABEL, TEXT("theirs"), 6};
    set_up(false);
    ck_assert_uint_eq(find(&label, 1, o, 4), 0);
    pid_t pid = fork();
    if (pid == 0) {
        log_in();
        make_rsa(CK_TRUE, "theirs");
        _exit(f->C_Finalize(NULL) != CKR_OK);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    ck_assert_uint_eq(find(&label, 1, o, 4), 2);
    pid = fork();
    if (pid == 0) {
        log_in();
        ck_assert_uint_eq(find(&label, 1, o, 4), 2);
        OK(f->C_DestroyObject(session, o[0]));
        f->C_DestroyObject(session, o[1]);
        _exit(f->C_Finalize(NULL) != CKR_OK);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    const CK_OBJECT_HANDLE gone = o[0];
    CK_BYTE out[300];
    CK_ATTRIBUTE modulus = {CKA_MODULUS, out, sizeof out};
    ck_assert_uint_eq(find(&label, 1, o, 4), 0);
    IS(f->C_GetAttributeValue(session, gone, &modulus, 1), CKR_OBJECT_HANDLE_INVALID);
    clean_up();
}
END_TEST

static CK_OBJECT_HANDLE make_data(const char *label)
{
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_OBJECT_HANDLE o;
    CK_ATTRIBUTE t[] = {{CKA_CLASS, &class, sizeof class},
                        {CKA_TOKEN, &yes, 1},
                        {CKA_LABEL, TEXT(label), strlen(label)}};
    OK(f->C_CreateObject(session, t, COUNT(t), &o));
    return o;
}

static CK_ULONG count(const char *label)
{
    CK_OBJECT_HANDLE o[2];
    CK_ATTRIBUTE t = {CKA_LABEL, TEXT(label), strlen(label)};
    return find(&t, 1, o, 2);
}

static CK_ULONG count_data(const char *label)
{
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_OBJECT_HANDLE o[2];
    CK_ATTRIBUTE t[] = {{CKA_LABEL, TEXT(label), strlen(label)}, {CKA_CLASS, &class, sizeof class}};
    return find(t, 2, o, 2);
}

/* What the other process does between two looks of this one: many changes of its own, too. */
static void change_much(void)
{
    CK_OBJECT_HANDLE o[4];
    CK_ATTRIBUTE old = {CKA_LABEL, TEXT("old"), 3}, new = {CKA_LABEL, TEXT("renamed"), 7},
                 away = {CKA_LABEL, TEXT("away"), 4};
    CK_OBJECT_CLASS public = CKO_PUBLIC_KEY;
    CK_ATTRIBUTE pair[] = {{CKA_LABEL, TEXT("pair"), 4}, {CKA_CLASS, &public, sizeof public}};
    char label[16];
    log_in();
    ck_assert_uint_eq(find(&old, 1, o, 4), 1);
    OK(f->C_SetAttributeValue(session, o[0], &new, 1));
    ck_assert_uint_eq(find(&away, 1, o, 4), 1);
    OK(f->C_DestroyObject(session, o[0]));
    ck_assert_uint_eq(find(pair, 2, o, 4), 1);
    OK(f->C_DestroyObject(session, o[0])); /* only the public part */
    for (int i = 0; i < 40; i++) {
        snprintf(label, sizeof label, "new-%d", i);
        make_data(label);
    }
}

START_TEST(catching_up)
{
    int status;
    set_up(false);
    make_data("old");
    make_data("away");
    make_rsa(CK_TRUE, "pair");
    ck_assert_uint_eq(count("old"), 1);
    ck_assert_uint_eq(count("none"), 0); /* everything is listed now */
    const pid_t pid = fork();
    if (pid == 0) {
        change_much();
        _exit(f->C_Finalize(NULL) != CKR_OK);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    make_data("mine");
    ck_assert_uint_eq(count("mine"), 1);
    ck_assert_uint_eq(count("old"), 0);
    ck_assert_uint_eq(count("renamed"), 1);
    ck_assert_uint_eq(count("away"), 0);
    ck_assert_uint_eq(count("pair"), 1);
    ck_assert_uint_eq(count("new-0"), 1);
    ck_assert_uint_eq(count("new-39"), 1);
    clean_up();
}
END_TEST

/* Through the library, as the user, for good. */
static void restrict_keys(const char *label, const struct hufu_policy *policy)
{
    struct hufu_device *device;
    struct hufu_session *s;
    uint32_t handle;
    const uint8_t user = HUFU_ACCOUNT_ADMIN + 1; /* the first that C_InitPIN made */
    char url[160];
    snprintf(url, sizeof url, "unix:%s", socket_path);
    ck_assert_int_eq(hufu_open(&device, url), HUFU_OK);
    ck_assert_int_eq(hufu_session_open(device, &s), HUFU_OK);
    ck_assert_int_eq(hufu_login(s, user, PIN, strlen(PIN), NULL), HUFU_OK);
    ck_assert_int_eq(hufu_object_find(s, 0, label, NULL, 0, &handle), HUFU_OK);
    ck_assert_msg(hufu_key_restrict(s, handle, HUFU_USAGE_SIGN, policy) == HUFU_OK, "%s",
                  hufu_last_error());
    hufu_session_close(s);
    hufu_close(device);
}

static void has_date(CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type, const char *day)
{
    CK_BYTE out[8];
    CK_ATTRIBUTE a = {type, out, sizeof out};
    OK(f->C_GetAttributeValue(session, key, &a, 1));
    ck_assert_uint_eq(a.ulValueLen, strlen(day));
    ck_assert_mem_eq(out, day, strlen(day));
}

/* Limits that the device enforces: shown as dates, and their end as what they are. */
START_TEST(limits)
{
    CK_OBJECT_HANDLE o[4];
    CK_OBJECT_CLASS private = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE wanted[] = {{CKA_LABEL, TEXT("few"), 3}, {CKA_CLASS, &private, sizeof private}};
    set_up(false);
    make_rsa(CK_TRUE, "few");
    ck_assert_uint_eq(find(wanted, 2, o, 4), 1);
    has_date(o[0], CKA_START_DATE, "");
    has_date(o[0], CKA_END_DATE, "");
    /* from 2021-05-03 until the end of 2099-12-31 */
    restrict_keys("few", &(struct hufu_policy){
                             .uses = 2, .not_before = 1620000000000, .not_after = 4102444800000});
    ck_assert_uint_eq(find(wanted, 2, o, 4), 1);
    has_date(o[0], CKA_START_DATE, "20210503");
    has_date(o[0], CKA_END_DATE, "20991231");
    OK(sign_in(session, o[0]));
    OK(sign_in(session, o[0]));
    IS(sign_in(session, o[0]), CKR_KEY_FUNCTION_NOT_PERMITTED);
    clean_up();
}
END_TEST

/* A session key of a process that was killed is cleared away by the next one. */
START_TEST(killed)
{
    int status;
    CK_OBJECT_HANDLE o[4];
    char url[sizeof socket_path + 8];
    struct hufu_device *device;
    struct hufu_info info;
    set_up(false);
    ck_assert_uint_eq(find(NULL, 0, o, 4), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        log_in();
        make_rsa(CK_FALSE, "fleeting");
        kill(getpid(), SIGKILL);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status));
    ck_assert_uint_eq(find(NULL, 0, o, 4), 0);
    snprintf(url, sizeof url, "unix:%s", socket_path);
    ck_assert_int_eq(hufu_open(&device, url), HUFU_OK);
    ck_assert_int_eq(hufu_info(device, &info), HUFU_OK);
    ck_assert_uint_eq(info.objects, 0);
    hufu_close(device);
    clean_up();
}
END_TEST

static void change_names(void)
{
    CK_OBJECT_HANDLE o[2];
    CK_ATTRIBUTE one = {CKA_LABEL, TEXT("one"), 3}, two = {CKA_LABEL, TEXT("two"), 3},
                 moved = {CKA_LABEL, TEXT("moved"), 5};
    log_in();
    ck_assert_uint_eq(find(&two, 1, o, 2), 2);
    OK(f->C_DestroyObject(session, o[0]));
    ck_assert_uint_eq(find(&one, 1, o, 2), 1);
    OK(f->C_SetAttributeValue(session, o[0], &moved, 1));
    make_data("none");
}

/* Among many objects names are looked up in the device, one by one: what another process has done
 * to them is seen, although nothing has ever been listed. */
START_TEST(names_of_many)
{
    enum { MANY = 550 };
    int status;
    set_up(false);
    for (int i = 0; i < MANY; i++)
        make_data("many");
    make_data("one");
    make_data("two");
    make_data("two");
    ck_assert_uint_eq(count_data("none"), 0);
    ck_assert_uint_eq(count_data("one"), 1);
    ck_assert_uint_eq(count_data("two"), 2);
    const pid_t pid = fork();
    if (pid == 0) {
        change_names();
        _exit(f->C_Finalize(NULL) != CKR_OK);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    ck_assert_uint_eq(count_data("one"), 0);
    ck_assert_uint_eq(count_data("two"), 1);
    ck_assert_uint_eq(count_data("none"), 1);
    ck_assert_uint_eq(count_data("moved"), 1);
    clean_up();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("pkcs11 device");
    TCase *c = tcase_create("device");
    tcase_set_timeout(c, 120);
    tcase_add_test(c, restart);
    tcase_add_test(c, restart_relogin);
    tcase_add_test(c, new_channels);
    tcase_add_test(c, restart_under_load);
    tcase_add_test(c, processes);
    tcase_add_test(c, changes_of_others);
    tcase_add_test(c, catching_up);
    tcase_add_test(c, names_of_many);
    tcase_add_test(c, limits);
    tcase_add_test(c, killed);
    suite_add_tcase(s, c);
    return suite_run(s);
}
