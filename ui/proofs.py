"""Who is really there: passwords and passkeys shown once more, by the officer, a second one or a successor."""

from datetime import timedelta

from fastapi import HTTPException, Request

from ui.accounts import Signed, hashed
from ui.auth import COOKIE, limited, origin_of, the_console
from ui.passkeys import PasskeyRefused
from ui.roles import May
from ui.views import Proof

CONFIRM = "confirm that it is you"
SECOND = "a second officer has to confirm this"


def holder(request: Request) -> str:
    """What ties a passkey's challenge to this session."""
    return hashed(request.cookies.get(COOKIE, "")).hex()


def is_recent(request: Request, officer: Signed) -> bool:
    """Whether the officer has shown lately that it is them. Signing in counts."""
    console = the_console(request)
    return console.clock.now() - officer.proved_at < timedelta(seconds=console.settings.proof_s)


async def shown(request: Request, proof: Proof, name: str) -> str:
    """The account that a proof speaks for; `name` goes with a password. Raises 400, 401 or 429."""
    console, credential, password = the_console(request), proof.credential, proof.password
    if credential is not None and password is None:
        origin, by = origin_of(request), holder(request)
        try:
            return await console.in_thread(lambda: console.passkeys.proves(by, credential, origin))
        except PasskeyRefused as error:
            raise HTTPException(401, str(error)) from error
    if password is None or credential is not None or not name:
        raise HTTPException(400, "show a name and password, or a passkey")
    key = limited(console, request, name)
    if not await console.in_thread(lambda: console.accounts.proves(name, password)):
        raise HTTPException(401, "name or password is wrong")
    console.limiter.clear(key)
    return name


async def confirm(request: Request, officer: Signed, proof: Proof) -> None:
    """The officer shows again that it is them. Raises 400, 401 or 429."""
    if await shown(request, proof, officer.officer) != officer.officer:
        raise HTTPException(401, "that is somebody else's passkey")
    console, token = the_console(request), request.cookies.get(COOKIE, "")
    await console.in_thread(lambda: console.accounts.proved(token))


async def cleared(
    request: Request, officer: Signed, *, suspected: bool, proof: Proof | None, second: Proof | None
) -> str:
    """Let a release pass, or say what is missing; returns the second officer's name, "" where none is needed.

    Overriding a suspected attack takes a proof of its own, however recent the last one. Raises 428 for a proof that is
    missing, 400, 401, 403 or 429 for one that does not hold.
    """
    console = the_console(request)
    wanted = console.settings.second_officer
    needs_second = wanted == "release" or (wanted == "override" and suspected)
    if proof is None and (suspected or needs_second or not is_recent(request, officer)):
        raise HTTPException(428, CONFIRM)
    if second is None and needs_second:
        raise HTTPException(428, SECOND)
    if proof is not None:
        await confirm(request, officer, proof)
    if second is None:
        return ""
    name = await shown(request, second, second.name)
    if name == officer.officer:
        raise HTTPException(403, "the second officer must be somebody else")
    if May.DECIDE not in await console.in_thread(lambda: console.accounts.may(name)):
        raise HTTPException(403, "this account may not decide about travellers")
    return name
