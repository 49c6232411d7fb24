"""How much each input contributes to the outputs for single samples: ``x dz/dx``, exactly."""

from functools import partial

import numpy as np

from .._kernels.contributions import input_contributions
from .._kernels.records import ContributionBatch
from .lanes import MAX_LANES, lanes_for
from .prediction import prediction_parameters, samples_per_call
from .team import Stopped
from .views import read_only_record
from .warmup import compile_ahead
from .workspace import aligned_zeros
from .x_view import NO_SAMPLES, samples_at_once, window


def contributions(network, X, team, column_of, factor):
    """Contributions of the inputs to columns, each the sum of some outputs times their factors.

    Beside what is returned, memory is taken for two tiles of all levels in each thread.

    Parameters
    ----------
    network : SparseNetwork
    X : ndarray or CSR, shape (n_samples, n_features)
    team : Team
        Each thread takes samples of its own.
    column_of : ndarray of int64, shape (n_outputs,)
        The column that each output adds to, from 0 without gaps; -1: none.
    factor : ndarray of float32, shape (n_outputs,)
        What each output is multiplied by.

    Returns
    -------
    ndarray of float32, shape (n_samples, n_features, n_columns)
    """
    n_columns, (n_samples, n_features) = int(column_of.max()) + 1, X.shape
    out = np.empty((n_samples, n_features, n_columns), np.float32)
    arrays, params = read_only_record(network.arrays), prediction_parameters(network)
    lanes, size = lanes_for(MAX_LANES), sum(network.widths) * MAX_LANES
    whole = ContributionBatch(
        first=0,
        last=0,
        n_samples=0,
        order=np.zeros(0, np.int64),
        level_start=np.cumsum([0, *network.widths[:-1]]) * MAX_LANES,
        buffer=np.zeros(0, np.float32),
        gradients=np.zeros(0, np.float32),
        column_of=column_of,
        factor=factor,
        n_columns=n_columns,
        out=out.reshape(-1),
    )
    rehearse = partial(_explain_nothing, arrays, params, whole, lanes)
    compile_ahead(rehearse, {input_contributions: lanes})
    buffers = [None] * team.n_threads

    def explain(thread):
        if buffers[thread] is None:
            buffers[thread] = aligned_zeros(size), aligned_zeros(size)
        buffer, gradients = buffers[thread]
        first, last = team.share(n_tiles, thread)
        batch = whole._replace(
            first=first,
            last=last,
            n_samples=view.order.size,
            order=view.order,
            buffer=buffer,
            gradients=gradients,
            out=out[start:stop].reshape(-1),
        )
        input_contributions(lanes, arrays, params, view.x, batch)

    at_once = min(samples_at_once(X), samples_per_call(network, team, n_passes=1 + n_columns))
    for start in range(0, n_samples, at_once):
        if team.stopped:
            raise Stopped
        stop = min(start + at_once, n_samples)
        view = window(X, np.arange(start, stop))
        n_tiles = -(-view.order.size // MAX_LANES)
        team.map(explain)
    return out


def _explain_nothing(arrays, params, whole, lanes, team):
    """No sample at all, for which the kernel is compiled."""
    input_contributions(lanes, arrays, params, NO_SAMPLES, whole)
