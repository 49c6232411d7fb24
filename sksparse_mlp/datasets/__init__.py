"""Gene-expression data: real sets that are downloaded once, and synthetic ones.

This subpackage needs nothing of the rest of the package.
"""

from ._fetch import fetch_microarray
from ._synthetic import make_microarray

__all__ = ["fetch_microarray", "make_microarray"]
