"""Streams of one seed do not know of each other."""

import numpy as np

from core.streams import streams


def draws(seed, envs=4):
    random = streams(seed, envs)
    generators = (random.init, random.noise, random.shuffle)
    return [tuple(generator.integers(2**62, size=4)) for generator in generators], random.env_seeds


def test_streams_of_a_seed_differ_and_repeat():
    first, envs = draws(0)
    assert len(set(first)) == 3
    assert len(set(envs)) == 4
    assert draws(0) == (first, envs)


def test_seeds_share_no_stream():
    seen = [(*stream,) for seed in range(50) for stream in draws(seed)[0]]
    assert len(set(seen)) == 150
    assert len({s for seed in range(50) for s in draws(seed)[1]}) == 200


def test_more_environments_move_no_other_stream():
    few, few_envs = draws(3, envs=2)
    many, many_envs = draws(3, envs=9)
    assert few == many
    assert few_envs == many_envs[:2]


def test_drawing_from_one_moves_no_other():
    used, fresh = streams(5, 2), streams(5, 2)
    used.noise.standard_normal(1000)
    np.testing.assert_array_equal(used.shuffle.permutation(50), fresh.shuffle.permutation(50))
