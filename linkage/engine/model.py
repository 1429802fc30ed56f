"""The model: one versioned table of what each kind of identifier is worth.

The packaged table `models/default.toml` is complete. A file given by the user overrides single numbers of it and
may add kinds and families; all faults of a file are told at once.
"""

from __future__ import annotations

import hashlib
import math
import tomllib
from collections.abc import Mapping
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from linkage.errors import BadModel
from linkage.model.band import Costs
from linkage.model.identifier import SIMILAR
from linkage.model.sharing_class import SharingClass

Probability = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Prior(_Part):
    """Odds against a pair, and the posterior a link needs."""

    neighbourhood: Annotated[float, Field(gt=1)]
    threshold: Probability
    cores: tuple[Probability, ...] = ()

    @property
    def bits(self) -> float:
        """log2 of the prior odds: negative."""
        return -math.log2(self.neighbourhood)

    @property
    def threshold_bits(self) -> float:
        """log2 of the posterior odds a link needs."""
        return math.log2(self.threshold / (1 - self.threshold))

    @property
    def stages(self) -> tuple[float, ...]:
        """Posterior odds in bits that a link needs, stage after stage: cores first, the threshold last."""
        return (*(math.log2(core / (1 - core)) for core in self.cores), self.threshold_bits)


class Rounds(_Part):
    """How the collective rounds run."""

    maximum: Annotated[int, Field(ge=1)]
    candidate_holders: Annotated[int, Field(ge=2)]
    star_bits: Positive
    size_correction: NotNegative
    both_large: NotNegative
    uncovered: NotNegative
    lone_witness: NotNegative
    core: Annotated[int, Field(ge=2)]
    overlap: Annotated[float, Field(ge=0, le=1)]


class Organisations(_Part):
    """When a declared membership links by itself, and which kinds are an organisation's own."""

    largest_declared: Annotated[int, Field(ge=1)]
    open_kinds: tuple[str, ...]
    own_kinds: tuple[str, ...]

    def closed(self, attributes: Mapping[str, object], members: int) -> bool:
        """Whether membership links by itself, as `steps.closed_organisations` has it for all of them."""
        said = next((str(attributes[name]) for name in ("kind", "type", "category") if attributes.get(name)), "")
        is_open = said.lower() in self.open_kinds or str(attributes.get("open", False)).lower() == "true"
        return members <= self.largest_declared and not is_open


class Curve(_Part):
    """Bits by a figure: straight between the points, level beyond them; `unknown` where the figure is not known, and
    `lacking` where the data set has it of nobody."""

    at: Annotated[tuple[float, ...], Field(min_length=2)]
    bits: Annotated[tuple[float, ...], Field(min_length=2)]
    unknown: float = 0.0
    lacking: float = 0.0

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if len(self.at) != len(self.bits):
            raise ValueError(f"{len(self.at)} points and {len(self.bits)} bits: there must be as many")
        if any(left >= right for left, right in pairwise(self.at)):
            raise ValueError("the points must rise")
        return self


class Surface(_Part):
    """Bits that two aspects say together, beside what each says alone: straight between the points of each, level
    beyond them, a row of bits for each point of the first; none where either is not known."""

    aspects: tuple[str, str]
    at: tuple[tuple[float, ...], tuple[float, ...]]
    bits: tuple[tuple[float, ...], ...]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        rows, columns = map(len, self.at)
        if len(self.bits) != rows or any(len(row) != columns for row in self.bits):
            raise ValueError(f"for {rows} points by {columns} there must be as many rows of as many bits")
        if min(rows, columns) < 2:
            raise ValueError("each aspect needs two points or more")
        if any(left >= right for points in self.at for left, right in pairwise(points)):
            raise ValueError("the points must rise")
        return self


class Scorecard(_Part):
    """How a subject stands beside a cluster: by what curve of each aspect (`standing.ASPECTS`), and by what surface of
    those that say more together than alone."""

    curves: dict[str, Curve]
    together: tuple[Surface, ...] = ()


class Confidence(Scorecard):
    """How sure a member is, by a scorecard; at least `stated` where a person or a
    declared membership says so. `typical` is how many are right where the curves were learnt. Members of less than
    `least` are let go in the second look, and records, which are judged by their evidence alone, of less than
    `least_by_evidence`."""

    stated: Probability
    typical: Probability
    least: Annotated[float, Field(ge=0, lt=1)]
    least_by_evidence: Annotated[float, Field(ge=0, lt=1)]


class Newcomers(Scorecard):
    """Which single accounts the second look takes in: those at least so sure (`least`), by a scorecard of their own,
    to belong to the cluster of `core` members or more that they share most with, `near` bits or more."""

    least: Probability
    core: Annotated[int, Field(ge=2)]
    near: Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Bands(_Part):
    """What one account costs, in looks of a person or any other unit: acted on though it is not the actor's (`wrong`),
    left alone though it is (`missed`), looked at (`review`). `linkage.model.band` has what follows."""

    wrong: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    missed: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    review: Annotated[float, Field(ge=0, allow_inf_nan=False)]

    @property
    def costs(self) -> Costs:
        """The costs as the readers of a confidence take them."""
        return Costs(self.wrong, self.missed, self.review)


class SignUp(_Part):
    """How one actor's accounts are opened: this share of actors in bursts, about so many days wide."""

    burst_share: Annotated[float, Field(ge=0, lt=1)]
    burst_days: Positive


class Spread(_Part):
    """How the spread of holders' sign-ups counts: in logarithms of its ratio to `typical` (a share of all sign-ups'
    span), at most `widest`; no value's fade falls below `least_fade`."""

    typical: Annotated[float, Field(gt=0, lt=1)]
    widest: NotNegative
    least_fade: float


class Behaviour(_Part):
    """Work in the same hours: this share of actors coordinates, with this share of its hours; at most `cap` bits.

    Weighed where one side has at least `core` members.
    """

    coordinated: Annotated[float, Field(ge=0, lt=1)]
    together: Annotated[float, Field(ge=0, lt=1)]
    core: Annotated[int, Field(ge=1)]
    cap: NotNegative


class Family(_Part):
    """Kinds whose pieces depend on each other: strongest + within · the rest, at most `cap` bits.

    `dense` and `dense_cap` say what is left of that where every member of both clusters holds the value. Two sides that
    both have values of the family, and none in common or similar, lose `differ` bits.
    """

    within: Annotated[float, Field(ge=0, le=1)]
    dense: Annotated[float, Field(ge=0, le=1)] = 1.0
    cap: Positive = 1000.0
    dense_cap: Positive = 1000.0
    telling: bool = False
    differ: NotNegative = 0.0


class Kind(_Part):
    """What one kind of identifier is worth, as a logit.

    ln(purity odds) - fade · ln(holders - 1) - stale · days apart, and for kinds that come in pools
    + pool · fade · ln(members of one cluster / other holders) where that is positive. Beside a stronger piece of its
    family it counts `beside` of what the family leaves of it.
    """

    purity: Probability
    fade: NotNegative
    stale: NotNegative
    pool: Annotated[float, Field(ge=0, le=1)] = 0.0
    separate: NotNegative = 0.0
    spread: NotNegative = 0.0
    beside: Annotated[float, Field(ge=0, le=1)] = 1.0
    family: str

    @property
    def logit(self) -> float:
        """ln of the odds that the only two holders are one actor's: α."""
        return math.log(self.purity / (1 - self.purity))


class Known(_Part):
    """What a value loses where a reference file says that it is of a class: logits at two holders, and of fade."""

    doubt: NotNegative = 0.0
    fade: NotNegative = 0.0


class Alike(_Part):
    """How values of one kind are compared: pairs of degree `least` or more (0 to 1: none or all of the weight of their
    words agrees) are evidence of the kind `similar_…`, which is worth `per_degree` logits less for each unit that the
    degree falls short of 1. `numbers` are words with a digit: of a name `all` must be the same; of an address the
    `first`, the house's, while others may be missing, but not differ.
    """

    least: Annotated[float, Field(gt=0, lt=1)]
    per_degree: NotNegative
    numbers: Literal["all", "first"]


class Similarity(_Part):
    """The kinds that are compared for similarity. A word (or two) that more than `crowd` values have proposes no
    pairs."""

    crowd: Annotated[int, Field(ge=2)]
    kinds: dict[str, Alike]


class Model(_Part):
    """All parameters of a resolution."""

    version: str
    prior: Prior
    rounds: Rounds
    organisations: Organisations
    confidence: Confidence
    newcomers: Newcomers
    bands: Bands
    sign_up: SignUp
    spread: Spread
    behaviour: Behaviour
    classes: dict[SharingClass, Known]
    similarity: Similarity
    families: dict[str, Family]
    kinds: dict[str, Kind]
    unknown: Kind

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        for name, kind in [*self.kinds.items(), ("unknown", self.unknown)]:
            if kind.family not in self.families:
                raise ValueError(f"{name}: there is no family called {kind.family!r}")
        for name in self.similarity.kinds:
            if missing := {name, SIMILAR + name} - set(self.kinds):
                raise ValueError(f"similarity.{name}: there is no kind called {' or '.join(sorted(missing))}")
        return self

    def kind(self, name: str) -> Kind:
        """The parameters of a kind; of an unknown one the cautious defaults."""
        return self.kinds.get(name, self.unknown)

    @property
    def telling_kinds(self) -> tuple[str, ...]:
        """The kinds that tell whether a subject leads a life of its own."""
        return tuple(name for name, kind in self.kinds.items() if self.families[kind.family].telling)

    @property
    def differing_kinds(self) -> tuple[str, ...]:
        """The kinds that speak against a link where two sides have values and share none."""
        return tuple(name for name, kind in self.kinds.items() if self.families[kind.family].differ)

    @property
    def fingerprint(self) -> str:
        """The version with a short hash of every number: two models with one fingerprint resolve alike.

        The costs of the bands are left out: they change no cluster, and other costs count at once.
        """
        numbers = self.model_dump_json(exclude={"bands"})
        return f"{self.version}-{hashlib.blake2b(numbers.encode(), digest_size=4).hexdigest()}"

    @classmethod
    def load(cls, path: Path | str | None = None) -> Model:
        """The default model, with the numbers of the TOML file at `path` in place of its own."""
        default = tomllib.loads((resources.files("linkage.engine") / "models" / "default.toml").read_text("utf-8"))
        return _checked(default if path is None else _merged(default, _read(Path(path))), str(path))


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as fault:
        raise BadModel(f"The model {path} cannot be read: {fault}", next_step="Check the path.") from fault
    except tomllib.TOMLDecodeError as fault:
        raise BadModel(f"The model {path} is not TOML: {fault}", next_step="Mend the line and try again.") from fault


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = base.get(key)
        merged[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _checked(table: dict[str, Any], path: str) -> Model:
    try:
        return Model.model_validate(table)
    except ValidationError as fault:
        raise BadModel(
            f"The model {path} has {fault.error_count()} fault(s).",
            details=[f"{'.'.join(map(str, e['loc'])) or 'model'}: {e['msg']}" for e in fault.errors()],
            next_step="Mend each of them; docs/engine.md says what the numbers mean.",
        ) from fault
