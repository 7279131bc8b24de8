"""Takes decisions on an exported bundle, or on the rules where there is none to trust."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from toolkit.bundle import (
    ACTION_BOUNDS,
    ACTION_COLUMNS,
    SECTION,
    Bundle,
    plain_rule,
    read_bundle,
    rule_of,
)
from toolkit.clock import Clock
from toolkit.errors import BundleRefusedError, UsageError
from toolkit.policies import Decision, Floats, Ladder, Policy, Problem, Reason, Value

__all__ = ["ACTIONS", "FALLBACKS", "LadderAdvisor", "open_advisor"]

ACTIONS: Mapping[str, tuple[str, tuple[float, ...]]] = MappingProxyType(
    {
        decision: (ACTION_COLUMNS[decision], tuple(map(float, range(least, most + 1))))
        for decision, (least, most) in ACTION_BOUNDS.items()
    }
)
"""Column and offered actions of each decision where no bundle says otherwise: 1 to the
specification's largest maximum, 20 operations (section 1) and 12 agents (section 3)."""


FALLBACKS = frozenset({"bundle_refused", "bundle_expired"})
"""Reasons for which the rule answers in the place of a model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What answers now; replaced as a whole, so that threads see one or the other."""

    bundle: Bundle | None
    refused: str | None
    rule: Policy
    policy: Ladder
    columns: tuple[str, ...]
    offered: Floats | None
    labels: tuple[str, ...]

    @classmethod
    def of(cls, decision: str, bundle: Bundle | None, refused: str | None) -> "Serving":
        rule = (
            plain_rule(decision)
            if bundle is None
            else rule_of(bundle.manifest.fallback)
        )
        columns, offered = _offered(decision, bundle)
        return cls(
            bundle=bundle,
            refused=refused,
            rule=rule,
            policy=Ladder(rule=rule) if bundle is None else bundle.policy(),
            columns=columns,
            offered=None if not offered else np.asarray(offered, np.float64)[:, None],
            labels=tuple(f"{action:g}" for action in offered),
        )


class LadderAdvisor:
    """Answers with the ladder of a bundle, or with the rule where there is none to trust.

    Safe to share between threads: it holds no state that decisions change.

    Parameters
    ----------
    decision : str
        `batch_size`, `agent_count`, or `table`, which needs a bundle and is offered its
        actions with each question.
    bundle : Bundle or None
    clock : Clock
        Reads whether the bundle has expired.
    refused : str or None
        Why there is no bundle although one was named.

    Raises
    ------
    UsageError
        No such decision, or a table without a bundle.
    """

    def __init__(
        self,
        decision: str,
        *,
        bundle: Bundle | None,
        clock: Clock,
        refused: str | None = None,
    ) -> None:
        if decision not in ACTIONS and (decision != "table" or bundle is None):
            known = sorted(ACTIONS) if decision != "table" else ["table with a bundle"]
            raise UsageError.unknown("decision", decision, known)
        self.decision = decision
        self._clock = clock
        self._serve(bundle, refused)

    def _serve(self, bundle: Bundle | None, refused: str | None) -> None:
        self._held = Serving.of(self.decision, bundle, refused)

    @property
    def _serving(self) -> Serving:
        return self._held

    @property
    def bundle(self) -> Bundle | None:
        """The bundle that serves; `None` where the rule answers."""
        return self._serving.bundle

    @property
    def refused(self) -> str | None:
        """Why there is no bundle although one was named."""
        return self._serving.refused

    @property
    def doubt(self) -> Reason | None:
        """Why the bundle does not answer now: it is refused, or has expired."""
        return self._doubt(self._serving)

    @property
    def rule(self) -> Policy:
        """The lowest rung."""
        return self._serving.rule

    @property
    def policy(self) -> Ladder:
        """The ladder that answers while the bundle is in force."""
        return self._serving.policy

    @property
    def offered(self) -> tuple[float, ...]:
        """The actions that are chosen from, ascending; none where a question brings them."""
        offered = self._serving.offered
        return () if offered is None else tuple(offered[:, 0].tolist())

    def decide(
        self, context: Mapping[str, Value], actions: ArrayLike | None = None
    ) -> Decision:
        """Take a decision.

        Parameters
        ----------
        context : mapping
            What is known, by column of the bundle's feature schema; others are ignored.
        actions : array-like of shape (n,) or (n, columns), optional
            Offered instead of the bundle's own.

        Returns
        -------
        Decision
            By the rule, with the reason, where the bundle is absent, refused or
            expired.

        Raises
        ------
        SchemaError
            A value of the context is none that its column may hold.
        UsageError
            The actions on offer are none: not finite, or sizes not above 0.
        """
        serving = self._serving
        problem = self._problem(serving, context, actions)
        if (reason := self._doubt(serving)) is not None:
            return _by_rule(serving, problem, reason)
        try:
            return serving.policy.decide(problem)
        except BundleRefusedError as error:
            because = error.reason
        except ArithmeticError as error:
            # Numbers of the bundle that each are within bounds, and together are not.
            because = f"its cost is no number ({error})"
        reason = Reason(code="bundle_refused", facts={"because": because})
        return _by_rule(serving, problem, reason)

    def problem(
        self, context: Mapping[str, Value], actions: ArrayLike | None = None
    ) -> Problem:
        """Put a context and the actions on offer together.

        Parameters
        ----------
        context : mapping
        actions : array-like of shape (n,) or (n, columns), optional
            Offered instead of the bundle's own.

        Returns
        -------
        Problem
        """
        return self._problem(self._serving, context, actions)

    def _problem(
        self,
        serving: Serving,
        context: Mapping[str, Value],
        actions: ArrayLike | None,
    ) -> Problem:
        offered, labels = serving.offered, serving.labels
        if actions is not None:
            offered, labels = np.asarray(actions, dtype=np.float64), ()
            offered = offered[:, None] if offered.ndim == 1 else offered
            self._check_offered(serving, offered)
        if offered is None:
            raise UsageError(
                f"a bundle that decides {self.decision} needs the actions on offer"
            )
        return Problem(
            context=context,
            action_columns=serving.columns,
            actions=offered,
            labels=labels,
        )

    def _check_offered(self, serving: Serving, offered: Floats) -> None:
        """Refuse actions of which no logarithm can be taken."""
        stack = None if serving.bundle is None else serving.bundle.manifest.extra
        sizes = self.decision != "table" or (stack or {}).get(SECTION, {}).get("sizes")
        if not np.isfinite(offered).all() or (sizes and not (offered > 0).all()):
            raise UsageError(
                f"actions must be finite numbers{' above 0' if sizes else ''}; "
                f"got {offered.ravel()[:8].tolist()}"
            )

    def _doubt(self, serving: Serving) -> Reason | None:
        """Say why the model must not answer, if so."""
        if serving.refused is not None:
            return Reason(code="bundle_refused", facts={"because": serving.refused})
        if serving.bundle is None:
            return None
        expires_at = serving.bundle.manifest.expires_at
        if self._clock.now() >= expires_at:
            expired = f"{expires_at:%Y-%m-%d %H:%M}"
            return Reason(code="bundle_expired", facts={"expired_at": expired})
        return None


def open_advisor(path: Path | None, *, decision: str, clock: Clock) -> LadderAdvisor:
    """Load a bundle and make an advisor; a refused bundle leaves the rule, and says so.

    Parameters
    ----------
    path : path or None
        `None` means the rules alone.
    decision : str
    clock : Clock

    Returns
    -------
    LadderAdvisor

    Raises
    ------
    BundleRefusedError
        The bundle of a table is refused: there is no rule without it.
    """
    bundle, refused = load_for(path, decision)
    if decision == "table" and bundle is None and path is not None:
        raise BundleRefusedError(refused or "no bundle", path=path)
    return LadderAdvisor(decision, bundle=bundle, clock=clock, refused=refused)


def load_for(path: Path | None, decision: str) -> tuple[Bundle | None, str | None]:
    """Read a bundle for a decision; else say why it is refused."""
    if path is None:
        return None, None
    try:
        bundle = read_bundle(path)
    except BundleRefusedError as error:
        return None, error.reason
    if bundle.manifest.decision != decision:
        return None, f"it decides {bundle.manifest.decision}, not {decision}"
    return bundle, None


def _by_rule(serving: Serving, problem: Problem, reason: Reason) -> Decision:
    return serving.policy.by_rule(problem, reason)


def _offered(
    decision: str, bundle: Bundle | None
) -> tuple[tuple[str, ...], Sequence[float]]:
    """Columns of an action, and the actions on offer."""
    if decision == "table" and bundle is not None:
        names = [column.name for column in bundle.manifest.feature_schema.action]
        return tuple(name for name in names if ":" not in name), ()
    column, offered = ACTIONS[decision]
    if bundle is not None and bundle.manifest.actions:
        offered = bundle.manifest.actions
    return (column,), offered
