#!/usr/bin/env bash
# Our USB device with drivers that others wrote: usb.py. BUILD: where the programs are (default: build).
exec python3 -B "$(dirname "$0")/usb.py" "$@"
