#!/usr/bin/env bash
# kill -9 of the simulator in the middle of work: recovery.py. BUILD: where the programs are (default: build).
exec python3 -B "$(dirname "$0")/recovery.py"
