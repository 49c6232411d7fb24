"""What the estimators on a cluster share: fitting, copies, and predictions that are lazy."""

from dataclasses import replace
from functools import partial
from typing import ClassVar

from sklearn.utils.validation import check_is_fitted

from .._estimator.budget import check_layers_keep_their_sizes
from .._estimator.compat import StrOptions, method_if
from .._estimator.constraints import AT_LEAST_ONE
from .._estimator.held_out import HeldOutFigures
from .._estimator.plan import Shape, plan_training
from .._estimator.supervised import NOT_IN_IDENTITY
from .._estimator.unscaled import warn_if_unscaled
from .._training.checkpoint import check_checkpoint
from .._training.identity import digest
from ._cluster import the_client
from ._collections import is_collection, partitioned, predicted
from ._fitting import (
    Facts,
    read_blocks,
    sample_of,
    train_on_cluster,
    training_blocks,
)
from ._inherited import OWN_PARAMETERS
from ._planning import batch_of_block, check_rounds, rate_factor, schedule_of

OWN_CONSTRAINTS = {
    "rounds": [StrOptions({"auto"}), AT_LEAST_ONE],
    "local_steps": [StrOptions({"auto"}), AT_LEAST_ONE],
    "client": "no_validation",
}


class FittedOnCluster:
    """Mixin of an ordinary estimator, which stands behind it in the list of bases.

    Subclasses say which it is, set what the data say of y by ``_adopt_targets(facts,
    going_on=...)``, and say by ``_form_of(method)`` the shape and the dtype of what a method tells
    of one sample.
    """

    _ordinary: ClassVar[type]
    _not_in_identity = NOT_IN_IDENTITY | {"client"}

    def __getstate__(self):
        twin = self._twin()
        twin.client = None
        return super(FittedOnCluster, twin).__getstate__()

    def __sklearn_clone__(self):
        twin = self._twin()
        twin.client = None
        copy = super(FittedOnCluster, twin).__sklearn_clone__()
        copy.client = self.client
        return copy

    def to_local(self):
        """Return the ordinary estimator with the same parameters, fitted if this one is.

        Returns
        -------
        estimator
            It shares the network with this one: no copy is made.
        """
        local = object.__new__(self._ordinary)
        state = {name: v for name, v in vars(self).items() if name not in OWN_PARAMETERS}
        vars(local).update(state)
        return local

    # ------------------------------------------------------------ fitting

    def _fit_blocks(self, X, y, sample_weight, X_val, y_val, sample_weight_val):
        twin = self._twin()
        twin._check_what_a_cluster_can_do(X_val)
        network = twin._network if twin.warm_start and twin.__sklearn_is_fitted__() else None
        partitions, client = partitioned(X, y, sample_weight), the_client(self.client)
        report = partial(self._reporter, {"X": X, "y": y}, twin)
        with client.as_current():
            blocks, facts = twin._read(client, partitions)
            twin._adopt(facts, going_on=network is not None)
            # What was read is let go: workers count twice what two results of theirs share.
            blocks = training_blocks(client, blocks, facts, twin._task, twin.batch_size)
            streams = twin._new_streams() if network is None else network.streams
            _, held_out = twin._split(None, None, streams, X_val, y_val, sample_weight_val)
            trainer = twin._train(client, blocks, facts, streams, network, held_out, report)
        return self._finish(twin, trainer, n_samples=facts.n_samples)

    def _check_what_a_cluster_can_do(self, X_val):
        check_checkpoint(self.checkpoint, self.random_state, observed=False)
        check_rounds(self.rounds, self.local_steps, self.max_iter)
        check_layers_keep_their_sizes(self)
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

    def _read(self, client, partitions):
        """The blocks, checked where they lie, and what one pass over them tells."""
        parameters = self.to_local().get_params(deep=False)
        blocks, summaries = read_blocks(self._ordinary(**parameters), client, partitions)
        return blocks, Facts(summaries, getattr(self, "class_weight", None))

    def _adopt(self, facts, *, going_on):
        """Set what fitted attributes say of the data, or check that it is as they say."""
        summary = facts.summary
        if going_on:
            self._check_same_features(summary)
        else:
            self.n_features_in_ = summary.n_features
            vars(self).pop("feature_names_in_", None)
            if summary.feature_names is not None:
                self.feature_names_in_ = summary.feature_names
        self._adopt_targets(summary, going_on=going_on)

    def _check_same_features(self, summary):
        known, found = getattr(self, "feature_names_in_", None), summary.feature_names
        if summary.n_features != self.n_features_in_:
            raise ValueError(
                f"warm_start=True goes on with the same features: X has {summary.n_features}, and "
                f"that of the last fit had {self.n_features_in_}."
            )
        if known is not None and found is not None and list(known) != list(found):
            raise ValueError(
                "warm_start=True goes on with the same features: the names in X are not those of "
                "the last fit."
            )

    def _train(self, client, blocks, facts, streams, network, held_out, report):
        sample = sample_of(client, blocks, facts, streams.splitting)
        warn_if_unscaled(sample, stacklevel=6)
        n_samples = facts.n_samples
        shape = Shape(n_samples, n_samples, facts.summary.n_features, False)
        plan = plan_training(self, self._task, sample, shape, network, moments=facts.moments)
        options, n_blocks = plan.options, len(blocks)
        batch_size = batch_of_block(self.batch_size, options.batch_size, n_blocks)
        schedule = schedule_of(
            self.rounds, self.local_steps, options.max_iter, n_samples, n_blocks,
            batch_size,
        )  # fmt: skip
        rate = options.learning_rate_init
        if schedule.steps_per_pass > 1:  # the gradients of all samples have no noise
            rate *= rate_factor(options.solver, n_blocks, batch_size, options.batch_size)
        options = replace(options, batch_size=batch_size, learning_rate_init=rate)
        plan = plan._replace(options=options)
        self._set_temperature(shape, plan.architecture.widths, network)
        digests = None
        if self.checkpoint is not None:
            digests = client.gather(client.map(digest, blocks))
        return train_on_cluster(
            plan,
            client,
            blocks,
            facts,
            schedule,
            sample,
            streams=streams,
            network=network,
            n_jobs=self.n_jobs,
            report=report,
            checkpoint=self._checkpoint(digests, held_out, streams, network),
            validate=None if held_out is None else HeldOutFigures(self.to_local(), held_out),
        )

    def _check_that_streams_make_sense(self):
        raise ValueError(
            "partial_fit has no meaning on a cluster: call it of to_local(), or fit all blocks."
        )

    @method_if(_check_that_streams_make_sense)
    def partial_fit(self, X, y, **how):
        """Not available: ``to_local()`` can go on with a stream.

        Parameters
        ----------
        X, y : object
            Not used.
        **how : dict
            Not used.
        """

    # ------------------------------------------------------------ predicting

    def _answer(self, method, X):
        """A lazy answer for a collection, the ordinary one for an array."""
        check_is_fitted(self)
        local = self.to_local()
        if not is_collection(X):
            return getattr(local, method)(X)
        return predicted(local.drop_training_state(), method, X, *self._form_of(method))
