"""What consoles ask of a lane, handed to whoever knows: the past to its memory, the set-up to the running lane itself.

Not responsible for answers.
"""

from collections.abc import Callable

from appliance.clock import Clock
from appliance.config import LaneConfig
from appliance.control.history import Answer, Question
from appliance.control.messages import LaneSnapshot
from appliance.control.setup import SelfTestQuestion, SetupQuestion
from appliance.runtime.faults import FaultRegister
from appliance.runtime.history import History
from appliance.runtime.setup import Setup


class Questions:
    """Of one lane, whose state now is `snapshot`."""

    def __init__(
        self,
        config: LaneConfig,
        clock: Clock,
        history: History,
        setup: Setup,
        *,
        faults: FaultRegister,
        snapshot: Callable[[], LaneSnapshot],
    ) -> None:
        self._config, self._clock, self._history, self._setup = config, clock, history, setup
        self._faults, self._snapshot = faults, snapshot

    async def answer(self, question: Question) -> Answer | str:
        """The answer, or in words why there is none. Never raises."""
        if isinstance(question, SelfTestQuestion):
            return self._setup.test
        if not isinstance(question, SetupQuestion):
            return await self._history.answer(question)
        from appliance.runtime import configured  # brings the statistics of the claims with it

        now = self._snapshot()
        live = configured.Live(
            identities=self._faults.identities,
            active=self._faults.active,
            latest=dict(self._faults.latest),
            pack_id=now.pack.pack_id if now.pack is not None else "none",
            channels=self._setup.channels,
            pictures=len(now.passage.images) if now.passage is not None else 0,
            now=now.at,
        )
        return await self._history.in_thread(lambda: configured.answer(self._config, live, self._clock.monotonic))
