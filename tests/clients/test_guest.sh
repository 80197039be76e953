#!/usr/bin/env bash
# A virtual machine with our USB device: guest.py. BUILD: where the programs are (default: build).
exec python3 -B "$(dirname "$0")/guest.py"
