"""The camera of a lane, and how long its pictures stay."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, HttpUrl, model_validator

from .base import ConfigError, Model
from .secret import read_secret


def _without_login(url: HttpUrl) -> HttpUrl:
    if url.username or url.password or url.fragment:
        raise ValueError("no user, password or fragment: use user and password_file")
    return url


class CameraSettings(Model):
    """A camera that answers with one JPEG. Without `user` it asks for no log-in.
    `timeout`: seconds, after which there is no picture."""

    url: Annotated[HttpUrl, AfterValidator(_without_login)]
    auth: Literal["digest", "basic"] = "digest"
    user: Annotated[str, Field(pattern=r"^[^:\x00-\x1f]{1,64}$")] | None = None
    password_file: Path | None = None
    timeout: Annotated[float, Field(gt=0, le=5)] = 1.0

    @model_validator(mode="after")
    def _log_in_whole(self) -> CameraSettings:
        if (self.user is None) is not (self.password_file is None):
            raise ValueError("user and password_file belong together")
        return self

    @property
    def tells_its_password(self) -> bool:
        """Whether the password goes over the network as it is."""
        return bool(self.user) and self.auth == "basic" and self.url.scheme == "http"

    def password(self) -> str:
        """The password from its file; ConfigError."""
        assert self.password_file is not None
        password = read_secret(self.password_file)
        if not password:
            raise ConfigError([f"{self.password_file} is empty"])
        return password


class PhotoSettings(Model):
    """Pictures of alarms on this machine. They show people: `keep_days` is as short as
    the site can work with."""

    keep_days: Annotated[int, Field(ge=1, le=30)] = 7
