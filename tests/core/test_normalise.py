import numpy as np
import pytest
import torch

from core.normalise import NoFilter, ObservationFilter
from core.objective import standardise


@pytest.fixture
def batches():
    rng = np.random.default_rng(0)
    scale, shift = np.array([1.0, 30.0, 0.5]), np.array([0.0, -7.0, 1000.0])
    return [shift + scale * rng.normal(k, 1 + k, size=(n, 3)) for k, n in enumerate((5, 1, 40))]


def test_merged_batches_have_the_mean_and_variance_of_the_whole(batches):
    filter_, whole = ObservationFilter(3, clip=5.0), np.concatenate(batches)
    for batch in batches:
        filter_.update(batch)
    assert filter_.count == 46
    np.testing.assert_allclose(filter_.mean, whole.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(filter_.sq / filter_.count, whole.var(axis=0), rtol=1e-9)


def test_filtered_observations_are_in_standard_deviations_from_the_mean(batches):
    filter_, whole = ObservationFilter(3, clip=1e9), np.concatenate(batches)
    for batch in batches:
        filter_.update(batch)
    out = filter_(whole[:7])
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, (whole[:7] - whole.mean(axis=0)) / whole.std(axis=0), rtol=1e-5, atol=1e-6)


def test_filtered_observations_are_clipped_on_both_sides():
    filter_ = ObservationFilter(1, clip=2.0)
    filter_.update(np.array([[-1.0], [1.0]]))  # mean 0, variance 1
    out = filter_(np.array([[-9.0], [-2.5], [-1.5], [1.5], [2.5], [9.0]]))
    assert out.ravel().tolist() == [-2, -2, -1.5, 1.5, 2, 2]


def test_variance_has_a_floor_of_one_hundredth():
    filter_ = ObservationFilter(2, clip=5.0)
    filter_.update(np.array([[3.0, 0.0], [3.0, 0.4]]))  # variances 0 and 0.04
    np.testing.assert_allclose(filter_(np.array([[3.1, 0.4]])), [[1.0, 1.0]], rtol=1e-6)


def test_the_floor_of_the_variance_is_an_option():
    filter_ = ObservationFilter(2, clip=5.0, floor=1e-8)
    filter_.update(np.array([[3.0, 0.0], [3.0, 2e-3]]))  # variances 0 and 1e-6
    np.testing.assert_allclose(filter_(np.array([[3.0001, 2e-3]])), [[1.0, 1.0]], rtol=1e-6)


def test_before_the_first_batch_observations_are_only_clipped():
    assert ObservationFilter(3, clip=5.0)(np.array([[0.25, -4.0, 80.0]])).tolist() == [[0.25, -4.0, 5.0]]


def test_filtering_changes_neither_the_filter_nor_its_input(batches):
    filter_ = ObservationFilter(3, clip=5.0)
    filter_.update(batches[0])
    obs, before = batches[2].copy(), filter_(batches[2])
    for _ in range(3):
        filter_(batches[2] * 100)
    np.testing.assert_array_equal(filter_(batches[2]), before)
    np.testing.assert_array_equal(batches[2], obs)


def test_an_update_takes_effect_at_once(batches):
    filter_ = ObservationFilter(3, clip=5.0)
    filter_.update(batches[0])
    before = filter_(batches[2])
    filter_.update(batches[2])
    assert (filter_(batches[2]) != before).all()


def test_without_a_filter_observations_pass(batches):
    plain = NoFilter()
    plain.update(batches[0])
    assert plain(batches[2]).dtype == np.float32
    np.testing.assert_array_equal(plain(batches[2]), batches[2].astype(np.float32))


def test_standardised_advantages_have_mean_zero_and_population_deviation_one():
    adv = standardise(torch.tensor([1.0, 2.0, 3.0, 6.0], dtype=torch.float64))
    # Mean 3, variance (4 + 1 + 0 + 9) / 4 = 3.5.
    torch.testing.assert_close(adv, torch.tensor([-2.0, -1, 0, 3], dtype=torch.float64) / 3.5**0.5, rtol=1e-7, atol=0)


@pytest.mark.parametrize("value", [0.0, 3.0, 0.1, -7.3, 1e-6, 1e6 + 0.1, 1e30])
@pytest.mark.parametrize("count", [1, 2, 3, 5, 40, 1000, 4096, 20_000])
def test_equal_advantages_become_zeros_though_their_mean_is_rounded(value, count):
    equal = torch.full((count,), value)
    assert not standardise(equal).any()
    equal[::2] = torch.nextafter(equal[::2], torch.tensor(torch.inf))  # as two sums in another order differ
    if abs(value) > 1e-3:
        assert not standardise(equal).any()


@pytest.mark.parametrize("value", [0.1, 1e6, -1e15])
def test_advantages_that_differ_by_more_than_rounding_are_told_apart(value):
    unequal = torch.full((1000,), value)
    unequal[::2] *= 1 + 1e-4
    assert standardise(unequal).abs().mean().item() == pytest.approx(1, rel=0.01)
