"""TrulySparseMLPClassifier: labels, class weights and probabilities around a sparse network."""

from typing import ClassVar

import numpy as np
from sklearn.metrics import get_scorer_names

from ._estimator.classification import BaseSparseClassifier
from ._estimator.compat import (
    StrOptions,
    fit_context,
    method_if,
)
from ._estimator.constraints import PARAMETER_CONSTRAINTS


class TrulySparseMLPClassifier(BaseSparseClassifier):
    """Multilayer perceptron that is sparse from the first step to the last, and rewires itself.

    Of all connections that dense layers of the same widths would have, only a few exist, by default
    a fixed number for each layer: memory and time are in proportion to them. They begin at random
    places. While the network learns, it drops the weakest of them now and then and grows as many
    elsewhere, by default rather at inputs that say much of the classes (sparse evolutionary
    training, SET [1]_ [2]_).

    Standardise the inputs first, for example with
    :class:`~sklearn.preprocessing.StandardScaler`; it is best to put both into a pipeline.
    The defaults suit wide tables and long ones: those that are "auto" look at the shape of X.

    Parameters
    ----------
    hidden_layer_sizes : int, sequence of int or "auto", default="auto"
        Number of neurons of each hidden layer; "auto" makes one of 1,000, and another one of as
        many with 1,000 samples or more. They are those to train on; ``partial_fit`` makes one, and
        training that goes on changes none. A second layer takes two to three times as long; wide
        layers are cheap: what costs time and memory are connections, which ``epsilon`` sets.

    activation : {"relu", "all_relu", "srelu", "leaky_relu", "tanh", "logistic", "identity"}, \
default="relu"
        How a hidden neuron responds to its input z. "relu": z if positive, else 0; "leaky_relu":
        ``activation_slope * z`` if negative; "all_relu" [3]_: the same with a slope that changes
        its sign from layer to layer, for several hidden layers; "srelu" [4]_: three straight
        pieces whose four parameters each neuron learns; "tanh" and "logistic": the S-shaped
        curves; "identity": z itself, which makes the model linear.

    activation_slope : float, default=0.6
        The slope below zero of "all_relu" and "leaky_relu"; no effect on others.

    epsilon : float or sequence of float, default=None
        Sets how many connections there are: a layer between n_in and n_out neurons has
        ``round(epsilon * (n_in + n_out))`` of them, at most ``n_in * n_out``. More connections
        can express more and take longer. Positive; one for all layers or one for each, the
        output layer included. None: 20, but ``20 * n_in + 10 * n_out`` connections of layers that
        lead to hidden neurons, unless ``density`` is given.

    density : float, default=None
        Another way to say how many connections there are: the share of all possible ones, in
        (0, 1], spread over the layers in the proportions of ``epsilon``. 1 makes a dense network.
        Give one of the two.

    layer_density : {"erdos_renyi", "uniform"} or sequence of float, default="erdos_renyi"
        How the connections are spread over the layers. "erdos_renyi" [1]_: in proportion to
        ``n_in + n_out``, which leaves small layers dense; "uniform": in proportion to ``n_in *
        n_out``, the same density in each layer, and as many in total. Or the density of each
        layer, in (0, 1], instead of ``epsilon`` and ``density``.

    initial_topology : {"erdos_renyi", "small_world"}, default="erdos_renyi"
        Where the first connections lie. "erdos_renyi" [1]_: anywhere, or as "guided" evolution
        would lay them. "small_world" [20]_ [10]_: each neuron is connected to its receptive field,
        as many neighbours of the layer before as any other neuron of its layer; of these
        connections the share ``rewiring`` lies elsewhere. Neighbours of the first hidden layer are
        columns of X that are next to one another, as along a spectrum, the last and the first one,
        too. Where columns have no order, as genes, receptive fields are sets like any others, that
        neurons next to one another have in common. Evolution then moves connections as it would.

    rewiring : float, default=0.1
        The share of the first connections of "small_world" that lies elsewhere than near by, in
        [0, 1]; no effect on others.

    evolution : {"auto", "guided", "set", "gradient", "cosine", "hebbian"} or None, default="auto"
        Whether connections move during training, and where to. "set" [1]_: some are dropped, see
        ``drop``, new ones grow at random places, their number stays the same. "guided": the same,
        but more of the connections of the inputs, from the first ones on, lie at inputs that say
        much of y, see ``guidance``. The others draw four times as many places as
        are needed and take the best, judged by up to 64 samples of the mini-batch to come.
        "gradient" [7]_ [8]_: where the gradient of a new weight would be largest; places are drawn
        in proportion to the sums of magnitudes of what one neuron puts out and of the gradient at
        the other, new weights are zero. "cosine" [9]_: between neurons whose outputs are alike,
        and at random in place of those that are connected already. "hebbian" [10]_: between
        neurons that paths of three connections lead to and from, found by random walks; new
        weights are zero. None keeps the first random places. "auto": "guided" in ``fit``;
        ``partial_fit`` goes on with what the network was fitted with, "set" if with nothing.

    guidance : float or "auto", default="auto"
        The share of the inputs' connections that "guided" evolution lays in proportion to
        ``(SSB / SSW) ** 1.5`` of the inputs, with the variation of an input between the classes,
        SSB, and within them, SSW, as in a one-way analysis of variance. Of products of two inputs
        what is beyond chance counts, too, for both, in all at most as much as the best input by
        itself: times ``max(0, 1 - n_features / n_samples)``, of the samples that are looked at.
        The others are laid at random, at least a hundredth, so that no input is passed over. From
        0, which is "set", to 1. "auto": ``0.95 - 0.45 * min(1, n_features / n_samples)``.

    drop : {"set", "magnitude", "random", "mest", "snip"}, default="set"
        Which connections move. Those of smallest ``|w|`` among the positive and among the negative
        weights ("set" [1]_) or among all ("magnitude"), of smallest ``|w| / mean |w| + |g| / mean
        |g|`` ("mest" [11]_) or ``|w g|`` ("snip" [12]_), or any ("random"). The gradient g is what
        the solver remembers: the mean of the last ones with "adam", the velocity with "sgd". No
        effect with ``evolution=None``, as ``guidance``, and all parameters from ``zeta`` to
        ``evolve_output_layer``.

    drop_scope : {"layer", "network"}, default="layer"
        Where the connections to drop are looked for: the fraction ``zeta`` of each layer, or of
        all layers together, with one threshold. In either case each layer grows as many as it
        lost, unless ``redistribution`` [13]_ says otherwise.

    redistribution : {"survivors", "momentum", "gradient"} or None, default=None
        How what grows is shared out among the layers; their total stays. "survivors" [13]_: in
        proportion to the connections that were left, which needs ``drop_scope="network"``;
        "momentum" [14]_: to the mean magnitude of what the solver remembers of a gradient;
        "gradient" [15]_: to the number of largest gradients of four times as many empty places,
        drawn from all layers, as grow. None: each layer keeps its number. What a full layer
        cannot take goes to the others.

    density_schedule : {"cubic", "bregman"} or None, default=None
        Whether the number of connections changes during the training. "cubic" [16]_: ``last +
        (first - last) * (1 - progress) ** 3``, from ``initial_connections`` at first to what
        ``epsilon`` and ``density`` say at the last evolution; ``zeta`` of them move each time,
        too. "bregman" [21]_, with ``evolution="gradient"``: at most that number; of as many empty
        places as there are connections, those come in whose gradient is a twentieth of the largest
        at least, so none where no gradient flows. ``history_`` tells the number of each epoch,
        memory is in proportion to it. In ``partial_fit`` it does not change; a ``fit`` that early
        stopping ends leaves the number of its best epoch.

    initial_connections : float or "auto", default="auto"
        How many connections a ``density_schedule`` begins with, as a multiple of the last number,
        positive, in each layer as far as it has places; below 1 the network grows. "auto":
        4 with "cubic", 0.5 with "bregman".

    neuron_pruning : {"importance", "chase"} or None, default=None
        Whether hidden neurons go during the training, with all their connections, and never get
        any again, as others without connections do not. "importance" [17]_: those of smallest sum
        of ``|w|`` over the weights that enter, from the first third on, with connections that are
        not replaced; "chase" [18]_: those of smallest mean, in equal steps, whose connections
        grow elsewhere. ``compact`` leaves such neurons out. In ``partial_fit`` none go.

    pruned_neurons : float, default=0.5
        The share of each hidden layer's neurons that ``neuron_pruning`` has removed in the end,
        in [0, 1).

    zeta : float, default=0.3
        The fraction of a layer's connections that moves at each evolution, in [0, 1).

    zeta_schedule : {"constant", "cosine", "linear"}, default="constant"
        How ``zeta`` changes during the training. "constant": not at all; "cosine" and "linear": it
        falls to zero over the part that ``evolution_end`` allows, along half a cosine or a
        straight line. In ``partial_fit`` it is constant.

    evolution_interval : "auto", "epoch" or int, default="auto"
        How often connections move: after each epoch, or after n mini-batches, which are
        also counted across calls of ``partial_fit``. "auto" spreads about 37 evolutions evenly
        over the part of the training that ``evolution_end`` allows, at least 4 steps apart; in
        ``partial_fit`` it is "epoch".

    evolution_end : float, default=0.75
        The fraction of the training after which connections stay where they are, in [0, 1], so
        that the last ones to grow have time to learn.

    evolve_output_layer : bool, default=True
        Whether the connections to the output neurons move, too.

    solver : {"adam", "sgd"}, default="adam"
        How the weights follow their gradients: "adam" [5]_ gives each weight a step size of its
        own; "sgd" is stochastic gradient descent with ``momentum``.

    learning_rate : {"constant", "invscaling", "adaptive", "cosine"}, default="cosine"
        How the step size changes. "constant": not at all; "invscaling": it is divided by
        ``t ** power_t`` at step t; "adaptive": it is divided by 5 whenever the loss has stopped
        improving; "cosine": it falls to zero over all ``max_iter`` epochs along half a cosine,
        and training lasts that long; ``partial_fit`` knows no end and leaves it constant.

    learning_rate_init : float, default=0.5
        The step size at the beginning, positive. Lower it if training diverges or its result
        changes much from one ``random_state`` to another. With ``learning_rate_scaling=None``,
        try 0.001 for "adam" and 0.01 for "sgd".

    learning_rate_scaling : {"fan_in"} or None, default="fan_in"
        "fan_in" divides each layer's step size by the mean number of connections that enter one of
        its neurons, and counts the inputs' weights in the inputs' root mean square deviation: one
        ``learning_rate_init`` suits all widths and units. None: neither.

    power_t : float, default=0.5
        The exponent of "invscaling", not negative.

    momentum : float, default=0.9
        How much of its last step "sgd" repeats, in [0, 1).

    nesterovs_momentum : bool, default=True
        Whether the momentum of "sgd" looks ahead (Nesterov's method).

    beta_1 : float, default=0.9
        How slowly "adam" forgets the mean of the gradients, in [0, 1).

    beta_2 : float, default=0.95
        How slowly "adam" forgets the size of the gradients, in [0, 1).

    weight_decay : float, default=0.0002
        Each step shrinks every weight by this fraction of the step size, not negative: a
        preference for small weights, independent of the gradients ("decoupled" [6]_).

    dropout : float, default=0.0
        The share of hidden neurons that a training step leaves out at random, in [0, 1). Against
        overfitting.

    input_dropout : float, default=0.0
        The share of input values that a training step sets to zero at random, in [0, 1).

    input_noise : float or "auto", default="auto"
        Standard deviation of the random numbers that are added to the inputs, new ones in each
        training step: the network must not rely on small differences. Not negative. "auto": each
        input's own, at most the root mean square of all, which it is in ``partial_fit``; with
        fewer features than samples times ``(n_features / n_samples) ** (1 / 3)``.

    weight_init : {"he_uniform", "he_normal", "xavier", "normal"}, default="he_uniform"
        The distribution of new weights, the first as well as those that grow. "he_uniform" and
        "he_normal": with a variance of 2 / fan-in; "xavier": uniform with a variance of
        2 / (fan-in + fan-out); "normal": normal with a standard deviation of 0.1. The fan counts
        connections, not neurons.

    weight_init_gain : float, default=0.35
        Multiplies new weights of the hidden layers, positive. Smaller ones begin nearer to a
        linear model.

    batch_size : int or "auto", default="auto"
        Number of samples from which one training step is computed. "auto": all samples up to
        512, else 128; in ``partial_fit`` 32.

    max_iter : int or "auto", default="auto"
        The largest number of epochs, that is passes over the data. "auto": as
        many as make 200 steps if one mini-batch holds all samples, else 600 steps and at least
        20 passes; the fewer, the more features there are for a sample, down to 30 steps, if the
        skip layer of a new network starts "fitted" and ``learning_rate="cosine"``.

    shuffle : bool, default=True
        Whether each epoch visits the samples in a new random order.

    tol : float, default=0.0001
        An improvement of the loss, or of the validation score, by less counts as none. Not
        negative.

    n_iter_no_change : int, default=10
        Training stops after this many epochs in a row without improvement; with
        ``learning_rate="cosine"`` only if ``early_stopping=True``.

    early_stopping : bool, default=False
        Whether to judge the progress by samples that are set apart, or by ``X_val`` of ``fit``,
        instead of the training loss, and to return the network of the best epoch.

    validation_fraction : float, default=0.1
        The share of each class that ``early_stopping`` sets apart if there is no ``X_val``, in
        (0, 1).

    scoring : str, callable or None, default=None
        What ``early_stopping`` looks at: the name of a scikit-learn metric such as
        "balanced_accuracy", or a callable ``scorer(estimator, X, y)``. None: the validation loss.

    averaging : {"ema", "cyclic"} or None, default=None
        Whether the model is the mean of the weights over the last part of ``fit`` instead of the
        last ones. "ema": over the epochs of the last quarter, an exponential moving average to
        which one epoch adds a tenth, the first ten all the same. "cyclic" [19]_: the last
        three tenths are three cycles. At the beginning of each, half of the connections move, at
        its end the learning rate, at first a fifth of ``learning_rate_init``, or of what "adaptive"
        has left of it, has fallen to zero; schedules and evolutions lie before, ``evolution=None``
        and ``zeta=0`` move nothing, and ``tol`` ends no cycle. The mean is that of the network
        before them and of those at their ends. A connection counts as zero where it does not exist,
        and the strongest are kept, as many as there were: predicting costs the same. Validation,
        early stopping and callbacks see the mean as soon as there is one; if training ends before,
        it is the network itself. A warm start goes on from the mean, with a solver that starts
        anew. None: no mean.

    skip_connections : {"auto", "fitted", "zero"} or None, default="auto"
        Whether there is a skip layer, from the inputs straight to the outputs beside the hidden
        ones, and what its weights start from. It has ``round(epsilon * (n_features +
        n_outputs))`` connections as any layer, all there are with few outputs; it is trained,
        evolved where it is not full, and counted as all others are. What few samples can tell is
        mostly linear: the skip layer holds it, and the hidden neurons add the rest: beside it,
        the weights to the outputs begin ten times smaller. "fitted": it starts from a logistic
        or ridge regression, whose penalty falls on inputs that say little of y, found in up to
        60 steps from up to 2,048 samples. "zero": it starts from zero. "auto": "fitted", in
        ``partial_fit`` "zero". None: no skip layer. Without hidden layers, this holds for the only
        layer, which with None starts at random.

    temperature : float or "auto", default="auto"
        What the outputs are divided by before they become probabilities, positive: above 1, the
        probabilities are more cautious. Predicted classes do not depend on it. "auto": ``1 +
        sqrt(min(1, n_features / n_samples))``, with two hidden layers or more half of that and 1,
        because networks that have seen few samples, and deep ones, are too sure of themselves.

    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, as ``{label: weight}``. "balanced": rare classes weigh as much as
        frequent ones in total. None: all samples weigh the same.

    warm_start : bool, default=False
        Whether ``fit`` goes on with the network of the last call instead of a new one.

    checkpoint : str, path-like or None, default=None
        A file that ``fit`` keeps its state in, so that a fit that was killed goes on where it
        was: the same call finds the file and returns, to the last bit, what it would have
        returned undisturbed. Or an existing directory, in which every fit finds a file of its own:
        in a grid search, only the fits that were running lose their last epochs. The file is
        replaced in one step, holds nothing that can be executed, and stays when the fit is
        finished: the same call then only reads it. A file that belongs to other data, parameters
        or another start is an error. Needs a ``random_state``.

    checkpoint_interval : int or float, default=1
        An int: epochs from one writing of ``checkpoint`` to the next; a float: seconds.

    verbose : bool or int, default=False
        Whether to print a line after each epoch.

    random_state : int, RandomState instance or None, default=None
        Seed of everything that is random: the same int gives the same model, to the last bit.

    n_jobs : int or None, default=None
        Number of threads that compute. None: 1, or what a :mod:`joblib` context says; -1: all
        processors. It changes the time and never the result.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels, sorted; of several labels a sample, the numbers of the columns of y.
    coefs_ : list of scipy.sparse.csr_array
        The connections of each layer but the skip layer, of shape (n_in, n_out). Every stored
        element is a connection, also where its weight is zero.
    skip_coef_ : scipy.sparse.csr_array of shape (n_features_in_, n_classes) or None
        The connections of the skip layer, likewise; None without one.
    intercepts_ : list of ndarray
        The intercepts of each level of neurons, of shape (n_out,).
    srelu_ : list of ndarray of shape (4, n_neurons) or None
        What each hidden neuron has learnt with ``activation="srelu"``: the thresholds and slopes
        t_right, a_right, t_left and a_left, by hidden layer; else None. The left piece begins
        where an input is at most t_left, whatever t_right is.
    n_connections_ : tuple of int
        The number of connections of each layer, the skip layer last. No training changes it but
        by ``redistribution``, ``density_schedule`` or ``neuron_pruning``.
    stable_neurons_ : list of ndarray of bool
        Which neurons ``new_task`` has made stable, by hidden layer and last of the outputs.
    temperature_ : float
        What outputs are divided by before they become probabilities.
    feature_importances_ : ndarray of shape (n_features_in_,)
        How much each input moves the output: the mean over up to 512 training samples (32 in
        ``partial_fit``) of ``|dz / dx|``, with the logit z of the sample's class less the mean of
        all logits, times the standard deviation of the input. Of the skip layer and the hidden
        ways, the one with the larger slope counts for each sample. They add up to one.
    history_ : dict of list
        One entry an epoch: "loss", "learning_rate", "seconds", "n_connections",
        "connections_rewired" and, of each layer, "connections_by_layer", "rewired_by_layer" and
        "explored_by_layer", the share of all possible connections that have been tried so far:
        counted in layers of up to 131,072, expected in larger ones. Where
        there are validation samples, "validation_loss" and "validation_score".
    loss_curve_ : list of float
        The loss in each epoch, as in ``history_``.
    loss_ : float
        The last of them.
    best_loss_ : float or None
        The smallest of them; None if ``early_stopping=True``.
    validation_scores_ : list of float or None
        The validation score in each epoch: of ``scoring``, or the accuracy.
    best_epoch_ : int or None
        The epoch, counted from 1, whose network ``early_stopping=True`` returned; else None.
    best_validation_score_ : float or None
        The validation score in that epoch.
    n_iter_ : int
        Number of epochs of the last ``fit``, or of all calls of ``partial_fit``.
    t_ : int
        Number of samples seen in training, repetitions counted.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X had any that are all strings.
    n_layers_ : int
        Number of layers of neurons, inputs and outputs included.
    n_outputs_ : int
        Number of output neurons: one for each class, also where there are two, or each label.
    activation_ : str
        The activation function of the hidden neurons.
    out_activation_ : str
        "softmax"; "logistic" for several labels a sample.

    See Also
    --------
    sklearn.neural_network.MLPClassifier : Dense multilayer perceptron.
    sksparse_mlp.inspection.importance_table : Ranks the inputs.
    sksparse_mlp.plotting.TrainingHistoryDisplay : Shows ``history_``.

    Notes
    -----
    All weights and all arithmetic are float32. ``X`` is read where it lies: float32 and float64
    matrices, dense or CSR, are not copied, other numbers are converted one part at a time. What
    a row is predicted to be depends on nothing but that row.

    Fitted attributes cannot be changed in place, which would change the model behind its back:
    arrays are read-only, lists and dicts are copies. To change weights, take ``coefs_[0].copy()``.

    A sample's weight multiplies its share of the loss of its mini-batch, which is a weighted
    mean. A weight that is smaller than the largest one by more than the precision of float32
    counts as zero.

    Ctrl-C ends ``fit`` with KeyboardInterrupt and leaves the model of the last full epoch, if
    there is one.

    The fitted attributes are the whole model. With the activation function f, these lines give
    what ``predict_proba`` gives::

        a = X
        for W, b in zip(model.coefs_[:-1], model.intercepts_[:-1]):
            a = f(a @ W + b)
        z = a @ model.coefs_[-1] + model.intercepts_[-1] + X @ model.skip_coef_
        p = scipy.special.softmax(z / model.temperature_, axis=1)

    Without a skip layer its term is left out; for several labels a sample, the last line is
    ``scipy.special.expit(z / model.temperature_)``.

    References
    ----------
    .. [1] Mocanu, D. C., Mocanu, E., Stone, P., Nguyen, P. H., Gibescu, M., Liotta, A. (2018).
           Scalable training of artificial neural networks with adaptive sparse connectivity
           inspired by network science. Nature Communications 9, 2383.
    .. [2] Liu, S., Mocanu, D. C., Ramapuram Matavalam, A. R., Pei, Y., Pechenizkiy, M. (2021).
           Sparse evolutionary deep learning with over one million artificial neurons on
           commodity hardware. Neural Computing and Applications 33, 2589-2604.
    .. [3] Curci, S., Mocanu, D. C., Pechenizkiy, M. (2021). Truly sparse neural networks at
           scale. arXiv 2102.01732.
    .. [4] Jin, X., Xu, C., Feng, J., Wei, Y., Xiong, J., Yan, S. (2016). Deep learning with
           S-shaped rectified linear activation units. AAAI.
    .. [5] Kingma, D. P., Ba, J. (2015). Adam: a method for stochastic optimization. ICLR.
    .. [6] Loshchilov, I., Hutter, F. (2019). Decoupled weight decay regularization. ICLR.
    .. [7] Evci, U., Gale, T., Menick, J., Castro, P. S., Elsen, E. (2020). Rigging the lottery:
           making all tickets winners. ICML.
    .. [8] Heddes, M., Srinivasa, N., Givargis, T., Nicolau, A. (2024). Always-sparse training by
           growing connections with guided stochastic exploration. arXiv 2401.06898.
    .. [9] Atashgahi, Z., Pieterse, J., Liu, S., Mocanu, D. C., Veldhuis, R., Pechenizkiy, M.
           (2022). A brain-inspired algorithm for training highly sparse neural networks. Machine
           Learning 111, 4411-4452.
    .. [10] Zhang, Y., Zhao, J., Wu, W., Muscoloni, A., Cannistraci, C. V. (2024). Epitopological
            learning and Cannistraci-Hebb network shape intelligence brain-inspired theory for
            ultra-sparse advantage in deep learning. ICLR.
    .. [11] Yuan, G. et al. (2021). MEST: accurate and fast memory-economic sparse training
            framework on the edge. NeurIPS.
    .. [12] Lee, N., Ajanthan, T., Torr, P. H. S. (2019). SNIP: single-shot network pruning based on
            connection sensitivity. ICLR.
    .. [13] Mostafa, H., Wang, X. (2019). Parameter efficient training of deep convolutional neural
            networks by dynamic sparse reparameterization. ICML.
    .. [14] Dettmers, T., Zettlemoyer, L. (2019). Sparse networks from scratch: faster training
            without losing performance. arXiv 1907.04840.
    .. [15] Parger, M. et al. (2022). Gradient-based weight density balancing for robust dynamic
            sparse training. arXiv 2210.14012.
    .. [16] Liu, S. et al. (2021). Sparse training via boosting pruning plasticity with
            neuroregeneration. NeurIPS.
    .. [17] Liu, S. et al. (2019). On improving deep learning generalization with adaptive sparse
            connectivity. ICML workshop on understanding and improving generalization in deep
            learning.
    .. [18] Yin, L. et al. (2023). Dynamic sparsity is channel-level sparsity learner. NeurIPS.
    .. [19] Yin, L., Menkovski, V., Fang, M., Huang, T., Pei, Y., Pechenizkiy, M., Mocanu, D. C.,
            Liu, S. (2022). Superposing many tickets into one: a performance booster for sparse
            neural network training. UAI.
    .. [20] Watts, D. J., Strogatz, S. H. (1998). Collective dynamics of 'small-world' networks.
            Nature 393, 440-442.
    .. [21] Bungert, L., Roith, T., Tenbrinck, D., Burger, M. (2022). A Bregman learning framework
            for sparse neural networks. JMLR 23.

    Examples
    --------
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sksparse_mlp import TrulySparseMLPClassifier
    >>> from sksparse_mlp.datasets import make_microarray
    >>> X, y = make_microarray(n_samples=120, n_features=500, random_state=0)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    >>> model = make_pipeline(StandardScaler(), TrulySparseMLPClassifier(random_state=0))
    >>> model.fit(X_train, y_train).predict(X_test[:5]).shape
    (5,)
    >>> model[-1].n_connections_
    (20000, 2000, 1000)
    """

    _parameter_constraints: ClassVar[dict] = {
        **PARAMETER_CONSTRAINTS,
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "scoring": [StrOptions(set(get_scorer_names())), callable, None],
    }

    def __init__(
        self,
        hidden_layer_sizes="auto",
        *,
        activation="relu",
        activation_slope=0.6,
        epsilon=None,
        density=None,
        layer_density="erdos_renyi",
        initial_topology="erdos_renyi",
        rewiring=0.1,
        evolution="auto",
        guidance="auto",
        drop="set",
        drop_scope="layer",
        redistribution=None,
        density_schedule=None,
        initial_connections="auto",
        neuron_pruning=None,
        pruned_neurons=0.5,
        zeta=0.3,
        zeta_schedule="constant",
        evolution_interval="auto",
        evolution_end=0.75,
        evolve_output_layer=True,
        solver="adam",
        learning_rate="cosine",
        learning_rate_init=0.5,
        learning_rate_scaling="fan_in",
        power_t=0.5,
        momentum=0.9,
        nesterovs_momentum=True,
        beta_1=0.9,
        beta_2=0.95,
        weight_decay=2e-4,
        dropout=0.0,
        input_dropout=0.0,
        input_noise="auto",
        weight_init="he_uniform",
        weight_init_gain=0.35,
        batch_size="auto",
        max_iter="auto",
        shuffle=True,
        tol=1e-4,
        n_iter_no_change=10,
        early_stopping=False,
        validation_fraction=0.1,
        scoring=None,
        averaging=None,
        skip_connections="auto",
        temperature="auto",
        class_weight=None,
        warm_start=False,
        checkpoint=None,
        checkpoint_interval=1,
        verbose=False,
        random_state=None,
        n_jobs=None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.activation_slope = activation_slope
        self.epsilon = epsilon
        self.density = density
        self.layer_density = layer_density
        self.initial_topology = initial_topology
        self.rewiring = rewiring
        self.evolution = evolution
        self.guidance = guidance
        self.drop = drop
        self.drop_scope = drop_scope
        self.redistribution = redistribution
        self.density_schedule = density_schedule
        self.initial_connections = initial_connections
        self.neuron_pruning = neuron_pruning
        self.pruned_neurons = pruned_neurons
        self.zeta = zeta
        self.zeta_schedule = zeta_schedule
        self.evolution_interval = evolution_interval
        self.evolution_end = evolution_end
        self.evolve_output_layer = evolve_output_layer
        self.solver = solver
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.learning_rate_scaling = learning_rate_scaling
        self.power_t = power_t
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.input_noise = input_noise
        self.weight_init = weight_init
        self.weight_init_gain = weight_init_gain
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.scoring = scoring
        self.averaging = averaging
        self.skip_connections = skip_connections
        self.temperature = temperature
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.checkpoint = checkpoint
        self.checkpoint_interval = checkpoint_interval
        self.verbose = verbose
        self.random_state = random_state
        self.n_jobs = n_jobs

    # ------------------------------------------------------------ fitting

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Train the network; with ``warm_start=True``, go on training it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training samples. Float32 and float64 are read in place, other numbers a mini-batch
            at a time; nothing is copied as a whole.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels; or ones for the labels that a sample has, and zeros.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, not negative; None: all equal.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Validation samples, for ``history_`` and early stopping; None: with
            ``early_stopping=True``, a stratified fraction of the training samples.
        y_val : as y, default=None
            Class labels of ``X_val``.
        sample_weight_val : array-like of shape (n_val,), default=None
            Weights of the validation samples.

        Returns
        -------
        self : TrulySparseMLPClassifier
            The fitted estimator.
        """
        return self._fit(X, y, sample_weight, X_val, y_val, sample_weight_val)

    @method_if(BaseSparseClassifier._check_that_streams_make_sense)
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, *, classes=None, sample_weight=None):
        """Train for one epoch on a chunk of a stream.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            A chunk of samples.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Their class labels.
        classes : array-like of shape (n_classes,), default=None
            All classes that will ever appear; required in the first call, optional later.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, not negative; None: all equal.

        Returns
        -------
        self : TrulySparseMLPClassifier
            The estimator, trained further.
        """
        return self._partial_fit(X, y, sample_weight, classes=classes)

    # ------------------------------------------------------------ predicting

    def decision_function(self, X):
        """Return outputs divided by ``temperature_``; for two classes, their difference.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,), (n_samples, n_classes) or (n_samples, n_labels), float64
            Logits: those of which probabilities are made. For two classes positive where
            ``classes_[1]`` is predicted.
        """
        fitted = self._twin()
        logits = fitted._logits(X)
        return fitted._task.decision(logits)

    def predict(self, X):
        """Return the most probable class of each sample, or the labels that it has.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
            Class labels; or an indicator matrix, of the labels that are more probable than not.
        """
        fitted = self._twin()  # another thread may fit this one anew meanwhile
        logits = fitted._logits(X)
        return fitted._task.predicted(logits)

    def predict_log_proba(self, X):
        """Return the logarithms of the probabilities, finite also where these are tiny.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels), float64
            In the order of ``classes_``.
        """
        fitted = self._twin()
        logits = fitted._logits(X)
        return fitted._task.log_proba(logits)

    def predict_proba(self, X):
        """Return the probabilities of the classes, or of each label by itself.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels), float64
            In the order of ``classes_``; of classes, each row sums to one.
        """
        return np.exp(self.predict_log_proba(X))
