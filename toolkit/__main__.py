"""Entry point of the `toolkit` command."""

import os
import sys

from toolkit.cli import run
from toolkit.environment import silence_telemetry, use_one_thread

__all__ = ["main"]


def main() -> int:
    """Run the command line and return its exit code.

    Whatever a command creates is its user's alone: stores, tracking databases and
    bundles hold what a team did. A shared store sets its group's modes itself.
    """
    os.umask(0o077)
    silence_telemetry()
    use_one_thread()
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
