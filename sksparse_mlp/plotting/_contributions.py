"""What single predictions are made of: bars of one sample, swarms of dots of several."""

import numpy as np
from scipy.sparse import issparse
from sklearn.base import is_regressor
from sklearn.utils.validation import check_array

from ..inspection import contributions as contributions_of
from ..inspection._networks import feature_names_of
from ._style import BLUE, GREY, VERMILLION, axes_to_draw_on, check_n_features

# Dots of a feature that lie within this share of the width of the picture are stacked.
BIN = 1 / 80
# How far from its line, and from its neighbour in a stack, a dot may be; lines are 1 apart.
FARTHEST, STEP = 0.38, 0.09


class ContributionDisplay:
    """The inputs that contribute most: bars for one sample, a dot for each of several.

    Bars are blue where an input speaks for the class, or for a larger number or risk, and red where
    it speaks against it. Dots show by their place the contribution, and by their colour the value
    of the input, from its lowest (blue) to its highest (red) among the samples.

    Use :meth:`from_estimator` to make one.

    Parameters
    ----------
    contributions : ndarray of shape (n_samples, n_features)
        What each input contributes to an output.
    X : {ndarray, sparse array} of shape (n_samples, n_features)
        The samples.
    feature_names : ndarray of str of shape (n_features,)
        The names of the features.
    output_name : str
        What they contribute to, for the axis, such as ``"the logit of class ALL"``.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where the bars or dots are.
    figure_ : matplotlib Figure
        The figure around them.
    features_ : ndarray of shape (n_shown,)
        Numbers of the features that are shown, from the top.
    bars_ : matplotlib BarContainer or None
        The contributions of a single sample, the largest on top; None if there are several.
    dots_ : matplotlib PathCollection or None
        The samples, feature by feature; None if there is only one.

    See Also
    --------
    sksparse_mlp.inspection.contributions : The numbers.
    FeatureImportanceDisplay : Importances of the inputs over all samples.

    Examples
    --------
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sksparse_mlp import TrulySparseMLPClassifier
    >>> from sksparse_mlp.datasets import make_microarray
    >>> from sksparse_mlp.plotting import ContributionDisplay
    >>> X, y = make_microarray(n_samples=60, n_features=500, random_state=0, return_X_y=True)
    >>> X = StandardScaler().fit_transform(X)
    >>> model = TrulySparseMLPClassifier(100, random_state=0).fit(X, y)
    >>> display = ContributionDisplay.from_estimator(model, X[:1], n_features=10)
    >>> len(display.bars_)
    10
    >>> display = ContributionDisplay.from_estimator(model, X, n_features=10)
    >>> len(display.dots_.get_offsets())
    600
    """

    def __init__(self, contributions, X, feature_names, output_name):
        self.contributions = contributions
        self.X = X
        self.feature_names = feature_names
        self.output_name = output_name

    @classmethod
    def from_estimator(
        cls, est, X, *, class_of_interest=None, feature_names=None, n_features=20, ax=None
    ):
        """Draw what the inputs contribute to a prediction, or to several.

        Parameters
        ----------
        est : TrulySparseMLPClassifier, TrulySparseMLPRegressor or TrulySparseMLPSurvival
            A fitted network; of a pipeline its last step.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples to explain, as the network gets them: scaled, where it was fitted with
            scaled ones. Of a single one, such as ``X[:1]``, bars are drawn.
        class_of_interest : label, default=None
            Of a classifier, whose logit; None: of two classes ``classes_[1]``, of more the class
            that is predicted of each sample.
        feature_names : array-like of str of shape (n_features,), default=None
            Names of the features; None: those seen in fit, or else ``x0``, ``x1``, ...
        n_features : int, default=20
            How many features to draw: those whose contributions are largest in the mean of their
            magnitudes.
        ax : matplotlib Axes, default=None
            Where to draw; None: on a new figure.

        Returns
        -------
        ContributionDisplay
            The display, drawn.
        """
        found, output_name = _of_output(est, X, class_of_interest)
        X = check_array(X, accept_sparse="csr")
        display = cls(found, X, feature_names_of(est, feature_names), output_name)
        return display.plot(n_features=n_features, ax=ax)

    def plot(self, *, n_features=20, ax=None):
        """Draw the features that contribute most.

        Parameters
        ----------
        n_features : int, default=20
            How many features to draw.
        ax : matplotlib Axes, default=None
            Where to draw; None: on a new figure.

        Returns
        -------
        ContributionDisplay
            The display itself.
        """
        check_n_features(n_features)
        size = abs(self.contributions).mean(axis=0)
        top = self.features_ = np.argsort(-size, kind="stable")[:n_features]
        ax = axes_to_draw_on(ax, "ContributionDisplay", figsize=(6.4, 1.0 + 0.24 * top.size))
        self.ax_, self.figure_, self.bars_, self.dots_ = ax, ax.figure, None, None
        shown = self.contributions[:, top]
        if len(shown) == 1:
            colors = np.where(shown[0] < 0, VERMILLION, BLUE)
            self.bars_ = ax.barh(np.arange(top.size), shown[0], color=colors, height=0.7)
        else:
            self._draw_dots(shown)
        ax.axvline(0.0, color=GREY, linewidth=0.8, zorder=0)
        ax.set_yticks(np.arange(top.size), self.feature_names[top], parse_math=False)
        ax.set_ylim(top.size - 0.4, -0.6)
        ax.set_xlabel(f"contribution to {self.output_name}", parse_math=False)
        ax.locator_params(axis="x", nbins=6)
        return self

    def _draw_dots(self, shown):
        """A dot for each sample and feature, and what the colours mean."""
        from matplotlib.colors import LinearSegmentedColormap

        values = self.X[:, self.features_]
        values = np.asarray(values.toarray() if issparse(values) else values, float)
        low, high = values.min(axis=0), values.max(axis=0)
        relative = (values - low) / np.where(high > low, high - low, 1.0)
        width = np.ptp(shown) or 1.0
        place = np.stack([i + _stacked(c, BIN * width) for i, c in enumerate(shown.T)])
        self.dots_ = self.ax_.scatter(
            shown.T.ravel(),
            place.ravel(),
            c=relative.T.ravel(),
            cmap=LinearSegmentedColormap.from_list("low to high", [BLUE, VERMILLION]),
            vmin=0.0,
            vmax=1.0,
            s=12,
            linewidth=0,
            alpha=0.8,
        )
        bar = self.figure_.colorbar(self.dots_, ax=self.ax_, ticks=[0, 1], aspect=40)
        bar.ax.set_yticklabels(["low", "high"])
        bar.set_label("value of the input", labelpad=-8)


def _of_output(est, X, class_of_interest):
    """Contributions to a logit or a prediction, and what to call it."""
    if class_of_interest is not None:
        found = contributions_of(est, X, classes=class_of_interest)
        return found, f"the logit of class {class_of_interest}"
    classes = getattr(est, "classes_", ())
    predicted = est.predict(X) if len(classes) > 2 else None
    if np.ndim(predicted) == 1:
        name = "the predicted class" if len(predicted) > 1 else f"class {predicted[0]}"
        return _of_classes(est, X, predicted), f"the logit of {name}"
    found = contributions_of(est, X)
    if found.ndim == 2:
        return found, f"the logit of class {classes[1]}" if len(classes) else _name_of_number(est)
    raise ValueError(
        f"class_of_interest=None leaves open which of {found.shape[2]} outputs to show. For "
        "several labels a sample, give one of them; of several targets, draw ContributionDisplay("
        "contributions(est, X)[..., i], X, feature_names, name).plot()."
    )


def _name_of_number(est):
    """What the only output of a network without classes is called."""
    return "the prediction" if is_regressor(est) else "the log hazard ratio"


def _of_classes(est, X, classes):
    """Contributions to the logit of another class for each sample."""
    rows = X.iloc if hasattr(X, "iloc") else check_array(X, accept_sparse="csr")
    found = np.empty((len(classes), est.n_features_in_), np.float32)
    for label in np.unique(classes):
        members = np.flatnonzero(classes == label)
        found[members] = contributions_of(est, rows[members], classes=label)
    return found


def _stacked(values, width):
    """How far from its line each dot of a swarm is: neighbours are stacked to either side."""
    bins = np.floor(values / width).astype(np.int64)
    order = np.argsort(bins, kind="stable")
    _, first, inverse, counts = np.unique(
        bins[order], return_index=True, return_inverse=True, return_counts=True
    )
    rank = np.arange(values.size) - first[inverse]
    step = np.minimum(STEP, 2 * FARTHEST / np.maximum(1, counts - 1))
    offsets = np.empty(values.size)
    offsets[order] = (rank - (counts[inverse] - 1) / 2) * step[inverse]
    return offsets
