#!/usr/bin/env bash
# What comes of commands when messages are lost, repeated, late, cut or damaged: loss.py. BUILD: where the programs are
# (default: build).
exec python3 -B "$(dirname "$0")/loss.py"
