#!/usr/bin/env bash
# The table of the last `make bench` goes between the two marks of README.md.   usage: bench/figures.sh TABLE README
set -euo pipefail
table=$1 readme=$2
[ -s "$table" ] || { echo "$table is not there: run make bench first" >&2; exit 1; }
awk -v table="$table" '
    /^<!-- figures:/ { print; while ((getline line < table) > 0) print line; inside = 1; next }
    /^<!-- end of figures -->/ { inside = 0; found = 1 }
    !inside { print }
    END { exit !found }' "$readme" > "$readme.new"
cat "$readme.new" > "$readme"
rm "$readme.new"
