/* hufu-sim: the unchanged firmware behind a Unix socket. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/ccid.h"
#include "proto/proto.h"
#include "sim/capabilities.h"
#include "sim/capture.h"
#include "sim/listener.h"
#include "sim/log.h"
#include "sim/machine.h"
#include "sim/options.h"
#include "sim/process.h"
#include "sim/sandbox.h"
#include "sim/server.h"
#include "sim/usb/usbip.h"
#include "sim/user.h"

/* What serving takes, in the order in which it is opened. */
struct served {
    const struct sim_options *options;
    struct user user;
    int stop;
    struct machine machine;
    int listener;
    const char *pid_file; /* once it is written */
    struct usb_config usb;
    struct usbip *usbip; /* NULL: no USB device */
};

static void on_ready(void *arg)
{
    const struct served *s = arg;
    const uint8_t state = device_state(s->machine.device);
    const struct name_info *name = proto_name("state", state);
    if (state == STATE_FAILED)
        log_line(LOG_LEVEL_WARNING, "the device failed at its start: ask it with hufu info");
    log_line(LOG_LEVEL_INFO, "serving %s on unix:%s (%s)", s->options->directory,
             s->options->socket, name ? name->name : "?");
    if (s->usbip && usbip_start(s->usbip) == 0)
        log_line(LOG_LEVEL_INFO, "serving it as a USB device by USB/IP at %s", s->options->usbip);
    process_ready(s->options->ready_fd);
}

static struct usb_config usb_config_of(const struct sim_options *o)
{
    return (struct usb_config){.socket = o->socket,
                               .serial = o->usb_serial,
                               .vendor = USB_VENDOR,
                               .product = USB_PRODUCT,
                               .level = o->usb_short ? CCID_LEVEL_SHORT : CCID_LEVEL_EXTENDED,
                               .message_max =
                                   o->usb_short ? USB_MESSAGE_SHORT : USB_MESSAGE_EXTENDED,
                               .patience_ms = USB_PATIENCE_MS};
}

static int confine(const struct sim_options *o)
{
    if (o->seccomp == SECCOMP_OFF)
        return 0;
    const enum sandbox_result result = sandbox_enter();
    if (result == SANDBOX_ON || (result == SANDBOX_UNFIT && o->seccomp == SECCOMP_AUTO))
        return 0;
    log_line(o->seccomp == SECCOMP_ON ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING,
             "no seccomp filter: %s",
             result == SANDBOX_UNFIT ? "not in this build" : strerror(errno));
    return o->seccomp == SECCOMP_ON ? -1 : 0;
}

/* The memory as the user that it belongs to; what is outside, by whoever may. */
static int open_all(struct served *s)
{
    const struct sim_options *o = s->options;
    gid_t group;
    if (user_find(o->user, &s->user) || user_find_group(o->group, &group) || user_act(&s->user) ||
        machine_open(&s->machine, o, o->directory) || (o->capture && capture_open(o->capture)) ||
        user_return(&s->user))
        return -1;
    s->listener = listener_open(o->socket, s->user.uid, group);
    if (s->listener < 0)
        return -1;
    process_remove_when_cut(o->socket);
    if (o->pid_file && process_write_pid(o->pid_file))
        return -1;
    s->pid_file = o->pid_file;
    if (s->pid_file)
        process_remove_when_cut(s->pid_file);
    s->usb = usb_config_of(o);
    s->usbip = o->usbip ? usbip_open(o->usbip, &s->usb) : NULL;
    process_lock_memory(s->machine.memory, s->machine.size, s->user.given);
    return o->usbip && !s->usbip ? -1 : user_become(&s->user);
}

static void close_all(struct served *s)
{
    usbip_close(s->usbip);
    machine_stop(&s->machine);
    capture_close();
    if (s->listener >= 0)
        listener_close(s->listener, s->options->socket);
    if (s->pid_file)
        unlink(s->pid_file);
}

static int run(const struct sim_options *o)
{
    struct served s = {.options = o, .stop = process_catch_stop(), .listener = -1};
    if (s.stop < 0) {
        log_line(LOG_LEVEL_ERROR, "cannot catch signals: %s", strerror(errno));
        return -1;
    }
    int result = open_all(&s) || machine_boot(&s.machine, o) || confine(o) ? -1 : 0;
    if (!result) {
        const struct server_config config = {.device = s.machine.device,
                                             .frame_max = LIMIT_FRAME_MAX,
                                             .listener = s.listener,
                                             .path = o->socket,
                                             .stop = s.stop,
                                             .ready = on_ready,
                                             .ready_arg = &s};
        result = server_run(&config);
        s.listener = -1; /* the server's */
    }
    close_all(&s);
    return result;
}

/* What was printed must have arrived. */
static int flush(int status)
{
    if (status || (!fflush(stdout) && !ferror(stdout)))
        return status;
    fputs("hufu-sim: standard output: cannot be written\n", stderr);
    return 1;
}

int main(int argc, char **argv)
{
    struct sim_options o;
    const int status = options_parse(&o, argc, argv);
    if (status != OPTIONS_RUN)
        return flush(status);
    process_harden();
    process_be_prompt();
    return flush((o.print_capabilities ? capabilities_print(&o) : run(&o)) ? 1 : 0);
}
