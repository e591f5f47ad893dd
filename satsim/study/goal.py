"""What a design must do, in words: "dists-lite <= 0.3 by 10 min with 0.95", and the budgets it must keep."""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass

from codec.own import installed
from codec.own.finding import registered
from satsim.durations import parse_duration
from satsim.errors import StudyError
from satsim.words import span

BETTER = {
    "dists": "lower",
    "lpips-vgg": "lower",
    "lpips-squeeze": "lower",
    "dists-lite": "lower",
    "ms-ssim": "higher",
    "psnr": "higher",
}
"""Every metric of ours, and which way is better: what `codec.metrics` says, at hand without it."""
ALIASES = {"lpips": "lpips-squeeze", "msssim": "ms-ssim"}
LONGEST_S = 30 * 86_400.0
"""As long as a scenario may run."""
BUDGETS = {
    "messages": "messages sent, lost ones included",
    "bytes": "bytes sent, headers included",
    "price": "what the service bills, in the link's currency",
    "energy": "joules that the terminal spends",
    "minutes": "when the last message is out, in minutes after the photo was taken",
}
"""What may be limited, and what it counts."""
GOAL_EXAMPLE = "METRIC <= NUMBER by DURATION with PROBABILITY, such as 'dists-lite <= 0.3 by 10 min with 0.95'"


@dataclass(frozen=True)
class Goal:
    """A quality, a time by which it must be on the screen, and in what share of all cases."""

    metric: str
    level: float
    by_s: float
    probability: float

    @property
    def higher_is_better(self) -> bool:
        """Which way the metric counts."""
        return better(self.metric) == "higher"

    def __str__(self) -> str:
        sign = ">=" if self.higher_is_better else "<="
        return f"{self.metric} {sign} {self.level:g} by {span(self.by_s)} with {self.probability:g}"


@dataclass(frozen=True)
class Budget:
    """An upper limit on something of `BUDGETS`."""

    quantity: str
    limit: float

    def __str__(self) -> str:
        return f"{self.quantity} <= {self.limit:g}"


def parse_goal(text: str) -> Goal:
    """The goal that `text` says. Raises StudyError, which names what was found and what is expected."""
    start = f"goal {text!r}"
    parts = re.fullmatch(r"\s*(.*?)(?:\s+by\b(.*?))?(?:\s+with\b(.*))?\s*", text, re.DOTALL)
    assert parts is not None
    quality, by, chance = (part.strip() if part is not None else None for part in parts.groups())
    if by is None:
        raise StudyError(f"{start} says no time ('by ...'); expected {GOAL_EXAMPLE}")
    if chance is None:
        raise StudyError(f"{start} says no probability ('with ...'); expected {GOAL_EXAMPLE}")
    name, sign, level = _comparison(quality or "", start, GOAL_EXAMPLE)
    metric = _metric(name, start)
    wanted = ">=" if better(metric) == "higher" else "<="
    if sign != wanted:
        raise StudyError(f"{start}: {better(metric)} {metric} is better; write {name} {wanted} {level:g} by {by} ...")
    return Goal(metric, level, _duration_s(by, start), _probability(chance, start))


def parse_budget(text: str) -> Budget:
    """The budget that `text` says. Raises StudyError like `parse_goal`."""
    start, example = f"budget {text!r}", "QUANTITY <= NUMBER, such as 'messages <= 12'"
    name, sign, limit = _comparison(text.strip(), start, example)
    if name not in BUDGETS:
        near = difflib.get_close_matches(name, BUDGETS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"expected one of: {', '.join(BUDGETS)}"
        raise StudyError(f"{start}: nothing to limit is called {name!r}; {hint}")
    if sign == ">=":
        raise StudyError(f"{start}: a budget is an upper limit; write {name} <= {limit:g}")
    if limit < 0:
        raise StudyError(f"{start}: {limit:g} is less than nothing; expected 0 or more")
    return Budget(name, limit)


def _comparison(text: str, start: str, example: str) -> tuple[str, str, float]:
    parts = re.fullmatch(r"([^<>=≤≥]*)([<>=≤≥]+)(.*)", text, re.DOTALL)
    if parts is None:
        raise StudyError(f"{start}: {text!r} has no <= or >=; expected {example}")
    name, sign, number = (part.strip() for part in parts.groups())
    sign = {"≤": "<=", "≥": ">="}.get(sign, sign)
    if sign not in ("<=", ">="):
        raise StudyError(f"{start}: found {sign!r}; expected <= or >=, as in {example}")
    return name.lower(), sign, _number(number, start, example)


def _number(text: str, start: str, example: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise StudyError(f"{start}: {text!r} is no number; expected {example}")
    return value


def better(metric: str) -> str:
    """Which way a metric counts: higher, or lower. Raises codec.CodecError for one of your own that cannot be made."""
    if metric in BETTER:
        return BETTER[metric]
    from codec.metrics import metric_info

    return "higher" if metric_info(metric).higher_is_better else "lower"


def _metric(name: str, start: str) -> str:
    known = ALIASES.get(name.replace("-", "").replace("_", ""), name.replace("_", "-"))
    if known in BETTER:
        return known
    if own := next((each for each in (*registered("metric"), *installed("metric")) if each.lower() == name), ""):
        return own
    near = difflib.get_close_matches(known, [*BETTER, *ALIASES], n=1)
    hint = f"did you mean {near[0]}?" if near else f"expected one of: {', '.join(BETTER)}"
    raise StudyError(f"{start}: no metric is called {name!r}; {hint}")


def _duration_s(text: str, start: str) -> float:
    try:
        time_s = parse_duration(text)
    except ValueError as error:
        raise StudyError(f"{start}: {error}") from None
    if not 0 < time_s < LONGEST_S:
        raise StudyError(f"{start}: {text!r} is {time_s:g} s; expected more than 0 and less than 30 days")
    return time_s


def _probability(text: str, start: str) -> float:
    expected = "expected a share between 0 and 1, such as 0.95 or 95%"
    percent = text.endswith("%")
    try:
        value = float(text.removesuffix("%")) / (100 if percent else 1)
    except ValueError:
        raise StudyError(f"{start}: {text!r} is no probability; {expected}") from None
    if not 0 < value < 1:
        never = " (no number of runs shows that something never fails)" if value == 1 else ""
        raise StudyError(f"{start}: a probability of {text}; {expected}{never}")
    return value
