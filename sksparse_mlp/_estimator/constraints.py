"""What parameters may be: checked by scikit-learn before any work."""

import os
from numbers import Integral, Real

from .._network.activations import CODES
from .._network.topology import (
    AMOUNT_RULES,
    DENSITY_SCHEDULES,
    DROP_RULES,
    DROP_SCOPES,
    GROWTH_RULES,
    INITIAL_RULES,
    LAYER_DENSITY_RULES,
    NEURON_RULES,
    REDISTRIBUTION_RULES,
)
from .._network.topology.weight_init import WEIGHT_INITS
from .compat import Interval, RealNotInt, StrOptions

# Beyond it, NumPy cannot count.
LARGEST_COUNT = 2**63 - 1


class FloatInterval(Interval):
    """Numbers that a float can hold: an integer of Python's may lie beyond all of them."""

    def __contains__(self, number):
        try:
            return super().__contains__(float(number))
        except OverflowError:
            return False


FINITE = FloatInterval(Real, None, None, closed="neither")
POSITIVE = FloatInterval(Real, 0, None, closed="neither")
NOT_NEGATIVE = FloatInterval(Real, 0, None, closed="left")
SHARE = Interval(Real, 0, 1, closed="both")
DENSITY = Interval(Real, 0, 1, closed="right")
LESS_THAN_ONE = Interval(Real, 0, 1, closed="left")
AT_LEAST_ONE = Interval(Integral, 1, LARGEST_COUNT, closed="both")
NEVER = Interval(Real, float("inf"), None, closed="both")

# Of the parameters that several estimators have.
PARAMETER_CONSTRAINTS = {
    "hidden_layer_sizes": [StrOptions({"auto"}), "array-like", AT_LEAST_ONE],
    "activation": [StrOptions(set(CODES))],
    "activation_slope": [FINITE],
    "epsilon": ["array-like", POSITIVE, None],
    "density": [DENSITY, None],
    "layer_density": [StrOptions(set(LAYER_DENSITY_RULES)), "array-like"],
    "initial_topology": [StrOptions(set(INITIAL_RULES))],
    "rewiring": [SHARE],
    "evolution": [StrOptions({"auto", *GROWTH_RULES}), None],
    "drop": [StrOptions(set(DROP_RULES))],
    "drop_scope": [StrOptions(set(DROP_SCOPES))],
    "redistribution": [StrOptions(set(REDISTRIBUTION_RULES)), None],
    "density_schedule": [StrOptions(set(DENSITY_SCHEDULES)), None],
    "initial_connections": [StrOptions({"auto"}), POSITIVE],
    "neuron_pruning": [StrOptions(set(NEURON_RULES)), None],
    "pruned_neurons": [LESS_THAN_ONE],
    "guidance": [StrOptions({"auto"}), SHARE],
    "zeta": [LESS_THAN_ONE],
    "zeta_schedule": [StrOptions(set(AMOUNT_RULES))],
    "evolution_interval": [StrOptions({"auto", "epoch"}), AT_LEAST_ONE],
    "evolution_end": [SHARE],
    "evolve_output_layer": ["boolean"],
    "solver": [StrOptions({"sgd", "adam"})],
    "learning_rate": [StrOptions({"constant", "invscaling", "adaptive", "cosine"})],
    "learning_rate_init": [POSITIVE],
    "learning_rate_scaling": [StrOptions({"fan_in"}), None],
    "power_t": [NOT_NEGATIVE],
    "momentum": [LESS_THAN_ONE],
    "nesterovs_momentum": ["boolean"],
    "beta_1": [LESS_THAN_ONE],
    "beta_2": [LESS_THAN_ONE],
    "weight_decay": [NOT_NEGATIVE],
    "dropout": [LESS_THAN_ONE],
    "input_dropout": [LESS_THAN_ONE],
    "input_noise": [StrOptions({"auto"}), NOT_NEGATIVE],
    "weight_init": [StrOptions(set(WEIGHT_INITS))],
    "weight_init_gain": [POSITIVE],
    "batch_size": [StrOptions({"auto"}), AT_LEAST_ONE],
    "max_iter": [StrOptions({"auto"}), AT_LEAST_ONE],
    "shuffle": ["boolean"],
    "tol": [NOT_NEGATIVE],
    "n_iter_no_change": [AT_LEAST_ONE, NEVER],
    "early_stopping": ["boolean"],
    "averaging": [StrOptions({"ema", "cyclic"}), None],
    "skip_connections": [StrOptions({"auto", "fitted", "zero"}), None],
    "temperature": [StrOptions({"auto"}), FloatInterval(Real, 1e-6, None, closed="left")],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "warm_start": ["boolean"],
    "checkpoint": [str, os.PathLike, None],
    "checkpoint_interval": [AT_LEAST_ONE, Interval(RealNotInt, 0, None, closed="neither")],
    "verbose": ["verbose"],
    "random_state": ["random_state"],
    "n_jobs": [Interval(Integral, -LARGEST_COUNT, -1, closed="both"), AT_LEAST_ONE, None],
}
