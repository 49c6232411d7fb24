"""What kernels are told of a training step: options, in float32 and codes."""

import numpy as np

from .._kernels.records import StepParameters
from .._network.activations import CODES
from .._network.optimizer_state import solver_code
from .._network.topology import living_neurons
from .losses import LOSSES

ADAM_EPSILON = 1e-8


def step_parameters(network, options):
    """The kernels' parameters for training."""
    adam = options.solver == "adam"
    scale = 1.0 / fan_in(network, options) if options.learning_rate_scaling == "fan_in" else 1.0
    rate_scale = np.full(network.n_layers, scale, np.float32)
    rate_scale[: options.n_frozen] = 0.0
    return StepParameters(
        loss=LOSSES[options.loss].code,
        loss_parameter=np.float32(options.loss_parameter),
        activation=CODES[network.activation],
        slopes=network.slopes(),
        solver=solver_code(options.solver, options.momentum, options.nesterovs_momentum),
        momentum=np.float32(options.beta_1 if adam else options.momentum),
        beta_2=np.float32(options.beta_2),
        adam_epsilon=np.float32(ADAM_EPSILON),
        rate_scale=rate_scale,
        weight_scale=_weight_scale(network, options),
        dropout=_threshold(options.dropout),
        dropout_scale=np.float32(1.0 / (1.0 - options.dropout)),
        input_dropout=_threshold(options.input_dropout),
        input_dropout_scale=np.float32(1.0 / (1.0 - options.input_dropout)),
        input_noise=np.float32(options.input_noise),
        noise_spread=_spread_for_kernels(network, options),
        seed=np.uint64(network.streams.noise),
    )


def fan_in(network, options):
    """Mean number of connections of a layer that enter a neuron, but those that went, by layer."""
    if options.neuron_pruning is None:
        return network.fan_in
    living = living_neurons(network)
    n_entered = [living[network.levels_of(layer)[1]].size for layer in range(network.n_layers)]
    return np.array(network.n_connections) / n_entered


def _weight_scale(network, options):
    """What makes the steps of the inputs' weights those of inputs counted in their unit.

    Adam's steps do not depend on the size of the gradients; those of plain descent do.
    """
    scale = np.ones(network.n_layers, np.float32)
    if options.learning_rate_scaling is not None:
        power = 1 if options.solver == "adam" else 2
        of_inputs = [network.levels_of(layer)[0] == 0 for layer in range(network.n_layers)]
        scale[of_inputs] = network.input_unit**-power
    return scale


def _spread_for_kernels(network, options):
    """What multiplies the noise of each input; none, where there is no noise."""
    if options.input_noise == 0:
        return np.zeros(0, np.float32)
    if options.noise_spread is None:
        return np.ones(network.widths[0], np.float32)
    return options.noise_spread


def _threshold(rate):
    """A dropout rate as a threshold for 32-bit hashes."""
    return np.uint64(min(round(rate * 2**32), 2**32 - 1))
