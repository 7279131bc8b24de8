"""An effector that writes down what it would have done, and does nothing."""

from collections import deque

from toolkit.runtime.healing.effectors.base import Action, Effect, EffectOutcome

__all__ = ["DryRunEffector"]

KEPT_ACTIONS = 10_000
"""Bounds memory; a run that would act more often has other troubles."""


class DryRunEffector:
    """Accepts every action and changes nothing.

    Attributes
    ----------
    actions : deque of Action
        What would have been done, the last `KEPT_ACTIONS`.

    Examples
    --------
    >>> import asyncio
    >>> effector = DryRunEffector()
    >>> action = Action(key="1", verb="reassign_task", cause="agent:a1")
    >>> asyncio.run(effector.act(action)).detail
    'dry run: reassign_task on agent:a1'
    >>> [action.verb for action in effector.actions]
    ['reassign_task']
    """

    def __init__(self) -> None:
        self.actions: deque[Action] = deque(maxlen=KEPT_ACTIONS)
        self._effects: dict[str, Effect] = {}

    async def act(self, action: Action) -> Effect:
        """Note the action."""
        if action.key not in self._effects:
            self.actions.append(action)
            self._effects[action.key] = Effect(
                outcome=EffectOutcome.ACTED,
                detail=f"dry run: {action.verb} on {action.cause}",
            )
        return self._effects[action.key]

    async def effect_of(self, key: str) -> Effect | None:
        """Tell what was noted under a key."""
        return self._effects.get(key)
