"""`python -m hil passport`: make virtual passports, the trust list they need, and lay one on a virtual reader."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

# Names for options and lists; anything that makes a document is imported by the command that does.
from hil.passport.choices import FaceEncoding, Freshness
from hil.passport.faults import FAULTS, UnknownFault, fault

if TYPE_CHECKING:
    from hil.passport.passport import Passport
    from hil.passport.personalise import Options
    from hil.scene.cast import Traveller

REFUSED = 2
NONE = "none"

app = typer.Typer(
    no_args_is_help=True,
    help="Virtual passports of Utopia (UTO, UT in certificates): no such document exists, no key is a secret.",
)


def _refuse(error: Exception) -> typer.Exit:
    typer.echo(str(error), err=True)
    return typer.Exit(REFUSED)


@app.command(
    epilog="Examples:  make --out var/passport   |   make --out var/clone --fault clone-chip   |   "
    "make --out var/cam --pace cam-aes256-p384 --chip-authentication none   |   "
    "make --out var/odd --portrait photo.jp2 --face 39794-5 --signature pss-2048-sha512 --active rsa-2048-sha1"
)
def make(
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    portrait: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="JPEG or JPEG 2000; the traveller's without.")
    ] = None,
    holder: Annotated[str, typer.Option(help="Traveller of the cast.")] = "amara",
    surname: Annotated[str, typer.Option(help="Another surname.")] = "",
    given_names: Annotated[str, typer.Option(help="Other given names.")] = "",
    number: Annotated[str, typer.Option(help="Another document number, at most 9 characters.")] = "",
    born: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="Another date of birth.")] = "",
    expiry: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="Date of expiry.")] = "2034-06-30",
    issued: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="Date of issue, in DG12.")] = "",
    wrong: Annotated[list[str] | None, typer.Option("--fault", help="What is wrong with it; repeatable.")] = None,
    pace: Annotated[list[str] | None, typer.Option(help="Suite of PACE, or none; repeatable.")] = None,
    bac: Annotated[bool, typer.Option("--bac/--no-bac", help="Whether BAC opens it too.")] = True,
    can: Annotated[str, typer.Option(help="Card access number, if it has one.")] = "",
    chip_authentication: Annotated[list[str] | None, typer.Option(help="Variant, or none; repeatable.")] = None,
    active: Annotated[str, typer.Option(help="How active authentication signs, or none.")] = "ecdsa-p256-sha256",
    signature: Annotated[str, typer.Option(help="How the issuer signs.")] = "ecdsa-bp256-sha256",
    generation: Annotated[int, typer.Option(min=1, max=2, help="2: a CSCA known by its link certificate.")] = 1,
    face: Annotated[FaceEncoding, typer.Option(help="Encoding of the portrait.")] = FaceEncoding.ISO19794,
    td1: Annotated[bool, typer.Option("--td1", help="A card with three lines instead of a passport.")] = False,
    extended: Annotated[bool, typer.Option("--extended-length", help="Long APDUs, announced in EF.ATR/INFO.")] = False,
) -> None:
    """Make a passport and write its files and keys into a folder."""
    from hil.passport.personalise import Options, OptionsError, make_passport
    from hil.scene.cast import UnknownTraveller
    from hil.scene.portrait import render_portrait

    chosen = Options(
        bac=bac,
        can=can,
        active_authentication="" if active == NONE else active,
        signature=signature,
        csca_generation=generation,
        face=face,
        td1=td1,
        extended_length=extended,
        date_of_issue=issued,
    )
    try:
        faults = [fault(name) for name in wrong or ()]
        who = _holder(holder, surname=surname, given_names=given_names, number=number, born=born)
        image = portrait.read_bytes() if portrait else render_portrait(who)
        options = _suites(chosen, pace, chip_authentication)
        passport = make_passport(who, image, expiry, options=options, faults=faults)
        passport.save(out)
    except (UnknownFault, UnknownTraveller, OptionsError, OSError) as error:
        raise _refuse(error) from None
    _tell(out, passport)


def _tell(out: Path, passport: Passport) -> None:
    typer.echo(f"{out}: {len(passport.card.application) + len(passport.card.master)} files and their keys")
    for line in passport.printed:
        typer.echo(f"  {line}")
    for one in sorted(passport.faults):
        typer.echo(f"  {one}: {FAULTS[one].words}; a reader must say: {FAULTS[one].reason or 'nothing, it is good'}")


def _holder(key: str, *, surname: str, given_names: str, number: str, born: str) -> Traveller:
    from dataclasses import replace

    from hil.scene.cast import traveller

    who = traveller(key)
    return replace(
        who,
        surname=surname or who.surname,
        given_names=given_names or who.given_names,
        document_number=number or who.document_number,
        date_of_birth=born or who.date_of_birth,
    )


def _suites(options: Options, pace: list[str] | None, chip: list[str] | None) -> Options:
    from dataclasses import replace

    if pace:
        options = replace(options, pace=tuple(name for name in pace if name != NONE))
    if chip:
        options = replace(options, chip_authentication=tuple(name for name in chip if name != NONE))
    return options


@app.command("list")
def list_all() -> None:
    """What can be wrong and what a reader must say to it; which suites and signatures there are."""
    from hil.passport.groups import CURVES, MODULAR
    from hil.passport.signing import DIGESTS
    from hil.passport.suites import AUTHENTICATIONS, SUITES, Mapping
    from hil.passport.symmetric import Cipher

    console = Console()
    faults = Table("--fault", "what is wrong", "a reader must say", title="Faults")
    for name, expected in FAULTS.items():
        faults.add_row(name, expected.words, expected.reason or "[green]nothing: it is good, and awkward[/green]")
    console.print(faults)
    suites = Table("--pace", "ciphers", "groups", "suites", title="PACE: MAPPING-CIPHER-GROUP, e.g. gm-aes128-bp256")
    for mapping in Mapping:
        found = [suite for suite in SUITES.values() if suite.mapping is mapping]
        ciphers = ", ".join(cipher.label for cipher in Cipher if any(one.cipher is cipher for one in found))
        groups = ", ".join(dict.fromkeys(one.group.name for one in found))
        suites.add_row(mapping.name.lower(), ciphers, groups, str(len(found)))
    console.print(suites)
    console.print(f"--chip-authentication: CIPHER-GROUP, {len(AUTHENTICATIONS)} of them, e.g. aes128-bp256\n")
    console.print(
        "--signature: ecdsa-CURVE-HASH, rsa-BITS-HASH, pss-BITS-HASH; -named behind ecdsa gives the curve's name only\n"
        "--active: ecdsa-CURVE-HASH, ecdsa-CURVE-HASH-der, rsa-BITS-HASH\n"
        f"curves: {', '.join(CURVES)}; other groups: {', '.join(MODULAR)}; hashes: {', '.join(DIGESTS)}",
        highlight=False,
    )


@app.command(epilog="Example:  trust --out var/utopia; it says how a lane takes it.")
def trust(
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    crl: Annotated[Freshness, typer.Option(help="Revocation lists: fresh, stale or none.")] = Freshness.FRESH,
) -> None:
    """Write what a lane must trust: master list and its root, CSCAs, revocation lists that begin yesterday."""
    import hashlib

    from appliance.clock import SystemClock
    from hil.passport.trust import root, write_trust

    try:
        paths = write_trust(out, SystemClock().now(), crl)
    except OSError as error:
        raise _refuse(error) from None
    typer.echo("\n".join(str(path) for path in paths))
    pin = hashlib.sha256(root().der).hexdigest()
    typer.echo(f"appliance trust import {out / 'masterlist.ml'} --root {out / 'root.cer'} --fingerprint {pin}")
    if crl is not Freshness.NONE:
        typer.echo(f"appliance trust import-crl {out}/*.crl")


@app.command(epilog="How pcscd is told of it: the first lines of hil/passport/vpcd.py (Debian: vsmartcard-vpcd).")
def serve(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="A passport that make wrote.")],
) -> None:
    """Lay a passport on pcscd's virtual reader, over loopback. Stop with Ctrl-C."""
    import signal
    from contextlib import ExitStack

    from hil.passport import vpcd
    from hil.passport.passport import PassportError, load

    try:
        with ExitStack() as stack:
            chip, servers = load(folder).chip(), vpcd.listen(stack)
            typer.echo(
                f"{folder} waits for pcscd on {vpcd.LOOPBACK}:{vpcd.PORT} and the port after it. Stop with Ctrl-C."
            )
            # Blocked before the threads start, so that none of them takes the signal.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
            vpcd.serve(chip, servers, lambda: signal.sigwait({signal.SIGINT, signal.SIGTERM}))
    except (PassportError, OSError) as error:
        raise _refuse(error) from None
