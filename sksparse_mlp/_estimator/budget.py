"""How many connections a fit begins and ends with, and which parameters exclude one another."""

from .._network.shapes import layer_shapes
from .._network.topology import ADMITTING
from .checks import check_memory

# With "auto", training begins with this many times the connections that it ends with.
FIRST_CONNECTIONS = {"cubic": 4.0, "bregman": 0.5}
# What moves connections between layers, makes more of them or fewer; and what leaves them alone.
MOVERS = {
    "drop_scope": "layer",
    "redistribution": None,
    "density_schedule": None,
    "neuron_pruning": None,
}


def movers_of(estimator):
    """The parameters of an estimator by which evolutions look at all layers together.

    Parameters
    ----------
    estimator : BaseSparseMLP

    Returns
    -------
    dict of {str: object}
    """
    given = {name: getattr(estimator, name, rest) for name, rest in MOVERS.items()}
    return {name: value for name, value in given.items() if value != MOVERS[name]}


def check_budget(estimator):
    """Refuse parameters that contradict one another.

    Parameters
    ----------
    estimator : BaseSupervisedMLP
    """
    given = movers_of(estimator)
    averaging = getattr(estimator, "averaging", None)
    for name, value in given.items():
        if averaging is not None and name != "drop_scope":
            raise ValueError(
                f"averaging={averaging!r} needs layers that keep their number of connections, and "
                f"{name}={value!r} changes it: set averaging=None, or {name}={MOVERS[name]!r}."
            )
        if estimator.evolution is None:
            raise ValueError(
                f"{name}={value!r} moves connections, and evolution=None leaves them where they "
                f"are: choose another evolution, or {name}={MOVERS[name]!r}."
            )
    for name in given.keys() & {"density_schedule", "neuron_pruning"}:
        if estimator.evolution_end == 0:
            raise ValueError(
                f"{name}={given[name]!r} needs evolutions, and evolution_end="
                f"{estimator.evolution_end!r} allows none: raise it, or set {name}=None."
            )
    _check_admission(estimator, given.get("density_schedule"))
    if given.get("neuron_pruning") == "importance" and "density_schedule" in given:
        raise ValueError(
            f"neuron_pruning='importance' and density_schedule={given['density_schedule']!r} both "
            "say how many connections are left: choose neuron_pruning='chase', or set one to None."
        )
    if given.get("redistribution") == "survivors" and "drop_scope" not in given:
        raise ValueError(
            "redistribution='survivors' shares out what all layers lost in different parts, and "
            "with drop_scope='layer' each loses the same: set drop_scope='network', or "
            "redistribution=None."
        )


def _check_admission(estimator, schedule):
    if schedule not in ADMITTING:
        return
    if estimator.evolution != "gradient":
        raise ValueError(
            f"density_schedule={schedule!r} lets connections in by their gradients, and evolution="
            f"{estimator.evolution!r} looks at others: set evolution='gradient'."
        )
    if estimator.initial_connections != "auto" and estimator.initial_connections > 1:
        raise ValueError(
            f"density_schedule={schedule!r} begins with few connections, and initial_connections="
            f"{estimator.initial_connections!r} with more than there are in the end: set at most 1."
        )


def check_layers_keep_their_sizes(estimator):
    """Refuse what changes how many connections a layer has, where replicas of it must agree.

    Parameters
    ----------
    estimator : BaseSupervisedMLP
    """
    for name, value in movers_of(estimator).items():
        raise ValueError(
            f"{name}={value!r} looks at all layers together, and on a cluster each layer evolves "
            f"by itself: set {name}={MOVERS[name]!r}."
        )


def first_sizes(estimator, sizes, network, *, evolves):
    """Widths, and how many connections each layer has when a training begins.

    Parameters
    ----------
    estimator : BaseSupervisedMLP
    sizes : tuple of widths and n_connections
        That the parameters describe: those of the end, if the number changes in training.
    network : SparseNetwork or None
        The fitted network to go on with: what has moved in it stays as it is.
    evolves : bool
        Whether there will be an evolution, and the training has an end.

    Returns
    -------
    tuple of widths and n_connections
    """
    widths, n_connections = sizes
    schedule = getattr(estimator, "density_schedule", None)
    if network is not None:
        if network.stable is not None:
            _check_that_nothing_moves(estimator)
            _check_that_nothing_is_averaged(estimator)
        return widths, _as_fitted(estimator, n_connections, network, schedule)
    if schedule is None or not evolves:
        return sizes
    factor = estimator.initial_connections
    factor = FIRST_CONNECTIONS[schedule] if factor == "auto" else float(factor)
    shapes = zip(layer_shapes(widths, n_connections), n_connections, strict=True)
    first = tuple(max(1, round(min(n_in * n_out, factor * n))) for (n_in, n_out), n in shapes)
    check_memory(widths, first, 2 if estimator.solver == "adam" else 1)
    return widths, first


def _check_that_nothing_moves(estimator):
    for name, value in movers_of(estimator).items():
        raise ValueError(
            f"new_task() froze connections of this network, and {name}={value!r} looks at all of "
            f"them together: set {name}={MOVERS[name]!r}."
        )


def _check_that_nothing_is_averaged(estimator):
    averaging = getattr(estimator, "averaging", None)
    if averaging is not None:
        raise ValueError(
            f"new_task() froze connections of this network, and averaging={averaging!r} would keep "
            "the strongest of a mean, frozen or not: set averaging=None."
        )


def _as_fitted(estimator, n_connections, network, schedule):
    """The numbers of a fitted network, where it may have come to have others than it was made."""
    if len(n_connections) != network.n_layers:
        return n_connections
    may_move = getattr(estimator, "redistribution", None) is not None
    moved = may_move and sum(n_connections) == sum(network.n_connections)
    may_differ = schedule is not None or getattr(estimator, "neuron_pruning", None) is not None
    return network.n_connections if moved or may_differ else n_connections
