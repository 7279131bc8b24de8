"""Regressors of scikit-learn that an experiment has beside its own members."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from toolkit.errors import UsageError
from toolkit.export import refuse_unwritable
from toolkit.models import RelativeMember
from toolkit.models.members import RelativeEstimator

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

__all__ = ["estimator_members", "named_estimators"]


def estimator_members(
    estimators: "Mapping[str, BaseEstimator]",
) -> tuple[tuple[str, RelativeMember], ...]:
    """Make members of regressors, each checked before anything is trained.

    Parameters
    ----------
    estimators : mapping of str to estimator
        Not fitted, by the name they have in reports.

    Returns
    -------
    tuple of (str, RelativeMember)

    Raises
    ------
    UsageError
        One of them is no regressor, or could not be exported.
    """
    made = []
    for name, estimator in estimators.items():
        member = RelativeEstimator(estimator=estimator)
        refuse_unwritable(estimator)
        made.append((name, member))
    return tuple(made)


def named_estimators(names: Sequence[str]) -> tuple[tuple[str, RelativeMember], ...]:
    """Make members of what a specification names as `MODULE:NAME`.

    The module is imported as Python imports any other: it must be installed, or on
    `PYTHONPATH`.

    Parameters
    ----------
    names : sequence of str

    Returns
    -------
    tuple of (str, RelativeMember)
        Named as after the colon.

    Raises
    ------
    UsageError
        Nothing is found under a name, or it makes no regressor that can be exported.

    Examples
    --------
    >>> [name for name, _ in named_estimators(["sklearn.linear_model:Ridge"])]
    ['Ridge']
    """
    found: dict[str, Any] = {}
    for name in names:
        module, _, attribute = name.partition(":")
        try:
            make = getattr(import_module(module), attribute)
        except (ImportError, AttributeError, ValueError) as error:
            raise UsageError(
                f"`estimators` names `{name}`, which is not found ({error}); write "
                "MODULE:NAME of something that makes a regressor"
            ) from error
        if attribute in found:
            raise UsageError(f"`estimators` names `{attribute}` twice")
        try:
            found[attribute] = make()
        except TypeError as error:
            raise UsageError(
                f"`{name}` must make a regressor when called without arguments ({error})"
            ) from error
    return estimator_members(found)
