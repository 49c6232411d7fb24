"""How training went, epoch by epoch."""

import numpy as np

from sksparse_mlp.inspection._networks import network_of

from ._style import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILLION, import_pyplot

# What each panel shows: label of the axis, and its curves (name in the history, label, colour).
PANELS = {
    "loss": ("loss", [("loss", "training", BLUE), ("validation_loss", "validation", VERMILLION)]),
    "validation_score": ("validation score", [("validation_score", "validation", GREEN)]),
    "learning_rate": ("learning rate", [("learning_rate", "learning rate", PURPLE)]),
    "connections_rewired": ("rewired so far", [("connections_rewired", "connections", ORANGE)]),
}


class TrainingHistoryDisplay:
    """Curves of a training run, one panel below the other.

    Use :meth:`from_estimator` to make one.

    Parameters
    ----------
    history : dict of list
        What happened in each epoch: a classifier's `history_`.
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
    lines_ : dict of matplotlib Line2D
        The curves by their names in the history.

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
    ['connections_rewired', 'learning_rate', 'loss']
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
        return cls(network.history_, best_epoch=_best_epoch(network)).plot(panels=panels, ax=ax)

    def plot(self, *, panels=None, ax=None):
        """Draw the curves.

        Parameters
        ----------
        panels : sequence of str, default=None
            Of "loss" (training and, where there is one, validation), "validation_score",
            "learning_rate" and "connections_rewired" (since the first epoch); None: all that the
            history has, or "loss" alone on one given Axes.
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
            self._draw_panel(panel, *PANELS[name])
        axes[-1].set_xlabel("epoch")
        self.figure_.align_ylabels(axes)
        return self

    def _draw_panel(self, ax, label, curves):
        for name, curve_label, color in curves:
            if name in self.history:
                values = np.asarray(self.history[name])
                if name == "connections_rewired":
                    values = values.cumsum()
                epochs = np.arange(1, values.size + 1)
                (self.lines_[name],) = ax.plot(epochs, values, label=curve_label, color=color)
        if self.best_epoch is not None:
            ax.axvline(self.best_epoch, color=GREY, linestyle=":", label="best epoch", zorder=0)
        if len(ax.lines) > 1 and ax is self.ax_:
            ax.legend()
        ax.set_ylabel(label)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.margins(x=0.02)


def _best_epoch(network):
    """The epoch that early stopping went back to, if it was on."""
    if not getattr(network, "early_stopping", False):
        return None
    if network.scoring is None:
        return 1 + int(np.argmin(network.history_["validation_loss"]))
    return 1 + int(np.argmax(network.history_["validation_score"]))
