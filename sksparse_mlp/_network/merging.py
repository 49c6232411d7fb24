"""One network from several of the same shape: their mean, see :mod:`.averaging`."""

import numpy as np

from .averaging import united
from .exploration import ExploredCells
from .state import plain

COUNTERS = ("t", "epoch", "n_seen", "n_evolutions")


def merged(networks, shares):
    """The mean of some networks, with as many connections as each of them.

    Parameters
    ----------
    networks : list of SparseNetwork
        With layers of the same sizes and the same activation function.
    shares : ndarray of float64
        What each of them counts; they add up to one.

    Returns
    -------
    SparseNetwork
        Independent of them. The solver starts anew, and so does the count of explored cells; all
        else that is no weight is as in the first network, counters as in the one that is furthest.
    """
    first = networks[0]
    state = first.state_dict()
    state |= {name: max(plain(getattr(network, name)) for network in networks) for name in COUNTERS}
    arrays = _united_arrays(networks, shares)
    state["arrays"] = {
        "indptr": arrays.indptr,
        "indices": arrays.indices,
        "weights": arrays.weights,
        "intercepts": _mean(networks, "intercepts", shares),
        "srelu": _mean(networks, "srelu", shares),
    }
    cells = [n_in * n_out for n_in, n_out in first.shapes]
    units = np.log2([network.input_unit for network in networks])
    state |= {
        "optimizer_state": None,
        "n_updates": 0,
        "input_unit": float(np.exp2(np.rint(np.average(units, weights=shares)))),
        "stable": None,
        "input_preferences": _preferences(networks, shares),
        "explored": ExploredCells(cells, first.n_connections).state_dict(),
    }
    if first.growth == "guided" and state["input_preferences"] is None:
        state["growth"] = "set"
    return type(first).of_state(state)


def _united_arrays(networks, shares):
    """The connections of the mean: those of all are summed up before any is dropped."""
    total, share = networks[0].with_arrays(networks[0].snapshot()), float(shares[0])
    for i, network in enumerate(networks[1:], start=1):
        n_kept = network.n_connections if i == len(networks) - 1 else None
        arrays = united(total, network, (share, float(shares[i])), n_kept)
        total, share = total.with_arrays(arrays), 1.0
    return total.arrays


def _mean(networks, name, shares):
    """The mean of an array that lies in the same order in all networks."""
    arrays = [getattr(network.arrays, name).astype(np.float64) for network in networks]
    return sum(s * array for s, array in zip(shares, arrays, strict=True)).astype(np.float32)


def _preferences(networks, shares):
    """Mean preferences of growth; None where a network has none."""
    given = [network.input_preferences for network in networks]
    if any(preferences is None for preferences in given):
        return None
    return np.average(given, axis=0, weights=shares).astype(np.float32)
