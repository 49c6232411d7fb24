"""One training run, from an architecture and data to a trained network."""

import weakref

from joblib import cpu_count

from .._network.team import Team, threads_for
from .._training.budget import needs_gradients
from .._training.interrupt import deferred_interrupt
from .._training.rehearsal import rehearse_training
from .._training.trainer import Trainer

# A thread must save more than it costs to wake. Work is connections times (samples + 8): to walk
# along the connections costs as much as 8 samples.
WORK_PER_THREAD, SAMPLES_PER_PASS = 200_000, 8


def threads_worth_waking(n_jobs, n_connections, n_samples):
    """How many threads to use for a pass over some samples; it never changes a result.

    More than there are cores would only wait for one another.
    """
    worth = sum(n_connections) * (n_samples + SAMPLES_PER_PASS) // WORK_PER_THREAD
    if worth < 2:  # joblib is slow to say how many there may be
        return 1
    n_threads = int(max(1, min(threads_for(n_jobs), worth)))
    return min(n_threads, cpu_count()) if n_threads > 1 else 1


def train(
    architecture,
    data,
    options,
    *,
    streams,
    network=None,
    n_jobs=None,
    stream=False,
    start=None,
    explain=None,
    report=None,
    checkpoint=None,
    **hooks,
):
    """Train a new network, or a copy of one.

    Parameters
    ----------
    architecture : Architecture
    data : TrainingData
    options : TrainingOptions
    streams : Streams
        Seeds of a new network.
    network : SparseNetwork or None
        A fitted one to go on with.
    n_jobs : int or None
    stream : bool
        Whether the data are a part of a stream, on which to train for one epoch, with no end to lay
        schedules out for.
    start : callable or None
        Called with a new network and the team, before its first step.
    explain : callable or None
        Called with the trained network and the team: what it returns becomes ``explanation`` of the
        trainer, see :func:`explain_training`.
    report : callable or None
        Called with the number of epochs and the trainer, returns a reporter: see ``Trainer``.
    checkpoint : Checkpoint or None
        If it has a state, training goes on from there.
    **hooks : dict
        ``validate`` and ``observe`` of ``Trainer``.

    Returns
    -------
    Trainer
        After the training.
    """
    n_epochs, n_samples = 1 if stream else options.max_iter, data.samples.size
    batch_size = min(options.batch_size, n_samples)
    lanes = rehearse_training(
        batch_size,
        work=float(sum(architecture.n_connections)) * n_epochs * -(-n_samples // batch_size),
        validates=hooks.get("validate") is not None,
        explains=explain is not None,
        verbose=options.verbose,
        growth="gradient" if needs_gradients(options) else architecture.growth,
        averages=options.averaging is not None,
    )
    hooks |= {"checkpoint": checkpoint, "n_epochs": None if stream else n_epochs, "lanes": lanes}
    with Team(threads_worth_waking(n_jobs, architecture.n_connections, options.batch_size)) as team:
        is_new = network is None
        network = (
            architecture.new_network(streams, team) if is_new else architecture.continued(network)
        )
        trainer = Trainer(network, data, options, team, **hooks)
        if report is not None:  # a cycle would outlive the fit, with all its memory
            trainer.reporter = report(n_epochs, weakref.proxy(trainer))
        resumed = checkpoint is not None and checkpoint.resume(trainer)
        if is_new and start is not None and not resumed:
            start(network, team=team)
        trainer.run(n_epochs)
        if explain is not None:
            explain_training(trainer, explain)
    trainer.network.forbidden = None  # of this training alone
    return trainer


def explain_training(trainer, explain):
    """Set ``explanation`` of a trainer; Ctrl-C makes that short, and nothing is lost."""
    team = trainer.team
    if trainer.interrupted:
        team.stop()
    with deferred_interrupt(team.stop) as interrupt:
        trainer.explanation = explain(trainer.network, team=team)
    trainer.interrupted |= interrupt.requested
