"""The files of a deployment: their mounts exist, and the real programs accept them."""

import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.shared import ROOT
from toolkit.cli import run

DEPLOY = ROOT / "docs" / "deploy"


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text()))


def test_the_five_services_are_there() -> None:
    services = {"receiver", "prometheus", "grafana", "mlflow", "postgres"}

    assert set(compose()["services"]) == services


def test_every_file_that_is_mounted_or_built_from_exists() -> None:
    services = compose()["services"].values()
    mounted = [
        volume.split(":")[0]
        for service in services
        for volume in service.get("volumes", [])
        if volume.startswith(".")
    ]
    built = [service["build"] for service in services if "build" in service]

    assert mounted
    assert [path for path in mounted if not (DEPLOY / path).is_file()] == []
    for build in built:
        assert (DEPLOY / build["context"] / build["dockerfile"]).is_file()


def test_named_volumes_and_secrets_are_declared() -> None:
    whole = compose()
    services = whole["services"].values()
    named = {
        volume.split(":")[0]
        for service in services
        for volume in service.get("volumes", [])
        if not volume.startswith(".")
    }
    secrets = {name for service in services for name in service.get("secrets", [])}

    assert named == set(whole["volumes"])
    assert secrets == set(whole["secrets"])


def test_no_port_is_open_to_other_machines() -> None:
    ports = [
        port
        for service in compose()["services"].values()
        for port in service.get("ports", [])
    ]

    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("path", ["prometheus.yaml", "grafana/datasource.yaml"])
def test_services_are_found_by_their_names(path: str) -> None:
    text = (DEPLOY / path).read_text()

    assert yaml.safe_load(text)
    assert "localhost" not in text


def receiver_commands() -> list[list[str]]:
    unit = (DEPLOY / "workflow-toolkit-receiver.service").read_text()
    start = next(row for row in unit.splitlines() if row.startswith("ExecStart="))
    return [compose()["services"]["receiver"]["command"], shlex.split(start)[1:]]


@pytest.mark.parametrize("words", receiver_commands(), ids=["compose", "systemd"])
def test_the_receiver_is_started_with_options_that_it_has(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run([*words, "--help"])
    options = [word for word in words if word.startswith("--")]

    assert set(options) <= set(capsys.readouterr().out.replace(",", " ").split())


@pytest.mark.engines
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    systemd = shutil.which("systemd-analyze")
    if systemd is None:
        pytest.skip("systemd-analyze is not installed (Debian package `systemd`)")
    unit = tmp_path / "workflow-toolkit-receiver.service"
    text = (DEPLOY / unit.name).read_text()
    unit.write_text(text.replace("%h/.local/bin/toolkit", "/bin/true"))
    done = subprocess.run(
        [systemd, "verify", "--user", str(unit)],
        capture_output=True,
        text=True,
        check=False,
        env={"XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)},
    )

    assert (done.returncode, done.stderr) == (0, "")


def compose_program() -> list[str]:
    """Find docker's compose, or the program that it was before."""
    docker = shutil.which("docker")
    if docker is not None:
        words = [docker, "compose"]
        known = subprocess.run([*words, "version"], capture_output=True, check=False)
        if known.returncode == 0:
            return words
    older = shutil.which("docker-compose")
    if older is None:
        pytest.skip("no compose is installed (Debian package `docker-compose`)")
    return [older]


@pytest.mark.engines
def test_compose_accepts_the_file() -> None:
    program = compose_program()
    text = (DEPLOY / "compose.yaml").read_text()
    if len(program) == 1:  # the older one knows no name of a project
        text = text.replace("name: workflow-toolkit\n", "")
    done = subprocess.run(
        [*program, "-f", "-", "--project-directory", str(DEPLOY), "config", "--quiet"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
