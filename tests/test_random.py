"""Random streams: reproducible, independent, uniform, and addressed by counters alone."""

from itertools import combinations, product

import numpy as np
import pytest
import reference
from numpy.testing import assert_array_equal
from scipy import stats

from sksparse_mlp._kernels.jit import kernel
from sksparse_mlp._kernels.random import (
    derive,
    mix,
    next_below,
    next_below_and_uniform,
    next_uniform,
)
from sksparse_mlp._kernels.simd import bare
from sksparse_mlp._network.streams import Streams, derive_seed, make_streams

SEED = 1234567
# The first outputs of Vigna's splitmix64.c for that seed.
PUBLISHED = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]


@kernel
def mix_and_derive(x, counter):
    """Both hashes."""
    return mix(x), derive(x, counter)


@kernel
def uniforms(states, i, out):
    """Fill an array from one of some states."""
    for k in range(out.size):
        out[k] = next_uniform(bare(states), i)


@kernel
def integers(states, i, n, out):
    """Fill an array with integers below n from one of some states."""
    for k in range(out.size):
        out[k] = next_below(bare(states), i, n)


@kernel
def pairs(states, n, integers, uniforms):
    """Fill two arrays with integers below n and with what is left of their draws."""
    for k in range(integers.size):
        integers[k], uniforms[k] = next_below_and_uniform(bare(states), 0, n)


def draw_uniforms(seed, n):
    """The first n numbers of a state."""
    out = np.zeros(n)
    uniforms(np.array([0, seed], np.uint64), 1, out)
    return out


def draw_integers(seed, below, n):
    """The same for integers."""
    out = np.zeros(n, np.int64)
    integers(np.array([0, seed], np.uint64), 1, below, out)
    return out


# ---------------------------------------------------------------- hashes and states


@pytest.mark.parametrize("counter", range(4))
def test_hashes_are_those_of_splitmix(counter):
    assert mix_and_derive(np.uint64(SEED), counter)[1] == PUBLISHED[counter]


@pytest.mark.parametrize("counter", range(4))
def test_the_twins_hashes_are_those_of_splitmix(counter):
    assert reference.derive(SEED, counter) == PUBLISHED[counter]


@pytest.mark.parametrize("x", [0, 1, 2**32, 2**63, 2**64 - 1])
def test_mix_equals_the_twins(x):
    assert mix_and_derive(np.uint64(x), 0)[0] == reference.mix(x)


def test_uniforms_equal_the_twins():
    assert_array_equal(draw_uniforms(SEED, 100), reference.split_mix(SEED, 100))


def test_a_state_moves_and_its_neighbours_do_not():
    states = np.array([5, 6, 7], np.uint64)
    uniforms(states, 1, np.zeros(3))
    expected = (6 + 3 * reference.GOLDEN_64) & reference.MASK_64
    assert states.tolist() == [5, expected, 7]


def test_uniforms_are_uniform():
    assert stats.kstest(draw_uniforms(SEED, 100_000), "uniform").pvalue > 1e-3


@pytest.mark.parametrize("lag", [1, 2, 7])
def test_uniforms_are_uncorrelated(lag):
    x = draw_uniforms(SEED, 100_000) - 0.5
    assert abs(12 * np.mean(x[lag:] * x[:-lag])) < 4 / np.sqrt(x.size)


@pytest.mark.parametrize("below", [1, 2, 7, 1000])
def test_integers_are_uniform(below):
    counts = np.bincount(draw_integers(SEED, below, 20_000), minlength=below)
    assert counts.size == below and (below == 1 or stats.chisquare(counts).pvalue > 1e-3)


def test_integers_below_a_large_number_stay_below():
    drawn = draw_integers(SEED, 2**31, 10_000)
    assert drawn.min() >= 0 and 0.999 * 2**31 < drawn.max() < 2**31


# ---------------------------------------------------------------- streams


def test_streams_are_the_same_for_the_same_random_state():
    one, other = (make_streams(np.random.RandomState(0)) for _ in range(2))
    assert one == other


def test_streams_differ_between_random_states():
    seeds = [seed for i in range(100) for seed in make_streams(np.random.RandomState(i))]
    assert len(set(seeds)) == len(seeds)


def test_streams_of_one_random_state_differ_from_call_to_call():
    random_state = np.random.RandomState(0)
    assert set(make_streams(random_state)).isdisjoint(make_streams(random_state))


def test_streams_are_plain_integers_that_fit_into_int64():
    streams = make_streams(np.random.RandomState(0))
    assert all(type(seed) is int and 0 <= seed < 2**63 for seed in streams)


def test_streams_take_one_draw_whatever_is_made_of_them():
    used, reference_state = (np.random.RandomState(0) for _ in range(2))
    make_streams(used)
    reference_state.randint(0, 2**32, size=4, dtype=np.uint32)
    assert used.randint(10**9) == reference_state.randint(10**9)


def test_seeds_of_counters_differ():
    counters = list(product(range(20), repeat=2))
    assert len({int(derive_seed(SEED, *c)) for c in counters}) == len(counters)


def test_seeds_of_counters_are_reproducible():
    assert derive_seed(SEED, 3, 4) == derive_seed(SEED, 3, 4)


@pytest.mark.parametrize(("one", "other"), [*combinations(Streams._fields, 2)])
def test_streams_are_uncorrelated(one, other):
    streams = make_streams(np.random.RandomState(0))
    x, y = (draw_uniforms(getattr(streams, name), 100_000) - 0.5 for name in (one, other))
    assert abs(12 * np.mean(x * y)) < 4 / np.sqrt(x.size)


def test_two_numbers_of_one_draw_are_independent_uniforms():
    integers, uniforms = np.zeros(20_000, np.int64), np.zeros(20_000)
    pairs(np.array([SEED], np.uint64), 10, integers, uniforms)
    assert integers.min() == 0 and integers.max() == 9
    assert uniforms.min() >= 0 and uniforms.max() < 1
    counts, *_ = np.histogram2d(integers, uniforms, [np.arange(11), np.linspace(0, 1, 11)])
    assert stats.chisquare(counts.ravel()).pvalue > 0.001
