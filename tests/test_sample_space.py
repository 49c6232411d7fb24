"""A linear model of few samples is the same in the space that they span."""

import numpy as np
import pytest
from builders import make_data, make_network, with_numbers
from scipy import sparse

from sksparse_mlp._network.team import Team
from sksparse_mlp._training import linear_start
from sksparse_mlp._training.linear_start import start_linear_layer
from sksparse_mlp._training.moments import input_moments
from sksparse_mlp._training.sample_space import SampleSpace

N, P = 12, 40
DATA = make_data(N, P, 3, weighted=True)


@pytest.fixture(params=[np.asarray, sparse.csr_array], ids=["dense", "CSR"])
def space(request):
    """Samples 11 to 3 of some, two of which are equal, and the same centred and scaled."""
    X = DATA.X.astype(np.float64)
    X[5] = X[4]
    rng, samples = np.random.default_rng(1), np.arange(N - 1, 2, -1)
    mean, scale = rng.normal(size=P), rng.uniform(0.5, 2.0, P)
    return SampleSpace(request.param(X), samples, mean, scale), (X[samples] - mean) * scale


def test_products_of_samples_are_those_of_their_coordinates(space):
    found, X = space
    L = found.coordinates
    np.testing.assert_allclose(L @ L.T, X @ X.T, rtol=1e-5, atol=1e-4)
    assert np.array_equal(L, np.tril(L))
    assert np.count_nonzero(L.diagonal()) == len(L) - 1


def test_weights_in_the_space_are_as_long_as_those_of_the_inputs_and_do_the_same(space):
    found, X = space
    U = np.random.default_rng(2).normal(size=(len(X), 3))
    U[found.coordinates.diagonal() == 0] = 0
    V = found.weights(U)
    np.testing.assert_allclose(X @ V, found.coordinates @ U, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(V.T @ V, U.T @ U, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("loss", "data"),
    [
        ("cross_entropy", DATA),
        ("squared_error", with_numbers(DATA, 3)),
        ("cross_entropy", DATA._replace(samples=np.arange(N - 2, -1, -1))),
    ],
)
def test_the_linear_start_is_the_same_in_either_space(loss, data, monkeypatch):
    found = []
    for samples_per_output in (0, N):
        monkeypatch.setattr(linear_start, "SAMPLES_PER_OUTPUT", samples_per_output)
        network = make_network((P, 5, 3), (60, 15, 3 * P))
        with Team(1) as team:
            start_linear_layer(
                network, data, input_moments(data), team, loss=loss, max_iter=300, tol=1e-6
            )
        found.append((network.weights_of(2).toarray(), network.intercepts_of(1).copy()))
    for values, expected in zip(*found, strict=True):
        np.testing.assert_allclose(values, expected, atol=1e-3 * np.abs(expected).max())


def test_a_layer_with_gaps_stays_where_it_is(monkeypatch):
    monkeypatch.setattr(linear_start, "SampleSpace", pytest.fail)
    network = make_network((P, 5, 3), (60, 15, 3 * P - 1))
    with Team(1) as team:
        start_linear_layer(network, DATA, input_moments(DATA), team)
