"""The pictures of :class:`TopologyDisplay`: each draws on an Axes and returns its colour bar."""

import numpy as np
from scipy.stats import hypergeom

from ._style import BLUE, COLORS, GREY

# Blocks along a side of a layer, and connections that a block should hold on average to be drawn.
MAX_BLOCKS, CONNECTIONS_PER_BLOCK = 40, 16
# Densities this many times lower or higher than the layer's have the darkest colours.
CONTRAST = 4.0
# Rows of the picture of an evolution: more features than that are averaged.
MAX_ROWS = 120


def draw_profile(ax, degrees, n_out):
    """Connections of each input in decreasing order, beside those of a random network."""
    rank = np.arange(1, degrees.size + 1)
    random = expected_profile(degrees.size, degrees.sum(), n_out)
    ax.plot(rank, random, color=GREY, linestyle="--", label="random connections")
    ax.plot(rank, np.sort(degrees)[::-1], color=BLUE, label="this network")
    ax.set_xlabel("inputs, most connected first")
    ax.set_ylabel("connections of an input")
    ax.set_ylim(bottom=0)
    ax.legend()


def expected_profile(n_in, n_connections, n_out):
    """Quantiles of an input's connections if they are drawn uniformly, in decreasing order."""
    law = hypergeom(n_in * n_out, n_connections, n_out)
    distribution = law.cdf(np.arange(n_out + 1))
    quantiles = 1.0 - (np.arange(n_in) + 0.5) / n_in
    return np.searchsorted(distribution, quantiles).clip(max=n_out)


def draw_image(ax, degrees):
    """Connections of each pixel."""
    image = ax.imshow(degrees, cmap="viridis", vmin=0)
    ax.set_xticks([])
    ax.set_yticks([])
    return ax.figure.colorbar(image, ax=ax, label="connections of a pixel")


def draw_evolution(ax, history, epochs):
    """Connections of the inputs in time, those most connected in the end on top."""
    order = np.argsort(-history[-1], kind="stable")
    n_rows = min(MAX_ROWS, order.size)
    rows = np.array([history[:, part].mean(axis=1) for part in np.array_split(order, n_rows)])
    middles = (epochs[1:] + epochs[:-1]) / 2
    edges = np.concatenate((epochs[:1], middles, epochs[-1:]))
    mesh = ax.pcolormesh(
        edges, np.linspace(0, order.size, n_rows + 1), rows, cmap="viridis", rasterized=True
    )
    ax.invert_yaxis()
    ax.set_xlabel("epoch")
    ax.set_ylabel("inputs, most connected in the end first")
    return ax.figure.colorbar(mesh, ax=ax, label="connections of an input")


def draw_groups(ax, history, epochs, groups):
    """Mean connections of the inputs of each group in time, and the range of most of them."""
    for i, group in enumerate(np.unique(groups)):
        members, color = history[:, groups == group], COLORS[i % len(COLORS)]
        low, high = np.quantile(members, [0.1, 0.9], axis=1)
        ax.fill_between(epochs, low, high, color=color, alpha=0.2, linewidth=0)
        ax.plot(epochs, members.mean(axis=1), color=color, label=f"{group} ({members.shape[1]})")
    ax.set_xlabel("epoch")
    ax.set_ylabel("connections of an input\n(mean, and the middle 80 %)")
    ax.margins(x=0.02)
    # A group may be called anything: a "$" is a "$", and an underscore hides nothing.
    legend = ax.legend(ax.lines, [line.get_label() for line in ax.lines])
    for text in legend.get_texts():
        text.set_parse_math(False)


def draw_layers(ax, coefs):
    """Density of blocks of cells, each layer beside the next, on one scale."""
    for i, layer in enumerate(coefs):
        image = ax.imshow(
            np.log2(relative_densities(layer)),
            cmap="PuOr_r",
            vmin=-np.log2(CONTRAST),
            vmax=np.log2(CONTRAST),
            extent=(1.15 * i, 1.15 * i + 1, 1, 0),
            interpolation="nearest",
        )
        ax.plot(1.15 * i + np.array([0, 1, 1, 0, 0]), [0, 0, 1, 1, 0], color=GREY, linewidth=0.6)
    ax.set_xlim(-0.02, 1.15 * len(coefs) - 0.13)
    ax.set_ylim(1.02, -0.02)
    n_cells = [layer.shape[0] * layer.shape[1] for layer in coefs]
    titles = [
        f"layer {i}\n{layer.shape[0]} x {layer.shape[1]}, {100 * layer.nnz / n:.3g} %"
        for i, (layer, n) in enumerate(zip(coefs, n_cells, strict=True))
    ]
    ax.set_xticks(1.15 * np.arange(len(coefs)) + 0.5, titles)
    ax.set_yticks([])
    ax.tick_params(length=0)
    ax.set_ylabel("neurons that send, most connected first")
    ax.set_xlabel("neurons that receive, most connected first")
    ax.spines[:].set_visible(False)
    ticks = np.array([-2, -1, 0, 1, 2])
    bar = ax.figure.colorbar(image, ax=ax, ticks=ticks, shrink=0.8)
    bar.set_label("density of a block / density of its layer")
    bar.ax.set_yticklabels(["1/4", "1/2", "1", "2", "4"])
    return bar


def relative_densities(layer):
    """Density of each block of a layer over the layer's, neurons in order of their connections."""
    n_in, n_out = layer.shape
    in_degrees = np.bincount(layer.indices, minlength=n_out)
    n_blocks = int(np.sqrt(layer.nnz / CONNECTIONS_PER_BLOCK))
    rows, row_sizes = _blocks(np.diff(layer.indptr), n_blocks)
    columns, column_sizes = _blocks(in_degrees, n_blocks)
    senders = np.repeat(rows, np.diff(layer.indptr))
    counts = np.zeros((row_sizes.size, column_sizes.size))
    np.add.at(counts, (senders, columns[layer.indices]), 1)
    expected = np.outer(row_sizes, column_sizes) * (layer.nnz / (n_in * n_out))
    return np.clip(counts / expected, 1 / CONTRAST, CONTRAST)


def _blocks(degrees, n_blocks):
    """The block of each neuron, most connected neurons first, and the blocks' sizes."""
    n_blocks = max(1, min(n_blocks, MAX_BLOCKS, degrees.size))
    blocks = np.empty(degrees.size, np.int64)
    blocks[np.argsort(-degrees, kind="stable")] = np.arange(degrees.size) * n_blocks // degrees.size
    return blocks, np.bincount(blocks)


def draw_distributions(ax, coefs):
    """Share of the neurons that have at least n connections, for both ends of each layer.

    In a full layer all have the same: it is left out if there are others.
    """
    layers = list(enumerate(coefs))
    sparse = [(i, layer) for i, layer in layers if layer.nnz < layer.shape[0] * layer.shape[1]]
    for i, layer in sparse or layers:
        color = COLORS[i % len(COLORS)]
        out_degrees = np.diff(layer.indptr)
        in_degrees = np.bincount(layer.indices, minlength=layer.shape[1])
        _draw_survival(ax, out_degrees, color=color, label=f"layer {i}: out of a neuron")
        _draw_survival(
            ax, in_degrees, color=color, linestyle="--", label=f"layer {i}: into a neuron"
        )
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("connections")
    ax.set_ylabel("share of the neurons with at least n")
    ax.legend(fontsize="small")


def _draw_survival(ax, degrees, **line):
    values, counts = np.unique(degrees[degrees > 0], return_counts=True)
    at_least = counts[::-1].cumsum()[::-1] / degrees.size
    ax.step(np.append(values, values[-1]), np.append(at_least, 1 / degrees.size), **line)


def draw_dead_neurons(ax, alive):
    """Share of the neurons of each hidden layer that are on no path, and their number."""
    for number, level in enumerate(alive):
        n_dead = int(np.sum(~level))
        bars = ax.bar(number, n_dead / level.size, width=0.6, color=BLUE)
        ax.bar_label(bars, [f"{n_dead:,} of {level.size:,}"], padding=2)
    ax.set_xticks(range(len(alive)), [f"hidden layer {number}" for number in range(len(alive))])
    ax.set_xlim(-0.6, max(len(alive), 1) - 0.4)
    ax.set_ylim(0, 1.08)
    ax.set_ylabel("share of the neurons that are dead")
