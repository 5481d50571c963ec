"""What every section of a lane's configuration is."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """An unknown key is an error; what was read does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)
