"""What all neurons do on a few samples: activations, and gradients of the loss."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from .._kernels.records import OF_LOSS, SignalBatch
from .._kernels.signals import record_tile
from .lanes import MAX_LANES, lanes_for
from .prediction import prediction_parameters
from .streams import derive_seed
from .workspace import aligned_zeros

# At most this many samples are recorded, which bounds time and memory.
MOST_SAMPLES = 64
# Of very many neurons fewer: whole tiles, of about so many activations, but one at least.
MOST_ACTIVATIONS = 2**25

# Sets the random numbers that choose them apart from those of an evolution.
OF_SAMPLES = 2


class Signals(NamedTuple):
    """By level, float32 arrays of shape (n_tiles, n_neurons, lanes); unused lanes are zero."""

    activations: list  # of the inputs, their values; of the outputs, the logits
    # Of the loss, by pre-activation; that of the inputs is not computed. None of any use, where
    # they were not asked for.
    gradients: list


def samples_to_record(network, batch):
    """Some of the samples of a mini-batch, drawn anew for each evolution.

    Parameters
    ----------
    network : SparseNetwork
    batch : ndarray of int64
    """
    n_tiles = max(1, MOST_ACTIVATIONS // (sum(network.widths) * MAX_LANES))
    most = min(MOST_SAMPLES, n_tiles * MAX_LANES)
    if batch.size <= most:
        return batch
    seed = derive_seed(network.streams.topology, network.n_evolutions, OF_SAMPLES)
    return np.random.default_rng(seed).choice(batch, most, replace=False)


def record_signals(network, team, view, params, *, backward=True):
    """Pass a few samples through a network and back, without noise or dropout.

    Parameters
    ----------
    network : SparseNetwork
    team : Team
        Each thread takes tiles of its own.
    view : object
        The samples: ``x``, ``order``, and by sample ``targets``, ``values`` and ``sample_weight``,
        as in ``records.Batches``. At most ``MOST_SAMPLES``.
    params : StepParameters
        Of the training: its loss is what is differentiated.
    backward : bool, default=True
        Whether gradients are needed, too.

    Returns
    -------
    Signals
    """
    lanes, n, n_out = lanes_for(MAX_LANES), view.order.size, network.widths[-1]
    n_tiles, widths = -(-n // MAX_LANES), np.array(network.widths)
    starts = np.cumsum([0, *widths]) * n_tiles * MAX_LANES
    activations, gradients = (aligned_zeros(starts[-1]) for _ in range(2))
    weight = view.sample_weight[view.order].astype(np.float64)
    whole = SignalBatch(
        tile=0,
        n_samples=n,
        order=view.order,
        targets=view.targets[view.order] if view.targets.size else view.targets,
        values=view.values.reshape(-1, n_out)[view.order].reshape(-1)
        if view.values.size
        else view.values,
        weight=(weight / weight.sum()).astype(np.float32),
        level_start=starts[:-1],
        buffer=gradients,
        kind=OF_LOSS,
        out=activations,
        backward=backward,
    )
    calm = prediction_parameters(network)
    calm = calm._replace(loss=params.loss, loss_parameter=params.loss_parameter)

    def record(thread):
        for tile in range(thread, n_tiles, team.n_threads):
            level_start = starts[:-1] + tile * widths * MAX_LANES
            batch = whole._replace(tile=tile, level_start=level_start)
            record_tile(lanes, network.arrays, calm, view.x, batch)

    team.map(record)
    found = Signals(*([*_by_level(a, starts, n_tiles)] for a in (activations, gradients)))
    for level in found.activations:
        # A neuron responds to an empty lane, too.
        level[-1, :, n - (n_tiles - 1) * MAX_LANES :] = 0
    return found


def _by_level(values, starts, n_tiles):
    for start, stop in pairwise(starts):
        yield values[start:stop].reshape(n_tiles, -1, MAX_LANES)
