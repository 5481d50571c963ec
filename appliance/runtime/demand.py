"""What a site demands to be known of its bands before the lane starts. Asked once, at the start."""

from appliance.config import ConfigError, LaneConfig


def check(lane: LaneConfig) -> None:
    """Raises ConfigError with every demand the claims do not meet."""
    wanted = lane.liveness.demand
    if wanted is None:
        return
    # Imported here: who demands nothing must not pay for the statistics.
    from appliance.evaluate.claims import ClaimsError, Demand, read, shipped, unmet
    from appliance.liveness.detector import DetectorError
    from appliance.vision.judge import judge_of

    try:
        claims = shipped() + (read(wanted.claims) if wanted.claims is not None else [])
        detector = judge_of(lane.band_set, lane.liveness.detector).version
    except (ClaimsError, DetectorError) as error:
        raise ConfigError(f"liveness.demand: {error}") from error
    problems = unmet(claims, Demand(lane.band_set, wanted.species, wanted.kind, detector))
    if problems:
        lines = "\n".join(f"  {problem}" for problem in problems)
        raise ConfigError(f"liveness.demand: the installed bands ({lane.band_set}) do not meet it:\n{lines}")
