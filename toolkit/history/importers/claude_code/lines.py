"""The lines of a transcript, decoded to the fields that are read, and no others.

Most of a transcript is text that no record needs: files as they were before an edit,
outputs that a result repeats, hooks. It is checked and skipped by the decoder, in a
third of the time that it takes to make dictionaries of it. Values are checked where they
are used: a line is refused for a field that is needed only.
"""

from contextlib import suppress
from typing import Any, Final, TypeVar

from toolkit.errors import MissingExtraError
from toolkit.history.importers.lines import (
    UnreadableLineError,
    decode_lines,
    decode_object,
    split_block,
)

try:
    from msgspec import UNSET, DecodeError, Raw, Struct, UnsetType, field
    from msgspec.json import Decoder
except ImportError as error:
    raise MissingExtraError("an import", "history") from error

__all__ = [
    "AgentLine",
    "Block",
    "CallProgress",
    "Details",
    "Message",
    "TranscriptLine",
    "Usage",
    "decode_block",
]

Answer = TypeVar("Answer", bound=Struct)


class Usage(Struct):
    """What a reply says of its tokens; see `TokenUsage`."""

    input_tokens: Any = None
    cache_read_input_tokens: Any = None
    cache_creation_input_tokens: Any = None
    cache_creation: Any = None
    output_tokens: Any = None


class Block(Struct):
    """A part of a message: a text, a call of a tool or the result of one."""

    type: Any = None
    id: Any = None
    name: Any = None
    input: Any = None
    text: Any = None
    tool_use_id: Any = None
    content: Any = None
    is_error: Any = None


class Message(Struct):
    """What the model or the harness wrote.

    Attributes
    ----------
    content : list of Block, or str
        Another value, also inside the list, where the line is to be refused.
    """

    id: Any = None
    model: Any = None
    usage: Usage | None = None
    content: list[Block] | str | None = None


class Details(Struct, rename="camel"):
    """What the harness says of a result beside it (`toolUseResult`)."""

    interrupted: Any = None
    background_task_id: Any = None
    agent_id: Any = None
    teammate_id: Any = field(default=None, name="teammate_id")
    total_duration_ms: Any = None
    status: Any = None
    total_tokens: Any = None
    total_tool_use_count: Any = None


class AgentLine(Struct, rename="camel"):
    """A line of a subagent inside one of its session."""

    type: Any = None
    timestamp: Any = None
    uuid: Any = None
    request_id: Any = None
    message: Message | None = None
    tool_use_result: Details | str | list[Raw] | None = None


class CallProgress(Struct, rename="camel"):
    """What a call that is at work reports."""

    type: Any = None
    agent_id: Any = None
    elapsed_time_seconds: Any = None
    message: AgentLine | None = None


class TranscriptLine(Struct, rename="camel"):
    """One line of a transcript."""

    type: Any = None
    session_id: Any = None
    agent_id: Any = None
    is_sidechain: Any = None
    uuid: Any = None
    parent_uuid: Any = None
    request_id: Any = None
    version: Any = None
    cwd: Any = None
    git_branch: Any = None
    timestamp: Any = None
    permission_mode: Any = None
    message: Message | UnsetType | None = UNSET
    tool_use_result: Details | str | list[Raw] | None = None
    data: CallProgress | None = None
    is_meta: Any = None
    is_compact_summary: Any = None
    origin: Any = None
    content: Any = None
    forked_from: Any = None
    team_name: Any = None
    agent_name: Any = None
    parent_tool_use_id: Any = field(default=None, name="parentToolUseID")

    def has_message(self) -> bool:
        """Whether it names a message, of whatever kind."""
        return self.message is not UNSET


_DECODER: Final = Decoder(TranscriptLine)


def decode_block(
    block: bytes | None,
) -> list[TranscriptLine] | list[TranscriptLine | UnreadableLineError | None]:
    r"""Decode whole lines, as `read_blocks` gives them.

    Returns
    -------
    list
        For each line its fields, or why it cannot be read; `None` for an empty one.

    Examples
    --------
    >>> [line.type for line in decode_block(b'{"type":"user"}\n{"type":"mode"}\n')]
    ['user', 'mode']
    >>> decode_block(b'{"type":"user"\n\n')
    [UnreadableLineError('not JSON: cut off or damaged'), None]
    """
    lines = decode_lines(block, _DECODER) if _is_utf8(block) else None
    return lines or [_decode_line(line) for line in split_block(block)]


def _is_utf8(block: bytes | None) -> bool:
    """Check all of a block: what the decoder skips it does not look at so closely."""
    try:
        return block is not None and (block.isascii() or bool(block.decode()))
    except UnicodeDecodeError:
        return False


def _decode_line(line: bytes | None) -> TranscriptLine | UnreadableLineError | None:
    if line is not None:
        if not line.strip():
            return None
        with suppress(DecodeError, UnicodeDecodeError, RecursionError):
            line.decode()
            return _DECODER.decode(line)
    try:
        return _read_leniently(decode_object(line))
    except UnreadableLineError as error:
        return error


def _read_leniently(row: dict[str, Any]) -> TranscriptLine:
    """Read a line of which some field is of another type, or that `orjson` refuses."""
    line = _made(TranscriptLine, row)
    line.message = _read_message(line.message)
    line.tool_use_result = _read_details(line.tool_use_result)
    progress: Any = line.data
    if isinstance(progress, dict):
        line.data = _made(CallProgress, progress)
        inner: Any = line.data.message
        if isinstance(inner, dict):
            line.data.message = _made(AgentLine, inner)
            line.data.message.message = _read_message(line.data.message.message)
            line.data.message.tool_use_result = _read_details(
                line.data.message.tool_use_result
            )
    return line


def _made(cls: type[Answer], row: dict[str, Any]) -> Answer:
    """Make a structure of an object; its parts are left as they are."""
    names = zip(cls.__struct_fields__, cls.__struct_encode_fields__, strict=True)
    return cls(**{name: row[key] for name, key in names if key in row})


def _read_message(given: Any) -> Any:
    if not isinstance(given, dict):
        return given
    message = _made(Message, given)
    usage: Any = message.usage
    message.usage = _made(Usage, usage) if isinstance(usage, dict) else None
    blocks: Any = message.content
    if isinstance(blocks, list):
        message.content = [
            _made(Block, block) if isinstance(block, dict) else block
            for block in blocks
        ]
    return message


def _read_details(given: Any) -> Any:
    return _made(Details, given) if isinstance(given, dict) else given
