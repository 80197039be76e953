/* For tests of the PKCS#11 module with a device that is another process. */
#ifndef HUFU_TEST_P11_DEVICE_H
#define HUFU_TEST_P11_DEVICE_H

#include "tests/unit/p11_tools.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>

static char directory[TEMP_NAME];
static char socket_path[TEMP_NAME + 16];
static pid_t sim;

static inline void start_sim(void)
{
    char self[PATH_MAX] = "", program[PATH_MAX + 32], memory[TEMP_NAME + 16];
    ck_assert_int_gt(readlink("/proc/self/exe", self, sizeof self - 1), 0);
    snprintf(program, sizeof program, "%s/hufu-sim", dirname(dirname(self)));
    snprintf(memory, sizeof memory, "%s/device", directory);
    unlink(socket_path);
    int ready[2];
    ck_assert_int_eq(pipe(ready), 0);
    sim = fork();
    if (sim == 0) {
        char fd[16];
        snprintf(fd, sizeof fd, "%d", ready[1]);
        execl(program, program, "--dir", memory, "--socket", socket_path, "--ready-fd", fd,
              "--log-level", "error", (char *)NULL);
        _exit(127);
    }
    close(ready[1]);
    char c;
    ck_assert_msg(read(ready[0], &c, 1) == 1, "%s does not start", program);
    close(ready[0]);
}

static inline void stop_sim(void)
{
    kill(sim, SIGTERM);
    waitpid(sim, NULL, 0);
}

static inline void set_up_at(bool sealed, bool relogin)
{
    char path[TEMP_NAME + 16], options[TEMP_NAME + 64] = "";
    temp_name(directory, "p11-sim");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(socket_path, sizeof socket_path, "%s/socket", directory);
    snprintf(path, sizeof path, "%s/pkcs11.conf", directory);
    if (sealed)
        snprintf(options, sizeof options, "?channel=first&known-devices=%s/known&rekey=16",
                 directory);
    FILE *file = fopen(path, "w");
    fprintf(file, "[device]\nurl = unix:%s%s\nrelogin = %s\n", socket_path, options,
            relogin ? "yes" : "no");
    fclose(file);
    setenv("HUFU_PKCS11_CONF", path, 1);
    start_sim();
    load();
    OK(f->C_Initialize(NULL));
    init_token();
    session = open_session(CKF_RW_SESSION);
    OK(f->C_Login(session, CKU_USER, TEXT(PIN), strlen(PIN)));
}

static inline void log_in(void)
{
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
    OK(f->C_Initialize(&args));
    session = open_session(CKF_RW_SESSION);
    OK(f->C_Login(session, CKU_USER, TEXT(PIN), strlen(PIN)));
}

static inline void set_up(bool relogin)
{
    set_up_at(false, relogin);
}

static inline void clean_up(void)
{
    char command[TEMP_NAME + 16];
    f->C_Finalize(NULL);
    stop_sim();
    snprintf(command, sizeof command, "rm -rf %s", directory);
    ck_assert_int_eq(system(command), 0);
}

static inline CK_RV sign_in(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key)
{
    CK_MECHANISM m = {CKM_SHA256_RSA_PKCS, NULL, 0};
    CK_BYTE signature[256];
    CK_ULONG n = sizeof signature;
    const CK_RV rv = f->C_SignInit(s, &m, key);
    return rv ? rv : f->C_Sign(s, TEXT("data"), 4, signature, &n);
}

#endif
