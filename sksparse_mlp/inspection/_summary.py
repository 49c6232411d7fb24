"""Figures of each layer of a fitted network."""

from html import escape
from typing import NamedTuple

import numpy as np

from ._networks import import_pandas, levels_on_a_path, network_of, patterns_of, skip_pattern_of


class LayerSummary(NamedTuple):
    """Figures of one layer of connections.

    Attributes
    ----------
    n_in, n_out : int
        Neurons at the layer's inputs and outputs.
    connections : int
        Number of connections.
    density : float
        Their share of the n_in * n_out cells.
    memory, dense_memory : int
        Bytes of the weights as they are stored, and of a dense float32 matrix.
    dead_inputs, dead_outputs : int
        Neurons on no path of connections from an input to an output of the network.
    in_degree_mean, in_degree_max : float, int
        Connections that enter a neuron at the layer's outputs.
    out_degree_mean, out_degree_max : float, int
        Connections that leave a neuron at the layer's inputs.
    explored : float
        Share of the cells ever connected: R_s of in-time over-parameterisation [1]_. Counted in
        layers of up to 131,072 cells; in larger ones, what is to be expected after as many
        random connections as were grown. NaN where the history does not say it.
    rewired_per_epoch : float
        Connections moved in an epoch, on average.

    References
    ----------
    .. [1] S. Liu, L. Yin, D. C. Mocanu and M. Pechenizkiy, "Do we actually need dense
       over-parameterization? In-time over-parameterization in sparse training", ICML (2021).
    """

    n_in: int
    n_out: int
    connections: int
    density: float
    memory: int
    dense_memory: int
    dead_inputs: int
    dead_outputs: int
    in_degree_mean: float
    in_degree_max: int
    out_degree_mean: float
    out_degree_max: int
    explored: float
    rewired_per_epoch: float


class NetworkSummary:
    """Figures of all layers; prints as a table.

    Parameters
    ----------
    layers : list of LayerSummary
        The layers, that of the inputs first, a skip layer last.

    See Also
    --------
    summary : Makes it from a fitted network.
    """

    def __init__(self, layers):
        self.layers = layers

    def to_frame(self):
        """Convert to a DataFrame.

        Returns
        -------
        pandas.DataFrame
            One row a layer, one column a figure of :class:`LayerSummary`.
        """
        pandas = import_pandas("NetworkSummary.to_frame")
        index = pandas.RangeIndex(len(self.layers), name="layer")
        return pandas.DataFrame(self.layers, index=index)

    def __repr__(self):
        rows = [list(COLUMNS), *self._cells()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            for row in rows
        ]
        return "\n".join([self._headline(), *lines])

    def _repr_html_(self):
        head = _html_row("th", COLUMNS)
        body = "".join(_html_row("td", row) for row in self._cells())
        caption = escape(self._headline())
        return f"<table><caption>{caption}</caption>{head}{body}</table>"

    def _headline(self):
        connections, memory, dense_memory = (
            sum(getattr(layer, name) for layer in self.layers)
            for name in ("connections", "memory", "dense_memory")
        )
        return (
            f"{connections:,} connections, {_percent(4 * connections / dense_memory)} of all "
            f"cells; {_bytes(memory)}, dense it would be {_bytes(dense_memory)}"
        )

    def _cells(self):
        return [
            [show(number, layer) for show in COLUMNS.values()]
            for number, layer in enumerate(self.layers)
        ]


def summary(est):
    """Summarise the layers of a fitted network.

    Parameters
    ----------
    est : estimator
        A fitted sparse network, or a pipeline, search or selector that ends in one.

    Returns
    -------
    NetworkSummary
        Prints as a table; ``to_frame()`` gives a DataFrame, ``layers`` the figures themselves.

    See Also
    --------
    importance_table : The same for the inputs.

    Examples
    --------
    >>> from sksparse_mlp import TrulySparseMLPClassifier
    >>> from sksparse_mlp.datasets import make_microarray
    >>> from sksparse_mlp.inspection import summary
    >>> X, y = make_microarray(n_samples=60, n_features=500, random_state=0)
    >>> model = TrulySparseMLPClassifier(
    ...     100, epsilon=5, learning_rate="cosine", max_iter=5, random_state=0
    ... )
    >>> figures = summary(model.fit(X, y))
    >>> [layer.connections for layer in figures.layers]
    [3000, 200, 1000]
    >>> figures.layers[0].density
    0.06
    """
    network = network_of(est)
    patterns, skip = patterns_of(network), skip_pattern_of(network)
    alive = levels_on_a_path(patterns, skip)
    n_layers = len(patterns) + (skip is not None)
    rewired = _of_layers(network, "rewired_by_layer", n_layers).mean(axis=0)
    explored = _of_layers(network, "explored_by_layer", n_layers)[-1]
    layers = list(zip(patterns, alive[:-1], alive[1:], strict=True))
    if skip is not None:
        layers.append((skip, alive[0], alive[-1]))
    return NetworkSummary(
        [
            _summarise_layer(*layer, *figures)
            for layer, *figures in zip(layers, explored, rewired, strict=True)
        ]
    )


def _of_layers(network, name, n_layers):
    """What the history says of each layer, epoch by epoch, if it says anything."""
    known = [row for row in network.history_.get(name, ()) if row is not None]
    return np.array(known or [[np.nan] * n_layers], float)


def _summarise_layer(pattern, alive_in, alive_out, explored, rewired):
    n_in, n_out = pattern.shape
    in_degrees = np.bincount(pattern.indices, minlength=n_out)
    out_degrees = np.diff(pattern.indptr)
    return LayerSummary(
        n_in=n_in,
        n_out=n_out,
        connections=pattern.nnz,
        density=pattern.nnz / (n_in * n_out),
        memory=pattern.data.nbytes + pattern.indices.nbytes + pattern.indptr.nbytes,
        dense_memory=4 * n_in * n_out,
        dead_inputs=int(np.sum(~alive_in)),
        dead_outputs=int(np.sum(~alive_out)),
        in_degree_mean=pattern.nnz / n_out,
        in_degree_max=int(in_degrees.max()),
        out_degree_mean=pattern.nnz / n_in,
        out_degree_max=int(out_degrees.max()),
        explored=float(explored),
        rewired_per_epoch=float(rewired),
    )


def _percent(share):
    return "unknown" if np.isnan(share) else f"{100 * share:.3g} %"


def _bytes(n):
    for unit in ("B", "kB", "MB"):
        if n < 1000:
            return f"{n:.3g} {unit}"
        n /= 1000
    return f"{n:,.1f} GB"


def _html_row(tag, cells):
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"


# Headings of the printed table, and what stands below them.
COLUMNS = {
    "layer": lambda number, layer: f"{number}",
    "shape": lambda number, layer: f"{layer.n_in} x {layer.n_out}",
    "connections": lambda number, layer: f"{layer.connections:,}",
    "density": lambda number, layer: _percent(layer.density),
    "memory": lambda number, layer: _bytes(layer.memory),
    "dense": lambda number, layer: _bytes(layer.dense_memory),
    "dead in/out": lambda number, layer: f"{layer.dead_inputs}/{layer.dead_outputs}",
    "in-degree": lambda number, layer: f"{layer.in_degree_mean:.1f}, max {layer.in_degree_max}",
    "out-degree": lambda number, layer: f"{layer.out_degree_mean:.1f}, max {layer.out_degree_max}",
    "explored": lambda number, layer: _percent(layer.explored),
    "rewired/epoch": lambda number, layer: f"{layer.rewired_per_epoch:,.0f}",
}
