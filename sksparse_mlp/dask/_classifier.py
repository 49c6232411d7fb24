"""DaskTrulySparseMLPClassifier: the classifier, fitted to rows that lie on many machines."""

import inspect
from dataclasses import replace
from functools import partial
from typing import ClassVar

import numpy as np

from .._estimator.budget import check_layers_keep_their_sizes
from .._estimator.compat import StrOptions, fit_context, method_if
from .._estimator.constraints import AT_LEAST_ONE
from .._estimator.held_out import HeldOutFigures
from .._estimator.plan import Shape, plan_training
from .._estimator.supervised import NOT_IN_IDENTITY
from .._training.checkpoint import check_checkpoint
from ..classifier import TrulySparseMLPClassifier
from ._cluster import the_client
from ._collections import accuracy, is_collection, partitioned, predicted
from ._fitting import (
    Facts,
    checkpoint_of,
    read_blocks,
    sample_of,
    train_on_cluster,
    training_blocks,
)
from ._planning import batch_of_block, check_rounds, schedule_of

OWN_PARAMETERS = ("rounds", "local_steps", "client")


def _section_of(cls, title, next_title):
    """A section of a class's documentation, without the headline, indented as here."""
    text = inspect.cleandoc(cls.__doc__).split(f"{title}\n{'-' * len(title)}\n")[1]
    return text.split(f"\n\n{next_title}\n")[0].replace("\n", "\n    ")


def _with_parameters_of(cls):
    """Give ``__init__`` the parameters of another class, in the place of its ``parameters``."""

    def with_signature(init):
        own, others = (inspect.signature(f).parameters for f in (init, cls.__init__))
        new = [p for p in own.values() if p.name not in others and p.kind is not p.VAR_KEYWORD]
        init.__signature__ = inspect.Signature([*others.values(), *new])
        return init

    return with_signature


class DaskTrulySparseMLPClassifier(TrulySparseMLPClassifier):
    __doc__ = f"""Train :class:`~sksparse_mlp.TrulySparseMLPClassifier` on a Dask cluster.

    X is a dask array (of dense blocks, or of SciPy CSR matrices), a dask frame or a list of
    delayed blocks; y and the weights are divided likewise. Each block stays on the worker that
    holds it. In a round, a replica of the network takes ``local_steps`` steps on each block [1]_;
    then weights, intercepts and what the solver remembers are averaged, in proportion to the
    weight of the blocks' samples. Connections move between the rounds, at the client, so that all
    replicas always have the same ones [2]_. A round sends 8 to 16 bytes a connection to each
    worker, and as many back.

    The result depends on the blocks and on ``random_state`` only: not on how many workers there
    are, how fast they are or which of them die. A task is a function of its arguments, so Dask
    computes again what a lost worker had computed, and the bits are the same.

    Each block should be large enough for some mini-batches, and there should be about as many
    blocks as threads in the cluster. ``batch_size`` is that of each block; "auto" divides among the
    blocks, in parts of at least 32, what one process would take, so that there are as many steps.
    With many more blocks, there are fewer steps in as many passes over the data.

    Parameters
    ----------
    {_section_of(TrulySparseMLPClassifier, "Parameters", "Attributes")}

    rounds : int or "auto", default="auto"
        How often the replicas are averaged. "auto": as often as ``local_steps`` and ``max_iter``
        passes over the data say.

    local_steps : int or "auto", default="auto"
        Mini-batches that are taken from each block between two averages. "auto": so many that
        there are ``rounds``, or else about 50 rounds, and at most 500 steps.

    client : distributed.Client or None, default=None
        The connection to the cluster. None: the current one. Neither copies nor files keep it.

    Attributes
    ----------
    {_section_of(TrulySparseMLPClassifier, "Attributes", "See Also")}

    See Also
    --------
    sksparse_mlp.TrulySparseMLPClassifier : The same for data in the memory of one machine.

    Notes
    -----
    ``history_`` has one entry a round; "seconds_training" is what the slowest block's steps took,
    "bytes_sent" the size of the messages to each worker that the round began with.
    ``early_stopping`` judges by ``X_val`` of ``fit``, which lies at the client. A fitted start of
    the skip layer, and ``feature_importances_``, look at 2048 samples of all blocks.

    References
    ----------
    .. [1] Stich, S. U. (2019). Local SGD converges fast and communicates little. ICLR.
    .. [2] Curci, S., Mocanu, D. C., Pechenizkiy, M. (2021). Truly sparse neural networks at
           scale. arXiv 2102.01732. There, replicas rewire themselves, and are averaged over the
           union of their connections.

    Examples
    --------
    >>> import dask.array as da
    >>> from distributed import Client
    >>> from sksparse_mlp.dask import DaskTrulySparseMLPClassifier
    >>> from sksparse_mlp.datasets import make_microarray
    >>> X, y = make_microarray(n_samples=120, n_features=50, random_state=0)
    >>> X, y = da.from_array(X, chunks=(40, 50)), da.from_array(y, chunks=40)
    >>> with Client(processes=False, dashboard_address=':0') as client:
    ...     model = DaskTrulySparseMLPClassifier(20, max_iter=5, random_state=0).fit(X, y)
    ...     model.predict(X).compute().shape
    (120,)
    >>> model.to_local().n_connections_
    (1000, 40, 100)
    """

    _parameter_constraints: ClassVar[dict] = {
        **TrulySparseMLPClassifier._parameter_constraints,
        "rounds": [StrOptions({"auto"}), AT_LEAST_ONE],
        "local_steps": [StrOptions({"auto"}), AT_LEAST_ONE],
        "client": "no_validation",
    }

    @_with_parameters_of(TrulySparseMLPClassifier)
    def __init__(
        self,
        hidden_layer_sizes=(1000,),
        *,
        rounds="auto",
        local_steps="auto",
        client=None,
        **parameters,
    ):
        super().__init__(hidden_layer_sizes, **parameters)
        self.rounds = rounds
        self.local_steps = local_steps
        self.client = client

    def __getstate__(self):
        twin = self._twin()
        twin.client = None
        return super(DaskTrulySparseMLPClassifier, twin).__getstate__()

    def __sklearn_clone__(self):
        twin = self._twin()
        twin.client = None
        copy = super(DaskTrulySparseMLPClassifier, twin).__sklearn_clone__()
        copy.client = self.client
        return copy

    # ------------------------------------------------------------ fitting

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Train the network on the workers.

        Parameters
        ----------
        X : dask array, dask frame or list of delayed blocks
            Training samples, divided by rows.
        y : the same, or array-like of shape (n_samples,)
            Class labels, divided as X is; an array only if the lengths of X's blocks are known.
        sample_weight : the same, default=None
            Weights of the samples, not negative; None: all equal.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Validation samples, for ``history_`` and early stopping, in memory here.
        y_val : array-like of shape (n_val,), default=None
            Class labels of ``X_val``.
        sample_weight_val : array-like of shape (n_val,), default=None
            Weights of the validation samples.

        Returns
        -------
        self : DaskTrulySparseMLPClassifier
            The fitted estimator.
        """
        twin = self._twin()
        twin._check_what_a_cluster_can_do(X_val)
        partitions, client = partitioned(X, y, sample_weight), the_client(self.client)
        report = partial(self._reporter, {"X": X, "y": y}, twin)
        with client.as_current():
            blocks, summaries = read_blocks(twin.to_local(), client, partitions)
            facts = Facts(summaries, twin.class_weight)
            twin._adopt(facts)
            streams = twin._new_streams()
            _, held_out = twin._split(None, None, streams, X_val, y_val, sample_weight_val)
            trainer = twin._train(client, blocks, facts, streams, held_out, report)
        twin._set_fitted(trainer, n_samples=facts.n_samples)
        with self._published(twin):
            trainer.reporter.fit_ends()
            self._warn_if_too_short(trainer)
        if trainer.interrupted:
            self._raise_interrupt()
        return self

    def _check_what_a_cluster_can_do(self, X_val):
        check_checkpoint(self.checkpoint, self.random_state, observed=False)
        check_rounds(self.rounds, self.local_steps, self.max_iter)
        check_layers_keep_their_sizes(self)
        if self.warm_start:
            raise ValueError("warm_start=True has no meaning on a cluster: set warm_start=False.")
        if self.averaging is not None:
            raise ValueError(
                f"averaging={self.averaging!r} has no meaning on a cluster, where replicas are "
                "averaged in each round: set averaging=None."
            )
        if self.early_stopping and X_val is None:
            raise ValueError(
                "early_stopping=True needs X_val and y_val on a cluster: no block is divided. Give "
                "both to fit, or set early_stopping=False."
            )

    def _adopt(self, facts):
        """Set what fitted attributes say of the data."""
        summary = facts.summary
        self.n_features_in_ = summary.n_features
        vars(self).pop("feature_names_in_", None)
        if summary.feature_names is not None:
            self.feature_names_in_ = summary.feature_names
        self._set_targets(summary.classes, None, going_on=False)

    def _train(self, client, blocks, facts, streams, held_out, report):
        blocks = training_blocks(client, blocks, facts, self.batch_size)
        sample = sample_of(client, blocks, facts, streams.splitting)
        n_samples, n_blocks = facts.n_samples, len(blocks)
        shape = Shape(n_samples, n_samples, facts.summary.n_features, False)
        plan = plan_training(self, self._task, sample, shape, None, moments=facts.moments)
        batch_size = batch_of_block(self.batch_size, plan.options.batch_size, n_blocks)
        plan = plan._replace(options=replace(plan.options, batch_size=batch_size))
        schedule = schedule_of(
            self.rounds, self.local_steps, self.max_iter, plan.options.max_iter, n_samples,
            n_blocks, batch_size,
        )  # fmt: skip
        self._set_temperature(shape)
        ignored = {*NOT_IN_IDENTITY, "client"}
        return train_on_cluster(
            plan,
            client,
            blocks,
            facts,
            schedule,
            sample,
            streams=streams,
            n_jobs=self.n_jobs,
            report=report,
            checkpoint=checkpoint_of(self, client, blocks, held_out, streams, ignored),
            validate=None if held_out is None else HeldOutFigures(self.to_local(), held_out),
        )

    def to_local(self):
        """Return the ordinary estimator with the same parameters, fitted if this one is.

        Returns
        -------
        TrulySparseMLPClassifier
            It shares the network with this estimator: no copy is made.
        """
        local = object.__new__(TrulySparseMLPClassifier)
        state = {name: v for name, v in vars(self).items() if name not in OWN_PARAMETERS}
        vars(local).update(state)
        return local

    # ------------------------------------------------------------ predicting

    def _answer(self, method, X, shape, dtype):
        """A lazy answer for a collection, the ordinary one for an array."""
        local = self.to_local()
        if not is_collection(X):
            return getattr(local, method)(X)
        return predicted(local.drop_training_state(), method, X, shape, dtype)

    def decision_function(self, X):
        """Return the logits of the classes; for two classes, their difference.

        Parameters
        ----------
        X : dask array, dask frame, list of delayed blocks, or array-like
            Samples.

        Returns
        -------
        dask array of shape (n_samples,) or (n_samples, n_classes), float64
            Lazy; an ndarray for an array.
        """
        shape = (self.classes_.size,) if self.classes_.size > 2 else ()
        return self._answer("decision_function", X, shape, np.float64)

    def predict(self, X):
        """Return the most probable class of each sample.

        Parameters
        ----------
        X : dask array, dask frame, list of delayed blocks, or array-like
            Samples.

        Returns
        -------
        dask array of shape (n_samples,)
            Class labels, lazy; an ndarray for an array.
        """
        return self._answer("predict", X, (), self.classes_.dtype)

    def predict_log_proba(self, X):
        """Return the logarithms of the class probabilities.

        Parameters
        ----------
        X : dask array, dask frame, list of delayed blocks, or array-like
            Samples.

        Returns
        -------
        dask array of shape (n_samples, n_classes), float64
            Lazy; an ndarray for an array.
        """
        return self._answer("predict_log_proba", X, (self.classes_.size,), np.float64)

    def predict_proba(self, X):
        """Return the class probabilities.

        Parameters
        ----------
        X : dask array, dask frame, list of delayed blocks, or array-like
            Samples.

        Returns
        -------
        dask array of shape (n_samples, n_classes), float64
            Lazy; an ndarray for an array.
        """
        return self._answer("predict_proba", X, (self.classes_.size,), np.float64)

    def score(self, X, y, sample_weight=None):
        """Return the share of samples whose class is predicted.

        Parameters
        ----------
        X : dask array, dask frame, list of delayed blocks, or array-like
            Samples.
        y : the same
            Class labels, divided as X is.
        sample_weight : the same, default=None
            Weights of the samples.

        Returns
        -------
        dask array without dimensions, or float
            Lazy for a collection: ``float`` of it computes.
        """
        if not is_collection(X):
            return self.to_local().score(X, y, sample_weight)
        return accuracy(self.predict(X), y, sample_weight)

    def _check_that_streams_make_sense(self):
        raise ValueError(
            "partial_fit has no meaning on a cluster: call it of to_local(), or fit all blocks."
        )

    @method_if(_check_that_streams_make_sense)
    def partial_fit(self, X, y, *, classes=None, sample_weight=None):
        """Not available: ``to_local()`` can go on with a stream.

        Parameters
        ----------
        X, y, classes, sample_weight : object
            Not used.
        """
