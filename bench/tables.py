"""Rows, their figures and goals, and the tables made of them."""
import dataclasses
import math
import statistics
import sys
import typing


def compare(ours, theirs):
    return ours / theirs if theirs else math.nan


@dataclasses.dataclass
class Goal:
    """What printportd shall reach; "of" names whose figure is 1."""
    limit: float
    at_least: bool = False
    of: str = None

    def text(self):
        sign = "≥" if self.at_least else "≤"
        other = f" × {self.of}" if self.of else ""
        return f"{sign} {self.limit:,g}{other}"

    def reached(self, value):
        if math.isnan(value):
            return "?"
        good = value >= self.limit if self.at_least else value <= self.limit
        return "yes" if good else "**no**"


def at_least(limit):
    return Goal(limit, at_least=True)


def at_most(limit, of=None):
    return Goal(limit, of=of)


@dataclasses.dataclass
class Figure:
    """One line of a row's table, made from the samples of each server."""
    title: str
    key: str
    goals: tuple = ()
    summary: typing.Callable = statistics.median
    digits: int = 0

    def value(self, samples, name):
        return self.summary([one[self.key] for one in samples[name]])

    def cell(self, samples, name):
        if self.key not in samples[name][0]:
            return ""
        return f"{self.value(samples, name):,.{self.digits}f}"

    def judged(self, samples, goal):
        """The value that the goal is held against."""
        ours = self.value(samples, "printportd")
        if goal.of is None:
            return ours
        if goal.of not in samples:
            return math.nan
        return compare(ours, self.value(samples, goal.of))


@dataclasses.dataclass
class Ratio(Figure):
    """To a reference, taken within each round; the span of the rounds
    beside it."""
    digits: int = 2
    of: str = "sink"

    def ratios(self, samples, name):
        return [compare(ours[self.key], theirs[self.key])
                for ours, theirs in zip(samples[name], samples[self.of])]

    def value(self, samples, name):
        return statistics.median(self.ratios(samples, name))

    def cell(self, samples, name):
        if self.of not in samples or self.key not in samples[name][0]:
            return ""
        if name == self.of:
            return "1"
        ratios = self.ratios(samples, name)
        return (f"{statistics.median(ratios):,.{self.digits}f} "
                f"({min(ratios):,.{self.digits}f}–"
                f"{max(ratios):,.{self.digits}f})")

    def judged(self, samples, goal):
        if self.of not in samples:
            return math.nan
        return super().judged(samples, goal)


def worst(title, key="lost", limit=0):
    """Of all rounds; nothing of it is wanted."""
    return Figure(title, key, (at_most(limit),), max)


def lost(title="lost, worst round", key="lost"):
    return worst(title, key)


@dataclasses.dataclass
class Row:
    name: str
    title: str
    figures: tuple
    servers: dict                   # what has running(), by its name
    measure: typing.Callable        # (build, server, options) -> sample
    options: dict                   # of the measurement
    rounds: float = 1               # of those asked for
    fresh: bool = False             # a new server for each round
    # By server, where it differs from options.
    options_of: dict = dataclasses.field(default_factory=dict)

    def shown(self):
        return self.title.format(**self.options)

    def options_for(self, name):
        return {**self.options, **self.options_of.get(name, {})}

    def matches(self, word):
        return self.name == word or self.name.startswith(word + "-")


def goal_cells(figure, samples):
    if not figure.goals:
        return "", ""
    if "printportd" not in samples:
        return "; ".join(goal.text() for goal in figure.goals), ""
    return tuple("; ".join(words) for words in zip(*(
        (goal.text(), goal.reached(figure.judged(samples, goal)))
        for goal in figure.goals)))


def print_table(row, samples):
    def line(cells):
        print("| " + " | ".join(cells) + " |")

    print(f"\n**{row.name}: {row.shown()}**\n")
    line(["", *samples, "goal", "reached"])
    line(["---", *("---:" for _ in samples), "---", "---"])
    for figure in row.figures:
        line([figure.title,
              *(figure.cell(samples, name) for name in samples),
              *goal_cells(figure, samples)])
    sys.stdout.flush()
