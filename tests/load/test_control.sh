#!/usr/bin/env bash
# Faults on order, through the control socket of hufu-sim-lab: control.py. BUILD: where the programs are (default: build).
exec python3 -B "$(dirname "$0")/control.py"
