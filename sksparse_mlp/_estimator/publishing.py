"""A fit that is published as a whole: it works on a twin, which the estimator then becomes."""

from .handed_out import FittedAttribute

# Attributes of scikit-learn's callbacks, which it sets and removes around a fit.
CALLBACKS = ("_callback", "_skl_callbacks", "_parent_callback")


class PublishedFit:
    """Mixin of estimators whose ``fit`` changes all attributes in one step, or none.

    A fit that fails leaves the estimator as it was, and other threads see the old fit or the new.
    """

    feature_names_in_ = FittedAttribute("Names of the features, if X had any: array, read-only.")

    def _twin(self):
        """Another estimator with the same parameters and fitted attributes, nothing copied."""
        twin = object.__new__(type(self))
        vars(twin).update(vars(self))
        return twin

    def _news_of(self, twin):
        """Attributes that a twin has and this estimator has not, or has others."""
        own, of_twin = vars(self), vars(twin)
        new = [name for name in of_twin if name not in own or own[name] is not of_twin[name]]
        return {name: of_twin[name] for name in new}

    def _publish(self, twin):
        """Adopt all attributes of a twin."""
        own = {name: value for name, value in vars(self).items() if name.startswith(CALLBACKS)}
        self.__dict__ = vars(twin) | own
