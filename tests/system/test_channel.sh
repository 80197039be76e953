#!/usr/bin/env bash
# The secure channel: another implementation of it, and what passes on the wire: channel.py. BUILD: where the programs are
# (default: build).
exec python3 -B "$(dirname "$0")/channel.py" "$@"
