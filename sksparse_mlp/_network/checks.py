"""What the state of a network must be: a file may be damaged or hostile, and kernels trust it.

A checksum shows damage; whoever writes a hostile file can recompute it. So whatever kernels use as
an address, a count or a code is checked here, before a network is made of it.
"""

from numbers import Integral, Real

import numpy as np

from .activations import CODES
from .shapes import layer_shapes
from .streams import Streams
from .topology.drop import DROP_RULES
from .topology.growth import GROWTH_RULES
from .topology.weight_init import WEIGHT_INITS

LARGEST_WIDTH = 2**31 - 1
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
    *CHOICES,
    *COUNTERS,
    "streams",
    "arrays",
    "optimizer_state",
    "input_preferences",
    "explored",
}


class BadState(ValueError):
    """A state that no network has."""

    def __init__(self, what):
        super().__init__(f"The state of the network is damaged: {what}.")


def require(condition, what):
    """Raise :class:`BadState` unless a condition holds."""
    if not condition:
        raise BadState(what)


def check_network_state(state):
    """Raise ValueError unless a state is that of a network.

    Parameters
    ----------
    state : dict
        As :meth:`SparseNetwork.state_dict` makes it.
    """
    check_fields("it", state, FIELDS)
    _check_shape(state)
    for name, allowed in CHOICES.items():
        value = state[name]
        require(isinstance(value, str) and value in allowed, f"{name}={value!r} is unknown")
    for name in COUNTERS:
        require(_is_count(state[name]), f"{name}={state[name]!r} is no number of steps")
    for name in ("activation_slope", "weight_init_gain"):
        require(_is_finite(state[name]), f"{name}={state[name]!r} is no finite number")
    check_fields("streams", state["streams"], set(Streams._fields))
    for name, seed in state["streams"].items():
        require(_is_count(seed), f"streams holds {name}={seed!r}, which is no seed")
    check_arrays(state["arrays"], state)
    _check_optimizer_state(state["optimizer_state"], state)
    _check_preferences(state["input_preferences"], state["widths"][0])
    _check_explored(state["explored"], state)


def check_fields(name, state, expected):
    """Raise unless a part of a state is a dict of these names."""
    require(isinstance(state, dict), f"{name} is no dict")
    different = {str(field) for field in state} ^ expected
    require(not different, f"{name} lacks or should not have {', '.join(sorted(different))}")


def _is_count(value):
    is_number = isinstance(value, Integral) and not isinstance(value, bool)
    return is_number and 0 <= value < 2**63


def _is_finite(value):
    return isinstance(value, Real) and not isinstance(value, bool) and bool(np.isfinite(value))


def _check_shape(state):
    widths, n_connections = state["widths"], state["n_connections"]
    for name, values, at_least in (("widths", widths, 2), ("n_connections", n_connections, 1)):
        valid = isinstance(values, list) and all(_is_count(v) and v > 0 for v in values)
        require(valid and len(values) >= at_least, f"{name} is {values!r}")
    n_skip = len(n_connections) + 1 - len(widths)
    valid = n_skip == 0 or (n_skip == 1 and len(widths) > 2)
    require(valid, "widths and n_connections do not match")
    require(max(widths) <= LARGEST_WIDTH, f"a layer of {max(widths):,} neurons is too wide")
    cells = [n_in * n_out for n_in, n_out in layer_shapes(widths, n_connections)]
    fits = all(n <= n_cells for n, n_cells in zip(n_connections, cells, strict=True))
    require(fits, f"n_connections={n_connections} are more than layers {widths} have cells")


def _check_array(name, array, dtype, shape, *, finite=True):
    require(isinstance(array, np.ndarray), f"{name} is no array")
    right = array.dtype == np.dtype(dtype) and array.shape == shape and array.flags.c_contiguous
    require(
        right,
        f"{name} is {array.dtype} of shape {array.shape}, not {np.dtype(dtype)} of {shape}",
    )
    if finite:
        require(bool(np.isfinite(array).all()), f"{name} holds numbers that are not finite")


def check_arrays(arrays, state):
    """Raise unless arrays are those of a network's layers: see ``records.NetworkArrays``."""
    widths, n_connections = state["widths"], state["n_connections"]
    check_fields("arrays", arrays, {"indptr", "indices", "weights", "intercepts", "srelu"})
    n_total, n_hidden = sum(n_connections), sum(widths[1:-1])
    n_srelu = 4 * n_hidden if state["activation"] == "srelu" else 0
    shapes = layer_shapes(widths, n_connections)
    n_pointers = sum(n_in + 1 for n_in, _ in shapes)
    _check_array("indptr", arrays["indptr"], np.int64, (n_pointers,))
    _check_array("indices", arrays["indices"], np.int32, (n_total,))
    _check_array("weights", arrays["weights"], np.float32, (n_total,))
    _check_array("intercepts", arrays["intercepts"], np.float32, (sum(widths[1:]),))
    _check_array("srelu", arrays["srelu"], np.float32, (n_srelu,))
    pointer = start = 0
    for n, (n_in, n_out) in zip(n_connections, shapes, strict=True):
        pointers = arrays["indptr"][pointer : pointer + n_in + 1]
        _check_layer(pointers, arrays["indices"], start, start + n, n_out)
        pointer, start = pointer + n_in + 1, start + n


def _check_layer(pointers, indices, start, stop, n_out):
    """Row pointers rise from the layer's first connection to its last, columns within rows."""
    rises = pointers[0] == start and pointers[-1] == stop and (np.diff(pointers) >= 0).all()
    require(bool(rises), f"indptr of a layer does not rise from {start} to {stop}")
    columns = indices[start:stop]
    in_range = columns.min() >= 0 and columns.max() < n_out
    require(bool(in_range), f"indices of a layer are not from 0 to {n_out - 1}")
    ascends = np.diff(columns) > 0
    begins = pointers[1:-1] - start - 1
    ascends[begins[(begins >= 0) & (begins < ascends.size)]] = True  # from one row to the next
    require(bool(ascends.all()), "indices of a layer do not ascend within rows")


def _check_optimizer_state(moments, state):
    if moments is None:
        return
    sizes = {name: state["arrays"][name].size for name in ("weights", "intercepts", "srelu")}
    check_fields("optimizer_state", moments, {f"{name}_{i}" for name in sizes for i in (1, 2)})
    for name, size in sizes.items():
        second = size if state["solver"] == "adam" else 0
        _check_array(f"{name}_1", moments[f"{name}_1"], np.float32, (size,))
        _check_array(f"{name}_2", moments[f"{name}_2"], np.float32, (second,))
        require(bool((moments[f"{name}_2"] >= 0).all()), f"{name}_2 holds negative squares")


def _check_preferences(preferences, n_features):
    if preferences is None:
        return
    _check_array("input_preferences", preferences, np.float32, (n_features,))
    # Growth draws until it has found as many cells as it needs.
    require(bool((preferences > 0).all()), "input_preferences holds numbers that are not positive")


def _check_explored(explored, state):
    check_fields("explored", explored, {"shares", "counted", "bitmaps"})
    shapes = layer_shapes(state["widths"], state["n_connections"])
    cells = [n_in * n_out for n_in, n_out in shapes]
    for name, values in explored.items():
        right = isinstance(values, list) and len(values) == len(cells)
        require(right, f"explored holds no {name} for each layer")
    for share in explored["shares"]:
        require(_is_finite(share) and 0 <= share <= 1, f"an explored share is {share!r}")
    for counted in explored["counted"]:
        require(isinstance(counted, bool), f"explored says counted={counted!r}")
    for bitmap, n_cells in zip(explored["bitmaps"], cells, strict=True):
        if bitmap is not None:
            _check_array("explored", bitmap, np.uint8, (-(-n_cells // 8),))
