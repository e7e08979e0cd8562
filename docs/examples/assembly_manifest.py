#!/usr/bin/env python3
"""Prints the assembly manifest of a folder: what a pipeline approves, and what a machine activates with.

Usage: assembly_manifest.py FOLDER VERSION [PATTERN ...]

Every file below FOLDER whose name fits a PATTERN (all, when none is given) is an assembly: its name is its path
from FOLDER on, its version is VERSION. Needs nothing but Python.
"""

import fnmatch
import hashlib
import json
import pathlib
import sys


def manifest(folder, version, patterns):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [
        {
            "assemblyName": path.relative_to(folder).as_posix(),
            "version": version,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in files
        if any(fnmatch.fnmatchcase(path.name, pattern) for pattern in patterns)
    ]


def main():
    if len(sys.argv) < 3 or not pathlib.Path(sys.argv[1]).is_dir():
        sys.exit("usage: assembly_manifest.py FOLDER VERSION [PATTERN ...]")
    found = manifest(pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:] or ["*"])
    if not found:
        sys.exit("assembly_manifest.py: there is no such file")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
