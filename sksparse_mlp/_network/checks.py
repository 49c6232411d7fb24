"""What the state of a network must be: a file may be damaged or hostile, and kernels trust it.

A checksum shows damage; whoever writes a hostile file can recompute it. So whatever kernels use as
an address, a count or a code, or count on to come to an end, is checked here, before a network is
made of it. A type must be the very type that a state has: a subclass may show other values to a
check than to a kernel.
"""

from math import isfinite
from reprlib import repr as short

import numpy as np

from .activations import CODES
from .exploration import COUNTED_UP_TO
from .shapes import layer_shapes
from .state import plain
from .streams import Streams
from .topology.drop import DROP_RULES
from .topology.growth import GROWTH_RULES
from .topology.weight_init import WEIGHT_INITS

LARGEST_WIDTH = 2**31 - 1
# Kernels count in int64, and training goes on from here.
LARGEST_COUNT = 2**62
# Growth draws inputs until enough draws count: one that is preferred much less than the others
# would be drawn too rarely to wait for. No rule goes below a hundredth of the mean.
LEAST_PREFERENCE = 1e-3
CHOICES = {
    "activation": CODES,
    "weight_init": WEIGHT_INITS,
    "solver": ("sgd", "adam"),
    "drop": DROP_RULES,
    "growth": GROWTH_RULES,
}
COUNTERS = ("t", "n_updates", "epoch", "n_seen", "n_evolutions")
FIELDS = {
    "widths",
    "n_connections",
    "activation_slope",
    "weight_init_gain",
    "input_unit",
    *CHOICES,
    *COUNTERS,
    "streams",
    "arrays",
    "optimizer_state",
    "input_preferences",
    "stable",
    "explored",
}


class BadState(ValueError):
    """A state that nothing has."""

    def __init__(self, what):
        self.what = what
        super().__init__(f"The state is damaged: {what}.")


def require(condition, what):
    """Raise :class:`BadState` unless a condition holds."""
    if not condition:
        raise BadState(what)


def check_fields(name, state, expected):
    """Raise unless a part of a state is a dict of these names."""
    require(type(state) is dict, f"{name} is a {type(state).__name__}, no dict")
    different = sorted(map(str, set(state) ^ set(expected)))
    require(not different, f"{name} lacks or should not have {short(different)}")


def check_list(name, values, length):
    """Raise unless a part of a state is a list of so many values."""
    right = type(values) is list and len(values) == length
    require(right, f"{name} is {short(values)}, no list of {length}")


def is_count(value):
    """Whether this is an int from 0 on that kernels can count on from."""
    return type(value) is int and 0 <= value < LARGEST_COUNT


def is_finite(value):
    """Whether this is a float that is a number."""
    return type(value) is float and isfinite(value)


def check_network_state(state, *, finite=True):
    """Raise ValueError unless a state is that of a network.

    Parameters
    ----------
    state : dict
        As :meth:`SparseNetwork.state_dict` makes it.
    finite : bool, default=True
        Whether all numbers are; a training that is about to diverge has others.
    """
    check_fields("the network", state, FIELDS)
    _check_shape(state)
    for name, allowed in CHOICES.items():
        value = state[name]
        require(type(value) is str and value in allowed, f"{name}={short(value)} is unknown")
    for name in ("activation_slope", "weight_init_gain"):
        require(is_finite(state[name]), f"{name}={short(state[name])} is no finite number")
    unit = state["input_unit"]
    require(is_finite(unit) and unit > 0, f"input_unit={short(unit)} is no positive number")
    _check_counters(state)
    check_fields("streams", state["streams"], Streams._fields)
    for name, seed in state["streams"].items():
        is_seed = type(seed) is int and 0 <= seed < 2**63
        require(is_seed, f"streams holds {name}={short(seed)}, which is no seed")
    check_arrays(state["arrays"], state, finite=finite)
    _check_optimizer_state(state["optimizer_state"], state, finite)
    _check_preferences(state)
    if state["stable"] is not None:
        check_array("stable", state["stable"], bool, sum(state["widths"][1:]))
    _check_explored(state["explored"], _cells(state))


def _check_counters(state):
    for name in COUNTERS:
        require(is_count(state[name]), f"{name}={short(state[name])} is no number of steps")
    t, n_updates = state["t"], state["n_updates"]
    require(n_updates <= t, f"n_updates={n_updates} are more than t={t} steps")
    forgotten = state["optimizer_state"] is None
    require(not (forgotten and n_updates), f"n_updates={n_updates} without an optimizer_state")


def _cells(state):
    shapes = layer_shapes(state["widths"], state["n_connections"])
    return [n_in * n_out for n_in, n_out in shapes]


def _check_shape(state):
    widths, n_connections = state["widths"], state["n_connections"]
    for name, values, at_least in (("widths", widths, 2), ("n_connections", n_connections, 1)):
        right = type(values) is list and len(values) >= at_least
        right = right and all(is_count(value) and value > 0 for value in values)
        require(right, f"{name}={short(values)} is no list of positive numbers")
    n_layers = len(n_connections)
    fits = len(widths) == n_layers + 1 or (len(widths) == n_layers and n_layers > 2)
    require(fits, f"there are {len(widths)} widths of {n_layers} layers")
    require(max(widths) <= LARGEST_WIDTH, f"widths holds {max(widths)}, more than a layer can have")
    check_counts(n_connections, widths, _cells(state))


def check_counts(n_connections, widths, cells):
    """Raise unless each layer has a connection and no more than it has cells."""
    fits = all(1 <= n <= n_cells for n, n_cells in zip(n_connections, cells, strict=True))
    require(
        fits, f"n_connections={short(n_connections)} exceed the cells of widths={short(widths)}"
    )


# ---------------------------------------------------------------- arrays


def check_array(name, array, dtype, size, *, finite=True):
    """Raise unless a part of a state is a plain array of one axis."""
    require(type(array) in (np.ndarray, np.memmap), f"{name} is a {type(array).__name__}, no array")
    right = array.dtype == np.dtype(dtype) and array.shape == (size,) and array.flags.c_contiguous
    require(
        right,
        f"{name} holds {array.dtype} of shape {array.shape}, not {np.dtype(dtype)} of ({size},)",
    )
    if finite and size and array.dtype.kind == "f":
        # Both are NaN where one number is; no memory is needed.
        extremes = [array.min(), array.max()]
        require(np.isfinite(extremes).all(), f"{name} holds numbers that are not finite")


def check_pointers(arrays, size):
    """Raise unless arrays of a network have row pointers that can be read."""
    check_fields("arrays", arrays, ("indptr", "indices", "weights", "intercepts", "srelu"))
    check_array("indptr", arrays["indptr"], np.int64, size)


def check_arrays(arrays, state, *, finite=True):
    """Raise unless arrays are those of a network's layers: see ``records.NetworkArrays``."""
    widths, n_connections = state["widths"], state["n_connections"]
    n_total, n_hidden = sum(n_connections), sum(widths[1:-1])
    n_srelu = 4 * n_hidden if state["activation"] == "srelu" else 0
    shapes = layer_shapes(widths, n_connections)
    check_pointers(arrays, sum(n_in + 1 for n_in, _ in shapes))
    check_array("indices", arrays["indices"], np.int32, n_total)
    check_array("weights", arrays["weights"], np.float32, n_total, finite=finite)
    check_array("intercepts", arrays["intercepts"], np.float32, sum(widths[1:]), finite=finite)
    check_array("srelu", arrays["srelu"], np.float32, n_srelu, finite=finite)
    pointer = start = 0
    for n, (n_in, n_out) in zip(n_connections, shapes, strict=True):
        pointers = arrays["indptr"][pointer : pointer + n_in + 1]
        _check_layer(pointers, arrays["indices"][start : start + n], start, n_out)
        pointer, start = pointer + n_in + 1, start + n


def _check_layer(pointers, columns, start, n_out):
    """Row pointers rise from the layer's first connection to its last, columns within rows."""
    stop = start + columns.size
    # Compared, not subtracted: a difference could overflow.
    rises = pointers[0] == start and pointers[-1] == stop and (pointers[1:] >= pointers[:-1]).all()
    require(rises, f"indptr of a layer does not rise from {start} to {stop}")
    in_range = columns.min() >= 0 and columns.max() < n_out
    require(in_range, f"indices of a layer are not from 0 to {n_out - 1}")
    ascends = columns[1:] > columns[:-1]
    begins = pointers[1:-1] - start - 1
    ascends[begins[(begins >= 0) & (begins < ascends.size)]] = True  # from one row to the next
    require(ascends.all(), "indices of a layer do not ascend within rows")


def _check_optimizer_state(moments, state, finite):
    if moments is None:
        return
    sizes = {name: state["arrays"][name].size for name in ("weights", "intercepts", "srelu")}
    check_fields("optimizer_state", moments, {f"{name}_{i}" for name in sizes for i in (1, 2)})
    for name, size in sizes.items():
        squares, n_squares = moments[f"{name}_2"], size if state["solver"] == "adam" else 0
        check_array(f"{name}_1", moments[f"{name}_1"], np.float32, size, finite=finite)
        check_array(f"{name}_2", squares, np.float32, n_squares, finite=finite)
        negative = n_squares > 0 and squares.min() < 0
        require(not negative, f"{name}_2 holds squares that are negative")


def _check_preferences(state):
    preferences, n_features = state["input_preferences"], state["widths"][0]
    if preferences is None:
        require(state["growth"] != "guided", 'growth="guided" without input_preferences')
        return
    check_array("input_preferences", preferences, np.float32, n_features)
    lowest = LEAST_PREFERENCE * preferences.mean(dtype=np.float64)
    require(
        0 < lowest <= preferences.min(),
        f"input_preferences holds {preferences.min():.3g}, too little beside the others",
    )


def _check_explored(explored, cells):
    check_fields("explored", explored, ("shares", "counted", "bitmaps"))
    for name, values in explored.items():
        check_list(f"explored {name}", values, len(cells))
    for share in map(plain, explored["shares"]):
        right = is_finite(share) and 0 <= share <= 1
        require(right, f"explored shares holds {short(share)}, which is no share")
    layers = zip(explored["counted"], explored["bitmaps"], cells, strict=True)
    for counted, bitmap, n_cells in layers:
        require(type(counted) is bool, f"explored counted holds {short(counted)}, no bool")
        # A bit a cell is kept of small layers only: of others they would fill the memory.
        small = n_cells <= COUNTED_UP_TO
        require(small or not counted, f"explored says that {n_cells} cells are counted")
        require(counted or bitmap is None, "explored bitmaps holds one of a layer not counted")
        if bitmap is not None:
            check_array("explored bitmaps", bitmap, np.uint8, -(-n_cells // 8))
