import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import UsageError
from toolkit.notifier import Level, Notification
from toolkit.runtime.sinks import ClaudeFlowSink
from toolkit.runtime.sinks.claude_flow import hook_arguments, plain_text

STAND_IN = """
import base64, json, os, sqlite3, sys, time

version, behaviour = {version!r}, {behaviour!r}
words = sys.argv[1:]
if words == ["--version"]:
    if behaviour == "mute":
        time.sleep(60)
    print(f"claude-flow v{{version}}")
    sys.exit(0)
with open("calls.jsonl", "a") as stream:
    stream.write(json.dumps(words) + "\\n")
if behaviour == "slow":
    child = os.fork()
    if child:
        with open("pids", "w") as stream:
            stream.write(f"{{os.getpid()}} {{child}}")
    time.sleep(60)
flags = dict(zip(words[2::2], words[3::2]))
if version.startswith("3") and words[1] == "notify" and "--message" not in flags:
    print("[ERROR] Required option missing: --message")
    sys.exit(1)
if behaviour == "forgetful":
    print("Saved to .swarm/memory.db")
    sys.exit(0)
os.makedirs(".swarm", exist_ok=True)
database = sqlite3.connect(".swarm/memory.db")
if version.startswith("3"):
    database.execute(
        "CREATE TABLE IF NOT EXISTS memory_entries (id TEXT, key TEXT, content TEXT)"
    )
    value = flags.get("--message", "")
else:
    database.execute(
        "CREATE TABLE IF NOT EXISTS memory_entries (id INTEGER, key TEXT, value TEXT)"
    )
    value = json.dumps(dict(message=flags.get("--message", "")))
    value = "__compressed__" + base64.b64encode(value.encode()).decode()
database.execute("INSERT INTO memory_entries VALUES (1, 'k', ?)", [value])
database.commit()
"""


def stand_in(
    folder: Path, version: str, behaviour: str = "", **options: float
) -> ClaudeFlowSink:
    """Make a program that behaves like a version of claude-flow in `formats.md`."""
    script = folder / "claude_flow.py"
    script.write_text(STAND_IN.format(version=version, behaviour=behaviour))
    return ClaudeFlowSink(
        [sys.executable, "-I", "-S", str(script)],
        directory=folder,
        **options,  # type: ignore[arg-type]
    )


def calls(folder: Path) -> list[list[str]]:
    lines = (folder / "calls.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("version", ["2.0.0-alpha.88", "2.7.47", "3.43.0"])
def test_each_version_is_told_with_its_own_flags(tmp_path: Path, version: str) -> None:
    sink = stand_in(tmp_path, version)
    sink.notify(Notification(message="slow down", level=Level.WARNING))
    sink.close()

    level = "warn" if version.startswith("3") else "warning"
    assert calls(tmp_path) == [
        ["hooks", "notify", "--message", "slow down", "--level", level]
    ]


@pytest.mark.parametrize("version", ["2.7.47", "3.43.0"])
def test_the_effect_is_found_in_the_store(tmp_path: Path, version: str) -> None:
    sink = stand_in(tmp_path, version)
    sink.notify(Notification(message='said "twice"\n$(x)'))
    sink.close()

    assert sink.stored('said "twice"\n$(x)') is True
    assert sink.stored("never said") is False


def test_success_that_was_only_claimed_is_found_out(tmp_path: Path) -> None:
    sink = stand_in(tmp_path, "2.7.47", "forgetful")
    sink.notify(Notification(message="kept?"))
    sink.close()

    assert sink.stored("kept?") is None


def test_a_call_returns_at_once_and_ends_with_all_its_children(tmp_path: Path) -> None:
    # Long enough for two interpreters to start on a busy machine.
    sink = stand_in(tmp_path, "2.7.47", "slow", timeout_s=3.0)
    sink.notify(Notification(message="wait"))
    (started,) = sink._running
    runs_on = started.poll() is None
    sink.close()

    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert runs_on
    assert not [pid for pid in pids if _alive(pid)]


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_more_calls_than_may_run_are_dropped_and_counted(tmp_path: Path) -> None:
    sink = stand_in(tmp_path, "2.7.47", "slow", timeout_s=1.0, most=1)
    for _ in range(3):
        sink.notify(Notification(message="again"))
    sink.close()

    assert (sink.status().started, sink.status().dropped) == (1, 2)


def test_a_program_that_is_not_there_is_dropped_quietly(tmp_path: Path) -> None:
    sink = ClaudeFlowSink(["no-such-program-here"], directory=tmp_path)
    sink.notify(Notification(message="anybody?"))

    assert sink.status().dropped == 1
    assert sink.stored("anybody?") is None


@pytest.mark.parametrize("version", ["4.0.0", "1.9.9", "nonsense"])
def test_a_version_whose_flags_are_not_known_is_not_called(
    tmp_path: Path, version: str
) -> None:
    sink = stand_in(tmp_path, version)

    assert sink.tell("notify", message="hi") is False
    assert not (tmp_path / "calls.jsonl").exists()


def test_a_program_that_never_answers_its_version_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolkit.runtime.sinks.claude_flow.PROBE_TIMEOUT_S", 0.5)

    assert stand_in(tmp_path, "2.7.47", "mute").major is None


def test_an_unknown_verb_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Did you mean `notify`"):
        stand_in(tmp_path, "2.7.47").tell("notfy")


@pytest.mark.parametrize(
    ("verb", "values", "second", "third"),
    [
        ("post-edit", {"file": "a", "memory_key": "k"}, ["--memory-key", "k"], []),
        (
            "post-task",
            {"task_id": "t", "analyze_performance": True},
            ["--analyze-performance", "true"],
            [],
        ),
        ("post-edit", {"file": "a", "success": False}, [], ["--success", "false"]),
    ],
)
def test_flags_that_a_version_does_not_read_are_left_out(
    verb: str, values: dict[str, object], second: list[str], third: list[str]
) -> None:
    assert hook_arguments(verb, values, 2)[4:] == second
    assert hook_arguments(verb, values, 3)[4:] == third


HOSTILE = st.text() | st.sampled_from(
    [
        "$(touch x)",
        "`id`",
        "a\nb",
        "\0",
        "--level",
        "-",
        '"; rm -rf',
        "'",
        "\ud800",
        "%s",
    ]
)


@given(HOSTILE, st.sampled_from([2, 3]))
def test_a_message_is_one_argument_whatever_it_holds(text: str, major: int) -> None:
    words = hook_arguments("notify", {"message": text, "level": "info"}, major)

    assert words[2::2] == ["--message", "--level"]
    assert "\0" not in words[3]
    assert not words[3].startswith("-")
    os.fsencode(words[3])


@given(HOSTILE)
def test_a_clean_text_stays_as_it_is(text: str) -> None:
    clean = plain_text(text)

    assert plain_text(clean) == clean


@pytest.mark.slow
@pytest.mark.skipif(
    os.environ.get("TOOLKIT_TEST_NPM") != "1" or shutil.which("npm") is None,
    reason="installs 400 MB from npm: set TOOLKIT_TEST_NPM=1 to run it",
)
def test_a_real_installation_is_told(tmp_path: Path) -> None:
    subprocess.run(
        ["npm", "install", "--ignore-scripts", "claude-flow@2.0.0-alpha.88"],
        cwd=tmp_path,
        check=True,
        timeout=600,
        capture_output=True,
    )
    sink = ClaudeFlowSink(
        [str(tmp_path / "node_modules" / ".bin" / "claude-flow")], directory=tmp_path
    )
    told = sink.tell("notify", message="from a test", level="info")
    sink.close()

    assert told
    assert sink.major == 2
