/* hufu-sim: the unchanged firmware behind a Unix socket. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "proto/ccid.h"
#include "proto/proto.h"
#include "sim/capabilities.h"
#include "sim/listener.h"
#include "sim/log.h"
#include "sim/machine.h"
#include "sim/options.h"
#include "sim/process.h"
#include "sim/server.h"
#include "sim/usb/usbip.h"

struct served {
    const struct sim_options *options;
    const struct machine *machine;
    struct usbip *usbip; /* NULL: no USB device */
};

static void on_ready(void *arg)
{
    const struct served *s = arg;
    const uint8_t state = device_state(s->machine->device);
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

/* With the directory locked and the stop signals caught: listen and serve. */
static int serve(const struct sim_options *o, struct machine *m, int stop, struct usbip *usbip)
{
    struct served served = {o, m, usbip};
    const struct server_config config = {.device = m->device,
                                         .frame_max = LIMIT_FRAME_MAX,
                                         .listener = listener_open(o->socket),
                                         .path = o->socket,
                                         .stop = stop,
                                         .ready = on_ready,
                                         .ready_arg = &served};
    if (config.listener < 0)
        return -1;
    process_remove_when_cut(o->socket);
    if (o->pid_file && process_write_pid(o->pid_file)) {
        listener_close(config.listener, o->socket);
        return -1;
    }
    if (o->pid_file)
        process_remove_when_cut(o->pid_file);
    const int result = server_run(&config);
    if (o->pid_file)
        unlink(o->pid_file);
    return result;
}

static int run(const struct sim_options *o)
{
    struct machine m;
    const int stop = process_catch_stop();
    if (stop < 0) {
        log_line(LOG_LEVEL_ERROR, "cannot catch signals: %s", strerror(errno));
        return -1;
    }
    if (machine_start(&m, o, o->directory))
        return -1;
    const struct usb_config usb = usb_config_of(o);
    struct usbip *usbip = o->usbip ? usbip_open(o->usbip, &usb) : NULL;
    const int result = o->usbip && !usbip ? -1 : serve(o, &m, stop, usbip);
    usbip_close(usbip);
    machine_stop(&m);
    return result;
}

int main(int argc, char **argv)
{
    struct sim_options o;
    const int status = options_parse(&o, argc, argv);
    if (status != OPTIONS_RUN)
        return status;
    process_harden();
    return (o.print_capabilities ? capabilities_print(&o) : run(&o)) ? 1 : 0;
}
