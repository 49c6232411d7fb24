"""What is recorded of each epoch of a training."""

# Those of layers are lists of one entry a layer.
RECORDED = (
    "loss",
    "learning_rate",
    "seconds",
    "n_connections",
    "connections_by_layer",
    "connections_rewired",
    "rewired_by_layer",
    "explored_by_layer",
)


def add_epoch(history, figures):
    """Append an epoch to a history; a figure that is new has no earlier ones.

    Parameters
    ----------
    history : dict of list
    figures : dict
    """
    for name, value in figures.items():
        history.setdefault(name, []).append(value)


def topology_figures(network, rewired):
    """What an epoch did to the connections.

    Parameters
    ----------
    network : SparseNetwork
        After the epoch.
    rewired : ndarray of int
        How many connections grew in each layer.

    Returns
    -------
    dict
    """
    return {
        "n_connections": sum(network.n_connections),
        "connections_by_layer": list(network.n_connections),
        "connections_rewired": int(rewired.sum()),
        "rewired_by_layer": rewired.tolist(),
        "explored_by_layer": list(network.explored.shares),
    }


def printed(epoch, history):
    """One line on the last epoch, for ``verbose``."""
    figures = [
        f"{name.replace('_', ' ')} = {history[name][-1]:.8f}"
        for name in ("loss", "validation_loss", "validation_score")
        if name in history
    ]
    return f"Epoch {epoch}, {', '.join(figures)}"
