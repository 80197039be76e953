#!/usr/bin/env python3
"""A flame graph of what perf script prints: perf script -F comm,ip,sym | flame.py TITLE >flame.svg

A box is a function on the stack, as wide as the part of all samples that it was seen in; callers below, the functions
they call above them. Its title, shown under the pointer, has the samples."""
import sys
from html import escape

WIDTH, ROW, LETTER = 1200, 18, 7
THINNEST = 0.5  # narrower boxes are left out


class Box:
    """A function with all stacks that have the same callers"""

    def __init__(self):
        self.samples = 0
        self.above = {}

    def add(self, stack):
        """Count a stack, the outermost function first"""
        self.samples += 1
        if stack:
            self.above.setdefault(stack[0], Box()).add(stack[1:])

    def height(self):
        """Rows from this box to the highest above it"""
        return 1 + max((box.height() for box in self.above.values()), default=0)


def stacks(lines):
    """Each sample is a name of a program and its stack, the innermost function first; an empty line ends it"""
    stack = []
    for line in lines:
        words = line.split()
        if not words:
            if stack:
                yield stack[::-1]
            stack = []
        elif line[0].isspace() and words[1] != "[unknown]":
            stack.append(words[1])
    if stack:
        yield stack[::-1]


def draw(name, box, x, y, total):
    """The box and all that are above it"""
    width = WIDTH * box.samples / total
    if width < THINNEST:
        return
    part = f"{name}: {box.samples} samples, {100 * box.samples / total:.1f} %"
    shown = escape(name[:int(width / LETTER)]) if width > 3 * LETTER else ""
    hue = sum(name.encode()) % 50
    print(f'<g><title>{escape(part)}</title><rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{ROW - 1}" '
          f'fill="hsl({hue},80%,65%)"/><text x="{x + 2:.1f}" y="{y + ROW - 5}">{shown}</text></g>')
    for above, other in sorted(box.above.items()):
        draw(above, other, x, y - ROW, total)
        x += WIDTH * other.samples / total


def main():
    """Read all, draw all"""
    root = Box()
    for stack in stacks(sys.stdin):
        root.add(stack)
    if not root.samples:
        sys.exit("flame.py: no samples")
    height = ROW * (root.height() + 1)
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="monospace" font-size="11">'
          f'<rect width="100%" height="100%" fill="white"/>')
    draw(sys.argv[1], root, 0, height - ROW, root.samples)
    print("</svg>")


if __name__ == "__main__":
    main()
