"""What every message on the control socket is made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Id = Annotated[str, Field(max_length=64)]
"""Whatever a console may name: bounded, because it is journalled."""


class WireModel(BaseModel):
    """A message or a part of one: nothing unknown is taken, nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)
