"""A network whose outputs count in other units."""

from .optimizer_state import zero_optimizer_state


def with_other_outputs(network, factor, shift):
    """A copy of a network that puts out ``factor * z + shift`` where it puts out z.

    Parameters
    ----------
    network : SparseNetwork
    factor, shift : ndarray of float64, shape (n_outputs,)

    Returns
    -------
    SparseNetwork
        Independent of it; the solver starts anew.
    """
    twin, last = network.copy(), len(network.widths) - 1
    for layer in range(twin.n_layers):
        if twin.levels_of(layer)[1] == last:
            weights = twin.weights_of(layer)
            weights.data[:] = weights.data * factor[weights.indices]
    intercepts = twin.intercepts_of(last - 1)
    intercepts[:] = intercepts * factor + shift
    twin.optimizer_state = zero_optimizer_state(twin.arrays, twin.solver)
    twin.n_updates = 0
    return twin
