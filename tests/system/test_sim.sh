#!/usr/bin/env bash
# The simulator as a process and as a server: sim.py. BUILD: where the programs are (default: build).
exec python3 -B "$(dirname "$0")/sim.py"
