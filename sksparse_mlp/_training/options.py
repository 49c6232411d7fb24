"""How to train: every choice, resolved; nothing here is "auto"."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TrainingOptions:
    """The estimators' parameters of the same names; defaults are the plainest choice of each."""

    loss: str = "cross_entropy"
    loss_parameter: float = 0.0
    solver: str = "sgd"
    learning_rate: str = "constant"
    learning_rate_init: float = 0.001
    learning_rate_scaling: str | None = None
    power_t: float = 0.5
    momentum: float = 0.9
    nesterovs_momentum: bool = False
    beta_1: float = 0.9
    beta_2: float = 0.999
    weight_decay: float = 0.0
    dropout: float = 0.0
    input_dropout: float = 0.0
    input_noise: float = 0.0
    noise_spread: np.ndarray | None = None  # what multiplies it, by input; no parameter
    batch_size: int = 32
    shuffle: bool = True
    evolution: str | None = "set"
    drop_scope: str = "layer"
    redistribution: str | None = None
    density_schedule: str | None = None
    final_connections: int | None = None  # with a schedule, those of all layers in the end
    neuron_pruning: str | None = None
    pruned_neurons: float = 0.5
    zeta: float = 0.3
    zeta_schedule: str = "constant"
    evolution_interval: int | str = "epoch"
    evolution_end: float = 1.0
    evolve_output_layer: bool = True
    n_frozen: int = 0  # of the first layers, which stay as they are; no parameter
    max_iter: int = 200
    tol: float = 1e-4
    n_iter_no_change: float = 10
    early_stopping: bool = False
    averaging: str | None = None
    verbose: bool = False
