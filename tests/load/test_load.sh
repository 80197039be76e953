#!/usr/bin/env bash
# Many clients at once, killed at random, as the simulator is: load.py. BUILD: where the programs are (default: build).
exec python3 -B "$(dirname "$0")/load.py"
