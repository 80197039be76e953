#!/usr/bin/env bash
# One suite over every link, and a table of passes: links.py. BUILD: where the programs are (default: build).
exec python3 -B "$(dirname "$0")/links.py" "$@"
