"""Work done as another user of the machine, in a forked child."""

import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path

__all__ = ["as_user", "become", "load_what_it_loads"]


def become(user: int, group: int) -> None:
    """Change to another user and to one group, for good."""
    os.setgroups([])
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)


def as_user(user: int, group: int, work: Callable[[], int]) -> tuple[int, str]:
    """Run some work as another user.

    Returns
    -------
    code : int
        What it gave, or minus the signal; 99 where it raised.
    said : str
        What it wrote to standard error.
    """
    with tempfile.TemporaryFile("w+") as said:
        child = os.fork()
        if child == 0:

            def changed() -> int:
                become(user, group)
                return work()

            _end(changed, said.fileno())
        _, status = os.waitpid(child, 0)
        said.seek(0)
        return os.waitstatus_to_exitcode(status), said.read()


def load_what_it_loads(work: Callable[[], object]) -> None:
    """Import here what some work imports, since another user may not read it.

    The interpreter may lie in a home folder; what is imported before the user changes
    needs no right to read it.
    """
    with tempfile.TemporaryDirectory() as folder:
        names = Path(folder) / "names"
        child = os.fork()
        if child == 0:

            def noted() -> int:
                with suppress(Exception):
                    work()
                names.write_text("\n".join(sys.modules))
                return 0

            _end(noted, os.open(os.devnull, os.O_WRONLY))
        os.waitpid(child, 0)
        for name in names.read_text().split():
            with suppress(Exception):
                import_module(name)


def _end(work: Callable[[], int], said: int) -> None:
    code = 99
    try:
        os.dup2(said, 2)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.stdout = os.fdopen(1, "w")
        sys.stderr = os.fdopen(2, "w", buffering=1)
        os.umask(0o077)
        code = work()
    except BaseException:  # noqa: BLE001 - the child's last words are what is tested
        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
