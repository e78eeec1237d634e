"""What was asked for and what was measured."""

import math
from dataclasses import dataclass
from typing import Optional

MET, MISSED, NOT_MEASURED, NOT_ASKED = "met", "MISSED", "not measured", ""


@dataclass(frozen=True)
class Bar:
    """A figure beside the bar that it has to reach, if there is one. A size or seed of 0 stands for none."""

    section: str
    what: str
    size: int
    seed: int
    figure: str
    measured: Optional[float]
    asked: Optional[float] = None
    at_least: bool = False
    theirs: str = ""
    ours: str = ""
    limit: str = ""
    note: str = ""

    def verdict(self):
        if self.measured is None:
            return NOT_MEASURED
        if self.asked is None:
            return NOT_ASKED
        # A figure that is no number reaches nothing.
        met = self.measured >= self.asked if self.at_least else self.measured <= self.asked
        return MET if met else MISSED

    def bound(self):
        """The bar in words."""
        return "" if self.asked is None else f"{'≥' if self.at_least else '≤'} {self.asked:.4g}"

    def is_failed(self):
        """Is it missed, or did the program fail and leave no number?"""
        return self.verdict() == MISSED or (self.measured is not None and math.isnan(self.measured))

    def subject(self):
        """What was measured, at which size, of which seed."""
        return ", ".join([self.what, *([f"{self.size}²"] if self.size else []), *([f"seed {self.seed}"] if self.seed else [])])

    def line(self):
        """For people who wait."""
        measured = "-" if self.measured is None else f"{self.measured:.4g}"
        words = [f"{self.subject()}: {self.figure} {measured}", self.bound(), self.verdict()]
        return "; ".join(word for word in [*words, self.note] if word)
