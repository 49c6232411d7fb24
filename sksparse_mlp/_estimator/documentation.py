"""Parameters that several estimators share are described once, in the docstring of one of them."""

import re

# An entry: its line of name and type, which may be continued, and all lines below it.
ENTRY = re.compile(r"^    (\w+) : .*\n(?:(?:        .*|(?!    \w+ :)\S.*)?\n)*", re.MULTILINE)
PLACE = re.compile(r"^    %\((\w+)\)s\n", re.MULTILINE)


def described_as_in(other):
    """Decorator: ``%(name)s`` in a class's docstring becomes the entry of another class's.

    Parameters
    ----------
    other : type
        Whose docstring describes the parameters and attributes of these names.
    """
    entries = {entry[1]: entry[0].rstrip("\n") for entry in ENTRY.finditer(other.__doc__ or "")}

    def describe(cls):
        """Put the entries where the class's docstring asks for them."""
        if cls.__doc__ is not None:  # python -OO has none
            cls.__doc__ = PLACE.sub(lambda place: f"{entries[place[1]]}\n", cls.__doc__)
        return cls

    return describe
