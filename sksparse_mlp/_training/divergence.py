"""The end of a training that left the range of float32: what is most likely to blame for it."""

import numpy as np
from scipy import sparse

from .parameters import fan_in

# Values beyond it are suspicious in X, and as noise.
LARGE_INPUT = 100.0
LARGE_GAIN, LARGE_MOMENTUM, LARGE_DROPOUT = 10.0, 0.99, 0.9
# Learning rates beyond it are suspicious: per solver, and where they are divided by the fan-in.
LARGE_RATE, LARGE_SCALED_RATE = {"sgd": 0.1, "adam": 0.01}, 5.0
# X is looked at in this many samples.
SAMPLES = 64


class DivergenceError(ValueError):
    """Training was stopped because the loss, a weight or a gradient left the range of float32."""


def divergence(epoch, options, network, data):
    """The error that names what is to blame.

    Parameters
    ----------
    epoch : int
        Counted from 1.
    options : TrainingOptions
    network : SparseNetwork
    data : TrainingData

    Returns
    -------
    DivergenceError
    """
    suspects = [
        *_of_inputs(data, network.input_unit),
        *_of_network(network),
        *_of_steps(options, network),
    ]
    advice = (
        f"Lower learning_rate_init={options.learning_rate_init!r}, or scale X (for example with "
        "StandardScaler)."
    )
    if suspects:
        advice = f"Most likely to blame: {'; '.join(suspects)}."
    return DivergenceError(
        f"Training diverged in epoch {epoch}: the loss, a weight or a gradient is beyond the "
        f"range of float32. {advice}"
    )


def largest_learned(arrays):
    """The largest magnitude of what a network has learned, NaN if one number is."""
    return largest(arrays.weights, arrays.intercepts, arrays.srelu)


def largest(*arrays):
    """The largest magnitude in some arrays, NaN if one number is; needs no memory."""
    return np.max([extreme for a in arrays if a.size for extreme in (a.max(), -a.min())])


def _of_inputs(data, unit):
    """Suspects in the data."""
    block = data.X[data.samples[:SAMPLES]]
    values = block.data if sparse.issparse(block) else block
    largest = np.abs(values.astype(np.float64)).max(initial=0)
    if largest > LARGE_INPUT * unit:
        yield f"X, which holds {largest:.3g} (scale it, for example with StandardScaler)"


def _of_network(network):
    """Suspects in what the network is made of."""
    if network.weight_init_gain > LARGE_GAIN:
        yield f"weight_init_gain={network.weight_init_gain!r}, by which the first weights are large"
    slope = network.activation_slope
    if network.activation in ("leaky_relu", "all_relu") and abs(slope) > 1:
        yield f"activation_slope={slope!r}, by which each layer enlarges what it gets (try 0.6)"


def _of_steps(options, network):
    """Suspects in the way of training."""
    rate, by_fan_in = options.learning_rate_init, options.learning_rate_scaling == "fan_in"
    shrinking = rate * options.weight_decay
    if by_fan_in:
        shrinking /= fan_in(network, options).min()
    if rate > (LARGE_SCALED_RATE if by_fan_in else LARGE_RATE[options.solver]):
        yield f"learning_rate_init={rate!r}"
    elif shrinking > 2:
        yield (
            f"weight_decay={options.weight_decay!r}, which times the step size is {shrinking:.3g} "
            "and must stay below 2"
        )
    if options.input_noise > LARGE_INPUT:
        yield f"input_noise={options.input_noise!r}"
    for name in ("dropout", "input_dropout"):
        share = getattr(options, name)
        if share > LARGE_DROPOUT:
            yield f"{name}={share!r}, by which what is left is multiplied by {1 / (1 - share):.3g}"
    if options.solver == "sgd" and options.momentum > LARGE_MOMENTUM:
        repeats = 1 / (1 - options.momentum)
        yield f"momentum={options.momentum!r}, by which each step is taken {repeats:.3g} times"
