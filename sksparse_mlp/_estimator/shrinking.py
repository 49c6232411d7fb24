"""Smaller estimators from fitted ones: dead neurons go, and weak ones if that is wanted."""

from numbers import Real

from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from .._network.compaction import compacted, pruned
from .._network.team import Team
from .compat import Interval

PERCENTILES = Interval(Real, 0, 100, closed="neither")


class Shrinkable:
    """Mixin of estimators whose network can do without some of its neurons."""

    def compact(self):
        """Make a smaller fitted estimator that predicts the same: without dead neurons.

        A hidden neuron that no path of connections leads to from an input puts out a constant,
        which is added to the intercepts behind it; one from which no path leads to an output has
        no effect. Both are left out, with all their connections.

        Returns
        -------
        estimator
            A new one; this one stays as it is. Its ``hidden_layer_sizes`` and ``epsilon`` are those
            of the smaller network, so ``partial_fit`` and warm starts go on with it. What the
            solver remembers goes along; the shares of explored cells are counted anew.

        See Also
        --------
        prune : Leaves out weak neurons, too.
        drop_training_state : Forgets what only further training needs.

        Notes
        -----
        Predictions are the same to the bit where all neurons without a path from an input put out
        0, as with "relu" and intercepts that are not positive, or lead nowhere. Otherwise they
        agree to about six digits: sums are rounded at other places. ``n_features_in_`` does not
        change: an input without connections takes 8 bytes and is still read.
        """
        check_is_fitted(self)
        return self._with_network(compacted)

    def prune(self, percentile=20.0):
        """Make a smaller fitted estimator without the weakest hidden neurons.

        This is importance pruning [1]_. The strength of a hidden neuron is the sum of the
        magnitudes of the weights that enter it. In each hidden layer, the neurons up to a
        percentile of its strengths lose these connections. They then put out a constant and are
        left out as :meth:`compact` does, with all that is dead.

        Parameters
        ----------
        percentile : float, default=20.0
            Greater than 0 and less than 100; 20 prunes the weakest fifth. The strongest neuron of
            a layer always stays.

        Returns
        -------
        estimator
            A new one, with its own predictions; this one stays as it is. Its
            ``hidden_layer_sizes`` and ``epsilon`` are those of the smaller network.

        See Also
        --------
        compact : Leaves out only what has no effect.

        Notes
        -----
        In [1]_, neurons are pruned now and then while the network is trained, as ``fit`` does with
        ``neuron_pruning="importance"``. Or call ``prune`` and ``partial_fit`` in turn: memory and
        time fall each time, and ``history_`` says how many connections were left in each epoch.
        Figures of the fit, such as ``feature_importances_``, are those of the network before until
        it is trained again.

        References
        ----------
        .. [1] S. Liu et al., "On improving deep learning generalization with adaptive sparse
           connectivity", arXiv 1906.11626 (2019).
        """
        check_is_fitted(self)
        if isinstance(percentile, bool) or not PERCENTILES.is_satisfied_by(percentile):
            raise ValueError(
                f"percentile must be a number greater than 0 and less than 100; got {percentile!r}."
            )
        return self._with_network(pruned, float(percentile))

    def _with_network(self, make, *how):
        """A copy with the network that ``make`` makes of this one, and parameters to match."""
        twin = self._twin()
        network = twin._network
        with Team(1) as team:
            twin._network = make(network, *how, team)
        smaller = clone(self)
        smaller._publish(twin)
        sizes = twin._network.widths, twin._network.n_connections
        if sizes != (network.widths, network.n_connections):
            smaller.set_params(**_description(twin._network, smaller.get_params(deep=False)))
        return smaller


def _description(network, parameters):
    """Values of parameters that describe the sizes of a network; only of those that exist."""
    layers = zip(network.n_connections, network.shapes, strict=True)
    values = {
        "hidden_layer_sizes": network.widths[1:-1],
        "epsilon": tuple(n / (n_in + n_out) for n, (n_in, n_out) in layers),
        "density": None,
        "layer_density": "erdos_renyi",
    }
    return {name: value for name, value in values.items() if name in parameters}
