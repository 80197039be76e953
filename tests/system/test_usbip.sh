#!/usr/bin/env bash
# The simulator's USB device by USB/IP: usbip.py. BUILD: where the programs are (default: build).
exec python3 -B "$(dirname "$0")/usbip.py"
