/*
 * usb-mock: the USB device under umockdev. A program started by it finds the device below /sys and
 * /dev/bus/usb through libusb and libudev, as if a kernel had a bus with it.
 */
#ifndef HUFU_TESTS_USB_MOCK_H
#define HUFU_TESTS_USB_MOCK_H

#include <pthread.h>
#include <glib-unix.h>
#include <umockdev.h>

#include "sim/usb/device.h"

struct mock;

/* ------------------------------------------------------------------ usbfs.c */

struct usbfs;
struct usbfs *usbfs_create(struct usb_device *device);
/* The handler for umockdev_testbed_attach_ioctl. */
UMockdevIoctlBase *usbfs_handler(struct usbfs *fs);
/* Stand in for the device node: writable exactly when a finished transfer can be reaped. */
void usbfs_node(struct usbfs *fs, const char *path);
/* Everything that touches the device holds this. */
void usbfs_lock(struct usbfs *fs);
void usbfs_unlock(struct usbfs *fs);
/* Let go of what programs had open that are gone; umockdev says nothing of their end. */
void usbfs_look(struct usbfs *fs);
/* The device was pulled out: all that was open is dead. */
void usbfs_gone(struct usbfs *fs);
/* A fault by name, when the endpoint's transfers have ended skip times more. false: no such one. */
bool usbfs_fault(struct usbfs *fs, const char *name, uint8_t endpoint, unsigned skip);
/* Called, locked, when a fault wants the device unplugged. */
void usbfs_on_unplug(struct usbfs *fs, void (*unplug)(void *arg), void *arg);

/* ------------------------------------------------------------------ fault.c */

struct faults;
struct faults *faults_create(void);
bool faults_plan(struct faults *f, const char *name, uint8_t endpoint, unsigned skip);
/* What becomes of a transfer that ended. */
enum fault_end { FAULT_NONE, FAULT_SILENT, FAULT_UNPLUG };
enum fault_end faults_done(struct faults *f, struct usb_urb *u);
/* true: the transfer is filled from what a fault kept back, and ends at once. */
bool faults_submit(struct faults *f, struct usb_urb *u);
void faults_forget(struct faults *f);

#endif
