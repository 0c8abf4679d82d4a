"""The five-parameter logistic of xPONENT, and the fit with which its exports print concentrations.

``y = A + B / (1 + (x / C)^D)^F``; rising curves have D < 0. All arrays are batched over curves (plate x analyte).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Logistic:
    """Coefficients of a batch of curves, each an array of shape (curves,)."""

    a: Array
    b: Array
    c: Array
    d: Array
    f: Array

    def at(self, x: Array) -> Array:
        """Response at quantities ``x`` of shape (curves, n); the response at 0 is A."""
        with np.errstate(divide="ignore"):
            power = np.exp(np.log(x / self.c[:, None]) * self.d[:, None])
        return self.a[:, None] + self.b[:, None] * np.exp(-np.log1p(power) * self.f[:, None])

    def inverse(self, y: Array) -> Array:
        """Quantity at responses ``y`` of shape (curves, n): 0 at or below A, infinite at or above A + B."""
        share = (y - self.a[:, None]) / self.b[:, None]
        inside = (share > 0) & (share < 1)
        power = np.where(inside, share, 0.5) ** (-1 / self.f[:, None]) - 1
        x = self.c[:, None] * power ** (1 / self.d[:, None])
        return np.where(inside, x, np.where(share <= 0, 0.0, np.inf))


def fit(x: Array, y: Array, sd: Array, start: Logistic, *, steps: int = 25) -> Logistic:
    """Weighted least squares (weight 1/sd^2) of many curves at once, by damped Gauss-Newton from ``start``.

    Parameters
    ----------
    x, y, sd
        Quantities of the standards, their responses and the standard deviations these are weighted by, shape (curves, n);
        quantities and standard deviations above 0.
    start
        Coefficients to begin with.
    steps
        Number of iterations; a step that does not lower the sum of squares is not taken.
    """
    theta = np.stack([start.a, np.log(start.b), np.log(start.c), np.log(-start.d), np.log(start.f)], axis=1)
    weight = 1 / sd
    log_x = np.log(x)
    damping = np.full(len(theta), 1e-3)
    residual, jacobian = _residual(theta, log_x, y, weight)
    loss = (residual**2).sum(axis=1)
    for _ in range(steps):
        normal = np.einsum("cni,cnj->cij", jacobian, jacobian)
        diagonal = np.einsum("cii->ci", normal)
        damped = normal + np.einsum("ci,ij->cij", diagonal * damping[:, None] + 1e-9, np.eye(5))
        step = np.linalg.solve(damped, -np.einsum("cni,cn->ci", jacobian, residual)[..., None])[..., 0]
        trial = theta + np.clip(step, [-20.0, -1.0, -1.0, -0.5, -0.5], [20.0, 1.0, 1.0, 0.5, 0.5])
        new_residual, new_jacobian = _residual(trial, log_x, y, weight)
        new_loss = (new_residual**2).sum(axis=1)
        better = new_loss < loss
        theta = np.where(better[:, None], trial, theta)
        residual = np.where(better[:, None], new_residual, residual)
        jacobian = np.where(better[:, None, None], new_jacobian, jacobian)
        loss = np.where(better, new_loss, loss)
        damping = np.where(better, damping / 5, damping * 5)
    a, b, c, d, f = theta.T
    return Logistic(a=a, b=np.exp(b), c=np.exp(c), d=-np.exp(d), f=np.exp(f))


def _residual(theta: Array, log_x: Array, y: Array, weight: Array) -> tuple[Array, Array]:
    a, b, c, d, f = (column[:, None] for column in theta.T)
    height, slope, asymmetry = np.exp(b), -np.exp(d), np.exp(f)
    z = np.clip((log_x - c) * slope, -50.0, 50.0)
    power = np.exp(z)
    log_base = np.log1p(power)
    rise = height * np.exp(-asymmetry * log_base)
    along = -rise * asymmetry * power / (1 + power)
    jacobian = np.stack([np.ones_like(rise), rise, -along * slope, along * z, -rise * asymmetry * log_base], axis=2)
    return (a + rise - y) * weight, jacobian * weight[..., None]
