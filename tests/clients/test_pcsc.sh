#!/usr/bin/env bash
# pcscd with our driver, and the programs of others on it: pcsc.py. BUILD: where the programs are (default: build).
# Debian's own python is the one that has python3-pyscard.
python=/usr/bin/python3
[ -x $python ] || python=python3
exec $python -B "$(dirname "$0")/pcsc.py"
