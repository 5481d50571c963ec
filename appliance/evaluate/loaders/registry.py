"""Which kinds of folder can be taken in, and writing one as a data set of ours."""

from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from types import MappingProxyType

from appliance.evaluate.dataset import Header, Writer
from appliance.evaluate.loaders import casia_surf, folders, hq_wmca, wmca
from appliance.evaluate.loaders.common import CannotImport, Options, Presentation, Source

SOURCES: MappingProxyType[str, Source] = MappingProxyType(
    {
        "wmca": wmca.SOURCE,
        "hq-wmca": hq_wmca.SOURCE,
        "casia-surf": casia_surf.SOURCE,
        "folders": folders.SOURCE,
    }
)


def take_in(
    kind: str, folder: Path, out: Path, options: Options, progress: Callable[[int], None] = lambda _: None
) -> tuple[int, list[str]]:
    """Write a data set from a folder of a known kind.

    Returns how many presentations it has, and sentences on what was left out. Raises CannotImport when the folder is
    not of that kind or `out` already holds something.
    """
    if kind not in SOURCES:
        raise CannotImport(f"{kind!r} is no known set; there are {', '.join(SOURCES)}")
    if out.exists() and any(out.iterdir()):
        raise CannotImport(f"{out} is not empty")
    source = SOURCES[kind]
    notes: list[str] = []
    found = _named(source.read(folder, options, notes.append))
    first = next(found, None)
    if first is None:
        raise CannotImport(f"{folder} holds no presentation of the kind {kind}. {' '.join(notes[:3])}".strip())
    header = Header(
        name=options.name or source.name,
        kind=options.kind,
        source=options.source or source.words,
        channels=source.channels(folder, options),
        patches=source.patches(folder),
    )
    count = 0
    with Writer(out, header) as writer:
        for one in chain([first], found):
            writer.add(one.record, one.rgb, one.frames, one.planes)
            count += 1
            progress(count)
    return count, notes


def _named(found: Iterator[Presentation]) -> Iterator[Presentation]:
    """Refuse a second presentation of the same name: it would replace the images of the first."""
    seen: set[str] = set()
    for one in found:
        if one.record.id in seen:
            raise CannotImport(f"two presentations would be called {one.record.id}")
        seen.add(one.record.id)
        yield one
