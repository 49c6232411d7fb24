"""What a state of a training must be to go on from: that of this fit, after some of its epochs.

All of it follows from the fit and the number of epochs but what was learned, so whatever else a
file holds is an error before the first step. A wrong counter could train for ever, a wrong width
write beyond the buffers.
"""

from reprlib import repr as short

import numpy as np

from .._network.checks import check_fields, check_list, is_count, require
from .budget import keeps_layer_sizes

FIELDS = ("network", "stopping", "averaging", "history", "first_t", "converged", "ended")
# What a network keeps in training; its preferences are computed, and each kind of processor has its
# own last bits.
FIXED = (
    "widths",
    "n_connections",
    "activation",
    "activation_slope",
    "weight_init",
    "weight_init_gain",
    "input_unit",
    "solver",
    "drop",
    "growth",
    "streams",
)
# What ``validate`` of the Trainer returns.
VALIDATION_FIGURES = ("validation_loss", "validation_score", "monitored")
INTEGERS = ("n_connections", "connections_by_layer", "connections_rewired", "rewired_by_layer")


def check_training_state(state, trainer):
    """Raise ValueError unless a state is that of this training after one epoch or more.

    Parameters
    ----------
    state : dict
        As :meth:`Trainer.state_dict` makes it; its network and its stopping rule are checked where
        they are taken over.
    trainer : Trainer
        Before its first step.
    """
    check_fields("the training", state, FIELDS)
    _check_history(state["history"], trainer)
    n_epochs = len(state["history"]["loss"])
    for name in ("converged", "ended"):
        require(type(state[name]) is bool, f"{name}={short(state[name])} is no bool")
    must_end = state["converged"] or n_epochs == trainer.options.max_iter
    require(state["ended"] or not must_end, f"ended=False after the last epoch, {n_epochs}")
    first_t = state["first_t"]
    right = is_count(first_t) and first_t == trainer.first_t
    require(right, f"first_t={short(first_t)}, and the training begins at {trainer.first_t}")


def _check_history(history, trainer):
    names = set(trainer.history) | set(VALIDATION_FIGURES if trainer.validate else ())
    check_fields("history", history, names)
    losses, most = history["loss"], trainer.options.max_iter
    right = type(losses) is list and 1 <= len(losses) <= most
    require(right, f"history has no list of 1 to {most} epochs")
    for name, values in history.items():
        check_list(f"history of {name}", values, len(losses))
        for value in values:
            _check_figure(name, value, trainer.network.n_layers)


def _check_figure(name, value, n_layers):
    parts = [value]
    if name.endswith("_by_layer"):
        check_list(f"history of {name}", value, n_layers)
        parts = value
    for part in parts:
        right = is_count(part) if name in INTEGERS else type(part) is float
        require(right, f"history of {name} holds {short(part)}")


def check_same_training(found, expected, trainer):
    """Raise ValueError unless a network is another one after some epochs of a training.

    Parameters
    ----------
    found, expected : dict
        States of networks, each one valid.
    trainer : Trainer
        With the history of these epochs.
    """
    for name in FIXED:
        if name == "n_connections" and not keeps_layer_sizes(trainer.options):
            continue
        right = found[name] == expected[name]
        require(right, f"{name}={short(found[name])} in a fit with {short(expected[name])}")
    same = np.array_equal(found["stable"], expected["stable"])
    require(same, "stable is not that of the network that the fit begins with")
    n_last, n_found = trainer.history["connections_by_layer"][-1], found["n_connections"]
    require(n_found == n_last, f"n_connections are {n_found}, and in history {n_last}")
    n_epochs = len(trainer.history["loss"])
    n_steps = n_epochs * trainer.steps_per_epoch
    added = {
        "t": n_steps,
        "n_updates": n_steps,
        "epoch": n_epochs,
        "n_seen": n_epochs * trainer.n_samples,
    }
    for name, n in added.items():
        right = found[name] == expected[name] + n
        require(right, f"{name}={found[name]} after {n_epochs} epochs from {expected[name]} on")
    n_evolutions = found["n_evolutions"] - expected["n_evolutions"]
    require(0 <= n_evolutions <= n_steps, f"n_evolutions={found['n_evolutions']}")
    require(found["optimizer_state"] is not None, "optimizer_state is None in a training")
