"""One training on a cluster, from blocks of rows to a trained network."""

import weakref

import numpy as np

from .._estimator.fitting import explain_training, threads_worth_waking
from .._estimator.labels import weighted_by_class
from .._network.team import Team, threads_for
from .._training.linear_start import MOST_SAMPLES
from .._training.rehearsal import rehearse_training
from ._blocks import joined_rows, read_block, seed_of_block, some_rows, training_part
from ._cluster import Cluster
from ._coordinator import Coordinator
from ._replica import RoundPlan
from ._summaries import merged, moments_of, summarised


class Facts:
    """What one pass over all blocks tells.

    Parameters
    ----------
    summaries : list of Summary or None
        Of each block, in order.
    class_weight : dict, "balanced" or None
        Where there are classes.

    Attributes
    ----------
    summary : Summary
        Of all rows.
    used : list of int
        The blocks that have samples of positive weight.
    shares : ndarray of float64
        Of the weight of all samples, by used block.
    factors : ndarray of float64
        What weights are multiplied by, by class; 1 where targets are numbers.
    n_samples : int
        Samples of positive weight.
    """

    def __init__(self, summaries, class_weight):
        found = [summary for summary in summaries if summary is not None]
        if not found:
            raise ValueError("X holds 0 samples: none of its blocks has a row.")
        _check_alike(summaries)
        self.summary = merged(found, _united([summary.groups for summary in found]))
        self.factors = self._factors(class_weight)
        sums = [self._weight_of(summary) for summary in summaries]
        self.used = [number for number, weight in enumerate(sums) if weight > 0]
        if not self.used:
            raise ValueError(
                "sample_weight and class_weight leave nothing to learn from: no sample of X has a "
                "positive weight."
            )
        self.shares = np.array(sums)[self.used]
        self.shares = self.shares / self.shares.sum()
        self.n_samples = int(self.summary.n_samples[self.factors > 0].sum())
        self.moments = moments_of(self.summary, self.factors)

    def _factors(self, class_weight):
        groups = self.summary.groups
        if self.summary.numbers is not None:
            return np.ones(groups.size)
        weight = np.where(self.summary.weight > 0, self.summary.weight, 1.0)
        return weighted_by_class(weight, np.arange(groups.size), class_weight, groups) / weight

    def _weight_of(self, summary):
        if summary is None:
            return 0.0
        at = np.searchsorted(self.summary.groups, summary.groups)
        return float(summary.weight @ self.factors[at])


def _check_alike(summaries):
    """Refuse blocks with other features, or other targets, than the first one that has rows."""
    given = [(number, each) for number, each in enumerate(summaries) if each is not None]
    _, first = given[0]
    for number, summary in given[1:]:
        if summary.n_features != first.n_features:
            raise ValueError(
                f"All blocks of X must have the same features: the first has {first.n_features}, "
                f"number {number} has {summary.n_features}."
            )
        if not np.array_equal(summary.feature_names, first.feature_names):
            raise ValueError(
                "All blocks of X must have the same features: the names in number "
                f"{number} are not those in the first."
            )
        if summary.y_shape != first.y_shape:
            raise ValueError(
                "All blocks of y must be alike: a sample's targets have the shape "
                f"{first.y_shape} in the first, and {summary.y_shape} in number {number}."
            )


def _united(labels):
    """All class labels, sorted."""
    try:
        return np.unique(np.concatenate(labels))
    except TypeError as error:
        raise ValueError(f"y must hold strings, numbers or booleans, all alike: {error}.") from None


# ---------------------------------------------------------------- before the training


def read_blocks(estimator, client, partitions):
    """Have all blocks checked where they lie, and summed up.

    Returns
    -------
    blocks : list of distributed.Future
    summaries : list of Summary or None
    """
    from dask import delayed

    read = delayed(read_block)
    tasks = [read(estimator, number, *parts) for number, parts in enumerate(partitions)]
    blocks = client.compute(tasks)
    return blocks, client.gather(client.map(summarised, blocks, pure=False))


def training_blocks(client, blocks, facts, task, batch_size):
    """Futures of what to train on, of the blocks that are used."""
    return [
        client.submit(training_part, blocks[number], task, facts.factors, batch_size)
        for number in facts.used
    ]


def sample_of(client, blocks, facts, seed):
    """At most about ``MOST_SAMPLES`` samples of all blocks, here."""
    counts = [MOST_SAMPLES] * len(blocks)
    if facts.n_samples > MOST_SAMPLES:
        counts = [max(1, int(MOST_SAMPLES * share)) for share in facts.shares]
    parts = [
        client.submit(some_rows, block, n, share, seed_of_block(seed, number))
        for number, (block, n, share) in enumerate(zip(blocks, counts, facts.shares, strict=True))
    ]
    return joined_rows(client.gather(parts))


# ---------------------------------------------------------------- training


def train_on_cluster(
    plan, client, blocks, facts, schedule, sample, *, streams, network, n_jobs, report, checkpoint,
    validate,
):  # fmt: skip
    """Train a new network, or a copy of one.

    Parameters
    ----------
    plan : .._estimator.plan.Plan
    client : distributed.Client
    blocks : list of distributed.Future
        Of TrainingData.
    facts : Facts
    schedule : Schedule
    sample : TrainingData
        Some of all samples, here.
    streams : Streams
        Seeds of a new network.
    network : SparseNetwork or None
        A fitted one to go on with.
    n_jobs : int or None
        Threads of each task.
    report : callable
        Called with the number of rounds and the trainer, returns a reporter.
    checkpoint : Checkpoint or None
    validate : callable or None
        See ``Trainer``.

    Returns
    -------
    Coordinator
        After the training.
    """
    options, batch_size = plan.options, plan.options.batch_size
    rehearse_training(
        min(batch_size, sample.samples.size),
        validates=True,
        explains=True,
        verbose=False,
        growth=plan.architecture.growth,
    )
    n_threads = threads_worth_waking(n_jobs, plan.architecture.n_connections, batch_size)
    with Team(n_threads) as team:
        if network is None:
            network = plan.architecture.new_network(streams, team)
        else:
            network = plan.architecture.continued(network)
        rounds = RoundPlan(
            options, schedule.local_steps, network.t, schedule.total_steps, threads_for(n_jobs)
        )
        coordinator = Coordinator(
            network,
            sample,
            Cluster(client, blocks, facts.shares, rounds),
            team,
            n_rounds=schedule.n_rounds,
            samples_per_round=len(blocks) * batch_size * schedule.local_steps,
            interval=schedule.evolution_interval(options.evolution_interval),
            checkpoint=checkpoint,
            validate=validate,
        )
        # A cycle would outlive the fit, with all its memory.
        coordinator.reporter = report(schedule.n_rounds, weakref.proxy(coordinator))
        resumed = checkpoint is not None and checkpoint.resume(coordinator)
        if plan.start is not None and not resumed:
            plan.start(network, team=team)
        coordinator.run(schedule.n_rounds)
        explain_training(coordinator, plan.explain)
    return coordinator
