"""How many connections there are while a network trains: see :class:`.base.DensitySchedule`.

References
----------
.. [1] Liu et al. (2021). Sparse training via boosting pruning plasticity with neuroregeneration.
       NeurIPS.
.. [2] Bungert, Roith, Tenbrinck, Burger (2022). A Bregman learning framework for sparse neural
       networks. JMLR 23.
"""


def cubic(first, last, progress):
    """GraNet [1]_: from the first number to the last along a cube, fast at the beginning."""
    return last + round((first - last) * (1.0 - progress) ** 3)


def bregman(first, last, progress):
    """Bregman learning [2]_: what :mod:`.admission` lets in, and no more than the last number."""
    return last


DENSITY_SCHEDULES = {"cubic": cubic, "bregman": bregman}
# Those that are only a limit: gradients say how many connections there are below it.
ADMITTING = {"bregman"}
