"""The training loop: epochs, mini-batches, evolution, early stopping, history.

This folder knows networks and data by number; no labels and no scikit-learn. Everything that is
random or scheduled is a function of the network's counters, so training can stop anywhere and go on
as if it had not.
"""

import time

import numpy as np

from .._kernels.records import Batches
from .._network.lanes import lanes_for
from .._network.streams import derive_seed
from .._network.team import Stopped
from .._network.topology import EvolutionTiming
from .._network.x_view import samples_at_once
from .averaging import Averaging
from .budget import keeps_layer_sizes
from .checks import check_same_training, check_training_state
from .data import training_window
from .divergence import divergence, largest, largest_learned
from .evolutions import Evolutions
from .history import RECORDED, add_epoch, printed, topology_figures
from .interrupt import deferred_interrupt
from .losses import LOSSES, check_targets
from .pace import Pace
from .parameters import step_parameters
from .schedules import adam_correction, step_rates
from .stopping import StoppingRule

# Beyond it, a weight may carry the outputs beyond the range of float32.
SUSPICIOUS = 100.0
# So many bytes of inputs are kept beside the disturbed ones.
INPUTS_KEPT_UP_TO = 2**27


class Trainer:
    """Trains a network in place.

    Parameters
    ----------
    network : SparseNetwork
    data : TrainingData
    options : TrainingOptions
    team : Team
        Threads; their number never changes the result.
    validate : callable or None
        Called with the network and the team, returns validation figures as a dict; its "monitored"
        value is what early stopping looks at, higher being better.
    reporter : object or None
        ``epoch_begins(n_parts)``, ``part_ends()`` for each part of an epoch that has any, and
        ``epoch_ends()`` are called; training stops where the last returns true, which it may if
        ``active`` is.
    observe : callable or None
        Called with this object at the end of each epoch, to look at the network.
    checkpoint : object or None
        Its ``save(state, at_once)`` is called at the end of each epoch with the state that training
        can go on from.
    n_epochs : int or None
        Epochs that the schedules are laid out for; None: an open-ended stream.
    lanes : tuple or None
        Of the kernels, see :mod:`.._network.lanes`; None: the narrowest.

    Attributes
    ----------
    history : dict of list
        One entry an epoch.
    interrupted : bool
        Whether Ctrl-C ended the training.
    converged : bool
        Whether training ended before its last epoch by itself.
    explanation : object
        What the caller of a training found out about its network; None here.
    """

    def __init__(
        self,
        network,
        data,
        options,
        team,
        *,
        validate=None,
        reporter=None,
        observe=None,
        checkpoint=None,
        n_epochs=None,
        lanes=None,
    ):
        self.network, self.data, self.options, self.team = network, data, options, team
        self.validate, self.reporter, self.observe = validate, reporter, observe
        self.checkpoint = checkpoint
        self.n_samples = data.samples.size
        self.n_epochs = 1 if n_epochs is None else n_epochs  # a stream's chunk is seen once
        self.batch_size = min(options.batch_size, self.n_samples)
        self.steps_per_epoch = -(-self.n_samples // self.batch_size)
        self.averaging = Averaging(options.averaging, n_epochs, self.steps_per_epoch)
        # Those that schedules are laid out for.
        self.total_steps = self.averaging.exploring_steps
        self.first_t = network.t
        timing = EvolutionTiming(
            options.evolution_interval,
            options.evolution_end,
            self.first_t,
            self.total_steps,
            self.steps_per_epoch,
        )
        self.evolutions = Evolutions(network, data, options, team, timing, self.averaging)
        self.stopping = StoppingRule(options)
        check_targets(options.loss, data.targets)
        self.lanes = lanes_for(self.batch_size) if lanes is None else lanes
        self._make_room()
        width = 1 << len(self.lanes)
        n_lanes = -(-self.batch_size // width) * width
        self.pace = Pace(sum(network.n_connections), n_lanes, self.steps_per_epoch)
        # Whether this epoch can be taken back, and what it then goes back to.
        self.can_undo, self.undo, self.progress_before = False, None, None
        self.history = {name: [] for name in RECORDED}
        self.interrupted = self.converged = self.ended = False
        self.explanation = None

    def _make_room(self):
        """Set what depends on how many connections each layer has, and how many neurons."""
        self.workspace = None  # the old one goes first
        self.params = step_parameters(self.network, self.options)
        # Inputs of a full batch stay where they are, unless they are disturbed in their place.
        disturbed = self.options.input_noise > 0 or self.options.input_dropout > 0
        one_batch = self.batch_size == self.n_samples and self.n_epochs != 1
        small = 4 * self.n_samples * self.network.widths[0] <= INPUTS_KEPT_UP_TO
        self.workspace = self.network.workspace(
            self.batch_size,
            self.team.n_threads,
            self.params.loss,
            self.lanes,
            keeps_inputs=one_batch and disturbed and small,
        )
        self.keeps_inputs, self.inputs_loaded = one_batch and (small or not disturbed), False

    # ------------------------------------------------------------ epochs

    def run(self, n_epochs):
        """Train for at most ``n_epochs`` epochs."""
        with deferred_interrupt(self._stop_if_possible) as interrupt:
            while not (self.ended or self.interrupted):
                epoch = len(self.history["loss"])
                if self.reporter is not None:
                    self.reporter.epoch_begins(self.pace.parts.size)
                finished = self._run_epoch(epoch, interrupt)
                if finished:
                    self._print_epoch()
                    stalled = self.stopping.has_stalled(self.history, self.model)
                    # In cycles, the loss rises where it should.
                    self.converged = stalled and not self.averaging.is_cycling(self.n_steps - 1)
                    self.ended = self.converged or epoch + 1 >= n_epochs
                self.interrupted = not finished or interrupt.requested
                if self.reporter is not None and not self.interrupted:
                    self.ended |= self.reporter.epoch_ends()
                if self.checkpoint is not None and finished:
                    at_once = self.interrupted or self.ended
                    self.checkpoint.save(self.state_dict(), at_once=at_once)
            self._take_best()
        self.interrupted |= interrupt.requested

    @property
    def model(self):
        """The network as training would return it if it ended here, but for early stopping."""
        return self.averaging.model(self.network)

    @property
    def n_steps(self):
        """Steps of this training so far."""
        return self.network.t - self.first_t

    def _take_best(self):
        """The network that training returns: all of it, and what it predicts, must be finite."""
        n_epochs, most = len(self.history["loss"]), largest_learned(self.network.arrays)
        # A square of Adam's that overflowed is for ever: its weight would never move again.
        if not np.isfinite([most, largest(*self.network.optimizer_state)]).all():
            raise self._divergence(n_epochs)
        if self.options.early_stopping and self.stopping.best_epoch != n_epochs - 1:
            self.network.restore(self.stopping.snapshot)
            return
        if self.averaging.mean is not None:
            most = max(most, largest_learned(self.averaging.mean))
            self.network.restore(self.averaging.mean)
        if most > SUSPICIOUS and not (self.team.stopped or self._predicts_finite_numbers()):
            raise self._divergence(n_epochs)

    def _divergence(self, epoch):
        return divergence(epoch, self.options, self.network, self.data)

    def _predicts_finite_numbers(self):
        """Whether the outputs for all training samples are: no loss has seen the last update."""
        with np.errstate(all="ignore"):
            outputs = self.network.forward(self.data.X, self.team, chosen=self.data.samples)
        return bool(np.isfinite(outputs).all())

    def state_dict(self):
        """Everything that decides how training goes on; arrays are not copied."""
        return {
            "network": self.network.state_dict(),
            "stopping": self.stopping.state_dict(),
            "averaging": self.averaging.state_dict(),
            "history": self.history,
            "first_t": self.first_t,
            "converged": self.converged,
            "ended": self.ended,
        }

    def load_state_dict(self, state):
        """Take over a state: ``run`` then does what is left to do, if anything is.

        ValueError where it is no state of this training, which then cannot be run.
        """
        check_training_state(state, self)
        begun = self.network.state_dict()
        self.history = state["history"]
        # A training that is about to diverge is told so by its next epoch.
        self.network.load_state_dict(state["network"], finite=False)
        check_same_training(self.network.state_dict(), begun, self)
        self._make_room()
        self.stopping.load_state_dict(state["stopping"], self.network, self.history)
        n_epochs = len(self.history["loss"])
        self.averaging.load_state_dict(state["averaging"], self.network, n_epochs)
        self.converged = state["converged"]
        must_end = self.converged or n_epochs == self.options.max_iter
        # What a reporter ended goes on where nobody is there to end it.
        may_end = self.reporter is not None and self.reporter.active
        self.ended = must_end or (may_end and state["ended"])

    def _run_epoch(self, epoch, interrupt):
        """One pass over the data; False if Ctrl-C came in its middle, and it was taken back."""
        start = time.perf_counter()
        kept = epoch > 0 and self.pace.epoch_is_long
        if kept:
            self.undo = self.network.snapshot(into=self.undo)
            self.progress_before = self.network.progress, self.averaging.progress
        self.can_undo = epoch == 0 or kept
        try:
            self._visit_all(epoch, interrupt, start)
        except Stopped:
            if epoch == 0:
                raise KeyboardInterrupt from None
            self.network.restore(self.undo)
            self.network.progress, self.averaging.progress = self.progress_before
            return False
        finally:
            self.can_undo = False
        if self.observe is not None:
            self.observe(self)
        return True

    def _visit_all(self, epoch, interrupt, start):
        """Train on all mini-batches of an epoch, and validate."""
        order = self._order()
        losses = np.empty(self.steps_per_epoch)
        self.last_rate = self.stopping.rate
        rewired, step = np.zeros(self.network.n_layers, int), 0
        while step < self.steps_per_epoch:
            if interrupt.requested and step > 0 and self.can_undo:
                raise Stopped
            rewired += self._evolve_if_due(order, step)
            n_steps = min(self.pace.steps_per_call, self.steps_per_epoch - step)
            n_steps = self.evolutions.steps_until_due(n_steps)
            losses[step : step + n_steps] = self._train(order, step, n_steps, epoch)
            self._report_parts(step, n_steps)
            step += n_steps
        self._record(losses, order, rewired, time.perf_counter() - start)
        self.network.epoch += 1
        self.network.n_seen += self.n_samples

    def _stop_if_possible(self):
        """Ctrl-C was pressed: cut even a single step short where the epoch can be taken back."""
        if self.can_undo:
            self.team.stop()

    def _order(self):
        """The order in which this epoch visits the samples."""
        if not self.options.shuffle or self.batch_size == self.n_samples:
            order = self.data.samples
        else:
            seed = derive_seed(self.network.streams.shuffling, self.network.epoch)
            order = np.random.default_rng(seed).permutation(self.data.samples)
        return LOSSES[self.options.loss].in_order(order, self.data.targets, self.batch_size)

    def _report_parts(self, step, n_steps):
        """Report the parts that have ended in the last steps."""
        if self.reporter is not None:
            for _ in range(self.pace.parts_ended(step, n_steps)):
                self.reporter.part_ends()

    def _record(self, losses, order, rewired, seconds):
        self.averaging.epoch_ends(self.network, len(self.history["loss"]))
        figures = self._validation_figures()
        weight = self.data.sample_weight[order].astype(np.float64)
        starts = np.arange(0, self.n_samples, self.batch_size)
        loss = np.average(losses, weights=np.add.reduceat(weight, starts))
        figures |= topology_figures(self.network, rewired)
        figures |= {"loss": float(loss), "learning_rate": float(self.last_rate), "seconds": seconds}
        add_epoch(self.history, figures)

    def _validation_figures(self):
        if self.validate is None:
            return {}
        start = time.perf_counter()
        figures = self.validate(self.model, self.team)
        self.pace.seconds_to_validate = time.perf_counter() - start
        return figures

    def _print_epoch(self):
        """With ``verbose``, print what the epoch just finished came to."""
        if self.options.verbose:
            print(printed(self.network.epoch, self.history))

    # ------------------------------------------------------------ mini-batches

    def _train(self, order, step, n_steps, epoch):
        """Run some mini-batches of an epoch; returns their losses."""
        losses = np.empty(n_steps)
        at_once = max(1, samples_at_once(self.data.X) // self.batch_size)
        for first in range(0, n_steps, at_once):
            last = min(first + at_once, n_steps)
            begin, end = (self.batch_size * (step + i) for i in (first, last))
            losses[first:last] = self._call_kernel(order[begin:end], last - first, epoch)
        return losses

    def _call_kernel(self, order, n_steps, epoch):
        start = time.perf_counter()
        view = training_window(self.data, order)
        rates, decays = self._rates(n_steps)
        batches = Batches(
            n_steps=n_steps,
            n_samples=order.size,
            batch_size=self.batch_size,
            first_step=self.network.t,
            order=view.order,
            targets=view.targets,
            values=view.values,
            sample_weight=view.sample_weight,
            rates=rates,
            decays=decays,
            losses=np.zeros(n_steps),
            status=np.zeros(2, np.int64),
            inputs_loaded=self.inputs_loaded,
        )
        # Long steps are left to other threads, so that Ctrl-C is heard meanwhile.
        aside = self.can_undo and self.pace.step_is_long
        with np.errstate(all="ignore"):
            self.network.train(
                self.team, self.lanes, self.workspace, view.x, self.params, batches, aside=aside
            )
        if batches.status[0] < 0 or batches.status[1]:
            raise Stopped
        if batches.status[0] > 0:
            raise self._divergence(epoch + 1)
        self.inputs_loaded = self.keeps_inputs
        self.pace.seconds_per_step = (time.perf_counter() - start) / n_steps
        return batches.losses

    def _rates(self, n_steps):
        """Learning rates of the next steps, Adam's correction included, and their weight decay."""
        options, network = self.options, self.network
        rates = self._scheduled_rates(n_steps)
        self.last_rate = rates[-1]
        decays = rates * options.weight_decay
        if options.solver == "adam":
            t = np.arange(network.n_updates + 1, network.n_updates + n_steps + 1)
            rates = rates * adam_correction(t, options.beta_1, options.beta_2)
        return rates, decays

    def _scheduled_rates(self, n_steps):
        rate, schedule, first_step = self.stopping.rate, self.options.learning_rate, self.network.t
        if self.averaging.is_cycling(self.n_steps):
            return self.averaging.rates(rate, self.n_steps, n_steps)
        if schedule == "cosine":
            first_step = self.n_steps
            schedule = "cosine" if self.total_steps else "constant"
        total, power_t = self.total_steps, self.options.power_t
        return step_rates(schedule, rate, first_step, n_steps, total, power_t)

    # ------------------------------------------------------------ evolution

    def _evolve_if_due(self, order, step):
        """Evolve before this step of an epoch if an interval ends here.

        Returns how many connections grew in each layer.
        """
        before = self.network.n_evolutions
        batch = order[step * self.batch_size : (step + 1) * self.batch_size]
        grown = self.evolutions.evolve_if_due(step, batch, self.params)
        if self.network.n_evolutions != before and not keeps_layer_sizes(self.options):
            self._make_room()
        return grown
