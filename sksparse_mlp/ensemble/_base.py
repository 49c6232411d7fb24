"""What ensembles share: fitting the members, and what is found out about all of them."""

import os
import warnings
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from .._estimator.budget import movers_of
from .._estimator.compat import (
    CallbackSupportMixin,
    EnsembleReporter,
    Interval,
    LinkedToDocs,
    StrOptions,
)
from .._estimator.constraints import PARAMETER_CONSTRAINTS
from .._estimator.handed_out import FittedAttribute, stored
from .._estimator.inputs import validated
from .._estimator.publishing import PublishedFit
from .._estimator.sealed import Sealed
from .._estimator.weights import checked_weight
from ._members import (
    SET_FOR_A_FIT,
    OutOfBag,
    bootstrap_weights,
    branched_member,
    escaped_member,
    head_of,
    is_head,
    kept_apart,
    new_member,
    settled,
    whole,
    with_layers_of,
)

METHODS = {"independent", "edst", "disjoint", "trails"}
# Methods whose later members go on from what the first has learned of all samples.
GOING_ON = {"edst", "trails"}


class Members(FittedAttribute):
    """Members, which may be stored without what they have in common, and are handed out whole."""

    def __get__(self, ensemble, owner=None):
        members = super().__get__(ensemble, owner)
        return members if ensemble is None else [whole(member, members[0]) for member in members]


class BaseEnsemble(PublishedFit, CallbackSupportMixin, LinkedToDocs, Sealed, BaseEstimator):
    """Everything but the meaning of what members put out, which subclasses say.

    ``_default`` is the class of the members, ``_votes`` what a member says of validated samples,
    and ``_score_of`` how right the mean of that is.
    """

    _parameter_constraints: ClassVar[dict] = {
        "n_estimators": [Interval(Integral, 1, 10**6, closed="both")],
        "method": [StrOptions(METHODS)],
        "escape_zeta": [Interval(Real, 0, 1, closed="neither")],
        "bootstrap": ["boolean"],
        "oob_score": ["boolean"],
        "verbose": PARAMETER_CONSTRAINTS["verbose"],
        "random_state": ["random_state"],
        "n_jobs": PARAMETER_CONSTRAINTS["n_jobs"],
    }

    # ------------------------------------------------------------ fitting

    def _fit(self, X, y, sample_weight):
        twin = self._twin()
        template = twin._default() if twin.estimator is None else twin.estimator
        twin._check_choices(template)
        y = template._read_y(y, "y")
        X, y = validated(twin, X, y, reset=True, **template._checks_of_y(y))
        weight = checked_weight(sample_weight, X, "sample_weight")
        out_of_bag = OutOfBag(X.shape[0]) if twin.oob_score else None
        reporter = EnsembleReporter(
            self,
            {"X": X, "y": y},
            self.n_estimators,
            lambda: self._news_of(twin) if twin.__sklearn_is_fitted__() else None,
        )
        members, usual = [], {name: getattr(template, name) for name in SET_FOR_A_FIT}
        template = with_layers_of(template, np.count_nonzero(weight))
        for seed, drawn in twin._draws(template, weight):
            member = twin._unfitted(template, seed, members)
            with reporter.member("network", member):
                settled(member.fit(X, y, drawn), usual)
                members.append(head_of(member) if members and twin.method == "trails" else member)
                twin._set_members(members)
            if self.verbose:
                n = f"{len(members)} of {self.n_estimators}"
                print(f"Network {n}, loss = {member.loss_:.8f}")
            if out_of_bag is not None:
                chosen = np.flatnonzero(drawn == 0)
                out_of_bag.add(chosen, twin._votes(member, X, chosen=chosen))
            if reporter.asked_to_stop:
                break
        twin._set_out_of_bag(out_of_bag, y, weight)
        twin._name_features(members)
        with self._published(twin):
            reporter.fit_ends()
        return self

    def _check_choices(self, template):
        """Refuse, before any work, parameters that contradict one another."""
        if self.method in GOING_ON and self.bootstrap:
            raise ValueError(
                f"method={self.method!r} trains one network after the other on the same samples, "
                "and bootstrap=True would draw others for each: set one of them differently."
            )
        if self.oob_score and not self.bootstrap:
            raise ValueError(
                "oob_score=True needs samples that members were not trained on, and "
                "bootstrap=False leaves none: set bootstrap=True."
            )
        if self.method == "edst" and template.evolution is None:
            raise ValueError(
                "method='edst' moves connections, and evolution=None of the estimator leaves them "
                "where they are: choose method='independent' or another evolution."
            )
        if self.method == "disjoint" and template.initial_topology != "erdos_renyi":
            raise ValueError(
                "method='disjoint' keeps connections of members apart, and initial_topology="
                f"{template.initial_topology!r} of the estimator puts them at the same places: "
                "choose another method, or initial_topology='erdos_renyi'."
            )
        for name, value in movers_of(template).items() if self.method == "disjoint" else ():
            raise ValueError(
                "method='disjoint' lays out the connections of each layer of all members, and "
                f"{name}={value!r} of the estimator looks at all layers together: choose another "
                "method."
            )
        if self.method == "trails" and np.size(template.hidden_layer_sizes) == 0:
            raise ValueError(
                "method='trails' shares the first of several layers, and hidden_layer_sizes="
                f"{template.hidden_layer_sizes!r} of the estimator makes one only: choose another "
                "method, or give it hidden layers."
            )
        for name in ("neuron_pruning", "density_schedule") if self.method == "trails" else ():
            if getattr(template, name) is not None:
                raise ValueError(
                    "method='trails' draws heads anew on a first layer that stays as it is, and "
                    f"{name}={getattr(template, name)!r} of the estimator changes that layer: "
                    f"choose another method, or {name}=None."
                )
        path = template.checkpoint
        if path is not None and not os.path.isdir(path):
            raise ValueError(
                f"checkpoint={str(path)!r} of the estimator is no existing directory, and one file "
                f"cannot keep the state of n_estimators={self.n_estimators!r} fits."
            )

    def _draws(self, template, weight):
        """For each member a seed, and the weights of its samples."""
        given = template.random_state if self.random_state is None else self.random_state
        random_state = check_random_state(given)
        seeds = random_state.randint(2**31 - 1, size=self.n_estimators)
        rng = np.random.RandomState(random_state.randint(2**31 - 1))
        for seed in seeds:
            yield int(seed), bootstrap_weights(weight, rng) if self.bootstrap else weight

    def _unfitted(self, template, seed, members):
        """What is to be fitted next; ``members`` are those so far."""
        if members and self.method == "edst":
            return escaped_member(members[-1], members[0], self.escape_zeta)
        if members and self.method == "trails":
            return branched_member(members[0], seed)
        member = new_member(template, seed, self.n_jobs)
        if members and self.method == "disjoint":
            return kept_apart(member, members, self.n_estimators)
        return member

    def _set_members(self, members):
        """Set what is known of the members so far."""
        self.estimators_ = list(members)
        self.feature_importances_ = np.mean([member._importances for member in members], axis=0)
        self.n_outputs_ = members[0].n_outputs_

    def _set_out_of_bag(self, out_of_bag, y, weight):
        """Set how right the members are about samples that they were not trained on."""
        self.oob_score_, votes = None, None
        if out_of_bag is not None:
            votes = out_of_bag.mean()
            known = out_of_bag.counts > 0
            if not known[weight > 0].all():
                warnings.warn(
                    f"Some samples are in the bootstrap of each of n_estimators="
                    f"{self.n_estimators} networks: oob_score_ is that of the others.",
                    UserWarning,
                    stacklevel=5,
                )
            known &= weight > 0
            if known.any():
                self.oob_score_ = self._score_of(votes[known], y[known], weight[known])
        self._set_out_of_bag_votes(votes)

    def _name_features(self, members):
        """Members are trained on an array, but may be given tables like the ensemble's."""
        if hasattr(self, "feature_names_in_"):
            for member in members:
                member.feature_names_in_ = self.feature_names_in_

    # ------------------------------------------------------------ predicting

    def _members_and_X(self, X):
        """The members, one of which is made whole at a time, and X as they can read it."""
        check_is_fitted(self)
        fitted = self._twin()  # another thread may fit this one anew meanwhile
        members = stored(fitted, "estimators_")
        X = validated(fitted, X, reset=False)
        return fitted, (whole(member, members[0]) for member in members), X

    def _n_members(self):
        return len(stored(self, "estimators_"))

    @staticmethod
    def _outputs_of(member, X, **which):
        """What a member's network puts out for validated X, float64."""
        return member._forward(X, **which).astype(np.float64)

    def drop_training_state(self):
        """Forget what only further training of the members needs: 8 bytes a connection are left.

        Returns
        -------
        self : estimator
            The same ensemble.
        """
        check_is_fitted(self)
        twin = self._twin()
        twin.estimators_ = [
            member if is_head(member) else member._twin().drop_training_state()
            for member in stored(twin, "estimators_")
        ]
        self._publish(twin)
        return self

    # ------------------------------------------------------------ fitted attributes

    estimators_ = Members("The members: list, a copy.")
    feature_importances_ = FittedAttribute("Mean importances of the features: array, read-only.")

    def __sklearn_is_fitted__(self):
        return "estimators_" in vars(self)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
