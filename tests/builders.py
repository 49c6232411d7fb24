"""Small networks, options and data for the tests, each with defaults for all but what matters."""

import gc
from contextlib import nullcontext
from itertools import pairwise

import numpy as np
from scipy import sparse

from sksparse_mlp._network import SparseNetwork
from sksparse_mlp._network.signals import record_signals
from sksparse_mlp._network.streams import make_streams
from sksparse_mlp._network.team import Team
from sksparse_mlp._network.topology import Cells
from sksparse_mlp._training.data import TrainingData, training_window
from sksparse_mlp._training.options import TrainingOptions
from sksparse_mlp._training.parameters import step_parameters
from sksparse_mlp._training.trainer import Trainer

NEVER = 10**9


def members_of(team, n_threads):
    """A context that gives the team, or a new one where there is none."""
    return Team(n_threads) if team is None else nullcontext(team)


def make_network(widths, n_connections=None, *, seed=0, n_threads=1, team=None, **changes):
    """A network; about half of all cells are connected unless said otherwise."""
    if n_connections is None:
        n_connections = [-(-a * b // 2) for a, b in pairwise(widths)]
    parameters = {
        "activation": "relu",
        "activation_slope": 0.6,
        "weight_init": "he_uniform",
        "weight_init_gain": 1.0,
        "solver": "sgd",
    } | changes
    streams = make_streams(np.random.RandomState(seed))
    with members_of(team, n_threads) as members:
        return SparseNetwork(widths, n_connections, streams=streams, team=members, **parameters)


def single_layer(connected, weights, **changes):
    """A network of one layer with connections and weights that the test chooses.

    ``connected`` is a boolean matrix, ``weights`` one value for each connection in storage order.
    The first moment of a connection is a tag: its number, counted from 1.
    """
    connected = np.asarray(connected)
    network = make_network(connected.shape, [int(connected.sum())], **changes)
    matrix = sparse.csr_array(connected)
    network.arrays.indices[:] = matrix.indices
    network.arrays.indptr[:] = matrix.indptr
    network.arrays.weights[:] = weights
    tags = 1 + np.arange(matrix.nnz, dtype=np.float32)
    network.optimizer_state.weights_1[:] = tags
    if network.optimizer_state.weights_2.size:
        network.optimizer_state.weights_2[:] = -tags
    return network


def cells_where(mask):
    """The true cells of a boolean matrix."""
    return Cells(
        np.concatenate(([0], np.cumsum(mask.sum(axis=1)))).astype(np.int64),
        np.nonzero(mask)[1].astype(np.int32),
    )


def shaken(network, seed=1):
    """The network with every intercept and SReLU parameter a little different from the others."""
    rng = np.random.default_rng(seed)
    for values in (network.arrays.intercepts, network.arrays.srelu):
        values += rng.normal(scale=0.1, size=values.size).astype(np.float32)
    return network


def make_options(**changes):
    """Full batches, SGD with a constant rate, nothing random, no evolution."""
    values = {
        "learning_rate_init": 0.1,
        "batch_size": NEVER,
        "shuffle": False,
        "evolution": None,
        "max_iter": 1,
        "tol": 0.0,
        "n_iter_no_change": NEVER,
    }
    return TrainingOptions(**values | changes)


def make_data(n_samples, n_features, n_classes, *, seed=0, weighted=False):
    """Normal features, random classes, and weights of one or random ones."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, n_features)).astype(np.float32)
    targets = rng.integers(n_classes, size=n_samples, dtype=np.int32)
    weight = rng.uniform(0.1, 3.0, n_samples) if weighted else np.ones(n_samples)
    return TrainingData(X, np.arange(n_samples), targets, weight.astype(np.float32))


def with_numbers(data, n_outputs, *, seed=0):
    """The same samples with numbers between 0 and 1 as targets, of which some are 0 or 1."""
    values = np.random.default_rng(seed).uniform(-0.2, 1.2, (len(data.X), n_outputs)).clip(0, 1)
    return data._replace(targets=values.astype(np.float32))


def with_times(data, *, n_times=12, censored=0.4, seed=0):
    """The same samples with ranks of times as targets, some tied, some negative: censored."""
    rng = np.random.default_rng(seed)
    ranks = rng.integers(1, n_times + 1, (len(data.X), 1))
    ranks[rng.random(len(data.X)) < censored] *= -1
    return data._replace(targets=ranks.astype(np.float32))


def train(network, data, *, n_epochs=1, n_threads=1, team=None, **changes):
    """Train a network in place; returns the Trainer."""
    if data.targets is None:
        changes = {"loss": "reconstruction"} | changes
    options = make_options(solver=network.solver, **changes)
    with members_of(team, n_threads) as members:
        trainer = Trainer(network, data, options, members, n_epochs=n_epochs)
        trainer.run(n_epochs)
    return trainer


def trainings_left_by(fit):
    """Trainings that only Python's search for cycles would let go after a fit."""
    gc.collect()
    gc.disable()
    try:
        fit()
        # Their types: a proxy says that it is what it stands for.
        return [thing for thing in gc.get_objects() if issubclass(type(thing), Trainer)]
    finally:
        gc.enable()


def evolve(network, zeta, *, n_threads=1, team=None):
    """Evolve all layers of a network in place; returns how many connections moved."""
    with members_of(team, n_threads) as members:
        return sum(network.evolve(members, zeta, range(network.n_layers)))


def predict(network, X, *, n_threads=1, **which):
    """Logits of a network, or what a layer puts out."""
    with Team(n_threads) as team:
        return network.forward(X, team, **which)


def bits_of(network):
    """Everything that training changes, as bytes."""
    arrays = [*network.snapshot(), *network.optimizer_state]
    return [array.tobytes() for array in arrays if isinstance(array, np.ndarray)]


def record(network, data, *, n_threads=1, X=None, backward=True, **changes):
    """What the neurons of a network do on all samples."""
    data = data if X is None else data._replace(X=X)
    params = step_parameters(network, make_options(solver=network.solver, **changes))
    with Team(n_threads) as team:
        view = training_window(data, data.samples)
        return record_signals(network, team, view, params, backward=backward)
