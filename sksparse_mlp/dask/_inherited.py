"""What a class on a cluster takes over from the ordinary one: documentation and parameters."""

import inspect

OWN_PARAMETERS = ("rounds", "local_steps", "client")

HOW_IT_TRAINS = """\
Each block stays on the worker that holds it. In a round, a replica of the network takes
    ``local_steps`` steps on each block (local SGD, Stich 2019); then weights, intercepts and what
    the solver remembers are averaged, in proportion to the weight of the blocks' samples.
    Connections move between the rounds, at the client, so that all replicas always have the same
    ones; where replicas rewire themselves, they are averaged over the union of their connections
    (Curci 2021). A round sends 8 bytes a connection to each worker, 4 more where connections have
    moved, and 8 back; so what Adam remembers travels with eight binary digits.

    The result depends on the blocks and on ``random_state`` only: not on how many workers there
    are, how fast they are or which of them die. A task is a function of its arguments, so Dask
    computes again what a lost worker had computed, and the bits are the same.

    Each block should be large enough for some mini-batches, and there should be about as many
    blocks as threads in the cluster. ``batch_size`` is that of each block; "auto" divides among the
    blocks, in parts of at least 32, what one process would take, so that there are as many steps.
    With many more blocks, there are fewer steps in as many passes over the data. The steps of Adam
    are longer, because an average of replicas has less noise than each of them divides by: n blocks
    multiply ``learning_rate_init`` by ``sqrt(n)``, and by the square root of how often the blocks'
    mini-batches together hold those of one process, by 4 at most (Malladi 2022)."""

DESCRIPTIONS = """\
rounds : int or "auto", default="auto"
        How often the replicas are averaged. "auto": as often as ``local_steps`` and ``max_iter``
        passes over the data say.

    local_steps : int or "auto", default="auto"
        Mini-batches that are taken from each block between two averages. "auto": so many that
        there are ``rounds``, or else about 50 rounds, and at most 500 steps.

    client : distributed.Client or None, default=None
        The connection to the cluster. None: the current one. Neither copies nor files keep it."""

NOTES = """\
``history_`` has one entry a round; "seconds_training" is what the slowest block's steps took,
    "bytes_sent" the size of the messages to each worker that the round began with.
    ``early_stopping`` judges by ``X_val`` of ``fit``, which lies at the client. A fitted start of
    the skip layer looks at 2,048 samples of all blocks, ``feature_importances_`` at 512 of them.
    Dask's dashboard shows each round as a group of tasks of its own, and ``verbose`` prints a
    line."""

REFERENCES = (
    """\
Stich, S. U. (2019). Local SGD converges fast and communicates little. ICLR.""",
    """\
Curci, S., Mocanu, D. C., Pechenizkiy, M. (2021). Truly sparse neural networks at scale.
           arXiv 2102.01732.""",
    """\
Malladi, S., Lyu, K., Panigrahi, A., Arora, S. (2022). On the SDEs and scaling rules for
           adaptive gradient algorithms. NeurIPS.""",
)


def section_of(cls, title, next_title):
    """A section of a class's documentation, without the headline, indented as here."""
    if cls.__doc__ is None:  # python -OO
        return ""
    text = inspect.cleandoc(cls.__doc__).split(f"{title}\n{'-' * len(title)}\n")[1]
    return text.split(f"\n\n{next_title}\n")[0].replace("\n", "\n    ")


def references_of(cls):
    """The references of a class, and those of training on a cluster."""
    text = section_of(cls, "References", "Examples")
    n_references = text.count(".. [")
    more = [f".. [{n_references + i}] {text}" for i, text in enumerate(REFERENCES, 1)]
    return "\n    ".join([text, *more])


def with_parameters_of(cls):
    """Give ``__init__`` the parameters of another class, in the place of its ``parameters``."""

    def with_signature(init):
        own, others = (inspect.signature(f).parameters for f in (init, cls.__init__))
        new = [p for p in own.values() if p.name not in others and p.kind is not p.VAR_KEYWORD]
        init.__signature__ = inspect.Signature([*others.values(), *new])
        return init

    return with_signature
