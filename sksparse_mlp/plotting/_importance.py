"""Which inputs matter most."""

import numpy as np

from ..inspection._networks import feature_names_of, importances_of
from ._style import BLUE, axes_to_draw_on, check_n_features


class FeatureImportanceDisplay:
    """Bars of the most important features; with several networks, a dot for each of them.

    Use :meth:`from_estimator` or :meth:`from_importances` to make one.

    Parameters
    ----------
    importances : ndarray of shape (n_members, n_features)
        The importance of each feature in each network.
    feature_names : ndarray of str of shape (n_features,)
        The names of the features.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where the bars are.
    figure_ : matplotlib Figure
        The figure around them.
    bars_ : matplotlib BarContainer
        Means over the networks, the largest on top.
    dots_ : matplotlib PathCollection or None
        The single networks; None if there is only one.

    See Also
    --------
    sksparse_mlp.inspection.importance_table : The same as a table.

    Examples
    --------
    >>> from sksparse_mlp import TrulySparseMLPClassifier
    >>> from sksparse_mlp.datasets import make_microarray
    >>> from sksparse_mlp.plotting import FeatureImportanceDisplay
    >>> X, y = make_microarray(n_samples=60, n_features=500, random_state=0)
    >>> model = TrulySparseMLPClassifier(
    ...     100, epsilon=5, learning_rate="cosine", max_iter=5, random_state=0
    ... )
    >>> display = FeatureImportanceDisplay.from_estimator(model.fit(X, y), n_features=10)
    >>> len(display.bars_)
    10
    """

    def __init__(self, importances, feature_names):
        self.importances = importances
        self.feature_names = feature_names

    @classmethod
    def from_estimator(cls, est, *, feature_names=None, n_features=20, ax=None):
        """Draw the importances of a fitted network, or of several ones.

        Parameters
        ----------
        est : estimator or sequence of estimators
            A fitted sparse network, or a pipeline, search or selector that ends in one; or several
            of them, such as the members of an ensemble or the estimators of a cross-validation.
        feature_names : array-like of str of shape (n_features,), default=None
            Names of the features; None: those seen in fit, or else ``x0``, ``x1``, ...
        n_features : int, default=20
            How many features to draw.
        ax : matplotlib Axes, default=None
            Where to draw; None: on a new figure.

        Returns
        -------
        FeatureImportanceDisplay
            The display, drawn.
        """
        display = cls(importances_of(est)[0], feature_names_of(est, feature_names))
        return display.plot(n_features=n_features, ax=ax)

    @classmethod
    def from_importances(cls, importances, *, feature_names=None, n_features=20, ax=None):
        """Draw importances from elsewhere, such as the scores of a selector.

        Parameters
        ----------
        importances : array-like of shape (n_features,) or (n_members, n_features)
            The importance of each feature.
        feature_names : array-like of str of shape (n_features,), default=None
            Names of the features; None: ``x0``, ``x1``, ...
        n_features : int, default=20
            How many features to draw.
        ax : matplotlib Axes, default=None
            Where to draw; None: on a new figure.

        Returns
        -------
        FeatureImportanceDisplay
            The display, drawn.
        """
        importances = np.atleast_2d(np.asarray(importances, dtype=float))
        width = importances.shape[1]
        names = [f"x{j}" for j in range(width)] if feature_names is None else feature_names
        names = np.asarray(names, dtype=object)
        if names.shape != (width,):
            raise ValueError(
                f"feature_names must hold a name for each of the {width} features; got an array "
                f"of shape {names.shape}."
            )
        return cls(importances, names).plot(n_features=n_features, ax=ax)

    def plot(self, *, n_features=20, ax=None):
        """Draw the features of the largest mean importance.

        Parameters
        ----------
        n_features : int, default=20
            How many features to draw.
        ax : matplotlib Axes, default=None
            Where to draw; None: on a new figure.

        Returns
        -------
        FeatureImportanceDisplay
            The display itself.
        """
        check_n_features(n_features)
        mean = self.importances.mean(axis=0)
        top = np.argsort(-mean, kind="stable")[:n_features]
        place = np.arange(top.size)
        ax = axes_to_draw_on(ax, "FeatureImportanceDisplay", figsize=(6.4, 1.0 + 0.24 * top.size))
        self.ax_, self.figure_, self.dots_ = ax, ax.figure, None
        self.bars_ = ax.barh(place, mean[top], color=BLUE, alpha=0.45, height=0.7)
        n_members = len(self.importances)
        if n_members > 1:
            self.dots_ = ax.scatter(
                self.importances[:, top].ravel(),
                np.tile(place, n_members),
                s=14,
                color=BLUE,
                edgecolor="white",
                linewidth=0.4,
                zorder=3,
                label="one network",
            )
            ax.legend(
                [self.bars_, self.dots_],
                [f"mean of {n_members} networks", "one network"],
                loc="lower right",
                bbox_to_anchor=(1.0, 1.0),
                ncols=2,
                frameon=False,
            )
        ax.set_yticks(place, self.feature_names[top], parse_math=False)  # a "$" is a "$"
        ax.set_ylim(top.size - 0.4, -0.6)
        ax.set_xlabel("importance")
        ax.locator_params(axis="x", nbins=6)
        return self
