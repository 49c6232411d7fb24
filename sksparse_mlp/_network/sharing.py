"""Networks that have their first layers in common, which are then kept once.

A *rest* is the state of a network less these layers, and less what the solver remembers.
"""

import numpy as np

from .network import SparseNetwork


def rest_of(network, n_shared):
    """The state of a network without its first layers.

    Parameters
    ----------
    network : SparseNetwork
    n_shared : int
        How many layers another network has in common with it.

    Returns
    -------
    dict
        What :func:`joined` makes a network of; its arrays are copies.
    """
    pieces, n_layers = _pieces(network, n_shared), network.n_layers
    return network.state_dict() | {
        "arrays": {name: array[pieces[name]].copy() for name, array in _shaped(network).items()},
        "optimizer_state": None,
        "n_updates": 0,
        "input_preferences": None,
        "explored": {
            "shares": list(network.explored.shares),
            "counted": [False] * n_layers,
            "bitmaps": [None] * n_layers,
        },
    }


def joined(rest, network, n_shared):
    """A network of the first layers of one and the rest of another.

    Parameters
    ----------
    rest : dict
        As :func:`rest_of` makes it.
    network : SparseNetwork
        Which has the layers that it lacks.
    n_shared : int

    Returns
    -------
    SparseNetwork
        Independent of both.
    """
    pieces, arrays = _pieces(network, n_shared), {}
    for name, array in _shaped(network).items():
        whole = array.copy()
        whole[pieces[name]] = rest["arrays"][name]
        arrays[name] = whole.reshape(-1)
    preferences = network.input_preferences
    return SparseNetwork.of_state(rest | {"arrays": arrays, "input_preferences": preferences})


def _shaped(network):
    """The trained arrays, those of SReLU one row a parameter."""
    arrays = network.state_dict()["arrays"]
    return arrays | {"srelu": arrays["srelu"].reshape(4, -1)}


def _pieces(network, n_shared):
    """What belongs to the later layers, by array."""
    connections = slice(network.connections_of(n_shared)[0], None)
    units = slice(int(network.arrays.first_unit[n_shared + 1]), None)
    return {
        "indptr": slice(int(network.arrays.first_pointer[n_shared]), None),
        "indices": connections,
        "weights": connections,
        "intercepts": units,
        "srelu": np.s_[:, units],
    }
