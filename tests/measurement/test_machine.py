import platform
import socket
from pathlib import Path

import psutil

from toolkit.measurement import describe_machine


def test_the_description_names_cores_and_versions(tmp_path: Path) -> None:
    machine = describe_machine(tmp_path)

    assert (machine.cpu_cores, machine.python) == (
        psutil.cpu_count(),
        platform.python_version(),
    )


def test_the_description_does_not_say_which_machine_it_is(tmp_path: Path) -> None:
    text = str(describe_machine(tmp_path).to_json())

    assert socket.gethostname() not in text
    assert str(tmp_path) not in text


def test_a_directory_has_the_file_system_of_its_innermost_mount() -> None:
    assert describe_machine(Path("/proc/self")).file_system == "proc"
