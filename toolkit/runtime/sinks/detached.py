"""Runs one command with a time limit and ends all of it when the limit is reached.

Started as a separate process, by its path with `python -I -S`, so that the limit holds
even where the process that asked for the command is gone. Standard library only.
"""

import os
import signal
import subprocess
import sys

__all__ = ["main"]


def main(words: list[str]) -> int:
    """Run `words[1:]` for at most `words[0]` seconds.

    Returns
    -------
    int
        0 where it ended by itself, 1 where it had to be ended or could not be started.
    """
    try:
        with (
            subprocess.Popen(  # noqa: S603 - an argument list; no shell reads it
                words[1:],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            ) as process
        ):
            try:
                process.wait(float(words[0]))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                return 1
    except OSError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
