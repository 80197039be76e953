#include "sim/usb/frames.h"

#include "sim/usb/descriptors.h"

void frames_start(struct frames *f, const struct usb_config *config, struct endpoint *out,
                  struct endpoint *in)
{
    *f = (struct frames){.config = config, .out = out, .in = in, .pipe.fd = -1};
}

void frames_close(struct frames *f)
{
    pipe_close(&f->pipe);
    f->tail = false;
    f->alternate = 0;
    endpoint_finish_all(f->out, USB_UNPLUGGED);
    endpoint_finish_all(f->in, USB_UNPLUGGED);
    f->out->halted = f->in->halted = false;
}

bool frames_choose(struct frames *f, uint16_t alternate)
{
    if (alternate > USB_ALT_FRAMES)
        return false;
    frames_close(f);
    f->alternate = (uint8_t)alternate;
    return !alternate || pipe_open(&f->pipe, f->config->socket);
}

static bool take_transfer(struct frames *f)
{
    struct usb_urb *u = f->out->first;
    if (!pipe_writable(&f->pipe))
        return false;
    if (u->length && !pipe_write(&f->pipe, u->data, u->length)) {
        endpoint_halt(f->out);
        return true;
    }
    u->actual = u->length;
    endpoint_finish(f->out, USB_DONE);
    return true;
}

static bool fill_transfer(struct frames *f)
{
    struct usb_urb *u = f->in->first;
    bool ended = f->tail;
    f->tail = false;
    if (!ended) {
        const size_t n = pipe_read(&f->pipe, u->data + u->actual, u->length - u->actual, &ended);
        u->actual += n;
        if (n)
            f->quiet = false;
    }
    if (!ended && u->actual < u->length)
        return false;
    /* a full last packet must be followed by an empty one */
    f->tail =
        ended && u->actual == u->length && u->actual && u->actual % usb_packet_size(f->config) == 0;
    endpoint_finish(f->in, USB_DONE);
    return true;
}

bool frames_step(struct frames *f)
{
    bool moved = false;
    if (f->pipe.fd < 0)
        return false;
    pipe_work(&f->pipe);
    moved = f->out->first && take_transfer(f);
    moved = (f->in->first && fill_transfer(f)) || moved;
    if (f->pipe.at_end && f->pipe.in_at == f->pipe.in_size) {
        endpoint_halt(f->in);
        endpoint_halt(f->out);
        pipe_close(&f->pipe);
    }
    return moved;
}

void frames_extend(struct frames *f)
{
    if (f->pipe.waiting && f->quiet && f->in->first && !f->in->first->actual)
        endpoint_finish(f->in, USB_DONE);
    f->quiet = true;
}
