"""Two projects with one of everything in each: `mine` belongs to the caller, `theirs` to somebody else."""

from typing import Any

import sqlalchemy as sa
from starlette.testclient import TestClient

from sessionary.store import audit, keys, saved, schema
from tests.support.recorded import Log, user

SECRET = "sable-oriole"
"""A word of the other project's: in every text that it has."""


class Side:
    """One project: its key, and the ids of what it has."""

    def __init__(self, log: Log, name: str, word: str) -> None:
        self.name = name
        self.key, self.row = keys.create(log.engine, name, f"{name} {word}", None, None)
        self.project = log.project(name)
        more: dict[str, Any] = {"project": name, "user": f"{word}-user", "client": f"{word}-client"}
        self.calls = [log.chat(f"{name}-{n}", [user(f"{word} asks {n}")], f"{word} says", **more) for n in range(3)]
        c = schema.calls.c
        with log.engine.connect() as connection:
            mine = sa.select(c.session).where(c.project == self.project).order_by(c.created_at)
            self.sessions = list(connection.scalars(mine))
        """Of the calls, one each."""
        view = saved.save(log.engine, self.project, f"{word} view", "calls", f"q={word}")
        assert view is not None
        self.view = view.id
        audit.tell(log.engine, audit.Actor(self.row.id, word), "note", self.sessions[0], project=self.project)

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.key}"}


class Two:
    def __init__(self, log: Log) -> None:
        self.engine = log.engine
        self.theirs = Side(log, "theirs", SECRET)
        self.mine = Side(log, "mine", "plain")


def ask(client: TestClient, side: Side, method: str, path: str, body: Any = None) -> tuple[int, str]:
    """Status and body, without the request's own id."""
    answer = client.request(method, path, json=body, headers=side.headers)
    text = answer.text.replace(answer.headers.get("x-request-id", "-"), "REQUEST")
    return answer.status_code, text
