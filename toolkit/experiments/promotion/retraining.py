"""The loop's experiment side: new records, a challenger, the gate, the registry, a swap.

Each step can be done again, and a run that died is finished by running it again: what
was trained for these very rows is not trained twice, what was decided is not decided
twice, and the truth changes in one place (`releases`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from toolkit.bundle import read_bundle
from toolkit.errors import NotEnoughDataError, UsageError
from toolkit.experiments.promotion.champion_challenger import (
    Contest,
    window_end_of,
)
from toolkit.experiments.promotion.drift import Drift, drift_between
from toolkit.experiments.promotion.gate import GateRules, Promotion, PromotionOutcome
from toolkit.experiments.promotion.registry import Registry, Release
from toolkit.experiments.promotion.releases import Releases, ReleaseState, Trained
from toolkit.experiments.promotion.remedy import remedy
from toolkit.experiments.training import ExperimentSpec, run_experiment, table_of
from toolkit.experiments.training.run import history_rows
from toolkit.history import Dataset, RecordStore, compact_store
from toolkit.models import DecisionTable, TableOrigin

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Retraining", "promote", "retrain", "roll_back"]

Report = Callable[[float, float, str], None]
Dress = Callable[[Path], Mapping[str, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retraining:
    """What a retraining did.

    Attributes
    ----------
    outcome : str
        `promoted`, `refused`, `not enough data`, `demoted`, `no new records`, or
        `already champion` where a version in force was to be promoted.
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
        """Write as JSON types.

        Returns
        -------
        dict
            JSON types.
        """
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
    store: RecordStore | Dataset,
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
    store : RecordStore or Dataset
    releases : Releases
    now : datetime
        Aware, UTC.
    report : callable
        Called with what is going on.
    dress : callable, optional
        Gives more files to ship with a bundle, by name.

    Returns
    -------
    Retraining
        What was trained, and whether it replaced the champion or why not.

    Raises
    ------
    GateRefusedError
        Another process is retraining, or another team has put a version in force that
        the challenger was not compared with.
    NotEnoughDataError
        The records cannot be learned from at all.
    """
    registry = Registry(releases.home / "work", spec.bundle.name)
    with releases.locked():
        state = releases.state()
        if state.trained is not None:
            registry.register(state.trained.version, state.trained.model_uri)
        state, latest = _agreed(releases, registry, state, dress)
        releases.settle(registry.alias)
        compact_store(store)
        records = history_rows(spec, store)
        table = table_of(spec, records)
        origin = table.records
        fingerprint = origin.fingerprint
        if state.decided == fingerprint:
            return _answer("no new records", state)
        state = _with_window(releases, state)
        drift = drift_between(records, state.window_end, since=state.seen_end)
        if early := _refused_early(spec, releases, state, table, records):
            return replace(early, drift=drift)
        if state.trained is None or state.trained.fingerprint != fingerprint:
            trained = _train(spec, store, releases, origin, now, report, dress)
            state = replace(state, trained=trained)
            releases.write(state)
            registry.register(trained.version, trained.model_uri)
        contest = Contest(spec, releases, state, table)
        trained = _challenger(state)
        promotion = contest.of_challenger(trained.version, trained.scores)
        demotion = None if promotion.promoted else contest.of_rule()
        decided = _decided(state, promotion, demotion)
        _publish(registry, decided, state, latest)
        state = decided
        releases.write(state)
        releases.settle(registry.alias)
        return replace(
            _answer(str(state.history[-1]["outcome"]), state),
            promotion=promotion,
            demotion=demotion,
            drift=drift,
        )


def promote(
    spec: ExperimentSpec,
    store: RecordStore | Dataset,
    releases: Releases,
    *,
    version: str | None = None,
    dress: Dress = lambda _: {},
) -> Retraining:
    """Put a kept version in force, if the gate lets it through today.

    Parameters
    ----------
    spec : ExperimentSpec
    store : RecordStore or Dataset
    releases : Releases
    version : str, optional
        The latest challenger unless given.
    dress : callable, optional
        As of `retrain`, for a champion of another team.

    Returns
    -------
    Retraining
        `promoted`, `already champion`, or the gate's refusal; nothing was trained.

    Raises
    ------
    GateRefusedError
        Another process changes the releases.
    NotEnoughDataError
        Nothing was trained yet.
    UsageError
        No such version is kept.
    """
    registry = Registry(releases.home / "work", spec.bundle.name)
    with releases.locked():
        state, latest = _agreed(releases, registry, releases.state(), dress)
        releases.settle(registry.alias)
        chosen = _kept(releases, state, version)
        if chosen == state.champion:
            return _answer("already champion", state)
        state = _with_window(releases, state)
        compact_store(store)
        table = table_of(spec, history_rows(spec, store))
        contest = Contest(spec, releases, state, table)
        promotion = contest.of_challenger(chosen, contest.scores_of(chosen))
        if promotion.promoted:
            promoted = _put_in_force(releases, state, chosen)
            _publish(registry, promoted, state, latest)
            state = promoted
            releases.write(state)
            releases.settle(registry.alias)
        return replace(_answer(promotion.outcome.value, state), promotion=promotion)


def roll_back(
    releases: Releases, name: str, *, dress: Dress = lambda _: {}
) -> ReleaseState:
    """Go back to the version before the champion, here and where teams share it.

    Parameters
    ----------
    releases : Releases
    name : str
        Of the registered model.
    dress : callable, optional
        As of `retrain`.

    Raises
    ------
    BundleRefusedError
        The bundle of that version is not as it was: nothing is changed.
    GateRefusedError
        Another process, or another team, changes what serves.
    NotEnoughDataError
        Nothing was ever promoted.
    """
    registry = Registry(releases.home / "work", name)
    with releases.locked():
        before, latest = _agreed(releases, registry, releases.state(), dress)
        if registry.is_shared and before.previous is not None:
            _fetch(releases, registry, before.previous, dress)
        state = releases.rollback(
            lambda after: _publish(registry, after, before, latest)
        )
        releases.settle(registry.alias)
    return state


def _agreed(
    releases: Releases, registry: Registry, state: ReleaseState, dress: Dress
) -> tuple[ReleaseState, Release]:
    """Let what serves here be what serves where teams share a registry.

    A champion of another team is fetched and verified; what was tracked in this folder
    alone before there was a server stays in force here until a release says otherwise.
    """
    if not registry.is_shared:
        return state, Release()
    latest = registry.latest()
    unheard = latest.number == 0 and latest.champion is None
    if unheard or latest.champion == state.champion:
        return state, latest
    if latest.champion is not None:
        _fetch(releases, registry, latest.champion, dress)
    step = {"outcome": "adopted", "from": state.champion, "to": latest.champion}
    state = replace(
        state,
        champion=latest.champion,
        previous=latest.previous,
        window_end=None,
        history=(*state.history, step)[-50:],
    )
    releases.write(state)
    return state, latest


def _fetch(releases: Releases, registry: Registry, version: str, dress: Dress) -> None:
    """Keep the bundle of a version that another team registered."""
    if releases.bundle(version).exists():
        return
    with TemporaryDirectory(dir=releases.home, prefix=".fetch-") as folder:
        bundle = registry.fetch(version, Path(folder))
        read_bundle(bundle)
        releases.keep(bundle, version, dress(bundle))


def _publish(
    registry: Registry, state: ReleaseState, before: ReleaseState, latest: Release
) -> None:
    """Make a release of a new champion, unless another team was first."""
    if registry.is_shared and state.champion != before.champion:
        registry.release(state.champion, previous=state.previous, after=latest)


def _with_window(releases: Releases, state: ReleaseState) -> ReleaseState:
    """Add what a champion that came by a rollback has learned from."""
    if state.champion is None or state.window_end is not None:
        return state
    return replace(state, window_end=window_end_of(releases, state.champion))


def _kept(releases: Releases, state: ReleaseState, version: str | None) -> str:
    if version is None:
        return _challenger(state).version
    kept = releases.kept()
    if version not in kept:
        raise UsageError.unknown("kept version", version, kept)
    return version


def _put_in_force(
    releases: Releases, state: ReleaseState, version: str
) -> ReleaseState:
    trained = state.trained
    end = (
        trained.window_end
        if trained is not None and trained.version == version
        else window_end_of(releases, version)
    )
    step = {"outcome": "promoted", "challenger": version, "champion": version}
    return replace(
        state,
        champion=version,
        previous=state.champion,
        window_end=end,
        history=(*state.history, step)[-50:],
    )


def _refused_early(
    spec: ExperimentSpec,
    releases: Releases,
    state: ReleaseState,
    table: DecisionTable,
    records: "pd.DataFrame",
) -> Retraining | None:
    """Refuse to train what the gate could not let through whatever it were worth.

    A champion that the rule beats on the newest window is judged all the same: that
    needs the whole way.
    """
    rules = GateRules()
    contest = Contest(spec, releases, state, table)
    problems, groups = contest.comparable()
    if groups >= rules.groups:
        return None
    demotion = contest.of_rule()
    if demotion is not None and demotion.promoted:
        return None
    missing = rules.groups - groups
    done = remedy(records, decision=spec.decision, groups=missing)
    reason = (
        f"{groups} groups with several sizes measured, at least {rules.groups} are needed "
        f"to decide; nothing was trained: {done}"
    )
    promotion = Promotion(
        outcome=PromotionOutcome.NOT_ENOUGH_DATA,
        challenger="a challenger",
        champion=state.champion or "rule",
        difference=None,
        low=None,
        high=None,
        standard_error=None,
        problems=problems,
        groups=groups,
        groups_needed=rules.groups,
        rules=rules,
        reason=reason,
    )
    return replace(
        _answer(promotion.outcome.value, state), promotion=promotion, demotion=demotion
    )


def _train(
    spec: ExperimentSpec,
    store: RecordStore | Dataset,
    releases: Releases,
    origin: TableOrigin,
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
        fingerprint=origin.fingerprint,
        version=version,
        model_uri=made.model_uri,
        window_end=origin.last.isoformat(),
        scores=scores,
    )


def _challenger(state: ReleaseState) -> Trained:
    if state.trained is None:
        raise NotEnoughDataError(
            "a promotion", got=0, needed=1, unit="trained challengers"
        )
    return state.trained


def _decided(
    state: ReleaseState, promotion: Promotion, demotion: Promotion | None
) -> ReleaseState:
    trained = _challenger(state)
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


def _answer(outcome: str, state: ReleaseState) -> Retraining:
    return Retraining(
        outcome=outcome,
        champion=state.champion,
        challenger=None if state.trained is None else state.trained.version,
    )
