"""What consoles ask of a lane, handed to whoever knows: the past to its memory, the set-up to the running lane itself.

Not responsible for answers.
"""

from collections.abc import Callable

from appliance.clock import Clock
from appliance.config import LaneConfig
from appliance.control.history import Answer, Question
from appliance.control.setup import SelfTestQuestion, SetupQuestion
from appliance.runtime.eye import EyeOwner
from appliance.runtime.history import History
from appliance.runtime.loop import LaneLoop
from appliance.runtime.setup import Setup


class Questions:
    """`pictures` counts those of a traveller that are in memory."""

    def __init__(
        self,
        config: LaneConfig,
        clock: Clock,
        history: History,
        setup: Setup,
        *,
        loop: LaneLoop,
        eye: EyeOwner,
        pictures: Callable[[], int],
    ) -> None:
        self._config, self._clock, self._history, self._setup = config, clock, history, setup
        self._loop, self._eye, self._pictures = loop, eye, pictures

    async def answer(self, question: Question) -> Answer | str:
        """The answer, or in words why there is none. Never raises."""
        if isinstance(question, SelfTestQuestion):
            return self._setup.test
        if not isinstance(question, SetupQuestion):
            return await self._history.answer(question)
        from appliance.runtime import configured  # brings the statistics of the claims with it

        faults = self._loop.faults
        live = configured.Live(
            identities=faults.identities,
            active=faults.active,
            latest=dict(faults.latest),
            pack_id=self._eye.pack_id,
            channels=self._setup.channels,
            pictures=self._pictures(),
            now=self._clock.now(),
        )
        return await self._history.in_thread(lambda: configured.answer(self._config, live, self._clock.monotonic))
