"""Among which connections the least salient are looked for: see :class:`.base.DropScope`.

References
----------
.. [1] Mostafa, Wang (2019). Parameter efficient training of deep convolutional neural networks by
       dynamic sparse reparameterization. ICML.
"""

import numpy as np


def within_layers(saliencies, fraction):
    """SET: the same fraction of each layer."""
    return [[int(n * fraction) for n in sizes_of_groups(s)] for s in saliencies]


def over_the_network(saliencies, fraction):
    """One threshold for all layers [1]_: of ties, those of the first layers go."""
    dropped = np.zeros((len(saliencies), 2), np.int64)
    for group in range(2):
        in_group = [s[s >> 31 == group] for s in saliencies]
        together = np.concatenate(in_group)
        n = int(together.size * fraction)
        if n == 0:
            continue
        threshold = np.partition(together, n - 1)[n - 1]
        below = np.array([np.count_nonzero(s < threshold) for s in in_group])
        ties = np.array([np.count_nonzero(s == threshold) for s in in_group])
        before = np.cumsum(ties) - ties
        dropped[:, group] = below + np.clip(n - below.sum() - before, 0, ties)
    return dropped.tolist()


def sizes_of_groups(saliency):
    """How many connections are in each of the two groups."""
    n_second = np.count_nonzero(saliency.view(np.int32) < 0)
    return saliency.size - n_second, n_second


DROP_SCOPES = {"layer": within_layers, "network": over_the_network}
