#include "sim/sandbox.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#endif

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#endif

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define INSTRUMENTED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define INSTRUMENTED 1
#endif

/* There when the program counts its lines; it writes them to files of its own at the end. */
extern void __gcov_exit(void) __attribute__((weak));
extern int __llvm_profile_write_file(void) __attribute__((weak));

static bool unfit(void)
{
#ifdef INSTRUMENTED
    return true;
#else
#ifdef RUNNING_ON_VALGRIND
    if (RUNNING_ON_VALGRIND)
        return true;
#endif
    return __gcov_exit || __llvm_profile_write_file;
#endif
}

#ifdef ARCH

#define LOAD(field)                                                                                \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field))
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, (action))
/* Go on after skip instructions unless the loaded value is k, or has none of the bits of k. */
#define UNLESS(k, skip)      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(k), 0, (skip))
#define UNLESS_BITS(k, skip) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (uint32_t)(k), 0, (skip))

#define ALLOW(name) UNLESS(__NR_##name, 1), RETURN(SECCOMP_RET_ALLOW)
#define KILL(name) UNLESS(__NR_##name, 1), RETURN(SECCOMP_RET_KILL_PROCESS)
/* Not needed, and libc has another way. */
#define REFUSE(name, error) UNLESS(__NR_##name, 1), RETURN(SECCOMP_RET_ERRNO | (error))
/* Only if the low half of argument n is k; has one of the bits; has none of them. */
#define ALLOW_IF(name, n, k)                                                                       \
    UNLESS(__NR_##name, 4), LOAD(args[n]), UNLESS(k, 1), RETURN(SECCOMP_RET_ALLOW),                \
        RETURN(SECCOMP_RET_KILL_PROCESS)
#define ALLOW_WITH(name, n, bits)                                                                  \
    UNLESS(__NR_##name, 4), LOAD(args[n]), UNLESS_BITS(bits, 1), RETURN(SECCOMP_RET_ALLOW),        \
        RETURN(SECCOMP_RET_KILL_PROCESS)
#define ALLOW_WITHOUT(name, n, bits)                                                               \
    UNLESS(__NR_##name, 4), LOAD(args[n]), UNLESS_BITS(bits, 1), RETURN(SECCOMP_RET_KILL_PROCESS), \
        RETURN(SECCOMP_RET_ALLOW)

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "args[n] begins with its low half");

static int install(void)
{
    struct sock_filter code[] = {
        LOAD(arch), UNLESS(ARCH, 1), BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0),
        RETURN(SECCOMP_RET_KILL_PROCESS), LOAD(nr),
        /* links and the log */
        ALLOW(recvfrom), ALLOW(sendmsg), ALLOW(sendto), ALLOW(recvmsg), ALLOW(epoll_ctl),
        ALLOW(epoll_pwait), ALLOW(accept4), ALLOW(shutdown), ALLOW(getsockopt), ALLOW(setsockopt),
        ALLOW(connect), ALLOW(read), ALLOW(write), ALLOW(writev), ALLOW(close), ALLOW(ppoll),
        ALLOW(epoll_create1), ALLOW(eventfd2), ALLOW(timerfd_create), ALLOW(timerfd_settime),
        /* the device's memory; openat also for a new root */
        ALLOW(pread64), ALLOW(pwrite64), ALLOW(fdatasync), ALLOW(fsync), ALLOW(fallocate),
        ALLOW(openat), ALLOW(unlinkat), ALLOW(fstat), ALLOW(newfstatat), ALLOW(flock), ALLOW(lseek),
        ALLOW(getrandom),
        /* memory and threads */
        ALLOW(futex), ALLOW(munmap), ALLOW(madvise), ALLOW(brk), ALLOW(mremap), ALLOW(sched_yield),
        ALLOW(set_robust_list), ALLOW(rseq), ALLOW(exit), ALLOW(exit_group),
        ALLOW(sched_getaffinity), ALLOW(getpid), ALLOW(gettid),
        /* time and signals */
        ALLOW(clock_gettime), ALLOW(clock_nanosleep), ALLOW(nanosleep), ALLOW(timer_gettime),
        ALLOW(timer_settime), ALLOW(timer_delete), ALLOW(rt_sigprocmask), ALLOW(rt_sigaction),
        ALLOW(rt_sigreturn), ALLOW(restart_syscall),
#ifdef __NR_epoll_wait
        ALLOW(epoll_wait), ALLOW(poll),
#endif
#ifdef __NR_rename
        ALLOW(rename), ALLOW(unlink), ALLOW(stat), ALLOW(lstat), ALLOW(time), ALLOW(gettimeofday),
#endif
#ifdef __NR_renameat
        ALLOW(renameat),
#endif
        ALLOW(renameat2),
        /* only parts of these */
        ALLOW_WITHOUT(mmap, 2, PROT_EXEC), ALLOW_WITHOUT(mprotect, 2, PROT_EXEC),
        ALLOW_WITH(clone, 0, CLONE_THREAD), ALLOW_IF(socket, 0, AF_UNIX),
        ALLOW_IF(tgkill, 0, getpid()), REFUSE(prctl, EINVAL),
        /* who asks for one of these has taken the process over */
        KILL(execve), KILL(execveat), KILL(ptrace), KILL(process_vm_readv), KILL(process_vm_writev),
        KILL(setuid), KILL(setgid), KILL(setresuid), KILL(setresgid), KILL(kill), KILL(tkill),
        KILL(chroot), KILL(mount), KILL(unshare), KILL(setns), KILL(fchmodat), KILL(fchownat),
        KILL(bpf), KILL(init_module), KILL(finit_module),
#ifdef __NR_fork
        KILL(fork), KILL(vfork), KILL(chmod), KILL(chown),
#endif
        /* another libc may try what this one does not, and has another way, too */
        RETURN(SECCOMP_RET_ERRNO | ENOSYS)};
    const struct sock_fprog program = {sizeof code / sizeof *code, code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
           syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
}

#else

static int install(void)
{
    errno = ENOSYS;
    return 1;
}

#endif

enum sandbox_result sandbox_enter(void)
{
    if (unfit())
        return SANDBOX_UNFIT;
    return install() ? SANDBOX_UNAVAILABLE : SANDBOX_ON;
}
