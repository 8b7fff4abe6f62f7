"""Whether a text is a cron schedule, as robfig/cron's standard parser judges, in its words."""

from __future__ import annotations

import re

_DESCRIPTORS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_MONTHS = {name: n for n, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}  # noqa: SIM905
_DAYS = {name: n for n, name in enumerate("sun mon tue wed thu fri sat".split())}  # noqa: SIM905
_FIELDS: tuple[tuple[int, int, dict[str, int]], ...] = (
    (0, 59, {}),
    (0, 23, {}),
    (1, 31, {}),
    (1, 12, _MONTHS),
    (0, 6, _DAYS),
)
_DURATION = re.compile(r"([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h)")


def problem_with(schedule: str) -> str:
    """What is wrong with a schedule, "" if nothing."""
    spec = schedule
    if spec.startswith(("TZ=", "CRON_TZ=")):
        _, space, spec = spec.partition(" ")
        if not space:
            return f"invalid schedule format: {schedule}"
        spec = spec.strip()
    if not spec:
        return "empty spec string"
    if spec.startswith("@"):
        return _descriptor(spec)
    fields = spec.split()
    if len(fields) != len(_FIELDS):
        return f"expected exactly {len(_FIELDS)} fields, found {len(fields)}: [{' '.join(fields)}]"
    problems = (_field(text, *bounds) for text, bounds in zip(fields, _FIELDS, strict=True))
    return next((problem for problem in problems if problem), "")


def _descriptor(spec: str) -> str:
    if spec in _DESCRIPTORS:
        return ""
    if spec.startswith("@every "):
        duration = spec.removeprefix("@every ").lstrip("+-")
        if duration == "0" or (duration and not _DURATION.sub("", duration)):
            return ""
        said = f'time: invalid duration "{spec.removeprefix("@every ")}"'
        return f"failed to parse duration {spec}: {said}"
    return f"unrecognized descriptor: {spec}"


def _field(text: str, least: int, most: int, names: dict[str, int]) -> str:
    problems = (_range(part, least, most, names) for part in text.split(",") if part)
    return next((problem for problem in problems if problem), "")


def _range(text: str, least: int, most: int, names: dict[str, int]) -> str:
    parts = text.split("/")
    limits = parts[0].split("-")
    if limits[0] in ("*", "?"):
        start, end = least, most
    else:
        numbers = []
        for limit in limits[:2]:
            number, problem = _number(limit, names)
            if problem:
                return problem
            numbers.append(number)
        if len(limits) > 2:
            return f"too many hyphens: {text}"
        start, end = numbers[0], numbers[-1]
    if len(parts) > 2:
        return f"too many slashes: {text}"
    step = 1
    if len(parts) == 2:
        step, problem = _number(parts[1], {})
        if problem:
            return problem
        end = most if len(limits) == 1 else end
    return _bounds(text, start, end, step, least, most)


def _bounds(text: str, start: int, end: int, step: int, least: int, most: int) -> str:
    if start < least:
        return f"beginning of range ({start}) below minimum ({least}): {text}"
    if end > most:
        return f"end of range ({end}) above maximum ({most}): {text}"
    if start > end:
        return f"beginning of range ({start}) beyond end of range ({end}): {text}"
    return f"step of range should be a positive number: {text}" if step == 0 else ""


def _number(text: str, names: dict[str, int]) -> tuple[int, str]:
    if text.lower() in names:
        return names[text.lower()], ""
    if re.fullmatch(r"[+-]?\d+", text):
        number = int(text)
        return number, f"negative number ({number}) not allowed: {text}" if number < 0 else ""
    return 0, f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax'
