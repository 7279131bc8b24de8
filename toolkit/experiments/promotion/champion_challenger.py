"""Who serves: challenger, champion and rule on problems that the compared have not seen.

A challenger must beat the champion, and the rule as well: where the world has left the
champion behind, something could beat it and still be worse than no model. A champion
must not be beaten by the rule on the newest window.
"""

from collections.abc import Mapping
from datetime import datetime

import numpy as np

from toolkit.bundle import read_bundle
from toolkit.errors import InputDataError
from toolkit.experiments.promotion.gate import Promotion, decide_promotion
from toolkit.experiments.promotion.releases import Releases, ReleaseState
from toolkit.experiments.training import ExperimentSpec
from toolkit.experiments.tuning.rule_tuning import cheapest_action
from toolkit.models import DecisionTable
from toolkit.policies import Policy
from toolkit.policies.rules import named_rule

__all__ = ["Contest", "kept_policy", "window_end_of"]

Scores = Mapping[str, tuple[str, float, float]]
"""Group, log slowdown of a challenger, and of the rule, by the problem's name."""


class Contest:
    """Compares on the problems of one table.

    Parameters
    ----------
    spec : ExperimentSpec
    releases : Releases
    state : ReleaseState
    table : DecisionTable
    """

    def __init__(
        self,
        spec: ExperimentSpec,
        releases: Releases,
        state: ReleaseState,
        table: DecisionTable,
    ) -> None:
        self._spec = spec
        self._releases = releases
        self._state = state
        self._table = table

    def of_challenger(self, version: str, scores: Scores) -> Promotion:
        """Ask the gate whether a challenger replaces the champion.

        Parameters
        ----------
        version : str
        scores : mapping
            On problems that it has not learned from.
        """
        champion = self._champion()
        newer = self._after(self._state.window_end if champion else None)
        fresh = newer.of_problems(
            place for place, name in enumerate(newer.names) if name in scores
        )

        def compared(theirs: list[float], name: str) -> Promotion:
            ours = [scores[name][1] for name in fresh.names]
            return self._decide(ours, theirs, fresh, version, name)

        over_rule = compared([scores[name][2] for name in fresh.names], "rule")
        if champion is None:
            return over_rule
        over_champion = compared(
            self._served(champion, fresh), self._state.champion or "rule"
        )
        return over_rule if over_champion.promoted else over_champion

    def comparable(self) -> tuple[int, int]:
        """Count what a challenger could be compared on, before one is trained.

        Returns
        -------
        problems, groups : int
            Measured problems that the champion has not learned from.
        """
        serves = self._state.champion is not None
        newer = self._after(self._state.window_end if serves else None)
        return len(newer.problems), len(set(newer.groups))

    def of_rule(self) -> Promotion | None:
        """Ask the same gate whether the rule replaces the champion.

        Returns
        -------
        Promotion or None
            `None` where no champion serves, or the newest window has no problem.
        """
        champion = self._champion()
        fresh = self._after(self._state.seen_end or self._state.window_end)
        if champion is None or not fresh.problems:
            return None
        return self._decide(
            _slowdowns(self._rule(fresh), fresh),
            self._served(champion, fresh),
            fresh,
            "rule",
            self._state.champion or "rule",
        )

    def scores_of(self, version: str) -> dict[str, tuple[str, float, float]]:
        """Grade a kept version on the problems that it has not learned from.

        Those of the latest challenger were found out of fold; another version is asked
        about what is newer than its training window.
        """
        trained = self._state.trained
        if trained is not None and trained.version == version:
            return dict(trained.scores)
        policy = kept_policy(self._releases, version)
        newer = self._after(window_end_of(self._releases, version))
        if not newer.problems:
            return {}
        ours = _slowdowns(policy, newer)
        rules = _slowdowns(self._rule(newer), newer)
        rows = zip(newer.names, newer.groups, ours, rules, strict=True)
        return {name: (group, own, rule) for name, group, own, rule in rows}

    def _champion(self) -> Policy | None:
        version = self._state.champion
        if version is None:
            return None
        return kept_policy(self._releases, version)

    def _served(self, champion: Policy, table: DecisionTable) -> list[float]:
        """Grade what the champion served where that was logged, else what it says.

        A hook serves the champion's table, which knows less of the context than the
        model does: what was served is what is judged.
        """
        said = _slowdowns(champion, table)
        for place, served in enumerate(table.served):
            if served is not None and served[0] == self._state.champion:
                said[place] = float(table.log_slowdowns(place)[served[1]])
        return said

    def _rule(self, table: DecisionTable) -> Policy:
        return named_rule(
            f"{self._spec.decision}_rule", constant=cheapest_action(table)
        )

    def _after(self, moment: str | None) -> DecisionTable:
        """Keep the measured problems that are newer than a moment, ISO 8601."""
        if self._table.observed:
            return self._table.of_problems([])
        if moment is None:
            return self._table
        return self._table.after(datetime.fromisoformat(moment))

    def _decide(
        self,
        ours: list[float],
        theirs: list[float],
        table: DecisionTable,
        challenger: str,
        champion: str,
    ) -> Promotion:
        return decide_promotion(
            ours,
            theirs,
            table.groups,
            rng=np.random.default_rng(self._spec.seed),
            challenger=challenger,
            champion=champion,
        )


def kept_policy(releases: Releases, version: str) -> Policy:
    """Build the policy of a kept bundle: the one that serves.

    Parameters
    ----------
    releases : Releases
    version : str

    Raises
    ------
    BundleRefusedError
        It may not be loaded.
    """
    return read_bundle(releases.bundle(version)).policy()


def window_end_of(releases: Releases, version: str) -> str:
    """Read up to when a kept version learned, ISO 8601.

    Raises
    ------
    InputDataError
        Its bundle does not say.
    """
    path = releases.bundle(version)
    window = str(read_bundle(path).manifest.training.get("window", ""))
    if " to " not in window:
        raise InputDataError(
            "the bundle does not say up to when it learned",
            file=path,
            fix="retrain, and promote the version that this makes",
        )
    return window.rsplit(" to ", 1)[1]


def _slowdowns(policy: Policy, table: DecisionTable) -> list[float]:
    """Log slowdown of a policy's action in each problem."""
    return [
        float(table.log_slowdowns(place)[policy.decide(problem).index])
        for place, problem in enumerate(table.problems)
    ]
