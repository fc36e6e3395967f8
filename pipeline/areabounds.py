"""Bounds of class areas from the error of yearly NDVI, the endmember range and the range of `no_change`.

The target is the area of each class in the series without error, by the same test and thresholds. To perturb the observed
series would add the error a second time, so the error is taken out instead, in several ways that assume different things about what the
ground does; the interval is the hull of all of them. Measured coverage: docs/methods.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from scipy.linalg import helmert

from pipeline.kernels.null import smallest_p
from pipeline.kernels.pixels import classify
from pipeline.trend import statistics

CELLS, DRAWS, CALM_DRAWS = 1500, 48, 24  # most cells of a zone, evenly spaced; draws
# How far draws and sampling error are taken beyond a level, as errors are themselves estimated: benchmarks/bounds.py has 15 settings that hold it.
TAIL, SAMPLED = 40, 10
LEAST_CELLS = 30  # with a class; fewer tell nothing about how errors spread them
SEED = 20200704
NOT_TRENDS = 97  # codes from here on: water, too small, insufficient data
REPEATS = 6  # of added error in the extrapolation
SLOPES, BINS, ROUNDS = 41, 81, 120  # of the distribution of slopes
LIKELY = 5.0  # log likelihood below the highest at which a distribution is still taken as possible
STILL, PLACES = 21, 5  # shares of the zone that stand still, and slopes at which they may be seen


@dataclass(frozen=True)
class Error:
    """Standard deviation of the error of yearly values: `cells` (years, cells) independent, `shared` (years,) common to the zone.

    `freedom`: degrees of freedom from which `shared` is known; 0 where it is given.
    """

    cells: np.ndarray
    shared: np.ndarray
    freedom: int = 0


@dataclass(frozen=True)
class Rule:
    """How a series gets its class: years of the values, limits of p as `classes.limits`, and the range of the slope of `no_change`, value per year."""

    years: np.ndarray
    limits: dict[str, float]
    no_change: tuple[float, ...]
    needed: int
    test: str = "mann-kendall"
    significance: str = "auto"

    def shares(self, series: np.ndarray, weights: np.ndarray, codes: tuple[int, ...]) -> np.ndarray:
        """Return the share of each class, (thresholds, draws, classes), of series (years, cells, draws)."""
        n, cells, draws = series.shape
        found = statistics(series.reshape(n, cells * draws), self.years, test=self.test, significance=self.significance)
        out = np.empty((len(self.no_change), draws, len(codes)))
        for i, threshold in enumerate(self.no_change):
            classed = classify(found[0], found[7], found[8], min_years=self.needed, no_change=threshold, **self.limits).reshape(cells, draws)
            for j, code in enumerate(codes):
                out[i, :, j] = weights @ (classed == code)
        return out


def class_bounds(
    series: np.ndarray, codes: np.ndarray, weights: np.ndarray, error: Error | None, rule: Rule, classes: tuple[int, ...], level: float
) -> dict[int, tuple[float, float]] | None:
    """Return the lowest and highest area of each class of a zone, m2 where `weights` are; None where the error is not known.

    Parameters
    ----------
    series : (years, cells) NDVI, or its difference from the reference; NaN = missing
    codes : (cells,) the class of each cell
    weights : (cells,) its area in the zone, m2
    error : of the values; None where nothing tells it
    classes : codes of the scheme, those that are no trend class (97 and above) among them; these do not depend on the error
    """
    if error is None:
        return None
    trends = tuple(c for c in classes if c < NOT_TRENDS)
    inside = np.isin(codes, trends) & (weights > 0)
    fixed = {c: float(weights[codes == c].sum()) for c in classes if c >= NOT_TRENDS}
    whole = float(weights[inside].sum())
    if whole > 0:
        found = share_bounds(series[:, inside], weights[inside], Error(error.cells[:, inside], error.shared, error.freedom), rule, trends, level)
        if found is None:
            return None
    else:
        found = np.zeros((2, len(trends)))
    return {c: (whole * float(low), whole * float(high)) for c, low, high in zip(trends, *found, strict=True)} | {c: (a, a) for c, a in fixed.items()}


def share_bounds(series: np.ndarray, weights: np.ndarray, error: Error, rule: Rule, codes: tuple[int, ...], level: float) -> np.ndarray | None:
    """Return the lowest and highest share of each class, (2, classes), of cells that have one; None where they are too few.

    Parameters
    ----------
    series : (years, cells) NDVI, or its difference from the reference; NaN = missing
    weights : (cells,) areas
    error : of these values; the shares hold for the cells whose errors are independent of what they show
    rule, codes : classes in the order of the result
    level : nominal coverage, 0..1

    Method: Cook and Stefanski 1994 (extrapolation), Louis 1984 (contraction), Laird 1978 (distribution of slopes).
    """
    cells = series.shape[1]
    if cells < LEAST_CELLS:
        return None
    rng = np.random.default_rng(SEED)
    whole = rule.shares(series[:, :, None], weights / weights.sum(), codes)[:, 0]
    if not error.cells.any() and not error.shared.any():
        return np.stack([whole.min(0), whole.max(0)])
    pick = np.linspace(0, cells - 1, min(cells, CELLS)).astype(int)
    y, w, sd = series[:, pick].astype(np.float64), weights[pick] / weights[pick].sum(), error.cells[:, pick]
    world = _World(_filled(y, rng), np.isnan(y), w, sd, error, rule, codes, rng)
    found = [world.contraction(), world.slopes()]
    found += world.calm()
    found.append(world.extrapolation(found[0]))
    tail, sampled = (1 - level) / TAIL, 1 - (1 - level) / SAMPLED
    lows = [_less(np.quantile(f.min(0), tail, axis=0), world.effective, -sampled) for f in found]
    highs = [_less(np.quantile(f.max(0), 1 - tail, axis=0), world.effective, sampled) for f in found]
    out = np.clip(np.stack([np.min([*lows, *whole], axis=0), np.max([*highs, *whole], axis=0)]), 0, 1)
    out[:, ~_reachable(rule, codes)] = 0.0
    return out


def _reachable(rule: Rule, codes: tuple[int, ...]) -> np.ndarray:
    """Return which classes so many years can reach."""
    least = smallest_p(len(rule.years), rule.significance)
    never = {code for name, pair in (("slight", (3, 7)), ("significant", (2, 8)), ("extreme", (1, 9))) if least > rule.limits[name] for code in pair}
    return np.array([code not in never for code in codes])


def _less(share: np.ndarray, cells: float, level: float) -> np.ndarray:
    """Return shares moved by the error of a share of that many cells at a level, downwards where it is negative."""
    z = NormalDist().inv_cdf(0.5 + abs(level) / 2) * np.sign(level)
    inside = np.clip(share, 1 / cells, 1 - 1 / cells)
    moved: np.ndarray = share + z * np.sqrt(inside * (1 - inside) / cells)
    return moved


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    """Return means of what is not NaN along an axis; NaN where all is."""
    seen = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(seen, values, 0.0).sum(axis=axis) / seen.sum(axis=axis))


def _filled(y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return series whose gaps hold the zone's year, the cell's level, and the deviation of another cell in that year."""
    gaps = np.isnan(y)
    if not gaps.any():
        return y
    years = _mean(y, 1)[:, None]
    years = np.nan_to_num(years, nan=float(np.nanmean(y)))
    deviation = y - years
    level = _mean(deviation, 0)
    deviation -= level
    out = y.copy()
    for i in np.flatnonzero(gaps.any(axis=1)):
        donors = deviation[i][~gaps[i]]
        taken = rng.choice(donors, gaps[i].sum()) if donors.size else 0.0
        out[i, gaps[i]] = years[i] + level[gaps[i]] + taken
    return out


class _World:
    """One zone in the space of differences between years (a level changes no class), and its error-free series under several assumptions."""

    def __init__(
        self, y: np.ndarray, gaps: np.ndarray, weights: np.ndarray, sd: np.ndarray, error: Error, rule: Rule, codes: tuple[int, ...], rng: np.random.Generator
    ) -> None:
        n, self.cells = y.shape
        self.y, self.gaps, self.w, self.sd, self.rule, self.codes, self.rng = y, gaps, weights, sd, rule, codes, rng
        self.effective = 1 / float((weights**2).sum())
        self.basis = helmert(n).T  # any basis of the contrasts would do; this one is the same on every machine
        self.values = self.basis.T @ y
        self.mean = self.values @ weights[:, None]
        self.deviation = self.values - self.mean
        self.spread = (self.deviation * weights) @ self.deviation.T
        self.error = self.basis.T @ np.diag((sd**2).mean(axis=1)) @ self.basis
        self.of_mean = self.error / self.effective
        self.shared = self.basis.T @ np.diag(error.shared**2) @ self.basis
        time = self.basis.T @ (rule.years - rule.years.mean())
        self.time, self.square = time[:, None], float(time @ time)
        self.aside = np.eye(n - 1) - np.outer(time, time) / self.square
        known = np.sqrt(error.freedom / rng.chisquare(error.freedom, DRAWS)) if error.freedom else np.ones(DRAWS)
        shared = (_root(self.shared) @ rng.standard_normal((n - 1, DRAWS))) * known
        self.means = self.mean - shared - _root(self.of_mean) @ rng.standard_normal((n - 1, DRAWS))
        rest = self.aside @ self.deviation
        freedom = n - 2
        self.noise = float(np.trace(self.aside @ self.error)) / freedom
        self.total = float((rest**2).sum(axis=0) @ weights) / freedom
        self.total_sd = self.total * np.sqrt(2 / (freedom * self.effective))

    def _shares(self, values: np.ndarray) -> np.ndarray:
        series = np.tensordot(self.basis, values, axes=1)
        series[self.gaps] = np.nan
        return self.rule.shares(series, self.w, self.codes)

    def contraction(self) -> np.ndarray:
        """Deviations from the zone's mean, drawn together until their covariance is that without error: suits ground that varies smoothly."""
        out = np.empty((*self.values.shape, DRAWS))
        root = _root(self.spread)
        size = max(1, min(CELLS // 4, round(self.effective)))  # at most the cells that there are: drawn from more, the covariance could be none
        for j in range(DRAWS):
            some = root @ self.rng.standard_normal((root.shape[0], size))
            spread = self.spread + (some @ some.T / size - self.spread) * min(1.0, np.sqrt(size / self.effective))
            lower = np.linalg.cholesky(spread + 1e-12 * np.trace(spread) * np.eye(len(spread)) + 1e-16 * np.eye(len(spread)))
            inverse = np.linalg.inv(lower)
            kept, axes = np.linalg.eigh(inverse @ (spread - self.error) @ inverse.T)
            out[:, :, j] = self.means[:, j : j + 1] + (lower @ (axes * np.sqrt(np.clip(kept, 0, 1))) @ axes.T @ inverse) @ self.deviation
        return self._shares(out)

    def slopes(self) -> np.ndarray:
        """Slopes from any distribution (by maximum likelihood), years beside them from a normal one: suits ground of which parts share a trend."""
        drawn = np.maximum(self.total + self.total_sd * self.rng.standard_normal(DRAWS) - self.noise, 0)
        typical = max(self.total - self.noise, 0.0)
        fit = _Slopes(self, typical)
        counts = fit.resampled(DRAWS)
        start = np.full((DRAWS, fit.grid.size), 1 / fit.grid.size)
        weights = fit.fitted(start, counts, fit.likelihood, None)[0]
        out = np.empty((*self.values.shape, DRAWS))
        for j in range(DRAWS):
            slope = fit.drawn(weights[j], fit.likelihood, fit.grid)
            moved = self.means[:, j : j + 1] - self.mean
            along = float(self.time[:, 0] @ moved[:, 0]) / self.square
            out[:, :, j] = self.aside @ self.means[:, j : j + 1] + self.time * (slope + along) + self._years_beside(slope, drawn[j])
        return self._shares(out)

    def _years_beside(self, slope: np.ndarray, variance: float) -> np.ndarray:
        """Return what years add beside zone and slope, drawn given the observed series."""
        kept = variance / (variance + self.noise) if variance > 0 else 0.0
        rest = self.deviation - self.time * (slope - float(self.time[:, 0] @ self.mean[:, 0]) / self.square)
        drawn: np.ndarray = kept * rest + np.sqrt(kept * self.noise) * self.rng.standard_normal(rest.shape)
        return drawn

    def calm(self) -> list[np.ndarray]:
        """As much of the zone as its slopes allow stands still, and what years add beside the slope is error wherever it can be."""
        from scipy.special import chdtri

        pattern = self.aside @ self.mean
        still_years = self.total - self.noise < 3 * self.total_sd + 0.05 * self.noise  # the noise is itself estimated
        variance = 0.0 if still_years else max(self.total - self.noise, 0.0)
        cover = self.aside @ (self.shared + self.of_mean) @ self.aside
        quiet = float((pattern.T @ np.linalg.pinv(cover, rcond=1e-9) @ pattern)[0, 0]) < chdtri(len(pattern) - 1, 0.01)
        fit = _Slopes(self, variance)
        reach = 2.326 * float(np.sqrt(self.time[:, 0] @ (self.shared + self.of_mean) @ self.time[:, 0])) / self.square
        middle = float(fit.centres @ fit.counts / fit.counts.sum())
        top = float(fit.centres[np.argmax(np.convolve(fit.counts, np.ones(BINS // 8), "same"))])
        half = float(fit.centres[np.searchsorted(np.cumsum(fit.counts), fit.counts.sum() / 2)])
        places = np.unique(np.clip([*np.linspace(-reach, reach, PLACES), middle, half, top], -reach, reach))
        best = None
        still = np.linspace(0, 1, STILL)
        likelihoods = [np.concatenate([fit.density(np.array([place])), fit.likelihood], axis=1) for place in places]
        fits = []
        for likelihood in likelihoods:
            start = np.concatenate([still[:, None], np.repeat((1 - still)[:, None] / fit.grid.size, fit.grid.size, axis=1)], axis=1)
            fits.append(fit.fitted(start, np.tile(fit.counts, (STILL, 1)), likelihood, still))
        most = max(float(value.max()) for _, value in fits)
        for place, likelihood, (weights, value) in zip(places, likelihoods, fits, strict=True):
            allowed = np.flatnonzero(value >= most - LIKELY)
            if allowed.size and (best is None or still[allowed[-1]] > best[0]):
                best = (still[allowed[-1]], place, likelihood, weights[allowed[-1]])
        if best is None:
            return []
        share, place, likelihood, weights = best
        out = np.empty((*self.values.shape, 2 * CALM_DRAWS))
        base = np.zeros_like(pattern) if quiet else pattern
        many = fit.fitted(np.tile(weights, (CALM_DRAWS, 1)), fit.resampled(CALM_DRAWS), likelihood, np.full(CALM_DRAWS, share), 20)[0]
        for j in range(CALM_DRAWS):
            slope = fit.drawn(many[j], likelihood, np.concatenate([[place], fit.grid]))
            beside = self.aside @ self._years_beside(slope, variance)
            out[:, :, j] = base + self.time * (slope - place) + beside
            moved = self.means[:, j : j + 1] - self.mean
            out[:, :, CALM_DRAWS + j] = self.aside @ self.means[:, j : j + 1] + self.time * slope + self.time @ (self.time.T @ moved) / self.square + beside
        shares = self._shares(out)
        return [shares[:, :CALM_DRAWS], shares[:, CALM_DRAWS:]]

    def extrapolation(self, like: np.ndarray) -> np.ndarray:
        """Return areas at no error, extrapolated from those with error added once and twice; scattered as those of another way."""
        here = self.rule.shares(np.where(self.gaps, np.nan, self.y)[:, :, None], self.w, self.codes)
        added = self.sd[:, :, None] * self.rng.standard_normal((*self.y.shape, REPEATS))
        y = np.where(self.gaps, np.nan, self.y)[:, :, None]
        once, twice = (self.rule.shares(y + k * added, self.w, self.codes).mean(axis=1, keepdims=True) for k in (1.0, np.sqrt(2)))
        out: np.ndarray = 3 * here - 3 * once + twice + like - like.mean(axis=1, keepdims=True)
        return out


class _Slopes:
    """The distribution of slopes of the error-free series on a grid, from binned observed slopes (least squares)."""

    def __init__(self, world: _World, variance: float) -> None:
        self.rng = world.rng
        slopes = (world.time[:, 0] @ world.values) / world.square
        sd = float(np.sqrt(world.time[:, 0] @ world.error @ world.time[:, 0]) / world.square)
        self.sd = float(np.sqrt(sd**2 + variance / world.square))
        low, high = float(slopes.min()), float(slopes.max())
        width = max((high - low) / (BINS - 1), 1e-12)
        self.bin = np.clip(((slopes - low) / width + 0.5).astype(int), 0, BINS - 1)
        self.centres = low + width * np.arange(BINS)
        self.width = width
        self.counts = np.bincount(self.bin, weights=world.w * world.effective, minlength=BINS)
        first, last = (float(v) for v in np.quantile(slopes, [0.005, 0.995]))
        self.grid = np.unique(np.concatenate([[0.0], np.linspace(first, last, SLOPES - 1)]))
        self.likelihood = self.density(self.grid)

    def density(self, at: np.ndarray) -> np.ndarray:
        """Return (bins, slopes) the density of observed slopes given true ones, up to a factor."""
        sd = np.hypot(self.sd, self.width / np.sqrt(12))
        found: np.ndarray = np.exp(-0.5 * ((self.centres[:, None] - at[None]) / sd) ** 2) + 1e-12
        return found

    def resampled(self, draws: int) -> np.ndarray:
        """Return counts (draws, bins) of as many cells drawn again."""
        found: np.ndarray = self.rng.multinomial(round(self.counts.sum()), self.counts / self.counts.sum(), draws).astype(np.float64)
        return found

    def fitted(
        self, start: np.ndarray, counts: np.ndarray, likelihood: np.ndarray, first: np.ndarray | None, rounds: int = ROUNDS
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return weights (draws, slopes) by expectation maximisation, and their log likelihood; `first` holds the weight of the first fast."""
        p = start
        for _ in range(rounds):
            p = p * ((counts / (p @ likelihood.T)) @ likelihood) / counts.sum(axis=1, keepdims=True)
            if first is not None:
                rest = p[:, 1:].sum(axis=1, keepdims=True)
                p = np.concatenate([first[:, None], p[:, 1:] * np.where(rest > 0, (1 - first[:, None]) / np.maximum(rest, 1e-300), 0)], axis=1)
        return p, (counts * np.log(p @ likelihood.T)).sum(axis=1)

    def drawn(self, weights: np.ndarray, likelihood: np.ndarray, grid: np.ndarray) -> np.ndarray:
        """Return a slope of each cell, drawn given its observed one."""
        posterior = np.cumsum(likelihood * weights, axis=1)
        posterior /= posterior[:, -1:]
        chance = self.rng.random(self.bin.size)
        place = (chance[:, None] > posterior[self.bin][:, :-1]).sum(axis=1)
        found: np.ndarray = grid[place]
        return found


def _root(covariance: np.ndarray) -> np.ndarray:
    """Return the symmetric square root of a covariance that may lack some directions: it does not depend on the signs of eigenvectors."""
    values, axes = np.linalg.eigh(covariance)
    found: np.ndarray = (axes * np.sqrt(np.clip(values, 0, None))) @ axes.T
    return found
