#!/usr/bin/env python3
"""flip.py FROM TO WHERE: copy a program with one bit changed: where the text WHERE is, at offset 0x..., or (WHERE empty) nowhere.
Of the text before a seal it is the digest behind that changes."""
import shutil
import sys

source, target, where = sys.argv[1:]
shutil.copy(source, target)
if where:
    image = bytearray(open(source, "rb").read())
    at = int(where, 16) if where.startswith("0x") else image.index(where.encode())
    image[at + (32 if where.startswith("hufu: SM3") else 0)] ^= 1
    open(target, "wb").write(image)
