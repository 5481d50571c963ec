"""`appliance trust`: import, list, show, verify. Errors are sentences, exit code 1.

Not responsible for fetching lists: they come from the state that signs them, see docs/trust.md.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from appliance.clock import SystemClock, today

if TYPE_CHECKING:
    from appliance.document.trust.anchors import Anchors
    from appliance.document.trust.certificate import Certificate
    from appliance.document.trust.imports import Import
    from appliance.document.trust.store import Store

trust_app = typer.Typer(no_args_is_help=True, help="Issuers a lane trusts: import, list, show, verify.")

Folder = Annotated[Path, typer.Option("--store", envvar="SALLYPORT_TRUST", help="Folder of the trust store.")]
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The file as it was downloaded.")]
Fingerprint = Annotated[str, typer.Option(help="Its SHA-256, obtained another way than the file.")]
Older = Annotated[bool, typer.Option("--allow-older", help="Let it replace a newer one.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Prove it and say what it is, write nothing.")]
_FOLDER = Path("var/trust")
_WIDTH = 140
_SOON_DAYS = 7
"""A CRL that is due within as many days is told as such: time to fetch the next one."""


@contextmanager
def _errors() -> Iterator[None]:
    from appliance.document.reasons import DocumentFault
    from appliance.document.trust.imports import ImportRefused

    try:
        yield
    except DocumentFault as fault:
        typer.echo(fault.detail, err=True)
        raise typer.Exit(1) from None
    except (ImportRefused, OSError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


def _how(folder: Path, *, allow_older: bool = False, dry_run: bool = False) -> "Import":
    from appliance.document.trust.imports import Import

    return Import(folder, SystemClock().now(), allow_older=allow_older, dry_run=dry_run)


def _said(words: str, dry_run: bool) -> None:
    typer.echo(f"would import: {words}" if dry_run else f"imported: {words}")


@trust_app.command("import")
def import_list(
    file: File,
    root: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The CSCA certificate of the list's state.")],
    fingerprint: Fingerprint,
    folder: Folder = _FOLDER,
    allow_older: Older = False,
    dry_run: DryRun = False,
) -> None:
    """Import a CSCA master list. FINGERPRINT is the root's; the list's signature is verified under that root."""
    from appliance.document.trust import imports

    with _errors():
        how = _how(folder, allow_older=allow_older, dry_run=dry_run)
        _said(imports.master_list(how, file, root=root, fingerprint=fingerprint), dry_run)


@trust_app.command("import-csca")
def import_csca(file: File, fingerprint: Fingerprint, folder: Folder = _FOLDER, dry_run: DryRun = False) -> None:
    """Import one CSCA certificate that no list carries."""
    from appliance.document.trust import imports

    with _errors():
        _said(imports.csca(_how(folder, dry_run=dry_run), file, fingerprint=fingerprint), dry_run)


@trust_app.command("import-crl")
def import_crl(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="CRLs, DER or PEM.")],
    folder: Folder = _FOLDER,
    allow_older: Older = False,
    dry_run: DryRun = False,
) -> None:
    """Import revocation lists; each must be signed by a CSCA in the store. One that is refused stops no other."""
    from appliance.document.trust import imports

    how, failed = _how(folder, allow_older=allow_older, dry_run=dry_run), False
    for file in files:
        try:
            _said(imports.crl(how, file), dry_run)
        except (imports.ImportRefused, OSError) as error:
            typer.echo(str(error), err=True)
            failed = True
    if failed:
        raise typer.Exit(1)


@trust_app.command("list")
def list_states(folder: Folder = _FOLDER) -> None:
    """What was imported, and per state its certificates and whether its documents can pass today."""
    store, day = _load(folder), today(SystemClock())
    imported = Table(
        "what", "of", "signed", "imported", Column("file", overflow="fold"), Column("root", overflow="fold")
    )
    for one in store.sources:
        imported.add_row(one.kind, one.country, one.signed[:10], one.imported[:10], one.name, one.root)
    states = Table("state", "CSCA", "valid today", "last valid until", "CRL")
    countries = sorted({one.country for one in store.anchors.certificates})
    ready = 0
    for country in countries:
        certificates = _of(store.anchors, country)
        valid = sum(one.is_valid(day) for one in certificates)
        words, fresh = _crl(store.anchors, certificates, day)
        ready += bool(valid) and fresh
        until = max(one.not_after for one in certificates).isoformat()
        states.add_row(country or "(none)", str(len(certificates)), str(valid), until, words)
    console = _console()
    console.print(imported)
    console.print(states)
    typer.echo(
        f"{len(store.anchors.certificates)} certificates of {len(countries)} states, {ready} with a CRL in force."
    )
    if ready < len(countries):
        typer.echo("Documents of the others are referred to the guard (crl_missing, crl_stale). See docs/trust.md.")
    if store.unreadable:
        typer.echo(f"{store.unreadable} certificates in the lists cannot be read and are not trusted.")


@trust_app.command()
def show(
    country: Annotated[str, typer.Argument(help="Two letters as in the list, or an issuing state as in an MRZ.")],
    folder: Folder = _FOLDER,
) -> None:
    """Every certificate of a state with its key, and its revocation list."""
    from appliance.document.trust.countries import SIGNING_COUNTRIES

    store, day = _load(folder), today(SystemClock())
    wanted = SIGNING_COUNTRIES.get(country.upper(), (country.upper(),))
    certificates = [one for name in wanted for one in _of(store.anchors, name)]
    if not certificates:
        typer.echo(f"{folder} holds no certificate of {', '.join(wanted)}.", err=True)
        raise typer.Exit(1)
    table = Table("serial", "key identifier", "key", "valid from", "until", "kind", title=", ".join(wanted))
    for one in sorted(certificates, key=lambda each: each.not_before):
        until = f"{one.not_after}" if one.is_valid(day) else f"[yellow]{one.not_after}[/]"
        key_id = one.key_id.hex() if one.key_id is not None else ""
        table.add_row(f"{one.serial:x}", key_id, _key(one), f"{one.not_before}", until, _form(one))
    console = _console()
    console.print(table)
    console.print(f"CRL: {_crl(store.anchors, certificates, day)[0]}")
    for address in sorted({address for one in certificates for address in one.crl_addresses}):
        typer.echo(f"its certificates say the CRL is at {_printable(address)}")


@trust_app.command()
def verify(
    file: File,
    folder: Folder = _FOLDER,
    on: Annotated[str, typer.Option(help="Judge as of this day (YYYY-MM-DD); today without.")] = "",
    allow_sha1: Annotated[bool, typer.Option("--allow-sha1", help="Take SHA-1 as proof.")] = False,
) -> None:
    """Judge an EF.SOD file: its signature and its signer, without data groups. Exit code 1 unless all is right."""
    from appliance.document.trust.passive import check_sod
    from appliance.document.trust.signatures import Policy

    store = _load(folder)
    try:
        day = date.fromisoformat(on) if on else today(SystemClock())
    except ValueError:
        raise typer.BadParameter("a day is written as 2026-11-28", param_hint="--on") from None
    with _errors():
        data = file.read_bytes()
    result = check_sod(data, on=day, anchors=store.anchors, policy=Policy(allow_sha1=allow_sha1))
    facts = result.facts
    known = (facts.signer_country, facts.signature_algorithm, facts.csca_key_id)
    typer.echo("signer of {}, {}, CSCA {}".format(*(one or "?" for one in known)))
    for reason, detail in result.findings:
        typer.echo(f"{reason}: {detail}")
    if not result.passed:
        raise typer.Exit(1)
    typer.echo("right: signed by a trusted issuer. This says nothing of the data groups, nor of the chip.")


def _load(folder: Path) -> "Store":
    from appliance.document.trust.store import load

    with _errors():
        return load(folder)


def _of(anchors: "Anchors", country: str) -> list["Certificate"]:
    return [one for one in anchors.certificates if one.country == country]


def _crl(anchors: "Anchors", certificates: list["Certificate"], day: date) -> tuple[str, bool]:
    """The state of the revocation lists of some issuers in words, and whether one at least is in force."""
    valid = [one for one in certificates if one.is_valid(day)]
    newest = [crls[0] for one in valid if (crls := anchors.crls_for(one, one))]
    fresh = [crl for crl in newest if crl.is_fresh(day)]
    due = min((crl.next_update for crl in fresh if crl.next_update is not None), default=None)
    if due is None:
        last = max((crl.next_update for crl in newest if crl.next_update is not None), default=None)
        return (f"[red]stale since {last}[/]" if newest else "[red]missing[/]"), False
    whole = len(fresh) == len(valid)
    colour = "green" if whole and (due - day).days > _SOON_DAYS else "yellow"
    some = "" if whole else f", for {len(fresh)} of {len(valid)} certificates"
    revoked = len(frozenset().union(*(crl.revoked for crl in fresh)))
    return f"[{colour}]until {due}[/]{some}, {revoked} revoked", True


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)


def _key(one: "Certificate") -> str:
    from cryptography.hazmat.primitives.asymmetric import rsa

    from appliance.document.reasons import DocumentFault
    from appliance.document.trust.keys import public_key

    try:
        key = public_key(one.public_key_info)
    except DocumentFault as fault:
        return f"[red]{fault.detail}[/]"
    return f"RSA {key.key_size}" if isinstance(key, rsa.RSAPublicKey) else key.curve.name


def _form(one: "Certificate") -> str:
    return "self-signed" if one.subject == one.issuer and one.authority_key_id in (None, one.key_id) else "link"


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else _WIDTH)
