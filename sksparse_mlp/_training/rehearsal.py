"""A training of one step on a network of two connections: whatever it calls is compiled then."""

from functools import partial

import numpy as np

from .._kernels.importance import input_gradients
from .._kernels.records import Worker
from .._kernels.steps import predict_batch, train_steps
from .._kernels.topology.rebuild import rebuild_layer
from .._network.network import SparseNetwork
from .._network.prediction import rehearse_prediction
from .._network.streams import Streams
from .._network.warmup import compile_ahead
from .._network.workspace import MAX_LANES, lanes_for
from .data import TrainingData
from .importance import ImportanceRecorder
from .options import TrainingOptions
from .trainer import Trainer


def rehearse_training(batch_size, *, validates, explains, verbose):
    """Have all kernels compiled that a training needs, before it starts.

    Parameters
    ----------
    batch_size : int
        Samples of a mini-batch.
    validates : bool
        Whether it predicts, too.
    explains : bool
        Whether the importances of the inputs are judged afterwards.
    verbose : bool
        Whether to say so if something has to be compiled.
    """
    batch_size = min(batch_size, MAX_LANES)
    kernels = {rebuild_layer: _worker(()), train_steps: _worker(lanes_for(batch_size))}
    if validates:
        kernels[predict_batch] = lanes_for(MAX_LANES)
    if explains:
        kernels[input_gradients] = lanes_for(MAX_LANES)
    rehearse = partial(_train, batch_size, validates, explains)
    compile_ahead(rehearse, kernels, _say_so if verbose else None)


def rehearse_importance(method):
    """Have the kernel compiled that figures of importance need, before a training that asks for it.

    Parameters
    ----------
    method : str
        That of :class:`.importance.ImportanceRecorder`.
    """
    if method != "strength":
        kernels = {input_gradients: lanes_for(MAX_LANES)}
        compile_ahead(lambda team: ImportanceRecorder(method).observe(_trainer(1, team)), kernels)


def _worker(lanes):
    return Worker(lanes, 0, 1, np.zeros(0, np.int64))


def _say_so():
    print("Compiling kernels (once per machine) ...", flush=True)


def _train(batch_size, validates, explains, team):
    trainer = _trainer(batch_size, team)
    trainer.run(1)
    if validates:
        rehearse_prediction(trainer.network)
    if explains:
        ImportanceRecorder("gradient").observe(trainer)


def _trainer(n_samples, team):
    network = SparseNetwork(
        (1, 2),
        (2,),
        activation="relu",
        activation_slope=0.0,
        weight_init="normal",
        weight_init_gain=1.0,
        solver="sgd",
        streams=Streams(0, 0, 0, 0, 0),
        team=team,
    )
    data = TrainingData(
        np.zeros((n_samples, 1), np.float32),
        np.arange(n_samples),
        np.zeros(n_samples, np.int32),
        np.ones(n_samples, np.float32),
    )
    return Trainer(network, data, TrainingOptions(evolution=None, max_iter=1), team)
