"""Claims as people read them: lines in a terminal, tables for the README, JSON for other programs.

Not responsible for what may be claimed (`claims`).
"""

from collections.abc import Sequence
from html import escape
from itertools import groupby

from rich.table import Table

from appliance.evaluate.claims import Claims, ClaimsError, rows
from appliance.evaluate.figures import Rate, at_most, between, percent
from appliance.evaluate.species import VOCABULARY, title

BEGIN, END = "<!-- claims:begin -->", "<!-- claims:end -->"
GOOD, POOR = 0.05, 0.20
"""Upper bounds of APCER up to which a species counts as held back, and from which as passing."""
NONE = "No species has been tested with any band set.\n"


def mark(rate: Rate) -> str:
    """A symbol for an attack rate: held back, in between, passing."""
    if rate.upper <= GOOD:
        return "✔"
    return "●" if rate.upper <= POOR else "✖"


LEGEND = f"✔ at most {percent(GOOD, 0)} pass, ● at most {percent(POOR, 0)}, ✖ more may pass (95\u00a0% confidence)"


def bands(name: str) -> str:
    """A band set as people read it."""
    return name.replace("rgb", "RGB").replace("+", " + ")


def shares(rate: Rate) -> str:
    """Counts and the upper bound."""
    return f"{rate.errors}/{rate.n} (≤\u00a0{at_most(rate)})"


def plain(words: str) -> str:
    """Words somebody else wrote, on one line and without markup."""
    return escape(" ".join(words.split()), quote=False).replace("|", "/")


def unanswered(count: int) -> str:
    """What is said of presentations none of which got an answer, so that none passed."""
    return f"○ {count} without answer"


def table(all_claims: Sequence[Claims]) -> Table:
    """One line a claim, worst species first within each band set; simulated and measured never share a line."""
    shown = Table("kind", "bands", "species", "passed", "APCER", "95 % bounds", "data set", caption=LEGEND)
    styles = {"✔": "green", "●": "yellow", "✖": "red"}
    for row in rows(all_claims):
        claims = row.claims
        start = (claims.kind.upper(), bands(claims.band_set), title(row.species))
        if row.claim is None:
            shown.add_row(*start, "[dim]○ untested[/]", "", "", "")
            continue
        if not row.claim.n:
            shown.add_row(*start, f"[dim]{unanswered(row.claim.no_response)}[/]", "", "", claims.dataset)
            continue
        rate = row.claim.apcer
        symbol = mark(rate)
        passed = f"[{styles[symbol]}]{symbol} {rate.errors} of {rate.n}[/]"
        shown.add_row(*start, passed, percent(rate.value), between(rate), claims.dataset)
    return shown


def markdown(all_claims: Sequence[Claims]) -> str:
    """Tables for a page: one for each kind and data set, species in rows, band sets in columns."""
    if not all_claims:
        return NONE

    def source(claims: Claims) -> tuple[str, str, str]:
        return (claims.kind, claims.dataset, claims.protocol)

    ordered = sorted(all_claims, key=lambda claims: (*source(claims), len(claims.band_set), claims.band_set))
    return "\n".join(_section(list(group)) for _, group in groupby(ordered, key=source)) + f"\n{LEGEND}.\n"


def _section(group: list[Claims]) -> str:
    first = group[0]
    known = {name for claims in group for name, claim in claims.species.items() if claim.tried}
    ordered = sorted(known, key=lambda name: ([-bound(claims, name) for claims in reversed(group)], name))
    dates = sorted({claims.made_on for claims in group})
    lines = [
        f"**{first.kind.upper()}**: data set `{first.dataset}` ({plain(first.source)}), "
        f"{first.protocol.replace('-', ' ')}, {dates[0] if len(dates) == 1 else f'{dates[0]} to {dates[-1]}'}.",
        "Attack presentations that passed, of those that got an answer, and the upper bound of APCER:",
        "",
        f"| species | {' | '.join(bands(claims.band_set) for claims in group)} |",
        f"|---|{'---|' * len(group)}",
    ]
    lines += [f"| {title(name)} | {' | '.join(cell(claims, name) for claims in group)} |" for name in ordered]
    for words, rates in (
        ("bona fide suspected (BPCER)", [claims.bona_fide.bpcer for claims in group]),
        ("bona fide not accepted, for whatever reason", [claims.bona_fide.referred for claims in group]),
    ):
        lines.append(f"| *{words}* | {' | '.join(shares(rate) for rate in rates)} |")
    untested = [title(name) for name in VOCABULARY if name not in known]
    lines += ["", f"Untested: {'; '.join(untested) or 'none'}.", ""]
    return "\n".join(lines)


def bound(claims: Claims, name: str) -> float:
    """Upper bound of APCER; of what is not known, 1."""
    claim = claims.species.get(name)
    return claim.apcer.upper if claim else 1.0


def cell(claims: Claims, name: str) -> str:
    """What is claimed of one species with one band set, a symbol first."""
    claim = claims.species.get(name)
    if claim is None or not claim.tried:
        return "○ untested"
    return f"{mark(claim.apcer)} {shares(claim.apcer)}" if claim.n else unanswered(claim.no_response)


def update(page: str, all_claims: Sequence[Claims]) -> str:
    """The page with the tables between its markers made anew. Raises ClaimsError when it has none."""
    return between_markers(page, BEGIN, END, markdown(all_claims))


def between_markers(page: str, first: str, last: str, text: str) -> str:
    """The page with what stands between two lines replaced. Raises ClaimsError when they are not there."""
    before, begin, rest = page.partition(first)
    _, end, after = rest.partition(last)
    if not begin or not end:
        raise ClaimsError(f"the page has no place for claims: put the lines {first} and {last} where they belong")
    return f"{before}{first}\n{text}{last}{after}"
