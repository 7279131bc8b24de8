"""Which prompts no person wrote."""

__all__ = ["is_automatic"]

AUTOMATIC = (
    "<task-notification>",
    "<teammate-message",
    "<agent-message",
    "<user-prompt-submit-hook>",
    "<local-command-stdout>",
    "<bash-stdout>",
    "<system-reminder>",
    "<scheduled-",
    "<cron-",
    "Stop hook feedback:",
    "[SYSTEM NOTIFICATION",
)
"""How texts begin that Claude Code writes in a user's place."""


def is_automatic(text: str) -> bool:
    r"""Whether the harness wrote a prompt: a notice, a message of an agent, a schedule.

    Parameters
    ----------
    text : str
        The prompt's beginning is enough.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_automatic("<task-notification>\n<task-id>b1"), is_automatic("Please go on")
    (True, False)
    """
    return text.lstrip().startswith(AUTOMATIC)
