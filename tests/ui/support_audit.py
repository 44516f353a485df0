"""Entries of the audit log: ordinary ones, and some with what no one should write in every field."""

from typing import Any

from tests.ui.corpus import SHORT, batches


def _entry(number: int, **given: Any) -> dict[str, Any]:
    entry = {
        "id": f"audit_{number:026d}",
        "at": f"2026-11-{number % 28 + 1:02d}T10:00:00.000000Z",
        "project": "default",
    }
    return entry | {"actor": "master", "actor_name": "master", "action": "", "target": "", "detail": {}} | given


def ordinary() -> list[dict[str, Any]]:
    return [
        _entry(1, action="key.create", target="key_1", detail={"name": "ci", "models": None, "limits": {"budget": 20}}),
        _entry(2, action="key.change", target="key_1", detail={"models": {"from": None, "to": ["gpt-*", "m" * 300]}}),
        _entry(3, action="session.delete", target="ses_1", actor="key_1", actor_name="ci", detail={"calls": 12}),
        _entry(4, action="session.merge", target="ses_2", detail={"sessions": [f"ses_{n}" for n in range(60)]}),
        _entry(5, action="login.fail", target="key", actor="", actor_name="", project=None, detail={"attempts": 9}),
        _entry(6, action="gateway.start", actor="gateway", actor_name="", project=None, detail={"version": "1.0"}),
        _entry(7, action="key.revoke", target="W" * 200, actor="command", actor_name="V" * 200, project="P" * 200),
    ]


def hostile() -> list[dict[str, Any]]:
    fields = ("project", "actor", "actor_name", "action", "target")
    rows = (dict(zip(fields, batch, strict=False)) for batch in batches(SHORT, len(fields)))
    return [_entry(n, **row, detail={SHORT[n % len(SHORT)]: SHORT[-n]}) for n, row in enumerate(rows)]
