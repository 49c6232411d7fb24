"""The evolutions of a training: when connections move, how many, and by what figures."""

import numpy as np

from .._network.signals import record_signals, samples_to_record
from .._network.topology import AMOUNT_RULES, NEED_GRADIENTS
from .averaging import RE_EXPLORED
from .budget import budget_of, needs_gradients
from .data import training_window


class Evolutions:
    """What moves connections before some steps of a training.

    Parameters
    ----------
    network : SparseNetwork
        As it is when the training begins.
    data : TrainingData
    options : TrainingOptions
    team : Team
    timing : EvolutionTiming
        Or another object with its ``is_due`` and ``progress``.
    averaging : Averaging
        Its cycles begin with an evolution.
    """

    def __init__(self, network, data, options, team, timing, averaging):
        self.network, self.data, self.options, self.team = network, data, options, team
        self.timing, self.averaging = timing, averaging
        self.n_first, self.first_t = sum(network.n_connections), network.t

    def evolve_if_due(self, step, batch, params):
        """Evolve before a step of an epoch if an interval ends here.

        Parameters
        ----------
        step : int
            Its number in the epoch.
        batch : ndarray of int64
            The samples of the step.
        params : StepParameters

        Returns
        -------
        ndarray of int
            How many connections grew in each layer.
        """
        options, network = self.options, self.network
        explores = self.averaging.explores_again(network.t - self.first_t) and options.zeta > 0
        due = explores or self.timing.is_due(network.t, step)
        if options.evolution is None or not due:
            return np.zeros(network.n_layers, int)
        output_layer = len(network.widths) - 2
        end = network.n_layers if options.evolve_output_layer else output_layer
        zeta = AMOUNT_RULES[options.zeta_schedule](options.zeta, self.timing.progress(network.t))
        zeta = RE_EXPLORED if explores else zeta
        backward = network.growth in NEED_GRADIENTS or needs_gradients(options)
        looks = backward or network.needs_signals
        signals = self._signals(batch, params, backward) if looks else None
        budget = budget_of(options, network, self.timing, self.n_first)
        layers = range(options.n_frozen, end)
        return np.array(network.evolve(self.team, zeta, layers, signals, budget))

    def _signals(self, batch, params, backward):
        """What the neurons do on samples of the mini-batch to come."""
        view = training_window(self.data, samples_to_record(self.network, batch))
        with np.errstate(all="ignore"):
            return record_signals(self.network, self.team, view, params, backward=backward)

    def steps_until_due(self, n_steps):
        """How many of the next steps to take in one go."""
        if self.options.evolution is None:
            return n_steps
        return self.timing.steps_until_due(self.network.t, n_steps)
