"""The only importer of private or experimental names of scikit-learn, and of what some lack."""

from sklearn.base import _fit_context as fit_context
from sklearn.utils._param_validation import (
    Interval,
    InvalidParameterError,
    RealNotInt,
    StrOptions,
)
from sklearn.utils.multiclass import _check_partial_fit_first_call as check_first_partial_fit
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:

    class CallbackSupportMixin:
        """Stands in for scikit-learn's mixin before version 1.9: no callback is ever called."""


__all__ = [
    "CallbackReporter",
    "CallbackSupportMixin",
    "Interval",
    "InvalidParameterError",
    "RealNotInt",
    "StrOptions",
    "check_first_partial_fit",
    "check_sample_weight",
    "fit_context",
    "method_if",
]


class MethodUnavailableError(AttributeError, ValueError):
    """A method does not exist for the parameters that are set: the message names them."""


class method_if:
    """Make a method exist only where a check passes, as scikit-learn's ``available_if`` does.

    There the reason is hidden behind a plain AttributeError; here it is the error, and a
    ValueError too.

    Parameters
    ----------
    check : callable
        Takes the estimator; raises ValueError where the method has no meaning.
    """

    def __init__(self, check):
        self.check = check

    def __call__(self, method):
        self.method = method
        self.__doc__ = method.__doc__
        return self

    def __get__(self, estimator, owner=None):
        if estimator is None:
            return self.method
        try:
            self.check(estimator)
        except ValueError as error:
            raise MethodUnavailableError(str(error)) from None
        return self.method.__get__(estimator, owner)


class CallbackReporter:
    """Tells scikit-learn's callbacks of a fit and its epochs; does nothing where none is set.

    Parameters
    ----------
    estimator : estimator
        With or without support for callbacks.
    data : dict
        What callbacks may ask for: "X", "y" and "metadata".
    n_epochs : int
        The largest number of epochs.
    fitted_attributes : callable
        Returns a dict of fitted attributes; called only where a callback wants to predict.
    """

    def __init__(self, estimator, data, n_epochs, fitted_attributes):
        self.told = {"estimator": estimator, **data, "reconstruction_attributes": fitted_attributes}
        self.active = bool(getattr(estimator, "_skl_callbacks", None))
        if self.active:
            self.fit = estimator._init_callback_context(max_subtasks=n_epochs)
            self.fit.call_on_fit_task_begin(**self.told)

    def epoch_begins(self):
        """An epoch begins."""
        if self.active:
            self.epoch = self.fit.subcontext("epoch").call_on_fit_task_begin(**self.told)

    def epoch_ends(self):
        """An epoch has ended; True where a callback asks to stop."""
        return self.active and bool(self.epoch.call_on_fit_task_end(**self.told))

    def fit_ends(self):
        """The last epoch has ended."""
        if self.active:
            self.fit.call_on_fit_task_end(**self.told)
