"""How many samples the kernels' vectors hold: the *lanes*, for each number of which they compile.

A mini-batch runs fastest in the narrowest vectors that hold all of it. In wider ones the rest of
the lanes are zero, and no bit of the result changes: sums over lanes are trees to which zeros add
nothing, and random numbers are addressed by the sample. So a small batch makes do with wider
vectors whose kernel is at hand already, unless it would lose more time than to compile takes.
"""

import numpy as np

from .._kernels.compiling import is_at_hand
from .._kernels.records import Worker
from .._kernels.steps import train_steps

MAX_LANES = 32
# The logarithm of the fewest in training: one lane is no faster than two.
FEWEST = 1
# A prediction of so many samples or fewer is made in as many lanes: one more kernel, not three.
FEW_SAMPLES = 4
# What a connection costs in a step for each lane too many, in seconds; and how many seconds a fit
# may lose before kernels of its own pay.
LANE_COST, WORTH_COMPILING = 1e-10, 3.0


def lanes_for(batch_size):
    """The narrowest lanes for a batch size: a tuple as long as the logarithm of their number.

    No fewer than two: one is no faster.
    """
    return (0,) * min(MAX_LANES.bit_length() - 1, max(FEWEST, (batch_size - 1).bit_length()))


def lanes_to_predict(n_samples):
    """Lanes for the samples of a prediction: few would leave most of the widest empty."""
    return lanes_for(FEW_SAMPLES if n_samples <= FEW_SAMPLES else MAX_LANES)


def worker_of(lanes):
    """A kernel's first argument, whose type says for which lanes it is compiled."""
    return Worker(lanes, 0, 1, np.zeros(0, np.int64))


def lanes_at_hand(batch_size, work=0):
    """Lanes to train with.

    Parameters
    ----------
    batch_size : int
        Samples of a mini-batch.
    work : float
        Connections times steps of the training to come.

    Returns
    -------
    tuple
        The narrowest for which a kernel is compiled or kept on the disk; if there is none, the
        widest, which serve every batch size. The narrowest of all where that pays.
    """
    narrowest, widest = lanes_for(batch_size), lanes_for(MAX_LANES)
    fitting = [narrowest + (0,) * more for more in range(1 + len(widest) - len(narrowest))]
    at_hand = [lanes for lanes in fitting if is_at_hand(train_steps, worker_of(lanes))]
    chosen = at_hand[0] if at_hand else widest
    lost = work * LANE_COST * ((1 << len(chosen)) - (1 << len(narrowest)))
    return narrowest if lost > WORTH_COMPILING else chosen
