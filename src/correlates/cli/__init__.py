"""The command line. Each command is a function in a module of its own, imported when it is called."""

from __future__ import annotations

import sys


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code (0 done, 2 usage, 3 plan, 4 input, 5 derivation, 70 a bug of ours)."""
    from correlates.cli.app import execute

    return execute(sys.argv[1:] if argv is None else argv)
