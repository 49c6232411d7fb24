"""Cox's partial likelihood: the loss of times that may be censored, by the contract of ``.loss``.

The output ``z_i`` of a sample is its log hazard ratio, its target ``v_i`` the rank of its time,
negative where no event was seen. With the events E and Breslow's treatment of ties,

    L = sum_{i in E} s_i (log(sum_{j: |v_j| >= |v_i|} s_j exp z_j / S) - z_i) / S,  S = sum_i s_i,

which is no sum over samples: the risk sets are those of the mini-batch. Division by S makes it the
same for repeated samples as for weights, and about the same for mini-batches of any size.
"""

import numpy as np

from .jit import inlined
from .levels import output_level
from .loss import total_weight_of
from .simd import load, store


@inlined
def cox_loss(lanes, net, workspace, batches, step):
    """The loss of a mini-batch whose samples are ordered by time, the longest first.

    It does not depend on the output's intercept, whose gradient is exactly zero: a solver that
    divides by the size of gradients would take rounding for a direction.
    """
    width, z = 1 << len(lanes), load(workspace.level_start, output_level(net))
    total_weight = total_weight_of(batches, step)
    sum_up_risk_sets(z, workspace, batches, step, total_weight)
    loss = walk_up_the_times(z, workspace, batches, step, total_weight)
    for i in range(step.n_samples, step.n_tiles * width):
        store(workspace.activations, z + i, np.float32(0))
    store(workspace.unit_gradients, load(net.first_unit, output_level(net)), np.float32(0))
    return loss


@inlined
def sum_up_risk_sets(z, workspace, batches, step, total_weight):
    """Logarithms of the running sums of ``s exp(z) / S``, into ``workspace.clean``."""
    largest, total = -np.inf, 0.0
    for i in range(step.n_samples):
        z_i = np.float64(load(workspace.activations, z + i))
        weight = np.float64(load(batches.sample_weight, load(batches.order, step.first + i)))
        if z_i > largest:
            total *= np.exp(largest - z_i)
            largest = z_i
        total += weight / total_weight * np.exp(z_i - largest)
        store(workspace.clean, i, np.float32(largest + np.log(total)))


@inlined
def walk_up_the_times(z, workspace, batches, step, total_weight):
    """Replace ``z`` by ``dL/dz = s (exp(z) H - event) / S``; returns the loss.

    ``H`` is Breslow's cumulative hazard up to the sample's time. ``hazard`` is H times the sum over
    the risk set: neither can overflow.
    """
    loss, hazard, last_log_risk = 0.0, 0.0, np.inf
    last = step.n_samples - 1
    while last >= 0:
        first = first_of_equal_times(batches, step, last)
        log_risk = np.float64(load(workspace.clean, last))
        if hazard > 0:
            hazard *= np.exp(log_risk - last_log_risk)
        last_log_risk = log_risk
        for i in range(first, last + 1):
            sample = load(batches.order, step.first + i)
            if load(batches.values, sample) > 0:
                share = np.float64(load(batches.sample_weight, sample)) / total_weight
                loss += share * (log_risk - np.float64(load(workspace.activations, z + i)))
                hazard += share
        for i in range(first, last + 1):
            sample = load(batches.order, step.first + i)
            weight = np.float64(load(batches.sample_weight, sample))
            z_i = np.float64(load(workspace.activations, z + i))
            d = np.exp(z_i - log_risk) * hazard
            if load(batches.values, sample) > 0:
                d -= 1.0
            d *= weight / total_weight
            store(workspace.activations, z + i, np.float32(d if abs(d) > 1e-30 else 0.0))
        last = first - 1
    return loss


@inlined
def first_of_equal_times(batches, step, last):
    """Position of the first sample of a mini-batch with the time of the one at ``last``."""
    time, first = abs(load(batches.values, load(batches.order, step.first + last))), last
    while first > 0:
        if abs(load(batches.values, load(batches.order, step.first + first - 1))) != time:
            break
        first -= 1
    return first


@inlined
def cox_gradients(lanes, net, batch, start):
    """``dL/dz`` of a tile whose risk sets are its own samples, in any order.

    ``z`` are read from ``batch.out``; their gradients go to ``batch.buffer``.
    """
    width, z = 1 << len(lanes), load(batch.level_start, output_level(net))
    n_samples = min(width, batch.n_samples - start)
    largest = -np.inf
    for j in range(width):
        store(batch.buffer, z + j, np.float32(0))
        if j < n_samples:
            largest = max(largest, np.float64(load(batch.out, z + j)))
    for i in range(n_samples):
        time, weight = load(batch.values, start + i), load(batch.weight, start + i)
        if time > 0:
            risk = 0.0
            for j in range(n_samples):
                if abs(load(batch.values, start + j)) >= time:
                    risk += hazard_of(batch, z, start, j, largest)
            for j in range(n_samples):
                if abs(load(batch.values, start + j)) >= time and risk > 0:
                    d = weight * hazard_of(batch, z, start, j, largest) / risk
                    store(batch.buffer, z + j, np.float32(load(batch.buffer, z + j) + d))
            store(batch.buffer, z + i, np.float32(load(batch.buffer, z + i) - weight))


@inlined
def hazard_of(batch, z, start, j, largest):
    """``s exp z`` of one sample of a tile, shifted by the largest z."""
    z_j = np.float64(load(batch.out, z + j))
    return np.float64(load(batch.weight, start + j)) * np.exp(z_j - largest)
