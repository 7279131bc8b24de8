"""An effector that only tells: for swarms that we may watch and not touch."""

from toolkit.notifier import Level, Notification, Notifier
from toolkit.runtime.healing.effectors.base import Action, Effect, EffectOutcome

__all__ = ["AdvisoryEffector"]


class AdvisoryEffector:
    """Turns each action into a piece of advice, once for its key.

    Parameters
    ----------
    notifier : Notifier

    Examples
    --------
    >>> import asyncio
    >>> from toolkit.notifier import MemoryNotifier
    >>> notifier = MemoryNotifier()
    >>> action = Action(key="1", verb="spawn_replacement", cause="agent:a1")
    >>> asyncio.run(AdvisoryEffector(notifier).act(action)).detail
    'notified: spawn_replacement for agent:a1'
    >>> notifier.kept[0].message
    'advice: spawn_replacement for agent:a1'
    """

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier
        self._told: dict[str, Effect] = {}

    async def act(self, action: Action) -> Effect:
        """Notify of what should be done.

        The notification is all that takes effect: when the post-condition then holds,
        a person followed the advice or the trouble passed; the engine cannot know which.
        """
        if action.key not in self._told:
            self._notifier.notify(
                Notification(
                    message=f"advice: {action.verb} for {action.cause}",
                    level=Level.INFO,
                    metadata={"verb": action.verb, "cause": action.cause},
                )
            )
            self._told[action.key] = Effect(
                outcome=EffectOutcome.ACTED,
                detail=f"notified: {action.verb} for {action.cause}",
            )
        return self._told[action.key]

    async def effect_of(self, key: str) -> Effect | None:
        """Tell what was said under a key."""
        return self._told.get(key)
