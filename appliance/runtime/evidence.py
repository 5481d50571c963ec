"""What is known of the installed bands: shown on every console, and demanded before the start where a site says so."""

from collections.abc import Sequence
from importlib import resources
from typing import TYPE_CHECKING

from appliance.config import ConfigError, LaneConfig

if TYPE_CHECKING:
    from appliance.evaluate.claims import Claims

NOTHING = "Attack species measured on this installation: none, all untested."


def check(lane: LaneConfig) -> None:
    """Raises ConfigError with every demand the claims do not meet."""
    wanted = lane.liveness.demand
    if wanted is None:
        return
    # Imported here: who demands nothing must not pay for the statistics.
    from appliance.evaluate.claims import ClaimsError, Demand, unmet
    from appliance.liveness.detector import DetectorError
    from appliance.vision.judge import judge_of, upper_of

    try:
        whole = judge_of(lane.band_set, lane.liveness.detector).version
        problems = unmet(_claims(lane), Demand(lane.band_set, wanted.species, wanted.kind, whole))
        above = upper_of(lane.band_set, lane.liveness.upper) if lane.face.masks == "allow" else None
        if above is not None:
            asked = Demand(lane.band_set, wanted.species, wanted.kind, above.version)
            found = unmet(_claims(lane, upper=True), asked)
            problems += [f"above a medical mask: {problem}" for problem in found]
    except (ClaimsError, DetectorError) as error:
        raise ConfigError(f"liveness.demand: {error}") from error
    if problems:
        lines = "\n".join(f"  {problem}" for problem in problems)
        raise ConfigError(f"liveness.demand: the installed bands ({lane.band_set}) do not meet it:\n{lines}")


def label(lane: LaneConfig) -> str:
    """What a console says of the bands, worst species first; simulated and measured apart. Never raises."""
    kind = "simulated" if lane.simulated else "real"
    said = f"Liveness bands {', '.join(lane.bands)} nm ({kind}). {_known(lane)}"
    return f"{said} Above a medical mask: {_known(lane, upper=True)}" if lane.face.masks == "allow" else said


def _known(lane: LaneConfig, *, upper: bool = False) -> str:
    if lane.liveness.claims is None and not resources.files("appliance.evaluate").joinpath("published").is_dir():
        return NOTHING
    from appliance.evaluate.claims import ClaimsError

    try:
        own = [claims for claims in _claims(lane, upper=upper) if claims.band_set == lane.band_set]
    except ClaimsError as error:
        return f"{NOTHING} The claims cannot be read: {error}"
    measured, simulated = ([one for one in own if one.kind == kind] for kind in ("measured", "simulated"))
    said = [_worst(claims, word) for claims, word in ((measured, "Measured"), (simulated, "Simulated")) if claims]
    return " ".join(said if measured else [*said, NOTHING])


def _claims(lane: LaneConfig, *, upper: bool = False) -> "list[Claims]":
    from appliance.evaluate.claims import read, shipped, shipped_upper

    own = lane.liveness.claims
    if upper:
        return shipped_upper() + (read(own / "upper") if own is not None else [])
    return shipped() + (read(own) if own is not None else [])


def _worst(claims: "Sequence[Claims]", word: str) -> str:
    from appliance.evaluate.figures import Rate, at_most
    from appliance.evaluate.species import VOCABULARY, title

    rates: dict[str, Rate] = {}
    for one in claims:
        for name, claim in one.species.items():
            if claim.n:
                rates[name] = max(claim.apcer, rates.get(name, claim.apcer), key=lambda rate: rate.upper)
    if not rates:
        return f"{word}: no species."
    worst = max(rates, key=lambda name: rates[name].upper)
    most, untested = at_most(rates[worst]), len(VOCABULARY) - len(rates)
    name = title(worst).lower()
    return f"{word}: of {len(rates)} species the worst is {name}, {most} may pass; {untested} are untested."
