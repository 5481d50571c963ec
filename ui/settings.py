"""What the console is told at its start."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ui.oidc import Provider

STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True, slots=True)
class Settings:
    """Values of one console.

    `origins` are the addresses a browser may use for this console (`http://host:port`); requests naming another host,
    and state-changing requests from another origin, are refused. A session ends after `idle_s` without a hand on the
    console and in any case after `shift_s`. A monitoring officer is to be relieved hourly, hence the idle default, and
    after `watch_s` the page asks for it. A proof of who is there (password, passkey) is good for `proof_s`.
    `second_officer` is needed never, to override a suspected attack, or for every release. `escalations_only` makes it
    a second station: it shows a referral, and decides about it, only once the lane has escalated it. `oidc` is the
    site's identity provider, if it has one.
    """

    sockets: tuple[Path, ...]
    state_dir: Path
    origins: frozenset[str]
    static: Path = STATIC
    idle_s: float = 3600.0
    shift_s: float = 10 * 3600.0
    watch_s: float = 3600.0
    proof_s: float = 300.0
    second_officer: Literal["never", "override", "release"] = "never"
    oidc: Provider | None = None
    escalations_only: bool = False

    @property
    def hosts(self) -> frozenset[str]:
        """Values of the Host header this console answers to."""
        return frozenset(origin.split("://", 1)[1] for origin in self.origins)

    @property
    def database(self) -> Path:
        """File of the accounts database."""
        return self.state_dir / "console.db"

    @property
    def first_login(self) -> Path:
        """File with the one-time password, until it has been changed."""
        return self.state_dir / "first-login.txt"
