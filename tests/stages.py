#!/usr/bin/python3
"""doc/stages.md is what tests/mta/matrix.py writes, which tests/mta/cases_matrix.py proves."""
import os
import sys

TOP = os.environ.get("srcdir", os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.join(TOP, "tests/mta"))
sys.dont_write_bytecode = True

import matrix  # noqa: E402 (found below srcdir)


def main():
    with open(os.path.join(TOP, "doc/stages.md"), encoding="utf-8") as file:
        if file.read() == matrix.document():
            return 0
    print("doc/stages.md: not what `python3 tests/mta/matrix.py > doc/stages.md` writes")
    return 1


if __name__ == "__main__":
    sys.exit(main())
