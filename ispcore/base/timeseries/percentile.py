"""The 95th percentile as it is billed: nearest rank, no interpolation (docs/collection.md)."""

from collections.abc import Iterable


def percentile95(samples: Iterable[int]) -> int | None:
    """The value at rank ceil(0.95 n) of the samples sorted ascending; None without samples.

    The same as discarding the top floor(0.05 n) and taking the next. SQL's `percentile_disc`
    agrees; `percentile_cont` does not.
    """
    ordered = sorted(samples)
    if not ordered:
        return None
    return ordered[(95 * len(ordered) + 99) // 100 - 1]
