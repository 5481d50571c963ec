"""What may be claimed of a band set, per species, with how it was found out.

One JSON file per band set, data set and protocol, in `published/` beside this module or where a laboratory puts it.
What was simulated and what was measured are never in one row; a species without a figure is "untested". Not responsible
for making figures (`figures`) nor for what a configuration demands beyond saying what is unmet.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from appliance.core.types import Result
from appliance.evaluate.figures import Rate, at_most, bona_fide_figures, per_species, percent
from appliance.evaluate.outcome import Kind, Outcome, Protocol, RunHeader
from appliance.evaluate.sensitivity import headline
from appliance.evaluate.species import VOCABULARY, title
from appliance.liveness.channels import channels_of

FORMAT: Final = "sallyport-claims-1"


class ClaimsError(Exception):
    """The claims cannot be used; the message names the file and says what is wrong with it."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Count = Annotated[int, Field(ge=0)]


class SpeciesClaim(_Strict):
    """Attack presentations of one species: `n` got an answer, `accepted` of them were taken for bona fide.

    `no_response` got none, so that none of them passed. Bounds are not stored: they follow from the counts.
    """

    n: Count
    accepted: Count
    undetermined: Count = 0
    no_response: Count = 0

    @model_validator(mode="after")
    def _adds_up(self) -> "SpeciesClaim":
        if self.accepted + self.undetermined > self.n:
            raise ValueError("more answers than presentations")
        return self

    @property
    def apcer(self) -> Rate:
        """APCER of the species."""
        return Rate(self.accepted, self.n)

    @property
    def tried(self) -> bool:
        """Whether the species was presented at all."""
        return self.n + self.no_response > 0


class BonaFideClaim(_Strict):
    """Bona fide presentations: `n` got an answer, `failed` of them were taken for attacks."""

    n: Count
    failed: Count
    undetermined: Count = 0
    no_response: Count = 0

    @model_validator(mode="after")
    def _adds_up(self) -> "BonaFideClaim":
        if self.failed + self.undetermined > self.n:
            raise ValueError("more answers than presentations")
        return self

    @property
    def bpcer(self) -> Rate:
        """BPCER."""
        return Rate(self.failed, self.n)

    @property
    def referred(self) -> Rate:
        """Whoever was not accepted, for whatever reason, of all: undetermined and without an answer as well."""
        return Rate(self.failed + self.undetermined + self.no_response, self.n + self.no_response)


class Claims(_Strict):
    """What one run says of one band set. `made_on` is a date, ISO 8601."""

    format: Literal["sallyport-claims-1"] = FORMAT
    kind: Kind
    band_set: str
    dataset: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    source: str
    protocol: Protocol
    detector: str
    made_on: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")]
    bona_fide: BonaFideClaim
    species: dict[str, SpeciesClaim]

    @field_validator("band_set")
    @classmethod
    def _named(cls, name: str) -> str:
        channels_of(name)
        return name

    @field_validator("species")
    @classmethod
    def _known(cls, species: dict[str, SpeciesClaim]) -> dict[str, SpeciesClaim]:
        if unknown := sorted(set(species) - set(VOCABULARY)):
            raise ValueError(f"unknown species {', '.join(unknown)}")
        return species

    @property
    def file_name(self) -> str:
        """Where this belongs: one file for each thing that can be claimed."""
        return f"{self.kind}-{self.band_set}-{self.dataset}-{self.protocol}.json"

    @property
    def untested(self) -> tuple[str, ...]:
        """Species of the vocabulary nothing is known of."""
        return tuple(name for name in VOCABULARY if name not in self.species or not self.species[name].tried)


def claims_of(header: RunHeader, outcomes: Sequence[Outcome]) -> Claims:
    """The claims one run supports: headline presentations only, no sweeps."""
    rows = headline(outcomes)
    own = bona_fide_figures(rows)
    return Claims(
        kind=header.kind,
        band_set=header.band_set,
        dataset=header.dataset,
        source=header.source,
        protocol=header.protocol,
        detector=header.detector,
        made_on=header.made_at[:10],
        bona_fide=BonaFideClaim(
            n=own.bpcer.n,
            failed=own.bpcer.errors,
            undetermined=sum(row.bona_fide and row.result is Result.UNDETERMINED for row in rows),
            no_response=own.bpnrr.errors,
        ),
        species={
            found.species: SpeciesClaim(
                n=found.apcer.n,
                accepted=found.apcer.errors,
                undetermined=found.undetermined.errors,
                no_response=found.apnrr.errors,
            )
            for found in per_species(rows)
        },
    )


def publish(claims: Claims, folder: Path) -> Path:
    """Write claims where others find them; older ones of the same run are replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / claims.file_name
    path.write_text(claims.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return path


def shipped() -> list[Claims]:
    """The claims of the package. Raises ClaimsError."""
    return read(resources.files("appliance.evaluate").joinpath("published"))


def shipped_upper() -> list[Claims]:
    """The claims of the package for the upper half of faces in medical masks. Raises ClaimsError."""
    return read(resources.files("appliance.evaluate").joinpath("published", "upper"))


def read(folder: Traversable) -> list[Claims]:
    """Every claims file of a folder (a Path will do), fewest bands first. A folder that is not there holds none.

    Raises ClaimsError.
    """
    if not folder.is_dir():
        return []
    found = [_one(entry) for entry in folder.iterdir() if entry.name.endswith(".json")]
    return sorted(
        found, key=lambda one: (one.kind, len(one.band_set.split("+")), one.band_set, one.dataset, one.protocol)
    )


def _one(entry: Traversable) -> Claims:
    try:
        return Claims.model_validate(json.loads(entry.read_text(encoding="utf-8")))
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise ClaimsError(f"{entry}: {place}: {problem['msg']}") from error
    except (OSError, ValueError) as error:
        raise ClaimsError(f"{entry} cannot be read: {error}") from error


@dataclass(frozen=True, slots=True)
class Row:
    """One claim as a line: of one kind, one band set, one species, one data set. `claim` is None when untested."""

    claims: Claims
    species: str
    claim: SpeciesClaim | None


def rows(all_claims: Iterable[Claims]) -> list[Row]:
    """Every line, by kind and band set, worst species first and the untested ones behind."""
    found = []
    for claims in all_claims:
        tested = [Row(claims, name, claim) for name, claim in claims.species.items() if claim.tried]
        tested.sort(key=lambda row: (-_upper(row), row.species))
        found += tested + [Row(claims, name, None) for name in claims.untested]
    return found


def _upper(row: Row) -> float:
    return row.claim.apcer.upper if row.claim else 1.0


@dataclass(frozen=True, slots=True)
class Demand:
    """What a configuration demands before a band set may decide: `species` to the highest upper bound of APCER.

    `kind` "measured" is met by measured claims alone, "simulated" by either. `detector`, if named, is the version in
    use: what was claimed of another one does not count.
    """

    band_set: str
    species: Mapping[str, float]
    kind: Kind = "measured"
    detector: str | None = None


def unmet(all_claims: Iterable[Claims], demand: Demand) -> list[str]:
    """Sentences of what the claims do not show, none when all is met. The worst of several claims counts."""
    fitting = [
        claims
        for claims in all_claims
        if claims.band_set == demand.band_set
        and (demand.kind == "simulated" or claims.kind == "measured")
        and demand.detector in (None, claims.detector)
    ]
    return [words for name, limit in demand.species.items() if (words := _shortfall(fitting, demand, name, limit))]


def _shortfall(fitting: Sequence[Claims], demand: Demand, name: str, limit: float) -> str:
    if name not in VOCABULARY:
        return f"{name} is no species; there are {', '.join(VOCABULARY)}."
    if not 0.0 < limit <= 1.0:
        return f"{title(name)}: a limit of {limit:g} is no rate above 0 and up to 1."
    found = [claims.species[name].apcer for claims in fitting if name in claims.species and claims.species[name].n]
    if not found:
        measured = "measured" if demand.kind == "measured" else "measured or simulated"
        return f"{title(name)}: untested with {demand.band_set} ({measured} figures are demanded)."
    worst = max(found, key=lambda one: one.upper)
    if worst.upper <= limit:
        return ""
    return (
        f"{title(name)}: APCER may be {at_most(worst)} with {demand.band_set} "
        f"({worst.errors} of {worst.n} passed), {percent(limit)} is demanded."
    )
