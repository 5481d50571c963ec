"""Writing a data set: what is there already is kept, the rest is rendered, in one process or a few."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import cv2

from appliance.evaluate.dataset import Dataset, DatasetError, Writer
from hil.dataset.cases import Plan, ids
from hil.dataset.render import Rendered, header, render

Job = tuple[str, str, int]


def missing(folder: Path, plan: Plan, *, swir: bool) -> list[Job]:
    """Presentations that are not in the data set yet. Raises DatasetError when another data set is there."""
    wanted = list(ids(plan))
    if not (folder / "dataset.json").exists():
        return wanted
    if not (folder / "index.jsonl").exists():
        (folder / "index.jsonl").touch()
    there = Dataset(folder)
    if there.header != header(plan, swir=swir):
        raise DatasetError(f"{folder} holds another data set ({there.header.name}: {there.header.source})")
    done = {record.id for record in there.records}
    return [job for job in wanted if job[0] not in done]


def write(
    folder: Path, plan: Plan, *, swir: bool, jobs: int = 1, progress: Callable[[int, int], None] = lambda *_: None
) -> int:
    """Render what is missing and add it; how many that were. Raises DatasetError."""
    todo = missing(folder, plan, swir=swir)
    with Writer(folder, header(plan, swir=swir)) as writer:
        for number, made in enumerate(_rendered(plan, todo, swir=swir, jobs=jobs), 1):
            writer.add(made.record, made.rgb, made.frames, made.planes)
            progress(number, len(todo))
    return len(todo)


def _rendered(plan: Plan, todo: list[Job], *, swir: bool, jobs: int) -> Iterator[Rendered]:
    if jobs <= 1:
        for job in todo:
            yield render(plan, *job, swir=swir)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_one_thread) as pool:
        # A handful ahead of the disk, not the whole data set in memory.
        waiting: set[Future[Rendered]] = set()
        rest = iter(todo)
        for job in rest:
            waiting.add(pool.submit(_work, plan, job, swir))
            if len(waiting) >= 4 * jobs:
                done = next(as_completed(waiting))
                waiting.remove(done)
                yield done.result()
        for done in as_completed(waiting):
            yield done.result()


def _work(plan: Plan, job: Job, swir: bool) -> Rendered:
    return render(plan, *job, swir=swir)


def _one_thread() -> None:
    cv2.setNumThreads(1)
