"""Cost relative to the problem: rows, members, weights, and the prior for own runs."""

from pathlib import Path

import numpy as np
import pytest

from tests.experiments.decision_tables import table
from toolkit.errors import NotEnoughDataError
from toolkit.models import (
    CONSTANT,
    RelativeMember,
    RelativeRows,
    Stack,
    centred,
    decision_weights,
    group_folds,
    other_tables,
)
from toolkit.models.measurement_learning import learn_measurement_prior
from toolkit.models.members import (
    RelativeBoosted,
    RelativeConstant,
    RelativeLaw,
    RelativeLinear,
    RelativeProcess,
    RelativeQuadratic,
    RelativeTrees,
    trees,
)
from toolkit.models.members.anchor import RelativeAnchor
from toolkit.models.members.process_kernel import ProcessKernel
from toolkit.models.rows import KNEE, RelativeLayout, softened
from toolkit.models.stack import (
    LAW,
    MIDDLE,
    PLAIN_CONSTANT,
    PLAIN_PLACE,
    RULE,
    TUNED_RULE,
    shown_cheaper,
)

MEMBERS: list[RelativeMember] = [
    RelativeProcess(raw=False, tuned_on=80, conditioned_on=150),
    RelativeProcess(raw=True, tuned_on=80, conditioned_on=150),
    RelativeTrees(everything=False, min_samples_leaf=3, trees=20),
    RelativeTrees(everything=True, min_samples_leaf=3, trees=20),
    RelativeQuadratic(),
    RelativeConstant(),
    RelativeConstant(place="size"),
    RelativeConstant(place="from_rule"),
    RelativeConstant(place="size", plain=True),
    RelativeBoosted(trees=30),
    RelativeLinear(),
    RelativeLaw(),
]

each_member = pytest.mark.parametrize(
    "member",
    MEMBERS,
    ids=[
        "process",
        "raw process",
        "trees",
        "all trees",
        "quadratic",
        "constant",
        "constant size",
        "tuned rule",
        "plain constant",
        "boosted",
        "linear",
        "law",
    ],
)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> RelativeRows:
    return table(tmp_path_factory.mktemp("tables")).rows()


def light(seed: int = 0) -> Stack:
    return Stack(
        seed=seed,
        members=(
            ("trees", RelativeTrees(everything=False, min_samples_leaf=3, trees=10)),
            ("quadratic", RelativeQuadratic()),
        ),
    )


@each_member
def test_a_member_beats_a_random_choice_on_an_unseen_group(
    member: RelativeMember, rows: RelativeRows
) -> None:
    out = rows.group == 0
    predicted = member.fit(rows.take(~out)).predict(rows.X[out])
    held = rows.take(out)
    chosen = [
        held.regret[held.problem == p][np.argmin(predicted[held.problem == p])]
        for p in np.unique(held.problem)
    ]

    assert np.mean(chosen) < held.regret.mean() / 2


def test_a_forest_is_grown_no_larger_than_a_bundle_holds(
    rows: RelativeRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = RelativeTrees(everything=True, min_samples_leaf=3, trees=20)
    free = member.fit(rows)
    monkeypatch.setattr(trees, "MOST_NODES", free.nodes)
    same = member.fit(rows)
    monkeypatch.setattr(trees, "MOST_NODES", free.nodes // 4)
    bounded = member.fit(rows)

    assert same.nodes == free.nodes
    assert free.nodes // 5 < bounded.nodes <= free.nodes // 4


def test_a_constant_costs_what_it_cost_whatever_the_context(rows: RelativeRows) -> None:
    fitted = RelativeConstant().fit(rows)
    elsewhere = rows.X.copy()
    elsewhere[:, rows.layout.x] += 7.0

    assert (fitted.predict(elsewhere) == fitted.predict(rows.X)).all()


def test_the_law_has_one_minimum_along_the_workers(rows: RelativeRows) -> None:
    fitted = RelativeLaw().fit(rows)
    problem = rows.X[rows.problem == 0]
    fine = np.repeat(problem[:1], 200, axis=0)
    layout = rows.layout
    span = problem[:, layout.offered[1]].max()
    fine[:, layout.offered[1]] = np.linspace(0, span, 200)
    fine[:, layout.offered[0]] = fine[:, layout.offered[1]] - span

    turns = np.diff(np.sign(np.diff(fitted.predict(fine))))

    assert (turns != 0).sum() <= 1


def test_the_law_recovers_which_power_of_time_is_paid(rows: RelativeRows) -> None:
    assert RelativeLaw().fit(rows).form == (2.0, -1.0)


def test_the_rule_and_the_constants_are_members_like_any_other() -> None:
    names = [name for name, _ in Stack(seed=0).kinds()]

    assert {RULE, TUNED_RULE, CONSTANT, MIDDLE, LAW, PLAIN_CONSTANT} < set(names)


def test_the_rule_answers_with_the_rules_action(rows: RelativeRows) -> None:
    predicted = RelativeAnchor().fit(rows).predict(rows.X)

    away = np.abs(rows.X[:, rows.layout.from_rule]).sum(axis=1)
    assert (predicted[away == 0] == 0).all()
    assert (predicted[away > 0] > 0).all()


def test_the_unit_of_cost_changes_nothing(rows: RelativeRows) -> None:
    scaled = RelativeRows.of(
        rows.X, rows.regret + 11.0, rows.problem, rows.group, rows.layout
    )

    np.testing.assert_allclose(scaled.regret, rows.regret, atol=1e-12)


def test_groups_weigh_by_the_root_of_their_problems() -> None:
    layout = RelativeLayout(context=0, actions=1, axes=1)
    problem = np.array([0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
    group = np.array([0, 0, 1, 1, 1, 1, 1, 1, 1, 1])
    rows = RelativeRows.of(np.zeros((10, 4)), np.zeros(10), problem, group, layout)

    weight = rows.weight

    assert weight[group == 1].sum() / weight[group == 0].sum() == pytest.approx(2.0)


def test_the_positions_of_a_layout_cover_the_row_once() -> None:
    layout = RelativeLayout(context=3, actions=2, axes=2)

    positions = [*layout.x, *layout.a, *layout.offered, *layout.from_rule]
    assert positions == list(range(layout.width))


def test_softening_keeps_the_order_of_costs() -> None:
    regret = np.linspace(0, 6, 50)

    assert (np.diff(softened(regret, 0.5)) > 0).all()


def test_centring_leaves_no_mean() -> None:
    problem = np.array([0, 1, 0, 1, 1])

    means = np.bincount(problem, centred(np.arange(5.0), problem))

    assert np.abs(means).max() < 1e-12


def test_folds_never_split_a_group() -> None:
    folds = group_folds(np.repeat(np.arange(20), 3), 7, 0)

    assert sorted(np.concatenate(folds).tolist()) == list(range(20))


def test_the_better_member_gets_the_weight(rows: RelativeRows) -> None:
    weights = decision_weights(
        np.stack([rows.regret, -rows.regret]), rows, ("good", "bad"), {}
    )

    assert weights[0] > 0.99


def test_equal_members_share_the_weight(rows: RelativeRows) -> None:
    weights = decision_weights(
        np.stack([rows.regret, rows.regret]), rows, ("a", "b"), {}
    )

    assert weights.tolist() == pytest.approx([0.5, 0.5])


def optimum_rows(*, shared: bool) -> RelativeRows:
    """Twelve groups of four problems whose best action follows the context, or nothing."""
    rng = np.random.default_rng(0)
    actions = np.linspace(-2, 2, 9)
    blocks, costs = [], []
    for _ in range(12):
        own = rng.normal(0, 1.5)
        for _ in range(4):
            x = rng.normal()
            best = x if shared else own
            placed = np.column_stack(
                [2 - actions, actions + 2, (actions + 2) / 4, actions]
            )
            blocks.append(np.column_stack([np.full(9, x), actions, placed]))
            costs.append((actions - best) ** 2 + rng.normal(0, 0.05, 9))
    count = np.repeat(np.arange(48), 9)
    return RelativeRows.of(
        np.vstack(blocks),
        np.concatenate(costs),
        count,
        count // 4,
        RelativeLayout(context=1, actions=1, axes=1),
    )


@pytest.mark.parametrize("shared", [False, True])
def test_the_best_constant_answers_where_history_does_not_carry_over(
    *, shared: bool
) -> None:
    members = (
        ("trees", RelativeTrees(everything=False, min_samples_leaf=3, trees=20)),
        ("quadratic", RelativeQuadratic(penalty=0.1)),
        (PLAIN_CONSTANT, RelativeConstant(place="size", plain=True)),
    )

    weights = Stack(seed=0, members=members)._fit_rows(optimum_rows(shared=shared))

    assert weights.weights[-1] == (0.0 if shared else 1.0)


def test_the_plain_constant_is_the_action_of_least_mean_cost(
    rows: RelativeRows,
) -> None:
    sizes = rows.X[:, rows.layout.a[0]]
    means = {size: rows.regret[sizes == size].mean() for size in np.unique(sizes)}

    fitted = RelativeConstant(place="size", plain=True).fit(rows)

    best = sizes[int(np.argmin(fitted.predict(rows.X)))]
    assert means[best] == min(means.values())


def test_the_ranking_on_other_tables_decides_between_equals(rows: RelativeRows) -> None:
    same = np.stack([rows.regret, rows.regret])

    weights = decision_weights(same, rows, ("a", "b"), {"a": 0.0, "b": 0.5})

    assert weights[0] > 0.8


def test_the_ranking_of_a_table_leaves_its_own_origin_out() -> None:
    without = other_tables(without=["zeus"])

    kinds = {name for name, _ in Stack(seed=0).kinds()}

    assert without != other_tables()
    assert {*without, PLAIN_CONSTANT, PLAIN_PLACE} == kinds


def test_the_ensemble_is_the_same_for_the_same_seed(rows: RelativeRows) -> None:
    first, second = light()._fit_rows(rows), light()._fit_rows(rows)

    assert (first.predict(rows.X) == second.predict(rows.X)).all()


def test_held_out_predictions_do_not_know_the_groups_costs(rows: RelativeRows) -> None:
    regret = rows.regret.copy()
    mine = rows.group == 2
    regret[mine] = np.random.default_rng(1).uniform(0, 3, mine.sum())
    other = RelativeRows.of(rows.X, regret, rows.problem, rows.group, rows.layout)

    first, second = light()._held_out(rows), light()._held_out(other)

    assert (first[:, mine] == second[:, mine]).all()


def test_a_missing_value_is_the_training_mean(rows: RelativeRows) -> None:
    fitted = light()._fit_rows(rows)
    missing, filled = rows.X[:3].copy(), rows.X[:3].copy()
    missing[:, 0], filled[:, 0] = np.nan, fitted.filler[0]

    assert (fitted.predict(missing) == fitted.predict(filled)).all()


def test_one_group_is_not_enough(rows: RelativeRows) -> None:
    with pytest.raises(NotEnoughDataError, match="1 groups"):
        light()._fit_rows(rows.take(rows.group == 0))


@pytest.mark.parametrize("raw", [True, False])
def test_a_kernel_says_how_many_components_it_has(
    rows: RelativeRows, *, raw: bool
) -> None:
    kernel = ProcessKernel.of(rows, raw=raw)

    count = len(list(kernel.carried(rows.X[:4], rows.X[:5])))

    assert count == kernel.carried_count


def test_a_perfect_history_is_trusted_more_than_a_wrong_one(rows: RelativeRows) -> None:
    rng = np.random.default_rng(0)
    right = learn_measurement_prior(
        rows, rows.regret + rng.normal(0, 0.01, len(rows.X)), (0,), 0
    )
    wrong = learn_measurement_prior(rows, -2 * rows.regret, (0,), 0)

    assert sum(right.weights[0]) > sum(wrong.weights[0])


def test_the_weights_of_a_prior_sum_to_one(rows: RelativeRows) -> None:
    prior = learn_measurement_prior(rows, rows.regret * 0.5, (0,), 0)

    assert sum(map(sum, prior.weights)) == pytest.approx(1.0)


def test_a_table_is_read_into_as_many_rows_as_it_has(tmp_path: Path) -> None:
    made = table(tmp_path)

    assert len(made.rows().X) == sum(len(costs) for costs in made.log_costs)


def test_of_twelve_groups_choices_alone_show_nothing() -> None:
    rows = optimum_rows(shared=False)

    weights = decision_weights(
        np.stack([rows.regret, -rows.regret]), rows, (LAW, PLAIN_CONSTANT), {}
    )

    assert weights.tolist() == [0.0, 1.0]


@pytest.mark.parametrize("groups", [14, 15])
def test_choices_are_compared_from_fifteen_groups_on(groups: int) -> None:
    rows = shifted_rows(by_place=True, groups=groups)

    weights = decision_weights(
        np.stack([rows.regret, -rows.regret]), rows, (LAW, PLAIN_CONSTANT), {}
    )

    assert weights.tolist() == ([1.0, 0.0] if groups == 15 else [0.0, 1.0])


def shifted_rows(*, by_place: bool, groups: int = 6) -> RelativeRows:
    """Groups that offer different sizes; the best has one place on offer, or one size."""
    sizes = np.arange(5.0)
    blocks, costs = [], []
    for group in range(groups):
        offered = sizes + (group % 3 if by_place or group % 3 < 2 else 0)
        best = offered[1] if by_place else 2.0
        placed = [offered[-1] - offered, offered - offered[0], sizes / 4, offered]
        blocks.append(np.column_stack([np.zeros(5), offered, *placed]))
        costs.append(np.abs(offered - best))
    problem = np.repeat(np.arange(groups), 5)
    return RelativeRows.of(
        np.vstack(blocks),
        np.concatenate(costs),
        problem,
        problem,
        RelativeLayout(context=1, actions=1, axes=1),
    )


@pytest.mark.parametrize("by_place", [False, True])
def test_the_best_constant_is_named_by_place_where_that_was_cheaper(
    *, by_place: bool
) -> None:
    members = (
        ("quadratic", RelativeQuadratic()),
        (PLAIN_PLACE, RelativeConstant(plain=True)),
        (PLAIN_CONSTANT, RelativeConstant(place="size", plain=True)),
    )

    fitted = Stack(seed=0, members=members)._fit_rows(shifted_rows(by_place=by_place))

    assert fitted.weights == ((0.0, 1.0, 0.0) if by_place else (0.0, 0.0, 1.0))
    assert fitted.constant_weight == 1.0
    assert not fitted.carries


def edge_rows(groups: int, *, lead: float) -> RelativeRows:
    """Groups in which the action at the edge is cheaper than the rule's, in the middle."""
    sizes = np.arange(5.0)
    costs = np.array([1.0 - lead, 1.5, 1.0, 2.0, 3.0])
    placed = np.column_stack([sizes - 4, sizes, sizes / 4, sizes - 2])
    problem = np.repeat(np.arange(groups), 5)
    return RelativeRows.of(
        np.tile(np.column_stack([np.zeros(5), sizes, placed]), (groups, 1)),
        np.tile(costs, groups),
        problem,
        problem,
        RelativeLayout(context=1, actions=1, axes=1),
    )


@pytest.mark.parametrize(
    ("groups", "lead", "rule"),
    [(3, 0.02, True), (3, 1.0, False), (14, 0.02, True), (60, 0.5, False)],
)
def test_the_rule_answers_where_a_constant_far_from_the_middle_hardly_leads(
    groups: int, lead: float, *, rule: bool
) -> None:
    rows = edge_rows(groups, lead=lead)

    weights = decision_weights(
        np.stack([rows.regret, rows.regret]), rows, (RULE, PLAIN_CONSTANT), {}
    )

    assert weights.tolist() == ([1.0, 0.0] if rule else [0.0, 1.0])


def test_the_rule_is_no_rival_where_actions_were_not_on_offer() -> None:
    rows = edge_rows(3, lead=0.02)

    weights = decision_weights(
        np.stack([rows.regret, rows.regret]),
        rows,
        (RULE, PLAIN_CONSTANT),
        {},
        observed=True,
    )

    assert weights.tolist() == [0.0, 1.0]


def test_the_constant_answers_where_it_leads_and_lies_nearer_to_the_middle() -> None:
    rows = edge_rows(3, lead=-0.02)
    layout = rows.layout
    X = rows.X.copy()
    X[:, layout.from_rule] = X[:, layout.a]
    moved = RelativeRows.of(X, rows.regret, rows.problem, rows.group, layout)

    weights = decision_weights(
        np.stack([rows.regret, rows.regret]), moved, (RULE, PLAIN_CONSTANT), {}
    )

    assert weights.tolist() == [0.0, 1.0]


def test_a_stack_whose_rule_answers_says_so_as_one_whose_constant_does() -> None:
    members = (
        (RULE, RelativeAnchor()),
        (PLAIN_CONSTANT, RelativeConstant(place="size", plain=True)),
    )

    fitted = Stack(seed=0, members=members)._fit_rows(edge_rows(3, lead=0.02))

    assert fitted.weights == (1.0, 0.0)
    assert fitted.constant_weight == 1.0


def test_curves_that_follow_the_context_open_the_stack_with_three_groups() -> None:
    rows = optimum_rows(shared=True)
    three = rows.take(rows.group < 3)
    right = centred(softened(three.regret, KNEE), three.problem)

    weights = decision_weights(
        np.stack([right, 0 * right]), three, ("reader", PLAIN_CONSTANT), {}
    )

    assert weights.tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("groups", "fall", "opens"),
    [(3, 0.24, False), (3, 0.26, True), (4, 0.24, True), (4, 0.18, False)],
)
def test_three_groups_must_follow_the_context_more_clearly_than_four(
    groups: int, fall: float, *, opens: bool
) -> None:
    drawn = optimum_rows(shared=True)
    rows = drawn.take(drawn.group < groups)
    truth = centred(softened(rows.regret, KNEE), rows.problem)
    # Squared errors of this curve lie below those of a flat one by the fall.
    reader = (1 - np.exp(-fall / 2)) * truth

    weights = decision_weights(
        np.stack([reader, 0 * truth]), rows, ("reader", PLAIN_CONSTANT), {}
    )

    assert weights.tolist() == ([1.0, 0.0] if opens else [0.0, 1.0])


def test_a_mean_over_groups_is_shown_only_beyond_its_error() -> None:
    steady, once = np.array([-0.1, -0.12, -0.08]), np.array([-3.0, 0.1, 0.1])

    assert shown_cheaper(steady, level=0.8)
    assert not shown_cheaper(once, level=0.8)
    assert not shown_cheaper(steady[:1], level=0.8)


def test_runs_follow_history_only_where_replays_show_that_it_pays() -> None:
    rng = np.random.default_rng(0)
    drawn = optimum_rows(shared=True)
    costs = rng.normal(0, 1, len(drawn.X))
    rows = RelativeRows.of(drawn.X, costs, drawn.problem, drawn.group, drawn.layout)
    right = centred(softened(rows.regret, KNEE), rows.problem)
    noise = centred(rng.normal(0, 1, len(rows.X)), rows.problem)

    useless = learn_measurement_prior(rows, noise, (0,), 0)
    useful = learn_measurement_prior(rows, right, (0,), 0)

    assert not useless.history_counts
    assert useful.history_counts


def test_a_constants_curve_along_many_axes_must_be_shown_to_pay_more_clearly() -> None:
    rows = optimum_rows(shared=True)
    rows = rows.take(rows.group < 4)
    right = centred(softened(rows.regret, KNEE), rows.problem)
    noise = np.random.default_rng(0).normal(0, 1, len(rows.X))
    mixed = 0.3 * right + 0.7 * centred(noise, rows.problem)

    carried, along_one, along_four = (
        learn_measurement_prior(rows, mixed, axes, 0, carries=carries)
        for axes, carries in (((0,) * 4, True), ((0,), False), ((0,) * 4, False))
    )

    assert carried.history_counts
    assert along_one.history_counts
    assert not along_four.history_counts
