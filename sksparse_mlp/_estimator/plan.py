"""From parameters to a training: each "auto" resolved by the shape of the data.

Whatever a fit decides before its first step is decided here, once, and stands in a :class:`Plan`.
"""

from dataclasses import replace
from functools import partial
from numbers import Real
from typing import NamedTuple

import numpy as np

from .._network.shapes import has_skip
from .._network.team import Stopped
from .._network.topology import EvolutionTiming
from .._training.data import spread_over
from .._training.importance import FEWEST_SAMPLES, SAMPLES_PER_EPOCH, importances
from .._training.linear_start import start_linear_layer
from .._training.moments import growth_preferences, input_moments, noise_spreads, typical_spread
from .._training.options import TrainingOptions
from .._training.pairs import pair_separation, samples_in_pairs
from . import defaults
from .architecture import Architecture, layer_sizes
from .base import plain_parameters
from .budget import check_budget, first_sizes


class Shape(NamedTuple):
    """What "auto" looks at."""

    n_samples: int  # of this training
    n_samples_in_all: int  # those of earlier calls of ``partial_fit`` included
    n_features: int
    stream: bool  # whether this is a part of a stream


class Plan(NamedTuple):
    """All that :func:`.fitting.train` needs to know of a training."""

    architecture: Architecture
    options: TrainingOptions
    start: object  # a callable, sets the last layer of a new network; or None
    explain: object  # a callable, judges the inputs of the trained network


def plan_training(estimator, task, data, shape, network, moments=None):
    """Resolve the parameters of an estimator.

    Parameters
    ----------
    estimator : BaseSupervisedMLP
    task : Task
    data : TrainingData
    shape : Shape
    network : SparseNetwork or None
        The fitted network to go on with.
    moments : InputMoments or None
        Of all samples, where ``data`` are some of them.

    Returns
    -------
    Plan
    """
    check_budget(estimator)
    sizes = layer_sizes(
        shape.n_features,
        hidden_layer_sizes(estimator, shape.n_samples_in_all, shape.stream, network),
        task.n_outputs,
        epsilon=estimator.epsilon,
        density=estimator.density,
        layer_density=estimator.layer_density,
        skip=estimator.skip_connections is not None,
        solver=estimator.solver,
    )
    starts_fitted = network is None and _starts_fitted(estimator, shape, sizes)
    options = training_options(estimator, task, shape, refines=starts_fitted)
    options = replace(options, final_connections=sum(sizes[1]))
    sizes = first_sizes(estimator, sizes, network, evolves=_evolves(options, shape))
    keeps = _kept_preferences(estimator, network, shape)
    guided = options.evolution == "guided" and keeps is None
    whole = starts_fitted or guided or not shape.stream
    compared = _with_clues(task, data) if whole else _a_part_of(data)
    if moments is None:
        moments = input_moments(compared)
    typical = typical_spread(moments)
    if estimator.input_noise == "auto":
        options = replace(options, noise_spread=_noise_spread(shape, moments, typical))
    preferences = keeps
    if guided:
        separation = _separation(compared, moments)
        preferences = growth_preferences(separation, _guidance(estimator, shape))
    growth = _growth(estimator, options, network, shape)
    unit = 1.0 if estimator.learning_rate_scaling is None else typical
    return Plan(
        _architecture(estimator, sizes, preferences, growth, unit),
        options,
        _start(task, data, moments, options) if starts_fitted else None,
        partial(judge_inputs, data, moments, shape.stream),
    )


def _noise_spread(shape, moments, typical):
    """What the noise of each input is multiplied by; a stream's part is too little to tell them."""
    if shape.stream:
        return np.full(shape.n_features, typical, np.float32)
    return noise_spreads(moments, typical)


def hidden_layer_sizes(estimator, n_samples, stream=False, network=None):
    """Neurons of the hidden layers; "auto" looks at the samples, and keeps those of a network."""
    given = estimator.hidden_layer_sizes
    if isinstance(given, str):  # an array must not be compared with "auto"
        _check_that_no_layer_is_meant(estimator)
        if network is not None:
            return network.widths[1:-1]
    return defaults.hidden_layer_sizes(given, n_samples, stream)


def _check_that_no_layer_is_meant(estimator):
    """Numbers for one layer each would mean other layers when another one is added."""
    for name in ("epsilon", "layer_density"):
        value = getattr(estimator, name)
        if not (value is None or isinstance(value, (str, Real))):
            raise ValueError(
                f"{name}={value!r} has a number for each layer, and with hidden_layer_sizes="
                "'auto' the number of samples decides how many layers there are: give "
                "hidden_layer_sizes."
            )


def training_options(estimator, task, shape, *, refines):
    """How to train: the parameters of the same names.

    ``refines`` says that the network adds to a fitted layer.
    """
    stream, n_samples, n_features = shape.stream, shape.n_samples, shape.n_features
    # A subclass may have other parameters than these, and set the attributes.
    names = [name for name in TrainingOptions.__dataclass_fields__ if hasattr(estimator, name)]
    values = plain_parameters(estimator, names)
    values["loss"], values["loss_parameter"] = task.loss, task.loss_parameter
    values["n_frozen"] = estimator._n_frozen
    batch = values["batch_size"] = defaults.batch_size(estimator.batch_size, n_samples, stream)
    if estimator.max_iter == "auto":
        refines &= estimator.learning_rate == "cosine"
        by_shape = defaults.n_epochs(n_samples, n_features, batch, refines)
        values["max_iter"] = estimator._n_epochs or by_shape
    if estimator.evolution_interval == "auto":
        total_steps = values["max_iter"] * -(-n_samples // batch)
        interval = defaults.evolution_interval(total_steps, estimator.evolution_end)
        values["evolution_interval"] = "epoch" if stream else interval
    if estimator.evolution == "auto":
        values["evolution"] = defaults.evolution(stream)
    if estimator.input_noise == "auto":
        values["input_noise"] = defaults.input_noise(
            shape.n_samples_in_all, n_features, task.noise_power
        )
    return TrainingOptions(**values)


def _evolves(options, shape):
    """Whether a new network's training has an end, and an evolution before it."""
    steps_per_epoch = -(-shape.n_samples // options.batch_size)
    total_steps = None if shape.stream else options.max_iter * steps_per_epoch
    timing = EvolutionTiming(
        options.evolution_interval, options.evolution_end, 0, total_steps, steps_per_epoch
    )
    return timing.last_t is not None


def _starts_fitted(estimator, shape, sizes):
    """Whether the layer that leads from the inputs to the outputs starts from a linear model.

    That is a skip layer, or the only layer. A stream shows too little at once to fit a model.
    """
    widths, _ = sizes
    if estimator.skip_connections == "auto":
        return not shape.stream and (has_skip(*sizes) or len(widths) == 2)
    return estimator.skip_connections == "fitted"


def _kept_preferences(estimator, network, shape):
    """What growth in the network of a stream prefers since its first call, if it still does."""
    if not shape.stream or network is None or estimator.evolution not in ("auto", "guided"):
        return None
    return network.input_preferences


def _growth(estimator, options, network, shape):
    """The rule by which connections grow; "auto" goes on with that of a stream's network."""
    if shape.stream and network is not None and estimator.evolution == "auto":
        return network.growth
    return options.evolution or "set"


def _guidance(estimator, shape):
    """The share of connections that is guided; "auto" looks at the shape of the data."""
    if estimator.guidance != "auto":
        return estimator.guidance
    return defaults.guidance(shape.n_samples_in_all, shape.n_features)


def _separation(data, moments):
    """What each input says of the targets, by itself and, with many samples, in pairs."""
    separation, samples = moments.separation(), samples_in_pairs(data)
    weight = defaults.weight_of_pairs(samples.size, data.X.shape[1])
    if weight > 0:
        in_pairs = pair_separation(data._replace(samples=samples), moments)
        # One interaction counts with each partner, and what inputs say together again and again.
        separation += weight * np.minimum(in_pairs, separation.max())
    return separation


def _with_clues(task, data):
    """The data with what the task says that inputs are to be compared with."""
    weight = np.zeros(len(data.targets))  # what is held out tells nothing
    weight[data.samples] = data.sample_weight[data.samples]
    return data._replace(targets=task.clues(data.targets, weight))


def _a_part_of(data):
    """Samples from all over a chunk, enough to say how far its inputs vary."""
    return data._replace(samples=data.samples[spread_over(data.samples.size, SAMPLES_PER_EPOCH)])


def _start(task, data, moments, options):
    """What sets the weights from the inputs to the outputs of a new network."""
    return partial(
        start_linear_layer,
        data=data._replace(targets=task.start_targets(data.targets)),
        moments=moments,
        loss=task.start_loss,
        penalty=task.start_penalty,
        batch_size=options.batch_size,  # the same kernels
    )


def judge_inputs(data, moments, stream, network, team):
    """Importances of the inputs of a trained network; after Ctrl-C, for few samples."""
    spread = np.sqrt(moments.variance)
    if stream and not spread.any():  # a chunk of one sample has none
        spread = np.ones_like(spread)
    judge = partial(importances, network, data, spread, team)
    try:
        return judge(FEWEST_SAMPLES if stream or team.stopped else SAMPLES_PER_EPOCH)
    except Stopped:
        return judge(FEWEST_SAMPLES)


def _architecture(estimator, sizes, preferences, growth, input_unit):
    widths, n_connections = sizes
    return Architecture(
        widths=widths,
        n_connections=n_connections,
        activation=estimator.activation,
        activation_slope=estimator.activation_slope,
        weight_init=estimator.weight_init,
        weight_init_gain=float(estimator.weight_init_gain),
        solver=estimator.solver,
        drop=estimator.drop,
        growth=growth,
        input_preferences=preferences,
        forbidden=estimator._forbidden,
        initial_topology=estimator.initial_topology,
        rewiring=float(estimator.rewiring),
        input_unit=input_unit,
    )
