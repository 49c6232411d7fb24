"""The training loop: epochs, mini-batches, schedules, evolution, early stopping, history.

It knows no labels and no scikit-learn. Everything that is random or scheduled is a function of
the network's counters, so training can stop anywhere and go on as if it had not.
"""

import time
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ._activations import CODES
from ._inputs import rows_at_once, window
from ._interrupt import deferred_interrupt
from ._network import lanes_for
from ._optimizers import ADAM_EPSILON, adam_correction, solver_code, step_rates
from ._progress import Progress
from ._random import derive_seed
from ._records import CROSS_ENTROPY, SQUARED_ERROR, Plan, Rules
from ._threads import Stopped

# A call of the kernel lasts about so many seconds: as long as Ctrl-C may wait.
SECONDS_PER_CALL = 0.3
# Epochs that are guessed to last longer are reported in parts.
LONG_EPOCH, MOST_PARTS = 2.0, 100
# Beyond it, a weight may carry the outputs beyond the range of float32.
SUSPICIOUS = 100.0
# First guess of a step's cost: nanoseconds a connection, and a connection and sample.
CONNECTION_COST, SAMPLE_COST = 0.5, 0.15
# What is recorded of each epoch; the last two in lists of one entry a layer.
RECORDED = (
    "loss",
    "learning_rate",
    "seconds",
    "connections_rewired",
    "rewired_by_layer",
    "explored_by_layer",
)


@dataclass(frozen=True)
class TrainingOptions:
    """How to train: the estimator's parameters of the same names, and what they resolve to."""

    solver: str
    learning_rate: str
    learning_rate_init: float
    learning_rate_scaling: str | None
    power_t: float
    momentum: float
    nesterovs_momentum: bool
    beta_1: float
    beta_2: float
    weight_decay: float
    dropout: float
    input_dropout: float
    input_noise: float
    batch_size: int
    shuffle: bool
    evolution: str | None
    zeta: float
    evolution_interval: int | str
    evolution_end: float
    evolve_output_layer: bool
    max_iter: int
    tol: float
    n_iter_no_change: int
    early_stopping: bool
    verbose: bool
    temperature: float


class TrainingData(NamedTuple):
    """What to train on."""

    X: object  # ndarray or CSR, shape (n_samples, n_features)
    rows: np.ndarray  # int64, the rows of X to train on
    targets: np.ndarray | None  # int32 [n_samples], class numbers; None: X is reconstructed
    sample_weight: np.ndarray  # float32 [n_samples], positive on those rows


class DivergenceError(ValueError):
    """Training was stopped because the loss, a weight or a gradient left the range of float32."""

    def __init__(self, epoch, options):
        super().__init__(
            f"Training diverged in epoch {epoch}: the loss, a weight or a gradient is beyond the "
            f"range of float32. Lower learning_rate_init={options.learning_rate_init!r}, or scale "
            "X (for example with StandardScaler)."
        )


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
        Returns the network's validation figures as a dict; its "monitored" value is what early
        stopping looks at, higher being better.
    reporter : object or None
        Told ``epoch_begins(n_parts)``, ``part_ends()`` for each part of an epoch that has any, and
        ``epoch_ends()``; training stops where the last is true.
    observe : callable or None
        Called with this object at the end of each epoch, to look at the network.
    checkpoint : object or None
        Given the state that training can go on from at the end of each epoch, by ``keep(state)``.
    n_epochs : int or None
        Epochs that the schedules are laid out for; None: an open-ended stream.

    Attributes
    ----------
    history : dict of list
        One entry an epoch.
    interrupted : bool
        Whether Ctrl-C ended the training.
    converged : bool
        Whether training ended before its last epoch by itself.
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
    ):
        self.network, self.data, self.options, self.team = network, data, options, team
        self.validate, self.reporter, self.observe = validate, reporter, observe
        self.checkpoint = checkpoint
        self.n_samples = data.rows.size
        self.batch_size = min(options.batch_size, self.n_samples)
        self.steps_per_epoch = -(-self.n_samples // self.batch_size)
        self.first_t = network.t
        self.total_steps = None if n_epochs is None else n_epochs * self.steps_per_epoch
        self.progress = Progress(options)
        loss = SQUARED_ERROR if data.targets is None else CROSS_ENTROPY
        self.targets = np.zeros(0, np.int32) if data.targets is None else data.targets
        self.rules = rules_for(network, options, loss)
        self.lanes = lanes_for(self.batch_size)
        self.workspace = network.workspace(self.batch_size, team.n_threads, loss)
        self.seconds_per_step = self._first_guess()
        # What validation took in the last epoch, and whether this one can be taken back: to where.
        self.seconds_to_validate, self.can_undo, self.undo = 0.0, False, None
        self.history = {name: [] for name in RECORDED}
        self.parts = self._parts()
        self.interrupted = self.converged = self.ended = False

    # ------------------------------------------------------------ epochs

    def run(self, n_epochs):
        """Train for at most ``n_epochs`` epochs."""
        with deferred_interrupt(self._stop_if_possible) as interrupt:
            while not (self.ended or self.interrupted):
                epoch = len(self.history["loss"])
                if self.reporter is not None:
                    self.reporter.epoch_begins(self.parts.size)
                finished = self._run_epoch(epoch, interrupt)
                if finished:
                    self._tell()
                    self.converged = self.progress.has_stalled(self.history, self.network)
                    self.ended = self.converged or epoch + 1 == n_epochs
                self.interrupted = not finished or interrupt.requested
                if self.reporter is not None and not self.interrupted:
                    self.ended |= self.reporter.epoch_ends()
                if self.checkpoint is not None and finished:
                    self.checkpoint.keep(self.state(), at_once=self.interrupted or self.ended)
        self._take_best()

    def _take_best(self):
        """The network that training returns: all of it, and what it predicts, must be finite."""
        arrays, n_epochs = self.network.arrays, len(self.history["loss"])
        largest = _largest(arrays.weights, arrays.intercepts, arrays.srelu)
        # A square of Adam's that overflowed is for ever: its weight would never move again.
        if not np.isfinite([largest, _largest(*self.network.slots)]).all():
            raise DivergenceError(n_epochs, self.options)
        if self.options.early_stopping and self.progress.best_epoch != n_epochs - 1:
            self.network.restore(self.progress.snapshot)
        elif largest > SUSPICIOUS and not (self.team.stopped or self._predicts_finite_numbers()):
            raise DivergenceError(n_epochs, self.options)

    def _predicts_finite_numbers(self):
        """Whether the outputs for all training samples are: no loss has seen the last update."""
        rules, rows = rules_for_prediction(self.network), self.data.rows
        with np.errstate(all="ignore"):
            outputs = self.network.forward(self.data.X, rules, self.team, chosen=rows)
        return bool(np.isfinite(outputs).all())

    def state(self):
        """Everything that decides how training goes on; arrays are not copied."""
        return {
            "network": self.network.parts(),
            "progress": self.progress.state(),
            "history": self.history,
            "first_t": self.first_t,
            "converged": self.converged,
            "ended": self.ended,
        }

    def go_on_from(self, state):
        """Take over a state: ``run`` then does what is left to do, if anything is."""
        self.network.assemble(state["network"])
        self.progress.go_on_from(state["progress"], self.network)
        self.history, self.first_t = state["history"], state["first_t"]
        self.converged, self.ended = state["converged"], state["ended"]

    def _parts(self):
        """After which steps a part of an epoch ends; short epochs have no parts."""
        if self.steps_per_epoch * self._first_guess() <= LONG_EPOCH:
            return np.zeros(0, int)
        n_parts = min(self.steps_per_epoch, MOST_PARTS)
        return self.steps_per_epoch * np.arange(1, n_parts + 1) // n_parts

    def _report_parts(self, step, n_steps):
        """Report the parts that have ended in the last steps."""
        if self.reporter is not None:
            for _ in range(np.count_nonzero((self.parts > step) & (self.parts <= step + n_steps))):
                self.reporter.part_ends()

    def _run_epoch(self, epoch, interrupt):
        """One pass over the data; False if Ctrl-C came in its middle, and it was taken back."""
        start = time.perf_counter()
        seconds = self.steps_per_epoch * self.seconds_per_step + self.seconds_to_validate
        kept = epoch > 0 and seconds > SECONDS_PER_CALL
        if kept:
            self.undo = self.network.snapshot(into=self.undo)
        self.can_undo = epoch == 0 or kept
        try:
            self._visit_all(epoch, interrupt, start)
        except Stopped:
            if epoch == 0:
                raise KeyboardInterrupt from None
            self.network.restore(self.undo)
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
        self.last_rate = self.progress.rate
        rewired, step = np.zeros(self.network.n_layers, int), 0
        while step < self.steps_per_epoch:
            if interrupt.requested and step > 0 and self.can_undo:
                raise Stopped
            rewired += self._evolve_if_due(step)
            n_steps = self._steps_until_due(step)
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
        """The order in which this epoch visits the rows."""
        if not self.options.shuffle or self.batch_size == self.n_samples:
            return self.data.rows
        seed = derive_seed(self.network.streams.shuffling, self.network.epoch)
        return np.random.default_rng(seed).permutation(self.data.rows)

    def _record(self, losses, order, rewired, seconds):
        figures = self._validation_figures()
        weight = self.data.sample_weight[order].astype(np.float64)
        starts = np.arange(0, self.n_samples, self.batch_size)
        loss = np.average(losses, weights=np.add.reduceat(weight, starts))
        self.history["loss"].append(float(loss))
        self.history["learning_rate"].append(float(self.last_rate))
        self.history["seconds"].append(seconds)
        self.history["connections_rewired"].append(int(rewired.sum()))
        self.history["rewired_by_layer"].append(rewired.tolist())
        self.history["explored_by_layer"].append(list(self.network.explored.shares))
        for name, value in figures.items():
            self.history.setdefault(name, []).append(value)

    def _validation_figures(self):
        if self.validate is None:
            return {}
        start = time.perf_counter()
        figures = self.validate(self.network)
        self.seconds_to_validate = time.perf_counter() - start
        return figures

    def _tell(self):
        """With ``verbose``, print what the epoch just finished came to."""
        if not self.options.verbose:
            return
        figures = [
            f"{name.replace('_', ' ')} = {self.history[name][-1]:.8f}"
            for name in ("loss", "validation_loss", "validation_score")
            if name in self.history
        ]
        print(f"Epoch {self.network.epoch}, {', '.join(figures)}")

    # ------------------------------------------------------------ mini-batches

    @property
    def steps_per_call(self):
        """How many mini-batches one call of the kernel runs."""
        return max(1, int(SECONDS_PER_CALL / max(self.seconds_per_step, 1e-7)))

    def _first_guess(self):
        """The seconds of a step, before one was measured."""
        tiles = -(-self.batch_size // (1 << len(self.lanes)))
        lanes = tiles << len(self.lanes)
        n_connections = sum(self.network.n_connections)
        return 1e-9 * n_connections * (CONNECTION_COST + SAMPLE_COST * lanes)

    def _train(self, order, step, n_steps, epoch):
        """Run some mini-batches of an epoch; returns their losses."""
        losses = np.empty(n_steps)
        at_once = max(1, rows_at_once(self.data.X) // self.batch_size)
        for first in range(0, n_steps, at_once):
            last = min(first + at_once, n_steps)
            begin, end = (self.batch_size * (step + i) for i in (first, last))
            plan_losses = self._call_kernel(order[begin:end], step + first, last - first, epoch)
            losses[first:last] = plan_losses
        return losses

    def _call_kernel(self, order, step, n_steps, epoch):
        start = time.perf_counter()
        view = window(self.data.X, order)
        targets, sample_weight = self.targets, self.data.sample_weight
        if view.order is not order:
            targets, sample_weight = targets[order[: targets.size]], sample_weight[order]
        rates, decays = self._rates(n_steps)
        plan = Plan(
            n_steps=n_steps,
            n_samples=order.size,
            batch_size=self.batch_size,
            first_step=self.network.t,
            order=view.order,
            targets=targets,
            sample_weight=sample_weight,
            rates=rates,
            decays=decays,
            losses=np.zeros(n_steps),
            status=np.zeros(2, np.int64),
        )
        # A step as long as that is left to other threads, so that Ctrl-C is heard meanwhile.
        aside = self.can_undo and self.seconds_per_step > SECONDS_PER_CALL
        with np.errstate(all="ignore"):
            self.network.train(
                self.team, self.lanes, self.workspace, view.rows, self.rules, plan, aside=aside
            )
        if plan.status[0] < 0 or plan.status[1]:
            raise Stopped
        if plan.status[0] > 0:
            raise DivergenceError(epoch + 1, self.options)
        self.seconds_per_step = (time.perf_counter() - start) / n_steps
        return plan.losses

    def _rates(self, n_steps):
        options, t = self.options, self.network.t
        schedule, first_step = options.learning_rate, t
        if schedule == "cosine":
            first_step = t - self.first_t
            schedule = "cosine" if self.total_steps else "constant"
        rates = step_rates(
            schedule, self.progress.rate, first_step, n_steps, self.total_steps, options.power_t
        )
        self.last_rate = rates[-1]
        decays = rates * options.weight_decay
        if options.solver == "adam":
            t = np.arange(t + 1, t + n_steps + 1)
            rates = rates * adam_correction(t, options.beta_1, options.beta_2)
        return rates, decays

    # ------------------------------------------------------------ evolution

    def _evolve_if_due(self, step):
        """Evolve before this step if an interval ends here, so never after the last step.

        Returns how many connections moved in each layer.
        """
        options, t = self.options, self.network.t
        nothing = np.zeros(self.network.n_layers, int)
        if options.evolution is None or t == 0:
            return nothing
        if options.evolution_interval == "epoch":
            due = step == 0
        else:
            due = t % options.evolution_interval == 0
        if self.total_steps is not None:
            due = due and t - self.first_t <= options.evolution_end * self.total_steps
        if not due:
            return nothing
        layers = range(self.network.n_layers - (not options.evolve_output_layer))
        return np.array(self.network.evolve(self.team, options.zeta, layers))

    def _steps_until_due(self, step):
        """How many mini-batches to run in one go."""
        n_steps = min(self.steps_per_call, self.steps_per_epoch - step)
        interval = self.options.evolution_interval
        if self.options.evolution is not None and interval != "epoch":
            n_steps = min(n_steps, interval - self.network.t % interval)
        return n_steps


def rules_for(network, options, loss=CROSS_ENTROPY):
    """The kernels' rules for training."""
    adam = options.solver == "adam"
    scale = 1.0 / network.fan_in if options.learning_rate_scaling == "fan_in" else 1.0
    return Rules(
        loss=loss,
        activation=CODES[network.activation],
        slopes=network.slopes(),
        solver=solver_code(options.solver, options.momentum, options.nesterovs_momentum),
        momentum=np.float32(options.beta_1 if adam else options.momentum),
        beta_2=np.float32(options.beta_2),
        adam_epsilon=np.float32(ADAM_EPSILON),
        rate_scale=np.full(network.n_layers, scale, np.float32),
        dropout=_threshold(options.dropout),
        dropout_scale=np.float32(1.0 / (1.0 - options.dropout)),
        input_dropout=_threshold(options.input_dropout),
        input_dropout_scale=np.float32(1.0 / (1.0 - options.input_dropout)),
        input_noise=np.float32(options.input_noise),
        seed=np.uint64(network.streams.noise),
    )


def rules_for_prediction(network):
    """The kernels' rules for a forward pass: no dropout, no noise."""
    nothing, one, zero = np.float32(0), np.float32(1), np.uint64(0)
    return Rules(
        loss=CROSS_ENTROPY,
        activation=CODES[network.activation],
        slopes=network.slopes(),
        solver=0,
        momentum=nothing,
        beta_2=nothing,
        adam_epsilon=nothing,
        rate_scale=np.ones(network.n_layers, np.float32),
        dropout=zero,
        dropout_scale=one,
        input_dropout=zero,
        input_dropout_scale=one,
        input_noise=nothing,
        seed=zero,
    )


def _largest(*arrays):
    """The largest magnitude in some arrays, NaN if one number is; needs no memory."""
    return np.max([extreme for a in arrays if a.size for extreme in (a.max(), -a.min())])


def _threshold(rate):
    """A dropout rate as a threshold for 32-bit hashes."""
    return np.uint64(min(round(rate * 2**32), 2**32 - 1))
