"""Starts the guard console: `python -m ui --socket LANE.sock --state-dir DIR`."""

import argparse
import json
import socket
import sys
from dataclasses import replace
from pathlib import Path

import uvicorn

from appliance.clock import SystemClock
from migrations.engine import DatabaseRefused
from ui.accounts import FIRST_ACCOUNT, Accounts
from ui.app import PagesMissing, api, create_app
from ui.console import Console
from ui.oidc import read_provider
from ui.settings import Settings

# Open event streams would otherwise hold the process for ever.
GRACE_S = 3


class _Server(uvicorn.Server):
    """Tells the streams to end before uvicorn waits for them."""

    def __init__(self, config: uvicorn.Config, console: Console) -> None:
        super().__init__(config)
        self._console = console

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, then stop as usual."""
        self._console.close()
        await super().shutdown(sockets)


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ui", description="Guard console and traveller display.")
    parser.add_argument("--socket", type=Path, action="append", default=[], help="control socket of a lane; repeatable")
    parser.add_argument("--state-dir", type=Path, help="directory of the accounts database")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument(
        "--origin", action="append", default=[], help="further address of this console, http(s)://host[:port]"
    )
    parser.add_argument("--idle-minutes", type=float, default=60.0, help="sign out after this time without use")
    parser.add_argument("--shift-hours", type=float, default=10.0, help="sign out after this time in any case")
    parser.add_argument("--watch-minutes", type=float, default=60.0, help="ask for relief after this time")
    parser.add_argument(
        "--confirm-minutes", type=float, default=5.0, help="a proof of who is there is good for releases this long"
    )
    parser.add_argument(
        "--second-officer",
        choices=("never", "override", "release"),
        default="never",
        help="needed to override a suspected attack, or for every release by an officer",
    )
    parser.add_argument("--oidc", type=Path, help="TOML file that names the site's identity provider")
    parser.add_argument(
        "--escalations-only",
        action="store_true",
        help="a second station: it takes referrals once nobody at the first has acknowledged them in time",
    )
    parser.add_argument("--reset-officer", action="store_true", help="make a new one-time password and exit")
    parser.add_argument("--print-openapi", action="store_true", help="print the description of the API and exit")
    return parser.parse_args(argv)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=128)


def _origins(host: str, port: int, further: list[str]) -> frozenset[str]:
    names = {f"[{host}]" if ":" in host else host, "localhost"}
    own = {f"http://{name}:{port}" for name in names} | ({f"http://{name}" for name in names} if port == 80 else set())
    return frozenset(own | {origin.rstrip("/") for origin in further})


def _reset(settings: Settings) -> int:
    settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    accounts = Accounts(
        settings.database,
        clock=SystemClock(),
        idle_s=settings.idle_s,
        shift_s=settings.shift_s,
        first_login=settings.first_login,
    )
    _print_first_login(accounts.reset_officer(), settings)
    return 0


def _print_first_login(password: str | None, settings: Settings) -> None:
    if password is not None:
        print(f"  account:            {FIRST_ACCOUNT}\n  one-time password:  {password}", flush=True)
        print(f"  (also in {settings.first_login} until it is changed)", flush=True)
    elif settings.first_login.exists():
        print(f"  account {FIRST_ACCOUNT}; the one-time password is in {settings.first_login}", flush=True)
    else:
        print("  sign in with your account; forgotten: python -m ui --reset-officer --state-dir ...", flush=True)


def main(argv: list[str] | None = None) -> int:
    """Run the console until it is told to stop; returns the exit code."""
    arguments = _arguments(sys.argv[1:] if argv is None else argv)
    if arguments.print_openapi:
        print(json.dumps(api(None).openapi(), indent=1, sort_keys=True))
        return 0
    if arguments.state_dir is None or not (arguments.socket or arguments.reset_officer):
        print("python -m ui: needs --state-dir and at least one --socket (see --help)", file=sys.stderr)
        return 2
    try:
        return _run(arguments)
    except (PagesMissing, DatabaseRefused, ValueError) as error:
        print(f"python -m ui: {error}", file=sys.stderr)
        return 2


def _run(arguments: argparse.Namespace) -> int:
    settings = Settings(
        sockets=tuple(arguments.socket),
        state_dir=arguments.state_dir,
        origins=frozenset(),
        idle_s=arguments.idle_minutes * 60,
        shift_s=arguments.shift_hours * 3600,
        watch_s=arguments.watch_minutes * 60,
        proof_s=arguments.confirm_minutes * 60,
        second_officer=arguments.second_officer,
        oidc=read_provider(arguments.oidc) if arguments.oidc else None,
        escalations_only=arguments.escalations_only,
    )
    if arguments.reset_officer:
        return _reset(settings)
    try:
        listener = _listen(arguments.host, arguments.port)
    except OSError as error:
        print(
            f"python -m ui: cannot listen on {arguments.host}:{arguments.port} ({error.strerror});"
            " stop the other program or choose another --port",
            file=sys.stderr,
        )
        return 2
    with listener:
        port = listener.getsockname()[1]
        settings = replace(settings, origins=_origins(arguments.host, port, arguments.origin))
        app = create_app(settings)
        console: Console = app.state.console
        print(f"Guard console: http://{arguments.host}:{port}/   traveller display: /traveller", flush=True)
        _print_first_login(console.accounts.first_start(), settings)
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE_S,
            ws="websockets-sansio",
            ws_max_size=4096,
            ws_per_message_deflate=False,
        )
        try:
            _Server(config, console).run(sockets=[listener])
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
