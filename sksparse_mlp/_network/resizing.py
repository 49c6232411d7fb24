"""Layers that get more connections, or fewer: new flat arrays, for the old ones have their size."""

import numpy as np


def connections_in(indptr, first_pointer, shapes):
    """How many connections each layer has by the flat row pointers: a tuple of ints."""
    pairs = zip(first_pointer, shapes, strict=True)
    return tuple(int(indptr[first + n_in] - indptr[first]) for first, (n_in, _) in pairs)


def parts_of(network, layer):
    """A layer's part of the flat arrays: indices, weights, both moments; the last may be empty."""
    start, stop = network.connections_of(layer)
    arrays, moments = network.arrays, network.optimizer_state
    flat = (arrays.indices, arrays.weights, moments.weights_1, moments.weights_2)
    return [array[start:stop] for array in flat]


def resized(network, n_connections, kept=()):
    """A network with layers of other sizes, whose connections are still to be written.

    Parameters
    ----------
    network : SparseNetwork
        Neurons and all else are shared with it.
    n_connections : sequence of int
        Of each layer.
    kept : collection of int
        Layers of the same sizes as before, whose connections are copied.

    Returns
    -------
    SparseNetwork
    """
    arrays, moments, total = network.arrays, network.optimizer_state, sum(n_connections)
    twin = network.with_arrays(
        arrays._replace(
            n_connections=total,
            indptr=np.zeros_like(arrays.indptr),
            indices=np.empty(total, np.int32),
            weights=np.empty(total, np.float32),
        )
    )
    twin.n_connections = tuple(n_connections)
    twin.optimizer_state = moments._replace(
        weights_1=np.empty(total, np.float32),
        weights_2=np.empty(total if moments.weights_2.size else 0, np.float32),
    )
    for layer in kept:
        for part, own in zip(parts_of(twin, layer), parts_of(network, layer), strict=True):
            part[:] = own
        moved = twin.connections_of(layer)[0] - network.connections_of(layer)[0]
        twin.pointers_of(layer)[:] = network.pointers_of(layer) + moved
    return twin


def with_connections(network, stays):
    """A network that keeps some of the connections, each with what the optimizer remembers.

    Parameters
    ----------
    network : SparseNetwork
    stays : list of ndarray of bool
        Of each layer, whether each connection does; one at least.

    Returns
    -------
    SparseNetwork
    """
    twin = resized(network, [int(np.count_nonzero(s)) for s in stays])
    for layer, stay in enumerate(stays):
        for part, own in zip(parts_of(twin, layer), parts_of(network, layer), strict=True):
            part[:] = own[stay] if own.size else own
        n_before = np.concatenate(([0], np.cumsum(stay)))
        pointers = network.pointers_of(layer) - network.connections_of(layer)[0]
        twin.pointers_of(layer)[:] = twin.connections_of(layer)[0] + n_before[pointers]
    return twin


def joined(first, second):
    """A network with the connections of two that have none in common, and share all else.

    Parameters
    ----------
    first, second : SparseNetwork

    Returns
    -------
    SparseNetwork
    """
    sizes = zip(first.n_connections, second.n_connections, strict=True)
    twin, both = resized(first, [n + n_other for n, n_other in sizes]), (first, second)
    for layer in range(twin.n_layers):
        rows = np.concatenate([rows_of(network, layer) for network in both])
        columns = np.concatenate([parts_of(network, layer)[0] for network in both])
        order = np.lexsort((columns, rows))
        owned = zip(*(parts_of(network, layer) for network in both), strict=True)
        for part, own in zip(parts_of(twin, layer), owned, strict=True):
            part[:] = np.concatenate(own)[order] if part.size else part
        n_of_row = np.bincount(rows, minlength=twin.shapes[layer][0])
        twin.pointers_of(layer)[:] = np.cumsum([twin.connections_of(layer)[0], *n_of_row])
    return twin


def rows_of(network, layer):
    """The row of each connection of a layer."""
    n_of_row = np.diff(network.pointers_of(layer))
    return np.repeat(np.arange(n_of_row.size), n_of_row)
