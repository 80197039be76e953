#!/usr/bin/env bash
# The simulator as a service: service.py. BUILD: where the programs are (default: build).
exec python3 -B "$(dirname "$0")/service.py"
