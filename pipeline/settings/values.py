"""Types that the settings are made of: each number with its bounds, each text with its check."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from pipeline.settings.checks import check_country, check_domain, check_language, check_server, check_url

Seconds = Annotated[float, Field(gt=0, le=31_536_000)]
"""A span of time, up to a year: more is a slip of the unit."""

Port = Annotated[int, Field(ge=0, le=65_535)]
"""A TCP port; 0 takes any that is free, and the log says which."""

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


def _looks_like(pattern: str) -> Any:
    """For the JSON Schema only: what an editor can tell before the check does, which says it better."""
    return Field(json_schema_extra={"pattern": pattern})


FeedUrl = Annotated[str, AfterValidator(check_url), _looks_like("^[hH][tT][tT][pP][sS]?://")]
Country = Annotated[str, AfterValidator(check_country), _looks_like("^[A-Z]{2}$")]
Language = Annotated[str, AfterValidator(check_language), _looks_like("^[a-z]{2}$")]
Domain = Annotated[str, AfterValidator(check_domain), _looks_like(r"^[^./:\s]+(\.[^./:\s]+)+$")]
Server = Annotated[str, AfterValidator(check_server), _looks_like(r"^\S+:[0-9]+$")]


class Model(BaseModel):
    """What all of them share: a value once made does not change, and a key that is not known is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
