"""Each statistic against rliable, statsmodels, SciPy or a value by hand; intervals by simulation."""

import numpy as np
import pandas as pd
import pytest
from rliable import library, metrics
from scipy import stats
from statsmodels.stats import multitest, power, weightstats

from analysis.statistics import across_tasks, within_task
from analysis.statistics.intervals import difference, mean_interval, percentile, stream, student

REFERENCE = {
    across_tasks.iqm: metrics.aggregate_iqm,
    across_tasks.median: metrics.aggregate_median,
    across_tasks.mean: metrics.aggregate_mean,
    across_tasks.optimality_gap: metrics.aggregate_optimality_gap,
}


def matrix(runs=5, tasks=7, seed=0):
    """rliable's runs × tasks, and the same as a list of tasks."""
    scores = np.random.default_rng(seed).normal(0.6, 0.4, (runs, tasks))
    return scores, list(scores.T)


@pytest.mark.parametrize("ours", REFERENCE)
@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (5, 7), (10, 4)])
def test_aggregates_are_rliables(ours, shape):
    scores, tasks = matrix(*shape)
    assert ours(tasks) == pytest.approx(REFERENCE[ours](scores), rel=1e-12)


@pytest.mark.parametrize("ours", REFERENCE)
def test_bootstrap_intervals_are_rliables_up_to_chance(ours):
    scores, tasks = matrix()
    np.random.seed(0)  # noqa: NPY002 rliable draws from the global generator
    func = REFERENCE[ours]
    _, theirs = library.get_interval_estimates({"m": scores}, lambda x: np.array([func(x)]), reps=2000)
    low, high = percentile(ours(across_tasks.resample(tasks, stream("m"))))
    width = high - low
    assert low == pytest.approx(theirs["m"][0, 0], abs=0.06 * width)
    assert high == pytest.approx(theirs["m"][1, 0], abs=0.06 * width)


def test_the_bootstrap_is_reproducible_whatever_was_drawn_before():
    _, tasks = matrix()
    first = across_tasks.resample(tasks, stream("aggregates", "trpo"))
    np.random.seed(1)  # noqa: NPY002
    again = across_tasks.resample(tasks, stream("aggregates", "trpo"))
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    other = across_tasks.resample(tasks, stream("aggregates", "npg"))
    assert any((a != b).any() for a, b in zip(first, other, strict=True)), "methods draw from streams of their own"


def test_the_bootstrap_stays_within_each_task():
    drawn = across_tasks.resample([np.array([1.0, 2.0]), np.array([10.0, 20.0, 30.0])], stream("x"), 100)
    assert [d.shape for d in drawn] == [(100, 2), (100, 3)]
    assert set(drawn[0].ravel()) == {1.0, 2.0}
    assert set(drawn[1].ravel()) == {10.0, 20.0, 30.0}


def test_tasks_may_have_different_numbers_of_runs():
    ragged = [np.array([1.0]), np.array([0.0, 0.0, 3.0])]
    assert across_tasks.mean(ragged) == 1.0
    assert across_tasks.median(ragged) == 1.0
    assert across_tasks.iqm(ragged) == 0.5, "0 0 1 3 without the lowest and the highest"


def test_profiles_are_rliables():
    scores, tasks = matrix()
    taus = np.linspace(-0.5, 1.5, 41)
    theirs, _ = library.create_performance_profile({"m": scores}, taus, reps=2)
    assert across_tasks.profile(tasks, taus) == pytest.approx(theirs["m"])
    assert across_tasks.profile([np.array([0.5, 1.0])], np.array([0.5, 1.0])).tolist() == [0.5, 0.0], "above, not at"


def test_the_probability_of_improvement_is_rliables():
    (a, tasks_a), (b, tasks_b) = matrix(4, 3, seed=1), matrix(6, 3, seed=2)
    a[0, 0] = b[0, 0] = b[1, 0]  # ties count half
    value, low, high = across_tasks.improvement(tasks_a, tasks_b, stream("x"))
    assert value == pytest.approx(metrics.probability_of_improvement(a, b))
    assert low < value < high
    np.random.seed(0)  # noqa: NPY002
    pair = {"p": (a, b)}
    _, theirs = library.get_interval_estimates(
        pair, lambda x, y: np.array([metrics.probability_of_improvement(x, y)]), reps=500
    )
    assert (low, high) == pytest.approx(tuple(theirs["p"][:, 0]), abs=0.05)
    assert across_tasks.improvement([np.ones(3)], [np.zeros(3)], stream("x")) == (1.0, 1.0, 1.0)


def test_a_sample_efficiency_curve_is_the_iqm_at_each_step():
    curves = [np.random.default_rng(i).normal(size=(5, 4)) for i in range(3)]
    value, low, high = across_tasks.efficiency(curves, stream("x"))
    for step in range(4):
        assert value[step] == pytest.approx(metrics.aggregate_iqm(np.stack([c[:, step] for c in curves], axis=1)))
    assert (low <= value).all()
    assert (value <= high).all()


def test_ranks_of_methods_that_never_and_always_change_places():
    samples = np.array([[3.0, 1.0, 2.0]] * 4)
    ranks, chances = across_tasks.ranks(samples)
    assert ranks.mean(axis=0).tolist() == [1.0, 3.0, 2.0], "the highest is first"
    assert chances.tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0]]
    ranks, chances = across_tasks.ranks(np.array([[1.0, 1.0, 0.0]]))
    assert ranks.tolist() == [[1.5, 1.5, 3.0]]
    assert chances.tolist() == [[0.5, 0.5, 0], [0.5, 0.5, 0], [0, 0, 1]]


def test_intervals_cover_what_they_claim_to():
    """Of 1,000 made-up studies each. The bootstrap covers less with few seeds, as docs/statistics.md says."""
    random = np.random.default_rng(0)
    student_hits = sum(
        low <= 2 <= high for _, low, high in (mean_interval(random.normal(2, 3, 3)) for _ in range(1000))
    )
    assert 930 <= student_hits <= 970
    for runs, least, most in ((3, 840, 910), (10, 910, 960)):
        hits = 0
        for _ in range(1000):
            drawn = across_tasks.resample(list(random.normal(0.5, 0.2, (7, runs))), random, 300)
            low, high = percentile(across_tasks.mean(drawn))
            hits += low <= 0.5 <= high
        assert least <= hits <= most, runs


def test_the_interval_of_a_difference_covers_and_is_welchs_where_that_applies():
    random = np.random.default_rng(1)
    hits = 0
    for _ in range(1000):
        _, low, high = difference(mean_interval(random.normal(1, 2, 3)), mean_interval(random.normal(0, 1, 6)))
        hits += low <= 1 <= high
    assert 935 <= hits <= 985
    a, b = random.normal(size=200), random.normal(size=300)
    got = difference(mean_interval(a), mean_interval(b))
    assert got[1:] == pytest.approx(within_task.welch(a, b)[1:], rel=0.01)
    assert difference((5.0, 4.0, 8.0), (1.0, 1.0, 1.0)) == (4.0, 3.0, 7.0), "a point has no arms"
    # Down: 3 of ours with 4 up of theirs, so 5. Up: 5 of ours with 12 down of theirs, so 13.
    assert difference((10.0, 7.0, 15.0), (1.0, -11.0, 5.0)) == pytest.approx((9.0, 4.0, 22.0))


def test_students_interval_of_a_published_deviation():
    # t of 9 degrees of freedom at 97.5 %: 2.262 (any table).
    assert student(10.0, np.sqrt(10), 10) == pytest.approx((10 - 2.262, 10 + 2.262), abs=1e-3)


def test_one_seed_knows_no_interval():
    assert np.isnan(student(10.0, 1.0, 1)).all()
    assert mean_interval(np.array([4.0]))[0] == 4.0
    assert np.isnan(mean_interval(np.array([4.0]))[1:]).all()
    assert np.isnan(mean_interval(np.array([]))).all()
    low, high = percentile(np.ones((10, 3)), known=False)
    assert low.shape == high.shape == (3,) and np.isnan([low, high]).all()
    assert across_tasks.several([np.ones(2), np.ones(3)]) and not across_tasks.several(
        [np.ones(2)], [np.ones(2), np.ones(1)]
    )
    one, two = [np.array([0.1]), np.array([0.2, 0.4])], [np.array([0.3, 0.1]), np.array([0.5, 0.0])]
    assert np.isnan(across_tasks.improvement(one, two, stream("x"))[1:]).all()
    assert np.isfinite(across_tasks.improvement(two, two, stream("x"))).all()
    value, low, high = across_tasks.efficiency([np.ones((1, 4)), np.ones((2, 4))], stream("x"))
    assert np.isfinite(value).all() and np.isnan([low, high]).all()


def test_welch_is_statsmodels():
    a, b = np.array([1.0, 2.0, 4.0]), np.array([3.0, 9.0, 5.0, 8.0])
    p, low, high = within_task.welch(a, b)
    means = weightstats.CompareMeans.from_data(a, b)
    assert p == pytest.approx(means.ttest_ind(usevar="unequal")[1])
    assert (low, high) == pytest.approx(means.tconfint_diff(usevar="unequal"))
    assert all(np.isnan(within_task.welch(np.ones(3), np.ones(3)))), "nothing varies"
    assert all(np.isnan(within_task.welch(np.ones(1), b)))


def test_the_permutation_test_by_hand():
    one, two = np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0])
    assert within_task.permutation(one, two, stream("x")) == 0.1, "2 of the 20 ways are as extreme"
    assert within_task.smallest_p(3, 3) == 0.1
    assert within_task.smallest_p(5, 5) == pytest.approx(2 / 252)
    assert np.isnan(within_task.permutation(one, two[:1], stream("x")))
    many = np.random.default_rng(0).normal(size=(2, 30))
    p = within_task.permutation(*many, stream("x"))
    assert p == within_task.permutation(*many, stream("x")), "drawn from a stream"
    assert p == pytest.approx(within_task.welch(*many)[0], abs=0.03)


@pytest.mark.parametrize(("n", "m"), [(2, 3), (3, 3), (5, 4), (3, 7)])
def test_the_permutation_test_is_scipys_where_all_permutations_are_made(n, m):
    random = np.random.default_rng(n)
    for _ in range(10):
        a, b = random.normal(size=n).round(1), random.normal(1, 1, m).round(1)  # with ties
        theirs = stats.permutation_test((a, b), lambda x, y: x.mean() - y.mean(), n_resamples=10_000).pvalue
        assert within_task.permutation(a, b, stream("x")) == pytest.approx(theirs, rel=1e-12)


def test_up_to_ten_seeds_the_permutation_test_is_exact_and_reaches_the_smallest_p():
    for seeds in (8, 9, 10):
        a = np.random.default_rng(0).normal(size=seeds)
        assert within_task.permutation(a, a + 50, stream("x")) == pytest.approx(
            within_task.smallest_p(seeds, seeds), rel=1e-12
        )
    assert within_task.smallest_p(10, 10) == 2 / 184_756
    a = np.random.default_rng(0).normal(size=11)
    assert within_task.permutation(a, a + 50, stream("x")) == within_task.smallest_p(11, 11) == 2 / 10_000, (
        "of 9999 drawn"
    )
    assert within_task.permutation(np.full(10, 1000.1), np.full(10, 1000.1), stream("x")) == 1, (
        "all alike, at a ceiling"
    )


def test_holms_correction_is_statsmodels_and_passes_over_what_was_not_tested():
    p = np.array([0.01, 0.04, 0.03, 0.005, 0.8])
    assert within_task.holm(p) == pytest.approx(multitest.multipletests(p, method="holm")[1])
    assert within_task.holm(np.array([0.01, np.nan, 0.04])).tolist()[::2] == [0.02, 0.04]
    assert np.isnan(within_task.holm(np.array([np.nan]))).all()


def test_effect_sizes():
    a, b = np.array([3.0, 4.0, 5.0]), np.array([1.0, 2.0, 3.0, 2.0])
    pooled = np.sqrt((2 * 1 + 3 * (2 / 3)) / 5)
    # Hedges' approximation of his exact factor, 1 - 3 / (4 df - 1), is good to some thousandths here.
    assert within_task.hedges_g(a, b) == pytest.approx((4 - 2) / pooled * (1 - 3 / 19), rel=3e-3)
    assert np.isnan(within_task.hedges_g(np.ones(2), np.ones(2)))
    u = stats.mannwhitneyu(a, b, alternative="greater").statistic
    assert within_task.superiority(a, b) == pytest.approx(u / 12)


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_the_detectable_difference_is_statsmodels(seeds):
    a = np.random.default_rng(0).normal(size=seeds)
    effect = power.TTestIndPower().solve_power(nobs1=seeds, alpha=within_task.ALPHA, power=within_task.POWER)
    assert within_task.detectable(a, a + 5) == pytest.approx(effect * a.std(ddof=1), rel=2e-3)
    assert np.isnan(within_task.detectable(a[:1], a))
    assert np.isnan(within_task.detectable(np.ones(3), np.ones(3)))
    strict = power.TTestIndPower().solve_power(nobs1=seeds, alpha=0.05 / 45, power=within_task.POWER)
    got = within_task.compare(a, a + 5, stream("x"), family=45)
    # Of 400,000 draws with five seeds a difference of statsmodels' is found in 78.6 %, of ours in 80.0 %.
    assert got["detectable_holm"] == pytest.approx(strict * a.std(ddof=1), rel=2e-2), "at the level of 45 tests"
    assert got["detectable"] == within_task.detectable(a, a + 5) < got["detectable_holm"]


def test_the_detectable_difference_is_detected_as_often_as_it_says():
    random = np.random.default_rng(0)
    # Samples with exactly this mean and deviation give the difference; draws from the same law must find it.
    a, b = np.arange(8.0), 3 * np.arange(10.0)
    needed = within_task.detectable(a, b)
    x = random.normal(needed, a.std(ddof=1), (8, 20_000))
    y = random.normal(0, b.std(ddof=1), (10, 20_000))
    assert (stats.ttest_ind(x, y, equal_var=False).pvalue < 0.05).mean() == pytest.approx(0.8, abs=0.015)


def test_a_comparison_holds_everything_and_is_corrected_as_one_family():
    a, b = np.array([1.0, 2.0, 3.0]), np.array([11.0, 12.0, 13.5])
    rows = [within_task.compare(x, y, stream("x")) for x, y in ((a, b), (a, a + 0.1), (a, a[:1]))]
    table = within_task.corrected(pd.DataFrame(rows))
    assert table["welch_holm"][0] == pytest.approx(2 * table["welch_p"][0]), "two tests could be made, the third not"
    assert table["welch_holm"].isna().tolist() == [False, False, True]
    assert table["difference"].round(3).tolist() == [-10.167, -0.1, 1.0]
    apart = within_task.corrected(table.assign(task=["x", "y", "y"]), "task")
    assert apart["welch_holm"][:2].tolist() == table["welch_p"][:2].tolist(), "a family is a task"
    assert apart["welch_holm"].isna().tolist() == [False, False, True]
    assert within_task.corrected(table.head(0).assign(task=[]), "task").empty
