"""A fit that is published as a whole: it works on a twin, which the estimator then becomes."""

from contextlib import contextmanager

from .handed_out import FittedAttribute

# What scikit-learn keeps beside the parameters, and sets and removes at any time: callbacks, the
# output of transformers, the routing of metadata.
SETTINGS = (
    "_callback",
    "_skl_callbacks",
    "_parent_callback",
    "_sklearn_output_config",
    "_metadata_request",
)


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
        """Attributes that a twin has and this estimator has not, or others; None where it has none.

        There is no other way to tell scikit-learn's callbacks that the names of features are gone.
        """
        own, of_twin = dict(vars(self)), vars(twin)
        gone = {name: None for name in own if name not in of_twin and not name.startswith(SETTINGS)}
        new = [name for name in of_twin if name not in own or own[name] is not of_twin[name]]
        return gone | {name: of_twin[name] for name in new}

    def _publish(self, twin):
        """Adopt all that a twin has found; what somebody sets, not a fit, stays as it is now."""
        parameters = set(self.get_params(deep=False))

        def is_set(name):
            """Whether somebody sets an attribute of this name, not a fit."""
            return name in parameters or name.startswith(SETTINGS)

        # A copy is made in one step, while another thread may set something.
        own = {name: value for name, value in dict(vars(self)).items() if is_set(name)}
        found = {name: value for name, value in vars(twin).items() if not is_set(name)}
        self.__dict__ = own | found

    @contextmanager
    def _published(self, twin):
        """Publish, and take it back where what is left to do for the fit fails."""
        before = vars(self)
        self._publish(twin)
        try:
            yield
        except Exception:
            self.__dict__ = before
            raise
