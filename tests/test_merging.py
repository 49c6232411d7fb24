"""Equal samples of one batch are merged: giving one twice is giving it the weight two."""

from hashlib import blake2b

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import sparse

from sksparse_mlp._training import data as data_module
from sksparse_mlp._training.data import merge_equal_samples

CONTAINERS = [np.asarray, sparse.csr_array, sparse.csr_matrix]


def one_by_one(X, samples, targets, sample_weight):
    """The same, sample by sample: what the order of a batch, and so its bits, follow from."""
    weights, first = {}, {}
    for sample in samples:
        values = np.asarray(X[sample], np.float32) + np.float32(0)
        key = (blake2b(values.tobytes(), digest_size=16).digest(), int(targets[sample]))
        weights[key] = weights.get(key, 0.0) + float(sample_weight[sample])
        first.setdefault(key, sample)
    keys = sorted(weights)
    merged = np.zeros_like(sample_weight)
    merged[[first[key] for key in keys]] = [weights[key] for key in keys]
    return np.array([first[key] for key in keys]), merged


def repetitive(n_samples, seed=0, n_features=3):
    rng = np.random.default_rng(seed)
    X = rng.choice([-0.0, 0.0, 1.5, 0.1], size=(n_samples, n_features))
    return X, rng.integers(0, 2, n_samples).astype(np.int32), rng.choice([0.25, 0.5], n_samples)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("n_samples", [1, 2, 7, 300])
def test_the_order_is_that_of_the_hashes(n_samples, container):
    X, targets, weight = repetitive(n_samples)
    samples = np.flatnonzero(np.arange(n_samples) % 5 != 4)
    found = merge_equal_samples(container(X), samples, targets, weight)
    for values, expected in zip(found, one_by_one(X, samples, targets, weight), strict=True):
        assert_array_equal(values, expected)


@given(seed=st.integers(0, 1000), n_samples=st.integers(1, 40))
def test_neither_order_nor_repetition_matters(seed, n_samples):
    X, targets, weight = repetitive(n_samples, seed)
    weight = np.random.default_rng(seed).random(n_samples)
    order = np.random.default_rng(seed + 1).permutation(np.repeat(np.arange(n_samples), 2))
    some, other = (
        merge_equal_samples(X[o], np.arange(o.size), targets[o], w)
        for o, w in ((np.arange(n_samples), 2 * weight), (order, weight[order]))
    )
    assert_array_equal(X[some[0]], X[order][other[0]])
    assert_array_equal(targets[some[0]], targets[order][other[0]])
    np.testing.assert_allclose(some[1][some[0]], other[1][other[0]], rtol=1e-15)


@given(seed=st.integers(0, 1000))
def test_the_order_of_the_samples_changes_no_bit_of_a_weight(seed):
    X, targets, _ = repetitive(50, seed, n_features=1)
    rng = np.random.default_rng(seed)
    weight, order = rng.random(50), rng.permutation(50)
    some, other = (
        merge_equal_samples(X[o], np.arange(50), targets[o], weight[o])
        for o in (np.arange(50), order)
    )
    assert_array_equal(some[1][some[0]], other[1][other[0]])


@pytest.mark.parametrize("container", CONTAINERS)
def test_samples_are_read_in_blocks(container, monkeypatch):
    blocks = []
    monkeypatch.setattr(data_module, "BLOCK", 300)
    original = data_module.dense_block
    monkeypatch.setattr(
        data_module, "dense_block", lambda *given: blocks.append(given) or original(*given)
    )
    X, targets, weight = repetitive(1000)
    found = merge_equal_samples(container(X), np.arange(1000), targets, weight)
    assert [block.shape for block, _ in blocks] == [(100, 3)] * 10
    assert_array_equal(found[0], one_by_one(X, np.arange(1000), targets, weight)[0])
