"""Kernels read and write through bare pointers: here every array lies between guard zones.

The zones are filled with bytes that are NaN as floats and -1 as integers. After each call they
must be unchanged, and the results must have the same bits as without zones: a read beyond an
array would have spoiled them.
"""

import os
import subprocess
import sys
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from builders import (
    bits_of,
    cells_where,
    evolve,
    make_data,
    make_network,
    predict,
    record,
    single_layer,
    train,
)
from numpy.testing import assert_array_equal
from scipy import sparse

from sksparse_mlp._kernels.jit import kernel
from sksparse_mlp._kernels.simd import bare
from sksparse_mlp._kernels.topology.drop import copy_kept
from sksparse_mlp._network import averaging, contributions, prediction, signals, workspace
from sksparse_mlp._network.team import Team
from sksparse_mlp._network.topology import PROPOSE_CELLS, rebuild_layers

# Bytes on either side of an array: several vectors of 32 lanes.
ZONE = 1024


class Fences:
    """Copies of arrays between guard zones; arrays that share memory still share it."""

    def __init__(self):
        self.memories = {}

    def around(self, array):
        """The copy of an array."""
        address = array.ctypes.data
        if (address, array.nbytes) not in self.memories:
            memory = np.full(array.nbytes + 2 * ZONE + 64, 0xFF, np.uint8)
            # Vectors stay as aligned as they were.
            start = ZONE + (address - memory.ctypes.data - ZONE) % 64
            memory[start : start + array.nbytes] = array.ravel().view(np.uint8)
            self.memories[address, array.nbytes] = array, memory, start
        _, memory, start = self.memories[address, array.nbytes]
        return memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)

    def around_all(self, record):
        """A record with a copy of every array."""
        return type(record)(*(self.around(v) if isinstance(v, np.ndarray) else v for v in record))

    def check(self):
        """All zones are as they were."""
        for array, memory, start in self.memories.values():
            assert (memory[:start] == 0xFF).all() and (memory[start + array.nbytes :] == 0xFF).all()

    def copy_back(self):
        """Write what the kernel wrote to the arrays themselves."""
        for array, _, _ in self.memories.values():
            if array.flags.writeable:
                array[...] = self.around(array)


class FencedTeam(Team):
    """A team whose kernels get fenced arrays."""

    def run(self, kernel, *args, **how):
        fences = Fences()
        fenced = [fences.around_all(a) if isinstance(a, tuple) else a for a in args]
        super().run(kernel, *fenced, **how)
        fences.check()
        fences.copy_back()


def fenced_prediction(kernel):
    """The kernel of prediction, fenced; each thread may write to its own samples only."""

    def predict_batch(lanes, net, params, x, batch):
        fences = Fences()
        fenced = fences.around_all(batch)
        before = fenced.out.copy()
        kernel(lanes, fences.around_all(net), fences.around_all(params), x, fenced)
        fences.check()
        n_out = net.widths[batch.level]
        own = slice(batch.first * n_out, batch.last * n_out)
        batch.out[own], before[own] = fenced.out[own], fenced.out[own]
        assert_array_equal(fenced.out.view(np.uint32), before.view(np.uint32))

    return predict_batch


def fenced_contributions(kernel):
    """The kernel of contributions, fenced; each thread may write to its own tiles only."""

    def input_contributions(lanes, net, params, x, batch):
        fences = Fences()
        fenced = fences.around_all(batch)
        before = fenced.out.copy()
        kernel(lanes, fences.around_all(net), fences.around_all(params), x, fenced)
        fences.check()
        of_tile = 32 * net.widths[0] * batch.n_columns
        own = slice(batch.first * of_tile, batch.last * of_tile)
        batch.out[own], before[own] = fenced.out[own], fenced.out[own]
        assert_array_equal(fenced.out.view(np.uint32), before.view(np.uint32))

    return input_contributions


def fenced_X(X, fences):
    """A dense or CSR matrix with fenced memory."""
    if not sparse.issparse(X):
        return fences.around(X)
    arrays = (fences.around(a) for a in (X.data, X.indices, X.indptr))
    return sparse.csr_array(tuple(arrays), shape=X.shape)


NETWORKS = {
    "one neuron": ((1, 1, 2), (1, 2)),
    "narrow": ((3, 1, 2), (2, 1)),
    "odd": ((7, 33, 5, 3), (115, 83, 8)),
    "most neurons unconnected": ((50, 40, 2), (3, 2)),
    "long rows": ((3, 301, 2), (500, 301)),
    "full": ((4, 9, 3), (36, 27)),
    "a skip layer": ((40, 9, 3), (60, 20, 50)),
    "a full skip layer": ((7, 5, 6, 3), (20, 20, 10, 21)),
    "nearly full": ((9, 9, 3), (80, 26)),
    "more rows than chunks": ((131, 5, 2), (300, 9)),
    "gathered vectors are prefetched": ((20, 32_000, 2), (1_400, 300)),
}
PARAMETERS = {
    "srelu, adam": {"activation": "srelu", "solver": "adam"},
    "relu, sgd": {"activation": "relu", "solver": "sgd"},
}

each_network = pytest.mark.parametrize("name", NETWORKS)
each_team = pytest.mark.parametrize("n_threads", [1, 2, 3])


@each_team
@each_network
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_initialisation_and_evolution(solver, name, n_threads):
    free = make_network(*NETWORKS[name], solver=solver)
    evolve(free, 0.4)
    with FencedTeam(n_threads) as team:
        fenced = make_network(*NETWORKS[name], solver=solver, team=team)
        evolve(fenced, 0.4, team=team)
    assert bits_of(fenced) == bits_of(free)


def fenced_record(kernel):
    """The kernel that records what neurons do, fenced; to be called in one thread."""

    def record_tile(lanes, net, params, x, batch):
        fences = Fences()
        kernel(lanes, *map(fences.around_all, (net, params)), x, fences.around_all(batch))
        fences.check()
        fences.copy_back()

    return record_tile


def fenced_kernel(kernel):
    """A kernel of records only, fenced; to be called in one thread."""

    def call(*records):
        fences = Fences()
        kernel(*map(fences.around_all, records))
        fences.check()
        fences.copy_back()

    return call


@each_network
def test_averaging(name, monkeypatch):
    network = make_network(*NETWORKS[name])
    other = make_network(*NETWORKS[name], seed=1).arrays
    free = averaging.averaged(network, other, 0.3)
    for one in ("unite_layers", "keep_strongest"):
        monkeypatch.setattr(averaging, one, fenced_kernel(getattr(averaging, one)))
    fenced = averaging.averaged(network, other, 0.3)
    for array, expected in zip(fenced, free, strict=True):
        assert_array_equal(array, expected)


@each_network
@pytest.mark.parametrize("growth", sorted(PROPOSE_CELLS))
def test_growth_that_chooses_cells(growth, name, monkeypatch):
    free = make_network(*NETWORKS[name], growth=growth)
    fenced, data = free.copy(), make_data(40, free.widths[0], free.widths[-1])
    seen = record(free, data)
    monkeypatch.setattr(signals, "record_tile", fenced_record(signals.record_tile))
    seen_within = record(fenced, data)
    for level, level_within in zip(chain(*seen), chain(*seen_within), strict=True):
        assert_array_equal(level, level_within)
    for network, team in ((free, Team(1)), (fenced, FencedTeam(2))):
        with team:
            network.evolve(team, 0.4, range(network.n_layers), seen)
    assert bits_of(fenced) == bits_of(free)


@each_team
@each_network
@pytest.mark.parametrize("path", ["column", "chunk"])
@pytest.mark.parametrize("batch_size", [3, 40])
@pytest.mark.parametrize("params", PARAMETERS)
def test_training(params, batch_size, path, name, n_threads, monkeypatch):
    monkeypatch.setattr(workspace, "PRIVATE_SUMS_BELOW", 0 if path == "column" else 10**9)
    monkeypatch.setattr(workspace, "CONNECTIONS_PER_PRIVATE_SUM", 1)
    free = make_network(*NETWORKS[name], **PARAMETERS[params])
    fenced, data = free.copy(), make_data(44, free.widths[0], free.widths[-1])
    changes = {
        "batch_size": batch_size,
        "dropout": 0.3,
        "input_noise": 0.1,
        "learning_rate_init": 0.01,
    }
    train(free, data, **changes)
    with FencedTeam(n_threads) as team:
        train(fenced, data, team=team, **changes)
    assert bits_of(fenced) == bits_of(free)


@each_team
@pytest.mark.parametrize("batch_size", [3, 40])
@pytest.mark.parametrize("widths", [(1, 1, 1), (7, 5, 7), (33, 3, 33)], ids=str)
def test_training_to_reconstruct(widths, batch_size, n_threads):
    free = make_network(widths)
    fenced, data = free.copy(), make_data(44, widths[0], 2)._replace(targets=None)
    changes = {"batch_size": batch_size, "learning_rate_init": 0.01}
    train(free, data, **changes)
    with FencedTeam(n_threads) as team:
        train(fenced, data, team=team, **changes)
    assert bits_of(fenced) == bits_of(free)


@each_team
@pytest.mark.parametrize("form", [np.asarray, np.asfortranarray, sparse.csr_array])
def test_reading_X(form, n_threads):
    free = make_network((7, 5, 3))
    fenced, data, fences = free.copy(), make_data(33, 7, 3), Fences()
    X = form(data.X)
    train(free, data._replace(X=X), batch_size=4, n_threads=n_threads)
    within = data._replace(X=fenced_X(X, fences))
    train(fenced, within, batch_size=4, n_threads=n_threads)
    fences.check()
    assert bits_of(fenced) == bits_of(free)


@each_team
@each_network
@pytest.mark.parametrize("n_samples", [1, 33, 70])
def test_prediction(n_samples, name, n_threads, monkeypatch):
    network = make_network(*NETWORKS[name], activation="srelu")
    X = make_data(n_samples, network.widths[0], 2).X
    free = predict(network, X)
    monkeypatch.setattr(prediction, "predict_batch", fenced_prediction(prediction.predict_batch))
    assert_array_equal(predict(network, X, n_threads=n_threads), free)


@each_team
@each_network
def test_contributions(name, n_threads, monkeypatch):
    network = make_network(*NETWORKS[name], activation="srelu")
    X = make_data(33, network.widths[0], 2).X
    n_outputs = network.widths[-1]
    columns = np.arange(n_outputs) - 1, np.ones(n_outputs, np.float32)
    with Team(1) as team:
        free = contributions.contributions(network, X, team, *columns)
    kernel = fenced_contributions(contributions.input_contributions)
    monkeypatch.setattr(contributions, "input_contributions", kernel)
    with Team(n_threads) as team:
        assert_array_equal(contributions.contributions(network, X, team, *columns), free)


@each_team
def test_evolution_around_forbidden_cells(n_threads):
    forbidden = np.random.default_rng(0).random((40, 200)) < 0.2
    free = make_network((40, 200), [200], forbidden=(cells_where(forbidden),))
    fenced = free.copy()
    evolve(free, 0.4)
    with FencedTeam(n_threads) as team:
        evolve(fenced, 0.4, team=team)
    assert bits_of(fenced) == bits_of(free)


@kernel
def copy_one_row(layer, buffers, end):
    """What a chunk copies of its row, if it ends where all that stays has been copied."""
    return copy_kept(bare(layer), bare(buffers), 0, 0, end, 0)


def test_a_chunk_copies_nothing_to_where_the_next_begins():
    network = single_layer(np.ones((1, 6)), [5.0, 4.0, 0.1, 0.2, 0.3, 0.4])
    seen = []

    class WatchedTeam(Team):
        def run(self, kernel, *args, **how):
            seen.extend(args)

    with WatchedTeam(1) as team:
        rebuild_layers(network, team, [0], 0.0)
    layer, _, buffers, _ = seen
    buffers.selection[:] = np.float32(1.0).view(np.int32)  # as bits they order alike
    buffers.indices[:] = -1
    assert copy_one_row(layer, buffers, 2) == 2
    assert buffers.indices.tolist() == [0, 1, -1, -1, -1, -1]


def test_a_write_beyond_an_array_would_be_seen():
    fences, array = Fences(), np.zeros(5, np.float32)
    inside = fences.around(array)
    np.lib.stride_tricks.as_strided(inside, (6,))[5] = 1.0
    with pytest.raises(AssertionError):
        fences.check()


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_all_of_this_with_the_bounds_checks_of_Numba(tmp_path):
    """What kernels read through arrays, and not by address, Numba checks itself."""
    environment = {
        **os.environ,
        "NUMBA_BOUNDSCHECK": "1",
        "NUMBA_CACHE_DIR": str(tmp_path),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    files = [
        Path(__file__).with_name(f"test_{n}.py") for n in ("guard_zones", "kernels", "topology")
    ]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files]
    subprocess.run(command, env=environment, check=True, timeout=1100)
