"""Typed settings, read once at start from the environment and `.env`.

The names of the `.env` file are documented in `.env.example`; a wrong name or value stops
the start with a sentence.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from typing_extensions import Self

from app.errors import SettingsError
from app.zones import zone_of

PROJECT_ROOT = Path(__file__).resolve().parent.parent

Port = Annotated[int, Field(ge=1, le=65535)]


class Settings(BaseModel):
    """Everything an administrator can set. Durations carry their unit in the name."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    mongo_uri: str = Field("", alias="MONGO_URI")
    db_name: str = Field("proctor", alias="DB_NAME", pattern=r"^[A-Za-z0-9_-]{1,63}$")
    redis_url: str = Field("", alias="REDIS_URL")
    host: str = Field("127.0.0.1", alias="FLASK_HOST", min_length=1)
    port: Port = Field(5000, alias="FLASK_PORT")
    debug: bool = Field(False, alias="FLASK_DEBUG")
    interval_s: int = Field(30, alias="INTERVAL_DURATION", ge=10, le=600)
    check_s: int = Field(10, alias="CHECK_INTERVAL", ge=1, le=600)
    flag_threshold: float = Field(10, alias="FLAG_THRESHOLD", gt=0, le=1000)
    video_fps: float = Field(5, alias="VIDEO_FPS", ge=1, le=15)

    secret_key: str = Field("", alias="PROCTOR_SECRET_KEY")
    admin_password: str = Field("", alias="PROCTOR_ADMIN_PASSWORD")
    api_key: str = Field("", alias="PROCTOR_API_KEY")
    data_dir: Path | None = Field(None, alias="PROCTOR_DATA_DIR")
    models_dir: Path | None = Field(None, alias="PROCTOR_MODELS_DIR")
    tls_cert: Path | None = Field(None, alias="PROCTOR_TLS_CERT")
    tls_key: Path | None = Field(None, alias="PROCTOR_TLS_KEY")
    public_url: str = Field("", alias="PROCTOR_PUBLIC_URL", pattern=r"^(https?://[^\s/]+(/.*)?)?$")
    trusted_proxies: int = Field(0, alias="PROCTOR_TRUSTED_PROXIES", ge=0, le=5)
    workers: int = Field(0, alias="PROCTOR_WORKERS", ge=0, le=64)
    web_threads: int = Field(400, alias="PROCTOR_WEB_THREADS", ge=8, le=5000)
    analysis_fps: float = Field(2, alias="PROCTOR_ANALYSIS_FPS", gt=0, le=15)
    when_full: Literal["reduce", "refuse"] = Field("reduce", alias="PROCTOR_WHEN_FULL")
    abandon_min: float = Field(30, alias="PROCTOR_ABANDON_MIN", gt=0, le=1440)
    join_token_min: float = Field(120, alias="PROCTOR_JOIN_TOKEN_MIN", gt=0, le=10080)
    pre_roll_s: float = Field(5, alias="PROCTOR_PRE_ROLL_S", ge=0, le=30)
    post_roll_s: float = Field(5, alias="PROCTOR_POST_ROLL_S", ge=0, le=30)
    object_model: str = Field("auto", alias="PROCTOR_OBJECT_MODEL")
    media_url: str = Field("", alias="PROCTOR_MEDIA_URL")
    media_encryption: bool = Field(False, alias="PROCTOR_MEDIA_ENCRYPTION")
    master_key_file: Path | None = Field(None, alias="PROCTOR_MASTER_KEY_FILE")
    retention_days: int = Field(90, alias="PROCTOR_RETENTION_DAYS", ge=1, le=36500)
    legal_basis: str = Field(
        "The student's consent (GDPR Art. 6(1)(a) and 9(2)(a))",
        alias="PROCTOR_LEGAL_BASIS",
        max_length=300,
    )
    capture_screen: bool = Field(True, alias="PROCTOR_CAPTURE_SCREEN")
    walk_in: bool = Field(True, alias="PROCTOR_WALK_IN")
    login_idle_min: float = Field(240, alias="PROCTOR_LOGIN_IDLE_MIN", ge=5, le=1440)
    login_max_h: float = Field(12, alias="PROCTOR_LOGIN_MAX_H", gt=0, le=168)
    media_link_min: float = Field(15, alias="PROCTOR_MEDIA_LINK_MIN", ge=1, le=1440)
    allowed_origins: str = Field(
        "", alias="PROCTOR_ALLOWED_ORIGINS", pattern=r"^(https?://[^\s/,]+(\s*,\s*|$))*$"
    )
    client_rate: float = Field(100, alias="PROCTOR_CLIENT_RATE", ge=1, le=100_000)
    report_timezone: str = Field("UTC", alias="PROCTOR_REPORT_TIMEZONE")
    log_level: str = Field("INFO", alias="PROCTOR_LOG_LEVEL")

    @field_validator(
        "data_dir", "models_dir", "tls_cert", "tls_key", "master_key_file", mode="before"
    )
    @classmethod
    def _empty_path_is_unset(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("mongo_uri")
    @classmethod
    def _known_scheme(cls, value: str) -> str:
        if value and not value.startswith(("mongodb://", "mongodb+srv://")):
            raise ValueError("must start with mongodb:// or mongodb+srv://, or be empty")
        return value

    @field_validator("redis_url")
    @classmethod
    def _known_line(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must start with redis://, rediss:// or unix://, or be empty")
        return value

    @field_validator("report_timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        zone_of(value)
        return value

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
        return value.upper()

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.interval_s % self.check_s:
            raise ValueError(
                f"CHECK_INTERVAL ({self.check_s}) must divide INTERVAL_DURATION ({self.interval_s})"
            )
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("PROCTOR_TLS_CERT and PROCTOR_TLS_KEY belong together: set both")
        if self.is_fleet and not self.secret_key:
            raise ValueError(
                "REDIS_URL with MONGO_URI lets several servers work together: set the same"
                " PROCTOR_SECRET_KEY for all"
            )
        return self

    @property
    def data_path(self) -> Path:
        """Where the database, clips and logs live."""
        return self.data_dir or PROJECT_ROOT

    @property
    def database_file(self) -> Path:
        return self.data_path / "data" / "proctor.db"

    @property
    def costs_path(self) -> Path:
        """What students have cost this machine so far."""
        return self.data_path / "data" / "costs.json"

    @property
    def journal_path(self) -> Path:
        """What waits for a database that is away."""
        return self.data_path / "data" / "journal.jsonl"

    @property
    def clips_path(self) -> Path:
        return self.data_path / "flagged_videos"

    @property
    def logs_path(self) -> Path:
        return self.data_path / "logs"

    @property
    def models_path(self) -> Path:
        """Where `setup.sh` put the model files (`models_dir` is where it may take them from)."""
        return PROJECT_ROOT / "models"

    @property
    def other_origins(self) -> tuple[str, ...]:
        """Origins beside our own whose pages may open a Socket.IO connection."""
        return tuple(part.strip() for part in self.allowed_origins.split(",") if part.strip())

    @property
    def is_fleet(self) -> bool:
        """Whether this server is one of several: they share Redis and MongoDB."""
        return bool(self.redis_url and self.mongo_uri)

    @property
    def is_tls(self) -> bool:
        return self.tls_cert is not None


NAMES: dict[str, str] = {
    field.alias: name for name, field in Settings.model_fields.items() if field.alias
}


def load_settings(environ: dict[str, str] | None = None, env_file: Path | None = None) -> Settings:
    """Read settings: the environment wins over `.env`; an empty value means the default.

    Raises SettingsError with one sentence per wrong name or value.
    """
    environ = dict(os.environ) if environ is None else environ
    file = PROJECT_ROOT / ".env" if env_file is None else env_file
    from_file = {k: v or "" for k, v in dotenv_values(file).items()} if file.exists() else {}
    merged = {**from_file, **environ}
    unknown = sorted(
        {name for name in merged if name.startswith("PROCTOR_") and name not in NAMES}
        | (from_file.keys() - NAMES.keys())
    )
    if unknown:
        raise SettingsError(
            "Unknown setting " + ", ".join(unknown) + ". The names are listed in .env.example."
        )
    given = {name: merged[name] for name in NAMES if merged.get(name, "").strip()}
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        raise SettingsError("\n".join(_sentences(error))) from None


def _sentences(error: ValidationError) -> list[str]:
    lines = []
    for problem in error.errors():
        where = ".".join(str(part) for part in problem["loc"])
        what = problem["msg"].removeprefix("Value error, ")
        lines.append(f"{where}: {what}." if where else f"{what}.")
    return lines
