"""How many connections there are while a network trains: see :class:`.base.DensitySchedule`.

References
----------
.. [1] Liu et al. (2021). Sparse training via boosting pruning plasticity with neuroregeneration.
       NeurIPS.
"""


def cubic(first, last, progress):
    """GraNet [1]_: from the first number to the last along a cube, fast at the beginning."""
    return last + round((first - last) * (1.0 - progress) ** 3)


DENSITY_SCHEDULES = {"cubic": cubic}
