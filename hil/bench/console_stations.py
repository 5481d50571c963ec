"""Stations beside the one with a page: each takes every event and every picture of whoever is held, as a page does.

python -m hil.bench.console_stations URL COOKIE [COOKIE ...]
"""

import asyncio
import json
import struct
import sys
from contextlib import suppress

import httpx2
from websockets.asyncio.client import connect

COOKIE = "sallyport_session"


class Station:
    """One session of a guard at the console."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url, token
        self._held: dict[str, bool] = {}
        self._wanted = asyncio.Event()

    async def run(self) -> None:
        """Take what the console sends until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._events())
            group.create_task(self._pictures())

    async def _events(self) -> None:
        headers = {"cookie": f"{COOKIE}={self._token}"}
        async with (
            httpx2.AsyncClient(base_url=self._url, headers=headers, timeout=None) as client,
            client.stream("GET", "/api/events") as response,
        ):
            response.raise_for_status()
            async for line in response.aiter_lines():
                if line.startswith("data: "):
                    self._take(json.loads(line[6:]))

    def _take(self, event: dict[str, object]) -> None:
        if event["kind"] != "lane":
            return
        snapshot = event["snapshot"]
        held = isinstance(snapshot, dict) and snapshot["passage"] is not None
        if held is not self._held.get(str(event["lane"]), False):
            self._held[str(event["lane"])] = held
            self._wanted.set()

    async def _pictures(self) -> None:
        address = self._url.replace("http", "ws") + "/api/images"
        headers = {"cookie": f"{COOKIE}={self._token}"}
        async with (
            connect(address, origin=self._url, additional_headers=headers) as socket,  # type: ignore[arg-type]
            asyncio.TaskGroup() as group,
        ):

            async def ask() -> None:
                while True:
                    await self._wanted.wait()
                    self._wanted.clear()
                    await socket.send(json.dumps({"watch": [lane for lane, held in self._held.items() if held][:1]}))

            group.create_task(ask())
            async for frame in socket:
                assert isinstance(frame, bytes)
                (length,) = struct.unpack(">I", frame[:4])
                await socket.send(json.dumps({"ack": json.loads(frame[4 : 4 + length])["seq"]}))


async def _main(url: str, tokens: list[str]) -> None:
    async with asyncio.TaskGroup() as group:
        for token in tokens:
            group.create_task(Station(url, token).run())
        print("streaming", flush=True)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(_main(sys.argv[1], sys.argv[2:]))
