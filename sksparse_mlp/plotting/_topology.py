"""Where the connections are: on which inputs, between which neurons, how unevenly."""

from numbers import Integral

import numpy as np

from ..inspection._networks import levels_on_a_path, network_of, pattern_of
from . import _topology_pictures as pictures
from ._style import axes_to_draw_on

KINDS = ("input_degree", "evolution", "layers", "degree_distribution", "dead_neurons")


class TopologyDisplay:
    """Pictures of a network's connections.

    Use :meth:`from_estimator` to make one. There are five kinds:

    - "input_degree": connections of each input, sorted, beside what random connections would give;
      with ``image_shape``, as a picture of the inputs;
    - "evolution": connections of each input in the course of the training, which takes snapshots;
      with ``groups``, the mean and the range of each group of inputs;
    - "layers": density of blocks of cells, relative to the layer's;
    - "degree_distribution": share of the neurons that have at least n connections;
    - "dead_neurons": share of the neurons of each hidden layer on no path of connections from an
      input to an output: what an estimator's ``compact`` leaves out.

    Parameters
    ----------
    coefs : list of csr_array
        Connections of each layer, shape (n_in, n_out): a classifier's ``coefs_``.
    degree_history : array-like of shape (n_snapshots, n_features), default=None
        Connections of each input at several times, for the kind "evolution" only: the degrees of
        an :class:`~sksparse_mlp.inspection.InputDegreeRecorder`, or rows of
        ``np.diff(est.coefs_[0].indptr)`` taken between calls of ``partial_fit``.
    epochs : array-like of shape (n_snapshots,), default=None
        When these were taken, increasing; None: 0, 1, ...

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where the picture is.
    figure_ : matplotlib Figure
        The figure around it.
    colorbar_ : matplotlib Colorbar or None
        What the colours mean, where they mean something.

    See Also
    --------
    sksparse_mlp.inspection.summary : The same in numbers.

    Examples
    --------
    >>> from sksparse_mlp import TrulySparseMLPClassifier
    >>> from sksparse_mlp.datasets import make_microarray
    >>> from sksparse_mlp.plotting import TopologyDisplay
    >>> X, y = make_microarray(n_samples=60, n_features=500, random_state=0)
    >>> model = TrulySparseMLPClassifier(
    ...     100, epsilon=5, learning_rate="cosine", max_iter=5, random_state=0
    ... )
    >>> display = TopologyDisplay.from_estimator(model.fit(X, y), kind="layers")
    >>> display.colorbar_.ax.get_ylabel()
    'density of a block / density of its layer'
    """

    def __init__(self, coefs, *, degree_history=None, epochs=None):
        self.coefs = coefs
        self.degree_history = degree_history
        self.epochs = epochs

    @classmethod
    def from_estimator(
        cls,
        est,
        *,
        kind="input_degree",
        image_shape=None,
        degree_history=None,
        epochs=None,
        groups=None,
        ax=None,
    ):
        """Draw the connections of a fitted network.

        Parameters
        ----------
        est : estimator
            A fitted sparse network, or a pipeline, search or selector that ends in one.
        kind : {"input_degree", "evolution", "layers", "degree_distribution", \
                "dead_neurons"}, default="input_degree"
            What to draw.
        image_shape : tuple of two ints, default=None
            As in :meth:`plot`.
        degree_history : array-like of shape (n_snapshots, n_features), default=None
            Connections of each input at several times, for the kind "evolution" only: the degrees
            of an :class:`~sksparse_mlp.inspection.InputDegreeRecorder`, or rows of
            ``np.diff(est.coefs_[0].indptr)`` taken between calls of ``partial_fit``.
        epochs : array-like of shape (n_snapshots,), default=None
            When these were taken, increasing; None: 0, 1, ...
        groups : array-like of shape (n_features,), default=None
            As in :meth:`plot`.
        ax : matplotlib Axes, default=None
            Where to draw; None: on a new figure.

        Returns
        -------
        TopologyDisplay
            The display, drawn.
        """
        display = cls(network_of(est).coefs_, degree_history=degree_history, epochs=epochs)
        return display.plot(kind, image_shape=image_shape, groups=groups, ax=ax)

    def plot(self, kind="input_degree", *, image_shape=None, groups=None, ax=None):
        """Draw one of the pictures.

        Parameters
        ----------
        kind : {"input_degree", "evolution", "layers", "degree_distribution", \
                "dead_neurons"}, default="input_degree"
            What to draw.
        image_shape : tuple of two ints, default=None
            Height and width of inputs that are the pixels of an image, row by row; for the kind
            "input_degree" only.
        groups : array-like of shape (n_features,), default=None
            A label for each input, to compare the groups of equal labels; for the kind "evolution"
            only.
        ax : matplotlib Axes, default=None
            Where to draw; None: on a new figure.

        Returns
        -------
        TopologyDisplay
            The display itself.
        """
        if kind not in KINDS:
            raise ValueError(f"kind={kind!r} must be one of {KINDS}.")
        draw = getattr(self, f"_draw_{kind}")(image_shape, groups)
        size = (1.6 + 3.0 * len(self.coefs), 4.2) if kind == "layers" else (6.4, 4.2)
        ax = axes_to_draw_on(ax, "TopologyDisplay", figsize=size)
        self.ax_, self.figure_ = ax, ax.figure
        self.colorbar_ = draw(ax)
        return self

    # What each kind shows, checked before a figure is made: a function of the Axes.

    def _draw_input_degree(self, image_shape, groups):
        degrees = np.diff(self.coefs[0].indptr)
        if image_shape is None:
            return lambda ax: pictures.draw_profile(ax, degrees, self.coefs[0].shape[1])
        if not _are_sides(image_shape, degrees.size):
            raise ValueError(
                f"image_shape={image_shape!r} must be two positive ints of the product "
                f"{degrees.size}, the number of inputs."
            )
        return lambda ax: pictures.draw_image(ax, degrees.reshape(image_shape))

    def _draw_evolution(self, image_shape, groups):
        n_features = self.coefs[0].shape[0]
        if self.degree_history is None:
            raise ValueError(
                'kind="evolution" needs degree_history: the rows np.diff(est.coefs_[0].indptr) at '
                "several times, taken between calls of partial_fit, or the degrees of an "
                "inspection.InputDegreeRecorder that was a callback of fit."
            )
        history = np.asarray(self.degree_history)
        if history.ndim != 2 or history.shape[1] != n_features or len(history) < 2:
            raise ValueError(
                f"degree_history must have the shape (n_snapshots, {n_features}) with two or more "
                f"snapshots; got {history.shape}."
            )
        epochs = np.arange(len(history)) if self.epochs is None else np.asarray(self.epochs)
        if epochs.shape != (len(history),):
            raise ValueError(
                f"epochs must hold one number for each of the {len(history)} rows of "
                f"degree_history; got an array of shape {epochs.shape}."
            )
        if not (epochs[1:] > epochs[:-1]).all():
            raise ValueError(f"epochs must increase; got {epochs.tolist()}.")
        if groups is None:
            return lambda ax: pictures.draw_evolution(ax, history, epochs)
        groups = np.asarray(groups)
        if groups.shape != (n_features,):
            raise ValueError(
                f"groups must hold one label for each of the {n_features} inputs; got an array of "
                f"shape {groups.shape}."
            )
        return lambda ax: pictures.draw_groups(ax, history, epochs, groups)

    def _draw_layers(self, image_shape, groups):
        return lambda ax: pictures.draw_layers(ax, self.coefs)

    def _draw_degree_distribution(self, image_shape, groups):
        return lambda ax: pictures.draw_distributions(ax, self.coefs)

    def _draw_dead_neurons(self, image_shape, groups):
        alive = levels_on_a_path([pattern_of(weights) for weights in self.coefs])
        return lambda ax: pictures.draw_dead_neurons(ax, alive[1:-1])


def _are_sides(shape, size):
    whole = np.shape(shape) == (2,) and all(isinstance(side, Integral) for side in shape)
    return whole and min(shape) > 0 and np.prod(shape) == size
