"""What each input by itself says of the targets: where guided growth looks for connections.

The score of an input is the ratio of the variation that the targets explain to the rest of it. With
classes that is the one-way analysis of variance's ``SSB / SSW``, its F statistic but for a
constant; with numbers ``r^2 / (1 - r^2)``, r being the correlation, squares in the mean over the
outputs. One pass over X, a block of samples at a time.
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from .._network.x_view import dense_block

# A block of samples holds about this many numbers.
BLOCK = 2**21
# Variation that is not explained counts at least as this share of the whole: separations so clear
# that few samples cannot tell them from perfect ones are all the same.
LEAST_WITHIN = 1e-3
# Connections grow in proportion to this power of the separation.
POWER = 1.5
# Some connections are always laid at random: the inputs that differ may have no room for all.
MOST_GUIDANCE = 0.99
# Of a typical spread: squares of gradients below would be flushed, squares above overflow.
LEAST_EXPONENT, MOST_EXPONENT = -30, 50
# Inputs that vary less have weights beyond float32: they are left out.
LEAST_SPREAD = 1e-30


class InputMoments(NamedTuple):
    """Weighted moments of each input, float64 [n_features] each."""

    mean: np.ndarray
    variance: np.ndarray
    between: np.ndarray  # the part of the variance that the targets explain

    def separation(self):
        """The explained part by the rest; zero for constant inputs."""
        return separation_of(self.between, self.variance)

    def inverse_spread(self, of_constant):
        """One over the standard deviation; another number for inputs that do not vary."""
        spread = np.sqrt(self.variance)
        inverse = np.full_like(spread, of_constant)
        return np.divide(1, spread, out=inverse, where=spread > LEAST_SPREAD)


def separation_of(between, variance):
    """The explained part of variances by the rest, zero where there is none."""
    within = np.maximum(variance - between, LEAST_WITHIN * variance)
    return np.divide(between, within, where=within > 0, out=np.zeros_like(within))


def input_moments(data):
    """The moments of the inputs of a training.

    Parameters
    ----------
    data : TrainingData

    Returns
    -------
    InputMoments
    """
    X, samples = data.X, data.samples
    weight = data.sample_weight[samples].astype(np.float64)
    weight /= weight.sum()
    contrasts = contrasts_with_targets(data.targets[samples], weight)
    n_features = X.shape[1]
    origin, sums, squares = np.zeros(n_features), np.zeros(n_features), np.zeros(n_features)
    explained = np.zeros((contrasts.shape[0], n_features))
    step = max(1, BLOCK // n_features)
    for start in range(0, samples.size, step):
        part = slice(start, start + step)
        block = dense_block(X[samples[part]])
        if start == 0:
            # Numbers far from zero lose their digits when squared: measure from one sample.
            origin = block[0].copy()
        block -= origin
        sums += weighted_sum(weight[part], block)
        explained += contrasts[:, part] @ block
        block *= block
        squares += weighted_sum(weight[part], block)
    between = (explained**2).sum(axis=0)
    if data.targets.ndim == 1:
        between -= sums**2  # indicators of classes, whose mean is not taken away
    else:
        between /= data.targets.shape[1]
    variance = np.maximum(squares - sums**2, 0)
    # What is left of a constant input is rounding.
    variance[variance < 1e-12 * squares] = 0
    between[between < 1e-12 * squares] = 0
    return InputMoments(origin + sums, variance, np.clip(between, 0, variance))


def weighted_sum(weight, rows):
    """The sum of weighted rows; that of BLAS depends on the number of its threads."""
    return np.einsum("i,ij->j", weight, rows)


def contrasts_with_targets(targets, weight):
    """Weighted rows of length one to project the inputs on: CSR [n_contrasts, n_samples].

    The indicators of the classes, or the standardised numbers of each output.
    """
    if targets.ndim == 1:
        shares = np.bincount(targets, weight)
        values = weight / np.sqrt(shares[targets])
        return sparse.csr_array(
            (values, (targets, np.arange(targets.size))), shape=(shares.size, targets.size)
        )
    values = targets.astype(np.float64)
    values -= (weight[:, None] * values).sum(axis=0)
    spread = np.sqrt((weight[:, None] * values**2).sum(axis=0))
    values *= np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > LEAST_SPREAD)
    return sparse.csr_array(values.T * weight)


def noise_spreads(moments, typical):
    """How large noise is by input: as its standard deviation, at most the typical one; float32.

    More than that would drown the others in the noise of those that vary most. And the typical one
    where they are constant: what they have never shown must not count when it comes.
    """
    spread = np.sqrt(moments.variance)
    return np.where(spread > 0, np.minimum(spread, typical), typical).astype(np.float32)


def typical_spread(moments):
    """About the standard deviation of the inputs that vary, its root mean square; 1.0 if none does.

    It is what the sums that neurons make of inputs vary by. A power of two: of standardised inputs
    it is one in whatever part of them is looked at.
    """
    varies = moments.variance > 0
    if not varies.any():
        return 1.0
    exponent = np.rint(np.log2(moments.variance[varies].mean()) / 2)
    return float(2.0 ** np.clip(exponent, LEAST_EXPONENT, MOST_EXPONENT))


def growth_preferences(separation, guidance):
    """How much growth prefers each input, mean one, float32.

    Parameters
    ----------
    separation : ndarray of float64, shape (n_features,)
    guidance : float
        The share of the connections that follow the separation; the others are uniform.
    """
    guidance, scores = min(guidance, MOST_GUIDANCE), separation**POWER
    mean = scores.mean()
    if not mean > 0:
        return np.ones(scores.size, np.float32)
    return np.float32(1.0 - guidance) + (guidance * scores / mean).astype(np.float32)


def input_scale(moments):
    """What a linear model's penalty sees the inputs multiplied by, zero for those that do not vary.

    ``r / sd`` with ``r^2 = 1 + q^2 / mean(q^2)``, q being the separation: the penalty falls on
    inputs that say little.
    """
    separation = moments.separation()
    size = max(np.sqrt(np.mean(separation**2)), np.finfo(np.float64).tiny)
    spread = np.sqrt(moments.variance)
    emphasis = np.hypot(1.0, separation / size)
    nothing = np.zeros_like(spread)
    return np.divide(emphasis, spread, out=nothing, where=spread > LEAST_SPREAD)
