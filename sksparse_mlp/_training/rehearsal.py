"""A training of one step on a network of two connections: whatever it calls is compiled then."""

from functools import partial

import numpy as np

from .._kernels.averaging import keep_strongest, unite_layers
from .._kernels.importance import input_gradients
from .._kernels.signals import record_tile
from .._kernels.steps import predict_batch, train_steps
from .._kernels.topology.propose import propose_cells
from .._kernels.topology.rebuild import rebuild_layer
from .._network.averaging import averaged, pair_of_layers
from .._network.lanes import MAX_LANES, lanes_at_hand, lanes_for, worker_of
from .._network.network import SparseNetwork
from .._network.prediction import rehearse_prediction
from .._network.signals import record_signals
from .._network.streams import Streams
from .._network.team import Team
from .._network.topology import NEED_SIGNALS, PROPOSE_CELLS
from .._network.warmup import compile_ahead
from .data import TrainingData, training_window
from .importance import ImportanceRecorder
from .options import TrainingOptions
from .parameters import step_parameters
from .trainer import Trainer


def rehearse_training(
    batch_size, *, work=np.inf, validates, explains, verbose, growth="set", averages=False
):
    """Have all kernels compiled that a training needs, before it starts.

    Parameters
    ----------
    batch_size : int
        Samples of a mini-batch.
    work : float
        Connections times steps; by default so many that the narrowest lanes pay.
    validates : bool
        Whether it predicts, too.
    explains : bool
        Whether the importances of the inputs are judged afterwards.
    verbose : bool
        Whether to say so if something has to be compiled.
    growth : str
        The rule by which connections grow.
    averages : bool
        Whether weights are averaged over epochs.

    Returns
    -------
    tuple
        The lanes to train with.
    """
    lanes = lanes_at_hand(batch_size, work)
    kernels = {rebuild_layer: worker_of(()), train_steps: worker_of(lanes)}
    if validates:
        kernels[predict_batch] = lanes_for(MAX_LANES)
    if explains:
        kernels[input_gradients] = lanes_for(MAX_LANES)
    if growth in PROPOSE_CELLS:
        kernels[propose_cells] = worker_of(lanes_for(MAX_LANES))
    if growth in NEED_SIGNALS:
        kernels[record_tile] = lanes_for(MAX_LANES)
    rehearse = partial(_train, lanes, validates, explains, growth)
    compile_ahead(rehearse, kernels, _say_so if verbose else None)
    if averages:
        network = _network((1, 2), 2, Team(1))
        pair = pair_of_layers(network, network, 0, (0.5, 0.5), np.zeros(4, np.float32))
        compile_ahead(_average, {unite_layers: pair, keep_strongest: pair})
    return lanes


def rehearse_importance(method):
    """Have the kernel compiled that figures of importance need, before a training that asks for it.

    Parameters
    ----------
    method : str
        That of :class:`.importance.ImportanceRecorder`.
    """
    if method != "strength":
        kernels = {input_gradients: lanes_for(MAX_LANES)}
        compile_ahead(lambda team: ImportanceRecorder(method).observe(_trainer(team)), kernels)


def _say_so():
    print("Compiling kernels (once per machine) ...", flush=True)


def _train(lanes, validates, explains, growth, team):
    trainer = _trainer(team, lanes)
    trainer.run(1)
    if validates:
        rehearse_prediction(trainer.network)
    if explains:
        ImportanceRecorder("gradient").observe(trainer)
    if growth in PROPOSE_CELLS:
        _evolve(growth, team)


def _average(team):
    network = _network((1, 2), 2, team)
    averaged(network, network.arrays, 0.5)


def _evolve(growth, team):
    """Evolve a layer that has room for it, by a rule that proposes cells."""
    network, signals = _network((2, 3), 3, team, growth), None
    if network.needs_signals:
        view = training_window(_data(1, 2), np.zeros(1, np.int64))
        signals = record_signals(network, team, view, step_parameters(network, TrainingOptions()))
    network.evolve(team, 0.9, [0], signals)


def _trainer(team, lanes=None):
    options = TrainingOptions(evolution=None, max_iter=1)
    return Trainer(_network((1, 2), 2, team), _data(1, 1), options, team, lanes=lanes)


def _data(n_samples, n_features):
    return TrainingData(
        np.ones((n_samples, n_features), np.float32),
        np.arange(n_samples),
        np.zeros(n_samples, np.int32),
        np.ones(n_samples, np.float32),
    )


def _network(widths, n_connections, team, growth="set"):
    return SparseNetwork(
        widths,
        (n_connections,),
        activation="relu",
        activation_slope=0.0,
        weight_init="normal",
        weight_init_gain=1.0,
        solver="sgd",
        streams=Streams(0, 0, 0, 0, 0),
        team=team,
        growth=growth,
    )
