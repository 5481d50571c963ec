"""Where weights come from and whether they are the right ones: verify, import from a folder, fetch by URL.

Nothing is used before its SHA-256 equals the catalogue's. A missing pack may be replaced by a weaker one; a pack whose
file differs never is: that is damage or tampering, and it stops the start.
"""

import hashlib
import importlib.util
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from appliance.clock import Clock
from appliance.models.catalogue import AUTO, CUES, PACKS, ModelFile, PackRecord, Weights

FETCH_TIMEOUT_S = 20.0
"""Longest silence of a server, in seconds, before the next URL is tried."""

FETCH_DEADLINE_S = 300.0
"""Longest time for one file from one URL, in seconds: a server that drips bytes never falls silent."""

_CHUNK = 1 << 16

Progress = Callable[[str, int, int], None]
"""Called with (file name, bytes so far, bytes in all)."""


class ModelError(Exception):
    """The weights cannot be had or cannot be trusted. The message says what to do."""


class PackMissing(ModelError):
    """Files or installed modules of the pack are not there."""


class LicenceNotAccepted(ModelError):
    """The pack is for non-commercial use only, and nobody has accepted that."""


class HashMismatch(ModelError):
    """A file is not the one the catalogue names."""


class FetchFailed(ModelError):
    """No URL delivered the file."""


class State(StrEnum):
    """State of a file or a pack."""

    READY = "ready"
    MISSING = "missing"
    HASH_MISMATCH = "HASH MISMATCH"


@dataclass(frozen=True, slots=True)
class FileCheck:
    """What was found of one file; `found` is the SHA-256 of what lies there."""

    file: ModelFile
    state: State
    path: Path | None
    found: str | None


@dataclass(frozen=True, slots=True)
class PackCheck:
    """What was found of one pack or cue; `absent_modules` are import names that are not installed."""

    pack: Weights
    files: tuple[FileCheck, ...]
    absent_modules: tuple[str, ...]

    @property
    def state(self) -> State:
        """HASH_MISMATCH before MISSING before READY."""
        states = {item.state for item in self.files}
        if State.HASH_MISMATCH in states:
            return State.HASH_MISMATCH
        return State.MISSING if State.MISSING in states or self.absent_modules else State.READY


class Download(Protocol):
    """An open reply: `length` is the announced size in bytes, None when the server does not say."""

    length: int | None

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, empty at the end. Raises OSError (TimeoutError included)."""
        ...

    def close(self) -> None:
        """Drop the connection."""
        ...


Opener = Callable[[str, float], Download]
"""Opens a URL with a time-out in seconds. Raises OSError."""


def pack_record(pack_id: str) -> PackRecord:
    """The matcher pack of this name. Raises ModelError naming the packs there are."""
    if pack_id not in PACKS:
        raise ModelError(f"There is no matcher pack {pack_id!r}. Choose one of: {', '.join(PACKS)}.")
    return PACKS[pack_id]


def weights_record(name: str) -> Weights:
    """The matcher pack or cue of this name. Raises ModelError naming what there is."""
    known: dict[str, Weights] = {**PACKS, **CUES}
    if name not in known:
        raise ModelError(f"There is no matcher pack or cue {name!r}. Choose one of: {', '.join(known)}.")
    return known[name]


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _location(file: ModelFile, models_dir: Path) -> Path | None:
    if file.package is None:
        return models_dir / file.name
    # The package is located, not imported: it imports pkg_resources, which current setuptools no longer carries.
    spec = importlib.util.find_spec(file.package)
    folders = spec.submodule_search_locations if spec is not None else None
    return Path(next(iter(folders))) / "models" / file.name if folders else None


def check_file(file: ModelFile, models_dir: Path) -> FileCheck:
    """Compare one file with the catalogue. Raises OSError when it exists and cannot be read."""
    path = _location(file, models_dir)
    if path is None or not path.is_file():
        return FileCheck(file, State.MISSING, path, None)
    found = _sha256(path)
    return FileCheck(file, State.READY if found == file.sha256 else State.HASH_MISMATCH, path, found)


def check_pack(pack_id: str, models_dir: Path) -> PackCheck:
    """Compare one pack or cue with the catalogue. Raises ModelError for an unknown one."""
    pack = weights_record(pack_id)
    absent = tuple(name for name in pack.modules if importlib.util.find_spec(name) is None)
    return PackCheck(pack, tuple(check_file(file, models_dir) for file in pack.files), absent)


def verify(models_dir: Path) -> tuple[PackCheck, ...]:
    """Compare every pack, then every cue, with the catalogue, in its order."""
    return tuple(check_pack(pack_id, models_dir) for pack_id in (*PACKS, *CUES))


def advice(check: PackCheck) -> str:
    """What to do about a pack that is not ready, with the exact command; empty when it is ready."""
    pack = check.pack
    for item in check.files:
        if item.state is State.HASH_MISMATCH:
            return (
                f"{item.path} is not the file pack {pack.pack_id} names: SHA-256 is {item.found}, "
                f"must be {item.file.sha256}. Delete it, then {_how_to_get(pack)}."
            )
    if check.absent_modules:
        missing = ", ".join(check.absent_modules)
        return f"Pack {pack.pack_id} needs {missing}. Run: pip install 'sallyport[{pack.extra}]'"
    absent = [item.file.name for item in check.files if item.state is State.MISSING]
    return f"Pack {pack.pack_id} lacks {', '.join(absent)}: {_how_to_get(pack)}." if absent else ""


def _how_to_get(pack: Weights) -> str:
    if any(file.package for file in pack.files):
        return f"run: pip install --force-reinstall 'sallyport[{pack.extra}]'"
    if not all(file.urls for file in pack.files):
        return "nobody publishes it in this form; run: appliance models import FOLDER"
    return f"run: appliance models fetch {pack.pack_id}   (or, offline: appliance models import FOLDER)"


def require(pack_id: str, models_dir: Path) -> dict[str, Path]:
    """Paths of the verified files of a pack by file name. Raises HashMismatch, PackMissing, ModelError."""
    check = check_pack(pack_id, models_dir)
    if check.state is State.HASH_MISMATCH:
        raise HashMismatch(advice(check))
    if check.state is State.MISSING:
        raise PackMissing(advice(check))
    return {item.file.name: item.path for item in check.files if item.path is not None}


def read_verified(pack: Weights, file: ModelFile, models_dir: Path) -> bytes:
    """The bytes of one file of a pack, proven by hash after reading, so that what was checked is what is loaded.

    Raises HashMismatch, PackMissing.
    """
    path = _location(file, models_dir)
    if path is None or not path.is_file():
        raise PackMissing(advice(check_pack(pack.pack_id, models_dir)))
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != file.sha256:
        raise HashMismatch(advice(PackCheck(pack, (FileCheck(file, State.HASH_MISMATCH, path, found),), ())))
    return content


def best_available(models_dir: Path) -> str:
    """The first matcher pack of the catalogue that is ready and free for every use.

    Raises HashMismatch as soon as a preferred pack has a file that differs, PackMissing when none is ready.
    """
    problems = []
    for check in (check_pack(name, models_dir) for name, pack in PACKS.items() if pack.commercial_use):
        if check.state is State.READY:
            return check.pack.pack_id
        if check.state is State.HASH_MISMATCH:
            raise HashMismatch(advice(check))
        problems.append(advice(check))
    raise PackMissing("No matcher pack is ready.\n" + "\n".join(problems))


def chosen_pack(pack_id: str, models_dir: Path) -> PackRecord:
    """The matcher pack of this name, or of "auto". Raises as `pack_record` and `best_available` do."""
    return pack_record(best_available(models_dir) if pack_id == AUTO else pack_id)


def _store(pieces: Iterator[bytes], file: ModelFile, models_dir: Path) -> Path:
    """Write beside the target, check size and SHA-256, then rename: a file under its final name is always whole."""
    models_dir.mkdir(parents=True, exist_ok=True)
    target = models_dir / file.name
    digest, size = hashlib.sha256(), 0
    handle, temporary = tempfile.mkstemp(prefix=f".{file.name}.", suffix=".part", dir=models_dir)
    try:
        with os.fdopen(handle, "wb") as stream:
            for piece in pieces:
                size += len(piece)
                if size > file.size:
                    raise HashMismatch(f"{file.name}: more than the {file.size} bytes it must have; not kept")
                digest.update(piece)
                stream.write(piece)
            stream.flush()
            os.fsync(stream.fileno())
        if digest.hexdigest() != file.sha256:
            raise HashMismatch(
                f"{file.name}: {size} bytes with SHA-256 {digest.hexdigest()}, "
                f"must be {file.size} bytes with {file.sha256}; not kept"
            )
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return target


def import_from(folder: Path, models_dir: Path) -> tuple[Path, ...]:
    """Copy every weight file found anywhere below `folder` whose SHA-256 the catalogue names; names do not matter.

    Returns the paths written. Raises ModelError when the folder is not there or holds none of the files.
    """
    if not folder.is_dir():
        raise ModelError(f"{folder} is not a folder. Give the folder the weight files were copied to.")
    records: tuple[Weights, ...] = (*PACKS.values(), *CUES.values())
    wanted = {file.sha256: file for record in records for file in record.files if file.package is None}
    sizes = {file.size for file in wanted.values()}
    written: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.stat().st_size not in sizes:
            continue
        file = wanted.get(_sha256(path))
        if file is not None and file.name not in written:
            written[file.name] = _copy(path, file, models_dir)
    if not written:
        names = ", ".join(file.name for file in wanted.values())
        raise ModelError(f"{folder} holds none of the weight files (recognised by SHA-256, not by name): {names}.")
    return tuple(written.values())


def _copy(path: Path, file: ModelFile, models_dir: Path) -> Path:
    with path.open("rb") as stream:
        return _store(iter(lambda: stream.read(_CHUNK), b""), file, models_dir)


def fetch(pack_id: str, models_dir: Path, *, opener: Opener, progress: Progress, clock: Clock) -> tuple[Path, ...]:
    """Download what the pack lacks or has wrong. Returns the paths written.

    Raises FetchFailed with the reason per URL, ModelError for a pack that is not fetched by URL.
    """
    pack = weights_record(pack_id)
    if any(file.package for file in pack.files):
        raise ModelError(f"Pack {pack_id} comes with Python packages, not by URL: {_how_to_get(pack)}.")
    if not all(file.urls for file in pack.files):
        raise ModelError(f"Pack {pack_id} cannot be fetched: {_how_to_get(pack)}.")
    written = []
    for file in pack.files:
        if check_file(file, models_dir).state is not State.READY:
            written.append(_fetch_file(file, models_dir, opener=opener, progress=progress, clock=clock))
    return tuple(written)


def _fetch_file(file: ModelFile, models_dir: Path, *, opener: Opener, progress: Progress, clock: Clock) -> Path:
    problems = []
    for url in file.urls:
        try:
            download = opener(url, FETCH_TIMEOUT_S)
        except OSError as error:
            problems.append(f"{url}: {error}")
            continue
        try:
            return _store(_pieces(download, file, progress=progress, clock=clock), file, models_dir)
        except (OSError, HashMismatch) as error:
            problems.append(f"{url}: {error}")
        finally:
            download.close()
    raise FetchFailed(
        f"{file.name} could not be fetched:\n  " + "\n  ".join(problems) + "\nFetch it on another machine, check its "
        f"SHA-256 ({file.sha256}), then run: appliance models import FOLDER"
    )


def _pieces(download: Download, file: ModelFile, *, progress: Progress, clock: Clock) -> Iterator[bytes]:
    if download.length is not None and download.length != file.size:
        raise HashMismatch(f"the server offers {download.length} bytes, the file has {file.size}; not fetched")
    done, deadline = 0, clock.monotonic() + FETCH_DEADLINE_S
    while piece := download.read(_CHUNK):
        done += len(piece)
        if clock.monotonic() > deadline:
            raise TimeoutError(f"only {done} of {file.size} bytes in {FETCH_DEADLINE_S:.0f} s")
        progress(file.name, done, file.size)
        yield piece
