"""Who behaves how, when, and which intervals have to be flagged for it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

INTERVAL_S = 30.0
# The first intervals are the calibration's; an episode lies inside one interval.
FIRST_INTERVAL = 1
EVERY = 3


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to behave. The episode lasts from `start_s` to `end_s` of its interval."""

    name: str
    scene: str = "present"
    sound: str = "quiet"
    start_s: float = 0.0
    end_s: float = 0.0
    events: tuple[str, ...] = ()
    rules: frozenset[str] = frozenset()

    @property
    def is_honest(self) -> bool:
        return not self.rules


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("honest"),
        Kind("absent", scene="empty", start_s=4, end_s=20, rules=frozenset({"no_face"})),
        Kind("company", scene="company", start_s=4, end_s=18, rules=frozenset({"several_faces"})),
        Kind("phone", scene="phone", start_s=3, end_s=21, rules=frozenset({"phone"})),
        Kind("voices", sound="dialog", start_s=1, end_s=26, rules=frozenset({"several_voices"})),
        Kind(
            "tabs",
            start_s=4,
            end_s=16,
            events=("tab_hidden", "focus_returned", "paste", "tab_hidden", "focus_returned"),
            rules=frozenset({"focus_change", "clipboard"}),
        ),
    )
}


class MixError(Exception):
    """The mix cannot be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Part:
    """One student: a number from 0, a kind, and the intervals in which the episode happens."""

    number: int
    kind: Kind
    intervals: tuple[int, ...]

    def is_in_episode(self, at_s: float) -> bool:
        """Whether second `at_s` of the session lies in an episode."""
        index, inside_s = divmod(at_s, INTERVAL_S)
        return int(index) in self.intervals and self.kind.start_s <= inside_s < self.kind.end_s

    def scene_at(self, at_s: float) -> str:
        """What the camera sees."""
        return self.kind.scene if self.is_in_episode(at_s) else "present"

    def sound_at(self, second: int) -> tuple[str, int]:
        """What is heard in a second of the session: the sound and the second of it."""
        if self.kind.sound != "quiet" and self.is_in_episode(second):
            return self.kind.sound, int(second % INTERVAL_S - self.kind.start_s)
        return "quiet", second + self.number

    def events_between(self, from_s: float, to_s: float) -> list[tuple[float, str]]:
        """The screen events due in [from_s, to_s): second of the session and kind."""
        due = []
        for index in self.intervals:
            for number, event in enumerate(self.kind.events):
                at_s = index * INTERVAL_S + self.kind.start_s + 2.0 * number
                if from_s <= at_s < to_s:
                    due.append((at_s, event))
        return due


def parse_mix(text: str) -> dict[str, float]:
    """`honest=0.9,absent=0.1` as shares that add up to 1. Raises MixError."""
    shares: dict[str, float] = {}
    for each in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, share = each.partition("=")
        if name not in KINDS:
            raise MixError(f"The mix names {name!r}, which is none of: {', '.join(KINDS)}.")
        try:
            shares[name] = float(share)
        except ValueError:
            raise MixError(f"The share of {name} is not a number: {share!r}.") from None
        if not 0 <= shares[name] <= 1:
            raise MixError(f"The share of {name} lies between 0 and 1.")
    total = sum(shares.values())
    if total > 1.0001:
        raise MixError(f"The shares add up to {total:g}; at most 1 is possible.")
    shares["honest"] = shares.get("honest", 0.0) + max(0.0, 1.0 - total)
    return shares


def cast(students: int, shares: dict[str, float], minutes: float) -> list[Part]:
    """Who is who: as near to the shares as whole students allow, each kind named at least once
    where there are students enough, and troubled ones spread evenly among the honest."""
    wanted = [(name, share) for name, share in shares.items() if share > 0 and name != "honest"]
    counts = {name: max(1, round(share * students)) for name, share in wanted}
    while sum(counts.values()) > students:
        most = max(counts, key=lambda name: counts[name])
        counts[most] -= 1
        if not counts[most]:
            del counts[most]
    troubled = [name for name, count in counts.items() for _ in range(count)]
    step = students / len(troubled) if troubled else 0.0
    places = {int(number * step): name for number, name in enumerate(troubled)}
    whole = int(minutes * 60 // INTERVAL_S)
    parts = []
    for number in range(students):
        kind = KINDS[places.get(number, "honest")]
        first = FIRST_INTERVAL + number % EVERY
        intervals = () if kind.is_honest else tuple(range(first, whole, EVERY))
        parts.append(Part(number, kind, intervals))
    return parts
