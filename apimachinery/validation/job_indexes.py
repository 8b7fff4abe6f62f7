"""Lists of a job's indexes (``1,3-5,7``)."""

from __future__ import annotations

import json


def total(text: str, completions: int) -> int:
    """How many indexes a list has. Raises ValueError in upstream's words."""
    count, last = 0, -1
    for interval in text.split(",") if text else ():
        first, final = _interval(interval, completions)
        if first <= last:
            raise ValueError(f"non-increasing order, previous: {last}, current: {first}")
        count += final - first + 1
        last = final
    return count


def _interval(text: str, completions: int) -> tuple[int, int]:
    limits = text.split("-")
    if len(limits) > 2:
        said = "violates the requirement that an index interval can have at most two parts separated by '-'"
        raise ValueError(f"the fragment {json.dumps(text)} {said}")
    numbers = [_index(limit, completions) for limit in limits]
    if len(numbers) == 2 and numbers[0] >= numbers[1]:
        raise ValueError(f"non-increasing order, previous: {numbers[0]}, current: {numbers[1]}")
    return numbers[0], numbers[-1]


def _index(text: str, completions: int) -> int:
    try:
        number = int(text)
    except ValueError as problem:
        raise ValueError(f"cannot convert string to integer for index: {json.dumps(text)}") from problem
    if number >= completions:
        raise ValueError(f"too large index: {json.dumps(text)}")
    return number
