"""How many connections an evolution leaves: by the options and the progress of a training."""

from .._network.topology import ADMITTING, DENSITY_SCHEDULES, Budget


def keeps_layer_sizes(options):
    """Whether each layer has the same number of connections for ever."""
    rules = (options.redistribution, options.density_schedule, options.neuron_pruning)
    return all(rule is None for rule in rules)


def needs_gradients(options):
    """Whether gradients say how many connections there are, or in which layers."""
    return options.redistribution == "gradient" or options.density_schedule in ADMITTING


def budget_of(options, network, timing, n_first):
    """The budget of the evolution that is due now; None where each layer keeps its own.

    Parameters
    ----------
    options : TrainingOptions
    network : SparseNetwork
    timing : EvolutionTiming
    n_first : int
        How many connections there were when the training began.

    Returns
    -------
    Budget or None
    """
    if keeps_layer_sizes(options) and options.drop_scope == "layer":
        return None
    total, progress = sum(network.n_connections), timing.progress_to_last(network.t)
    follows = options.density_schedule is not None and timing.total_steps is not None
    if follows:
        schedule = DENSITY_SCHEDULES[options.density_schedule]
        total = schedule(n_first, options.final_connections, progress)
    return Budget(
        total=total,
        admits=follows and options.density_schedule in ADMITTING,
        drop_scope=options.drop_scope,
        redistribution=options.redistribution,
        neurons=options.neuron_pruning,
        pruned=options.pruned_neurons,
        progress=progress,
    )
