"""Few samples of many inputs, as a linear model sees them: coordinates in the space they span.

A linear model whose weights V are penalised by their squares has its minimum, and every step of a
descent from zero, in the span of the samples: ``V = X^T A``. With a triangular L such that
``L L^T = X X^T``, the same model of the rows of L has weights ``U = L^T A``, which are V turned:
as long, and with the same outputs, but no more numbers than samples.

Sums are NumPy's own: those of BLAS depend on the number of its threads. They are of float32, as in
the kernels.
"""

import numpy as np

from .._network.x_view import dense_block

# Numbers of X that are looked at together.
BLOCK = 2**18
# A sample adds a direction if it has at least this share of the longest one's square left.
NEW_DIRECTION = 1e-6


class SampleSpace:
    """The span of some samples, centred and scaled.

    Parameters
    ----------
    X : ndarray or CSR, shape (n, n_features)
    samples : ndarray of int64, shape (n_samples,)
    mean, scale : ndarray of float64, shape (n_features,)

    Attributes
    ----------
    coordinates : ndarray of float64, shape (n_samples, n_samples)
        L: lower triangular, a row for each sample.
    """

    def __init__(self, X, samples, mean, scale):
        self._X, self._samples, self._mean, self._scale = X, samples, mean, scale
        self.coordinates = _triangular(self._products())

    def _blocks(self):
        """Some columns of the centred and scaled samples after others, and where they are."""
        step = max(1, BLOCK // self._samples.size)
        for first in range(0, self._X.shape[1], step):
            columns = slice(first, first + step)
            block = dense_block(self._X[:, columns][self._samples])
            block -= self._mean[columns]
            block *= self._scale[columns]
            yield columns, block.astype(np.float32)

    def _products(self):
        """The lower triangle of ``X X^T``."""
        products = np.zeros((self._samples.size,) * 2)
        for _, block in self._blocks():
            for i, row in enumerate(block):
                products[i, : i + 1] += np.einsum("ij,j->i", block[: i + 1], row)
        return products

    def weights(self, U):
        """The weights V of the inputs that U means, both float64 of shape (..., n_outputs)."""
        A, L = np.zeros_like(U), self.coordinates
        for i in range(len(U) - 1, -1, -1):
            if L[i, i] > 0:
                A[i] = (U[i] - np.einsum("j,jk->k", L[i + 1 :, i], A[i + 1 :])) / L[i, i]
        V = np.empty((self._X.shape[1], U.shape[1]))
        for columns, block in self._blocks():
            for output, a in enumerate(A.T):
                V[columns, output] = np.einsum("ij,i->j", block, a.astype(np.float32))
        return V


def _triangular(products):
    """L of which ``L L^T`` has this lower triangle; a zero column where nothing new is left."""
    L, least = np.zeros_like(products), NEW_DIRECTION * products.diagonal().max()
    for i in range(len(L)):
        rest = products[i:, i] - np.einsum("jk,k->j", L[i:, :i], L[i, :i])
        if rest[0] > least:
            L[i:, i] = rest / np.sqrt(rest[0])
    return L
