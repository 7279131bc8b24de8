"""The loop's experiment side: new records, a challenger, the gate, the registry, a swap.

Each step can be done again, and a run that died is finished by running it again: what
was trained for these very rows is not trained twice, what was decided is not decided
twice, and the truth changes in one place (`releases`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.bundle import read_bundle
from toolkit.errors import NotEnoughDataError
from toolkit.experiments.bundling import fingerprint_of, window_of
from toolkit.experiments.drift import Drift, drift_between
from toolkit.experiments.learning_table import LearningTable, MeasuredProblem
from toolkit.experiments.promotion import Promotion, decide_promotion
from toolkit.experiments.registry import Registry
from toolkit.experiments.releases import Releases, ReleaseState, Trained
from toolkit.experiments.rule_tuning import rule_policy
from toolkit.experiments.run import run_experiment, table_of
from toolkit.experiments.spec import ExperimentSpec
from toolkit.policies import Gain, Greedy, Guarded, Policy
from toolkit.records import RecordStore
from toolkit.records.compaction import compact_store

__all__ = ["Retraining", "champion_of", "retrain"]

Report = Callable[[float, float, str], None]
Dress = Callable[[Path], Mapping[str, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retraining:
    """What a retraining did.

    Attributes
    ----------
    outcome : str
        `promoted`, `refused`, `not enough data`, `demoted` or `no new records`.
    champion, challenger : str or None
        Versions afterwards; no champion is the rule.
    promotion : Promotion or None
        The gate's answer.
    demotion : Promotion or None
        The same gate's answer to whether the rule should replace the champion, on the
        newest window: records of after the decision before. Asked where no challenger
        is promoted.
    drift : Drift or None
    """

    outcome: str
    champion: str | None
    challenger: str | None
    promotion: Promotion | None = None
    demotion: Promotion | None = None
    drift: Drift | None = None

    def to_json(self) -> dict[str, Any]:
        """Write as JSON types."""
        return {
            "outcome": self.outcome,
            "champion": self.champion,
            "challenger": self.challenger,
            "promotion": None if self.promotion is None else self.promotion.to_json(),
            "demotion": None if self.demotion is None else self.demotion.to_json(),
            "drift": None if self.drift is None else self.drift.to_json(),
        }


def retrain(
    spec: ExperimentSpec,
    store: RecordStore,
    releases: Releases,
    *,
    now: datetime,
    report: Report,
    dress: Dress = lambda _: {},
) -> Retraining:
    """Train a challenger on all records and let it replace the champion if it may.

    Parameters
    ----------
    spec : ExperimentSpec
    store : RecordStore
    releases : Releases
    now : datetime
        Aware, UTC.
    report : callable
        Told what is going on.
    dress : callable, optional
        Gives more files to ship with a bundle, by name.

    Raises
    ------
    GateRefusedError
        Another process is retraining.
    NotEnoughDataError
        The records cannot be learned from at all.
    """
    registry = Registry(releases.home / "work", spec.bundle.name)
    with releases.locked():
        state = releases.state()
        if state.trained is not None:
            registry.register(state.trained.version, state.trained.model_uri)
        releases.settle(registry.alias)
        compact_store(store)
        table = table_of(spec, store)
        fingerprint = fingerprint_of(table)
        if state.decided == fingerprint:
            return _answer("no new records", state)
        drift = drift_between(table.frame, state.window_end, since=state.seen_end)
        if state.trained is None or state.trained.fingerprint != fingerprint:
            trained = _train(
                spec, store, releases, fingerprint, table, now, report, dress
            )
            state = replace(state, trained=trained)
            releases.write(state)
            registry.register(trained.version, trained.model_uri)
        promotion = _gate(spec, releases, state, table)
        demotion = (
            None if promotion.promoted else _against_rule(releases, spec, state, table)
        )
        state = _decided(state, promotion, demotion)
        releases.write(state)
        releases.settle(registry.alias)
        return replace(
            _answer(str(state.history[-1]["outcome"]), state),
            promotion=promotion,
            demotion=demotion,
            drift=drift,
        )


def champion_of(releases: Releases, spec: ExperimentSpec) -> Policy | None:
    """Make the guarded policy that the champion's bundle describes; `None`: the rule."""
    version = releases.state().champion
    if version is None:
        return None
    bundle = read_bundle(releases.bundle(version))
    manifest, conformal = bundle.manifest, bundle.manifest.conformal
    return Guarded(
        model=bundle.model,
        learned=Greedy(
            bundle.model, minimum_support=manifest.minimum_support, name="learned"
        ),
        rule=rule_policy(spec.decision, constant=manifest.fallback.constant),
        gain=Gain(
            np.asarray(conformal.probabilities), np.asarray(conformal.differences)
        ),
        level=manifest.guard_level,
        version=version,
    )


def _train(
    spec: ExperimentSpec,
    store: RecordStore,
    releases: Releases,
    fingerprint: str,
    table: LearningTable,
    now: datetime,
    report: Report,
    dress: Dress,
) -> Trained:
    made = run_experiment(
        spec, store, work=releases.home / "work", now=now, report=report
    )
    version = read_bundle(made.bundle).manifest.version
    releases.keep(made.bundle, version, dress(made.bundle))
    scores: dict[str, tuple[str, float, float]] = {}
    if made.evaluation is not None:
        held = made.evaluation
        rows = zip(
            held.names,
            held.groups,
            held.scores["guarded"],
            held.scores["rule"],
            strict=True,
        )
        scores = {name: (group, ours, rule) for name, group, ours, rule in rows}
    return Trained(
        fingerprint=fingerprint,
        version=version,
        model_uri=made.model_uri,
        window_end=window_of(table)[1],
        scores=scores,
    )


def _gate(
    spec: ExperimentSpec, releases: Releases, state: ReleaseState, table: LearningTable
) -> Promotion:
    """Compare challenger and champion on problems that neither has learned from.

    The challenger's scores are out of fold; the champion is asked about the problems
    that are newer than all it has seen. Where the world has left the champion behind, a
    challenger could beat it and still be worse than no model: it must beat the rule too.
    """
    trained = state.trained
    scores = {} if trained is None else trained.scores
    champion = champion_of(releases, spec)
    fresh = [p for p in _fresh(table, state) if p.name in scores]

    def compared(theirs: list[float], name: str) -> Promotion:
        return decide_promotion(
            [scores[p.name][1] for p in fresh],
            theirs,
            [scores[p.name][0] for p in fresh],
            rng=np.random.default_rng(spec.seed),
            challenger="challenger" if trained is None else trained.version,
            champion=name,
        )

    over_rule = compared([scores[p.name][2] for p in fresh], "rule")
    if champion is None:
        return over_rule
    over_champion = compared(
        [_slowdown(champion, p) for p in fresh], state.champion or "rule"
    )
    return over_rule if over_champion.promoted else over_champion


def _fresh(table: LearningTable, state: ReleaseState) -> list[MeasuredProblem]:
    """List the problems that the champion has not learned from."""
    return _after(table, None if state.champion is None else state.window_end)


def _after(table: LearningTable, moment: str | None) -> list[MeasuredProblem]:
    if moment is None:
        return list(table.problems)
    import pandas as pd

    after = table.frame["at"] > pd.Timestamp(moment)
    newer = set(table.frame.loc[after, "context_id"].astype(str))
    return [problem for problem in table.problems if problem.name in newer]


def _slowdown(policy: Policy, problem: MeasuredProblem) -> float:
    index = policy.decide(problem.problem).index
    return float(problem.log_cost[index] - problem.log_cost.min())


def _decided(
    state: ReleaseState, promotion: Promotion, demotion: Promotion | None
) -> ReleaseState:
    trained = state.trained
    if trained is None:
        raise NotEnoughDataError("a decision", got=0, needed=1, unit="challengers")
    outcome = promotion.outcome.value
    champion, previous, end = state.champion, state.previous, state.window_end
    if promotion.promoted:
        champion, previous, end = trained.version, champion, trained.window_end
    elif demotion is not None and demotion.promoted:
        outcome, champion, previous, end = "demoted", None, champion, None
    step = {"outcome": outcome, "challenger": trained.version, "champion": champion}
    return replace(
        state,
        champion=champion,
        previous=previous,
        window_end=end,
        seen_end=trained.window_end,
        decided=trained.fingerprint,
        history=(*state.history, step)[-50:],
    )


def _against_rule(
    releases: Releases, spec: ExperimentSpec, state: ReleaseState, table: LearningTable
) -> Promotion | None:
    """Ask the same gate whether the rule should replace the champion."""
    champion = champion_of(releases, spec)
    fresh = _after(table, state.seen_end or state.window_end)
    if champion is None or not fresh:
        return None
    rule: Policy = rule_policy(spec.decision, constant=table.constant(_groups(fresh)))
    return decide_promotion(
        [_slowdown(rule, problem) for problem in fresh],
        [_slowdown(champion, problem) for problem in fresh],
        [problem.group for problem in fresh],
        rng=np.random.default_rng(spec.seed),
        challenger="rule",
        champion=state.champion or "rule",
    )


def _groups(problems: list[MeasuredProblem]) -> list[str]:
    return sorted({problem.group for problem in problems})


def _answer(outcome: str, state: ReleaseState) -> Retraining:
    return Retraining(
        outcome=outcome,
        champion=state.champion,
        challenger=None if state.trained is None else state.trained.version,
    )
