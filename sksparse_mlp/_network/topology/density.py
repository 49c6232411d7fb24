"""How many connections a layer has, by its cells ``n_in n_out`` and its sum ``n_in + n_out``.

Rules that spread an overall density: see :class:`.base.LayerDensityRule`.
"""


def connections_for_epsilon(epsilons, cells, sums):
    """``epsilon (n_in + n_out)`` in each layer, one at least, and no more than it has cells."""
    return [
        max(1, round(min(n, epsilon * n_sum)))
        for epsilon, n, n_sum in zip(epsilons, cells, sums, strict=True)
    ]


def connections_for_density(density, cells, sums):
    """Erdos-Renyi proportions for an overall density: epsilon such that the layers sum up to it.

    A layer that would be more than full is full; the others share the rest.
    """
    goal, full = density * sum(cells), set()
    while True:
        free = [i for i in range(len(cells)) if i not in full]
        rest = goal - sum(cells[i] for i in full)
        epsilon = rest / sum(sums[i] for i in free) if free else 0.0
        crowded = {i for i in free if epsilon * sums[i] > cells[i]}
        if not crowded:
            break
        full |= crowded
    return [
        n if i in full else max(1, min(n, round(epsilon * sums[i]))) for i, n in enumerate(cells)
    ]


def connections_for_uniform(density, cells, sums):
    """The same density in each layer, one connection at least."""
    return connections_for_densities([density] * len(cells), cells)


def connections_for_densities(densities, cells):
    """A density for each layer, one connection at least."""
    return [max(1, round(d * n)) for d, n in zip(densities, cells, strict=True)]


LAYER_DENSITY_RULES = {
    "erdos_renyi": connections_for_density,
    "uniform": connections_for_uniform,
}
