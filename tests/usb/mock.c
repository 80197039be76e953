/*
 *   umockdev-wrapper usb-mock --socket PATH [option...] -- COMMAND [ARGUMENT...]
 *
 * Runs the command with the USB device of a running hufu-sim on a bus of its own, and ends with its
 * status. What happens to the device meanwhile is told on a socket, a line each, answered "ok" or
 * "no":
 *
 *   unplug | plug | fault NAME ENDPOINT SKIP
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proto/ccid.h"
#include "sim/usb/descriptors.h"
#include "tests/usb/mock.h"

enum { BUS = 1, LOOK_MS = 20 };

struct mock {
    struct usb_config config;
    const char *control;
    struct usb_device *device;
    struct usbfs *fs;
    UMockdevTestbed *bed;
    GMainLoop *loop;
    unsigned number; /* of the device on its bus; another one after each plug */
    char *path;      /* in /sys; NULL: unplugged */
    char *interface[USB_INTERFACES];
    int listener, caller;
    bool leave; /* a fault wants it pulled out */
    int status;
};

/* ------------------------------------------------------------------ plug, unplug */

static char *format(const char *text, ...) G_GNUC_PRINTF(1, 2);
static char *format(const char *text, ...)
{
    va_list list;
    va_start(list, text);
    char *s = g_strdup_vprintf(text, list);
    va_end(list);
    return s;
}

static char *node_of(const struct mock *m)
{
    return format("/dev/bus/usb/%03u/%03u", BUS, m->number);
}

static void add_interface(struct mock *m, unsigned i, const char *class)
{
    char *name = format("1-1:1.%u", i), *number = format("%02u", i),
         *type = format("%d/0/0", i ? 255 : 11);
    char *product = format("%x/%x/100", m->config.vendor, m->config.product);
    m->interface[i] = umockdev_testbed_add_device(
        m->bed, "usb", name, m->path, "bInterfaceNumber", number, "bInterfaceClass", class,
        "bInterfaceSubClass", "00", "bInterfaceProtocol", "00", "bAlternateSetting", " 0", NULL,
        "DEVTYPE", "usb_interface", "PRODUCT", product, "INTERFACE", type, NULL);
    g_free(name);
    g_free(number);
    g_free(type);
    g_free(product);
}

static void set(struct mock *m, const char *name, char *value)
{
    char *line = format("%s\n", value); /* as sysfs has it */
    umockdev_testbed_set_attribute(m->bed, m->path, name, line);
    g_free(line);
    g_free(value);
}

static void describe(struct mock *m)
{
    uint8_t bytes[2 * USB_DESCRIPTORS_MAX];
    size_t n = usb_describe_device(&m->config, bytes);
    n += usb_describe_configuration(&m->config, bytes + n);
    umockdev_testbed_set_attribute_binary(m->bed, m->path, "descriptors", bytes, (gint)n);
    set(m, "idVendor", format("%04x", m->config.vendor));
    set(m, "idProduct", format("%04x", m->config.product));
    set(m, "serial", format("%s", m->config.serial));
    set(m, "speed", format(m->config.full_speed ? "12" : "480"));
    set(m, "busnum", format("%d", BUS));
    set(m, "devnum", format("%u", m->number));
    set(m, "bConfigurationValue", format("1"));
    set(m, "bNumConfigurations", format("1"));
    set(m, "bNumInterfaces", format("%d", USB_INTERFACES));
    set(m, "bDeviceClass", format("00"));
    set(m, "manufacturer", format("Hufu"));
    set(m, "product", format("Hufu key device"));
}

static void attach(struct mock *m)
{
    GError *error = NULL;
    char *node = node_of(m), *root = umockdev_testbed_get_root_dir(m->bed);
    char *real = format("%s%s", root, node), *folder = g_path_get_dirname(real);
    g_mkdir_with_parents(folder, 0755);
    usbfs_node(m->fs, real);
    if (!umockdev_testbed_attach_ioctl(m->bed, node, usbfs_handler(m->fs), &error)) {
        fprintf(stderr, "usb-mock: %s\n", error->message);
        exit(1);
    }
    g_free(folder);
    g_free(real);
    g_free(root);
    g_free(node);
}

static bool plug(struct mock *m)
{
    if (m->path)
        return false;
    m->number++;
    char *node = node_of(m);
    char *number = format("%u", m->number), *bus = format("%03d", BUS),
         *three = format("%03u", m->number);
    char *product = format("%x/%x/100", m->config.vendor, m->config.product);
    usbfs_lock(m->fs);
    usb_device_plug(m->device);
    usbfs_unlock(m->fs);
    m->path =
        umockdev_testbed_add_device(m->bed, "usb", "1-1", NULL, "devnum", number, NULL, "DEVTYPE",
                                    "usb_device", "DEVNAME", node, "BUSNUM", bus, "DEVNUM", three,
                                    "MAJOR", "189", "MINOR", number, "PRODUCT", product, NULL);
    describe(m);
    attach(m);
    add_interface(m, USB_IF_CCID, "0b");
    add_interface(m, USB_IF_FRAMES, "ff");
    umockdev_testbed_uevent(m->bed, m->path, "add"); /* the first came before all was there */
    g_free(node);
    g_free(number);
    g_free(bus);
    g_free(three);
    g_free(product);
    return true;
}

static bool unplug(struct mock *m)
{
    if (!m->path)
        return false;
    usbfs_lock(m->fs);
    usb_device_unplug(m->device);
    usbfs_gone(m->fs);
    usbfs_unlock(m->fs);
    for (unsigned i = USB_INTERFACES; i-- > 0;) {
        umockdev_testbed_uevent(m->bed, m->interface[i], "remove");
        umockdev_testbed_remove_device(m->bed, m->interface[i]);
        g_free(m->interface[i]);
    }
    umockdev_testbed_uevent(m->bed, m->path, "remove");
    umockdev_testbed_remove_device(m->bed, m->path);
    g_free(m->path);
    m->path = NULL;
    return true;
}

/* From inside the device, with the lock: the main loop shall do it. */
static gboolean unplug_now(gpointer arg)
{
    unplug(arg);
    return G_SOURCE_REMOVE;
}

static void want_unplug(void *arg)
{
    g_idle_add(unplug_now, arg);
}

/* ------------------------------------------------------------------ events */

static gboolean on_device(gint fd, GIOCondition condition, gpointer arg)
{
    struct mock *m = arg;
    (void)fd, (void)condition;
    usbfs_lock(m->fs);
    usb_device_work(m->device);
    usbfs_unlock(m->fs);
    return G_SOURCE_CONTINUE;
}

static gboolean on_time(gpointer arg)
{
    struct mock *m = arg;
    usbfs_look(m->fs);
    return G_SOURCE_CONTINUE;
}

static bool obey(struct mock *m, char *line)
{
    char name[32];
    unsigned endpoint, skip;
    line[strcspn(line, "\n")] = 0;
    if (!strcmp(line, "unplug"))
        return unplug(m);
    if (!strcmp(line, "plug"))
        return plug(m);
    if (sscanf(line, "fault %31s %x %u", name, &endpoint, &skip) != 3)
        return false;
    usbfs_lock(m->fs);
    const bool known = usbfs_fault(m->fs, name, (uint8_t)endpoint, skip);
    usbfs_unlock(m->fs);
    return known;
}

static gboolean on_control(gint fd, GIOCondition condition, gpointer arg)
{
    struct mock *m = arg;
    char line[128];
    (void)condition;
    const ssize_t n = recv(fd, line, sizeof line - 1, 0);
    if (n <= 0) {
        close(fd);
        return G_SOURCE_REMOVE;
    }
    line[n] = 0;
    const char *word = obey(m, line) ? "ok\n" : "no\n";
    if (send(fd, word, strlen(word), MSG_NOSIGNAL) < 0)
        perror("usb-mock");
    return G_SOURCE_CONTINUE;
}

static gboolean on_caller(gint fd, GIOCondition condition, gpointer arg)
{
    (void)condition;
    const int caller = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    if (caller >= 0)
        g_unix_fd_add(caller, G_IO_IN | G_IO_HUP, on_control, arg);
    return G_SOURCE_CONTINUE;
}

static void on_child(GPid pid, gint status, gpointer arg)
{
    struct mock *m = arg;
    (void)pid;
    m->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    g_main_loop_quit(m->loop);
}

/* ------------------------------------------------------------------ start */

static int listen_on(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    unlink(path);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof a) || listen(fd, 4)) {
        perror(path);
        exit(1);
    }
    return fd;
}

static void start(struct mock *m, char **command)
{
    GError *error = NULL;
    GPid pid;
    if (!g_spawn_async(NULL, command, NULL,
                       G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH |
                           G_SPAWN_CHILD_INHERITS_STDIN,
                       NULL, NULL, &pid, &error)) {
        fprintf(stderr, "usb-mock: %s\n", error->message);
        exit(1);
    }
    g_child_watch_add(pid, on_child, m);
}

static int usage(void)
{
    fputs("usage: usb-mock --socket PATH [--control PATH] [--level short|extended] [--message-max "
          "N]\n"
          "                [--full-speed] [--serial TEXT] [--patience MS] -- COMMAND...\n",
          stderr);
    return 2;
}

static int options(struct mock *m, int argc, char **argv)
{
    static const struct option table[] = {
        {"socket", 1, NULL, 's'},     {"control", 1, NULL, 'c'},
        {"level", 1, NULL, 'l'},      {"message-max", 1, NULL, 'm'},
        {"full-speed", 0, NULL, 'f'}, {"serial", 1, NULL, 'n'},
        {"patience", 1, NULL, 'p'},   {NULL, 0, NULL, 0}};
    struct usb_config *c = &m->config;
    *c = (struct usb_config){.serial = "mock",
                             .vendor = USB_VENDOR,
                             .product = USB_PRODUCT,
                             .level = CCID_LEVEL_EXTENDED,
                             .patience_ms = USB_PATIENCE_MS};
    for (int id; (id = getopt_long(argc, argv, "+", table, NULL)) != -1;) {
        if (id == 's')
            c->socket = optarg;
        else if (id == 'c')
            m->control = optarg;
        else if (id == 'l')
            c->level = strcmp(optarg, "short") ? CCID_LEVEL_EXTENDED : CCID_LEVEL_SHORT;
        else if (id == 'm')
            c->message_max = (uint32_t)strtoul(optarg, NULL, 10);
        else if (id == 'f')
            c->full_speed = true;
        else if (id == 'n')
            c->serial = optarg;
        else if (id == 'p')
            c->patience_ms = (unsigned)strtoul(optarg, NULL, 10);
        else
            return usage();
    }
    if (!c->message_max)
        c->message_max = c->level == CCID_LEVEL_SHORT ? USB_MESSAGE_SHORT : USB_MESSAGE_EXTENDED;
    return c->socket && optind < argc ? 0 : usage();
}

int main(int argc, char **argv)
{
    struct mock m = {.status = 1};
    const int bad = options(&m, argc, argv);
    if (bad)
        return bad;
    m.device = usb_device_create(&m.config);
    if (!m.device)
        return 1;
    m.fs = usbfs_create(m.device);
    usbfs_on_unplug(m.fs, want_unplug, &m);
    m.bed = umockdev_testbed_new();
    m.loop = g_main_loop_new(NULL, FALSE);
    plug(&m);
    g_unix_fd_add(usb_device_fd(m.device), G_IO_IN, on_device, &m);
    g_timeout_add(LOOK_MS, on_time, &m);
    if (m.control)
        g_unix_fd_add(listen_on(m.control), G_IO_IN, on_caller, &m);
    start(&m, argv + optind);
    g_main_loop_run(m.loop);
    unplug(&m);
    return m.status;
}
