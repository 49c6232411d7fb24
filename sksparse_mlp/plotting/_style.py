"""What the pictures share: matplotlib, imported late, and colours that everybody can tell apart."""

from numbers import Integral

# Of Okabe and Ito, distinct for the colour-blind, in an order in which neighbours differ most.
BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY = COLORS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#E69F00",
    "#CC79A7",
    "#56B4E9",
)
GREY = "#777777"


def check_n_features(n_features):
    """Refuse what is no number of features to draw."""
    if not isinstance(n_features, Integral) or n_features < 1:
        raise ValueError(f"n_features={n_features!r} must be an int of at least 1.")


def import_pyplot(wanted_by):
    """Import matplotlib, which is not needed to train and to predict.

    Parameters
    ----------
    wanted_by : str
        Who needs it, for the error.

    Returns
    -------
    module
        matplotlib.pyplot.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{wanted_by} needs matplotlib: pip install 'sksparse-mlp[plot]'"
        ) from error
    return plt


def axes_to_draw_on(ax, wanted_by, **figure_options):
    """Take the axes given, or make a figure.

    Parameters
    ----------
    ax : matplotlib Axes or None
        Where to draw; None: on a new figure.
    wanted_by : str
        Who draws, for the error without matplotlib.
    **figure_options
        For a new figure.

    Returns
    -------
    matplotlib Axes
        Where to draw.
    """
    plt = import_pyplot(wanted_by)
    return plt.subplots(layout="constrained", **figure_options)[1] if ax is None else ax
