"""How training went, epoch by epoch."""

import numpy as np

from ..inspection._networks import network_of
from ._style import BLUE, COLORS, GREEN, GREY, PURPLE, VERMILLION, import_pyplot

# What each panel shows: label of the axis, and its curves (name in the history, label, colour).
PANELS = {
    "loss": ("loss", [("loss", "training", BLUE), ("validation_loss", "validation", VERMILLION)]),
    "validation_score": ("validation score", [("validation_score", "validation", GREEN)]),
    "learning_rate": ("learning rate", [("learning_rate", "learning rate", PURPLE)]),
    "connections_rewired": ("rewired so far", [("connections_rewired", "all layers", GREY)]),
    "explored_by_layer": ("cells explored", []),
}
# A loss that falls by more than this is drawn on a logarithmic scale.
LINEAR_UP_TO = 100
# What panels show of each layer, beside the curves above.
OF_LAYERS = {"connections_rewired": "rewired_by_layer", "explored_by_layer": "explored_by_layer"}


class TrainingHistoryDisplay:
    """Curves of a training run, one panel below the other.

    Use :meth:`from_estimator` to make one.

    Parameters
    ----------
    history : dict of list
        What happened in each epoch: a classifier's ``history_``.
    best_epoch : int, default=None
        The epoch, counted from 1, that early stopping went back to; None: the last one.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The first panel.
    axes_ : dict of matplotlib Axes
        All panels by their names.
    figure_ : matplotlib Figure
        The figure around them.
    lines_ : dict of matplotlib Line2D or list of matplotlib Line2D
        The curves by their names in the history; a list where there is one for each layer.

    See Also
    --------
    TopologyDisplay : Where the connections are.

    Examples
    --------
    >>> from sksparse_mlp import TrulySparseMLPClassifier
    >>> from sksparse_mlp.datasets import make_microarray
    >>> from sksparse_mlp.plotting import TrainingHistoryDisplay
    >>> X, y = make_microarray(n_samples=60, n_features=500, random_state=0)
    >>> model = TrulySparseMLPClassifier(
    ...     100, epsilon=5, learning_rate="cosine", max_iter=5, random_state=0
    ... )
    >>> display = TrainingHistoryDisplay.from_estimator(model.fit(X, y))
    >>> sorted(display.axes_)
    ['connections_rewired', 'explored_by_layer', 'learning_rate', 'loss']
    """

    def __init__(self, history, *, best_epoch=None):
        self.history = history
        self.best_epoch = best_epoch

    @classmethod
    def from_estimator(cls, est, *, panels=None, ax=None):
        """Draw the training history of a fitted network.

        Parameters
        ----------
        est : estimator
            A fitted sparse network, or a pipeline, search or selector that ends in one.
        panels : sequence of str, default=None
            As in :meth:`plot`.
        ax : matplotlib Axes or sequence of Axes, default=None
            As in :meth:`plot`.

        Returns
        -------
        TrainingHistoryDisplay
            The display, drawn.
        """
        network = network_of(est)
        return cls(network.history_, best_epoch=getattr(network, "best_epoch_", None)).plot(
            panels=panels, ax=ax
        )

    def plot(self, *, panels=None, ax=None):
        """Draw the curves.

        Parameters
        ----------
        panels : sequence of str, default=None
            Of "loss" (training and, where there is one, validation; on a logarithmic scale where
            it falls to less than a hundredth), "validation_score", "learning_rate",
            "connections_rewired" (since the first epoch) and "explored_by_layer" (share of all
            possible connections that have been tried); None: all that the history has, or "loss"
            alone on one given Axes.
        ax : matplotlib Axes or sequence of Axes, default=None
            Where to draw, one for each panel; None: on a new figure.

        Returns
        -------
        TrainingHistoryDisplay
            The display itself.
        """
        plt = import_pyplot("TrainingHistoryDisplay")
        known = [name for name in PANELS if name in self.history]
        if panels is None:
            panels = known if ax is None or np.size(ax) > 1 else ["loss"]
        if not panels or set(panels) - set(known):
            raise ValueError(f"panels={panels!r} must be some of {known}, which the history has.")
        if ax is None:
            heights = [2 if name == "loss" else 1 for name in panels]
            _, ax = plt.subplots(
                len(panels),
                figsize=(6.4, 0.6 + 1.3 * sum(heights)),
                height_ratios=heights,
                sharex=True,
                squeeze=False,
                layout="constrained",
            )
        axes = np.ravel(ax)
        if axes.size != len(panels):
            raise ValueError(f"ax must be one Axes for each of {panels}; got {axes.size}.")
        self.axes_ = dict(zip(panels, axes, strict=True))
        self.ax_, self.figure_, self.lines_ = axes[0], axes[0].figure, {}
        for name, panel in self.axes_.items():
            self._draw_panel(name, panel)
        axes[-1].set_xlabel("epoch")
        self.figure_.align_ylabels(axes)
        return self

    def _draw_panel(self, panel, ax):
        label, curves = PANELS[panel]
        for name, curve_label, color in curves:
            if name in self.history:
                values = np.array(self.history[name], float)  # None, of which nothing is known: NaN
                if name == "connections_rewired":
                    values = values.cumsum()
                self.lines_[name] = _draw_curve(ax, values, curve_label, color)
        if panel == "loss" and _is_wide([line.get_ydata() for line in ax.lines]):
            ax.set_yscale("log")
        if OF_LAYERS.get(panel) in self.history:
            self._draw_layers(ax, OF_LAYERS[panel])
        if panel in OF_LAYERS and len(ax.lines) > 1:
            ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small", frameon=False)
        if self.best_epoch is not None:
            ax.axvline(self.best_epoch, color=GREY, linestyle=":", label="best epoch", zorder=0)
        if ax is self.ax_ and panel not in OF_LAYERS and len(ax.lines) > 1:
            ax.legend()
        ax.set_ylabel(label)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.margins(x=0.02)

    def _draw_layers(self, ax, name):
        """A curve for each layer that is not full; moved connections add up, if layers differ."""
        known = [row for row in self.history[name] if row is not None]
        values, first = np.array(known, float).T, len(self.history[name]) - len(known) + 1
        if name == "rewired_by_layer":
            layers = [(i, moved.cumsum()) for i, moved in enumerate(values) if moved.any()]
            layers = layers if len(layers) > 1 else []
        else:
            layers = [(i, share) for i, share in enumerate(values) if share[0] < 1]
            ax.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.4g} %")
        self.lines_[name] = [
            _draw_curve(ax, values, f"layer {i}", COLORS[i % len(COLORS)], first)
            for i, values in layers
        ]


def _is_wide(curves):
    values = np.concatenate(curves)
    return np.nanmax(values) > LINEAR_UP_TO * np.nanmin(values) > 0


def _draw_curve(ax, values, label, color, first=1):
    epochs = np.arange(first, first + values.size)
    marker = "o" if values.size == 1 else None  # no line can be seen through a single point
    (line,) = ax.plot(epochs, values, label=label, color=color, marker=marker)
    return line
