"""Times of the API as a person at this machine reads them: in its zone. Pure."""

from datetime import datetime


def clock(at: str) -> str:
    return f"{_local(at):%H:%M:%S}"


def moment(at: str) -> str:
    return f"{_local(at):%Y-%m-%d %H:%M}"


def near(at: str, now: datetime | None = None) -> str:
    """As short as it can be told: the time of a day that is today, of others the date with it."""
    local = _local(at)
    today = (now or datetime.now()).astimezone()
    if local.date() == today.date():
        return f"{local:%H:%M:%S}"
    return f"{local:%b %d %H:%M}" if local.year == today.year else f"{local:%Y-%m-%d}"


def _local(at: str) -> datetime:
    return datetime.fromisoformat(at).astimezone()
