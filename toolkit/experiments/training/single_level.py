"""The level of single runs in a bundle, and what the bundle then expects of each run."""

from dataclasses import replace

import numpy as np

from toolkit.arrays import Floats
from toolkit.bundle import SECTION, Manifest, StackModel, StackSection, rule_of
from toolkit.experiments.training.hinge_fit import HingeFit, fit_hinge_level
from toolkit.models import FittedStack, SingleCosts
from toolkit.policies import Problem

__all__ = ["predict_singles", "with_single_level"]


def with_single_level(
    manifest: Manifest,
    singles: SingleCosts,
    stack: FittedStack,
    *,
    coverage: float,
    seed: int,
) -> tuple[HingeFit, Manifest]:
    """Fit the level of single runs beside a stack's shape, and write it down.

    Parameters
    ----------
    manifest : Manifest
        Of the stack, with the actions on offer.
    singles : SingleCosts
        Training groups only.
    stack : FittedStack
    coverage : float
        Nominal, of the intervals, 0 to 1.
    seed : int
        Of the folds.

    Returns
    -------
    fit : HingeFit
    manifest : Manifest
        With the level, the columns that it reads, and the ranges of their numbers.
    """
    section = StackSection.from_json(manifest.extra[SECTION])
    fit = fit_hinge_level(
        singles,
        _shapes(manifest, section, singles, stack),
        normal=section.intervals.normal,
        coverage=coverage,
        seed=seed,
    )
    written = replace(section, level=fit.level, level_columns=fit.singles.columns)
    extra = {**manifest.extra, SECTION: written.to_json()}
    return fit, replace(manifest, extra=extra)


def predict_singles(
    manifest: Manifest, singles: SingleCosts, stack: FittedStack
) -> tuple[Floats, Floats]:
    """Predict the log cost of single runs as the bundle would, with half widths.

    Parameters
    ----------
    manifest : Manifest
        From `with_single_level`.
    singles : SingleCosts
        Of any groups, with the same columns.
    stack : FittedStack

    Returns
    -------
    log_cost, half : array of shape (n_runs,)
        Middle and half width of each interval.
    """
    section = StackSection.from_json(manifest.extra[SECTION])
    level = section.level
    if level is None:
        raise TypeError("the manifest has no level")
    read = {column.name for column in section.level_columns}
    known = singles.without({c.name for c in singles.columns} - read)
    found = np.array([level.predict(row) for row in known.X])
    shape = _shapes(manifest, section, singles, stack)
    return found[:, 0] + shape, np.sqrt(section.intervals.normal) * found[:, 1]


def _shapes(
    manifest: Manifest, section: StackSection, singles: SingleCosts, stack: FittedStack
) -> Floats:
    """Predict each run's log cost over the mean of the actions on offer.

    Sizes that were tried and are not on offer are asked for as well.
    """
    bare = replace(section, level=None, level_columns=())
    model = StackModel(
        lambda rows: stack.predict(rows.astype(np.float64)),
        replace(manifest, extra={SECTION: bare.to_json()}),
        rule=rule_of(manifest.fallback),
    )
    tried = {a for rows in manifest.support.counts.values() for a, _ in rows}
    asked = np.array(sorted({*manifest.actions, *tried}))
    offered = np.isin(asked, manifest.actions)
    action = manifest.feature_schema.action[0].name
    middle = np.empty((len(singles.contexts), len(asked)))
    for place in np.unique(singles.context):
        problem = Problem(
            context=singles.contexts[place],
            action_columns=(action,),
            actions=asked[:, None],
        )
        curve = model.predict(problem)
        middle[place] = (curve.log_low + curve.log_high) / 2
        middle[place] -= middle[place, offered].mean()
    nearest = np.abs(np.log(singles.action)[:, None] - np.log(asked)).argmin(axis=1)
    return np.asarray(middle[singles.context, nearest])
