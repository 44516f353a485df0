"""What lists show beside their rows, from the store. Blocking: called in threads."""

from collections.abc import Iterable

import sqlalchemy as sa
from starlette.datastructures import QueryParams

from sessionary.api import list_types, params, summaries, types
from sessionary.api.fields import BY_NAME, Of
from sessionary.api.views import seen
from sessionary.auth import Principal
from sessionary.errors import BadRequest, NotFound
from sessionary.store import conditions, reads, saved, schema, values
from sessionary.store.programs import program
from sessionary.store.writes import clean

_MOST_SUGGESTED = 20
_MOST_BARS = 400
_LONGEST_NAME = 100
_LONGEST_QUERY = 8000


class ListViews:
    """Every method takes the principal, and shows it nothing of other projects."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def fields(self, query: QueryParams) -> list_types.Fields:
        params.only(query, "of")
        return list_types.Fields(tuple(BY_NAME[_of(query)].values()))

    def suggest(self, principal: Principal, query: QueryParams) -> list_types.Suggestions:
        params.only(query, "of", "field", "prefix", "project")
        of, prefix = _of(query), clean({"prefix": query.get("prefix", "")})["prefix"]
        field = BY_NAME[of].get(query.get("field", ""))
        if field is None:
            raise BadRequest("field must be one that GET /api/fields names", param="field")
        known: Iterable[str] = field.choices
        if field.suggests:
            known = self._values(of, field.name, prefix, seen(self._engine, principal, query))
        if field.name == "client":  # the programs first, then their versions
            known = list(known)
            known = dict.fromkeys((*map(program, known), *known))
        fitting = [v for v in known if v.lower().startswith(prefix.lower())]
        return list_types.Suggestions(fitting[:_MOST_SUGGESTED])

    def _values(self, of: Of, field: str, prefix: str, project: int | None) -> Iterable[str]:
        names = reads.project_names(self._engine)
        if field == "project":
            return sorted(name for id, name in names.items() if project in (None, id))
        with self._engine.connect() as connection:
            if field not in conditions.FACETS:
                return values.of_calls(connection, project, schema.calls.c[field])
            projects = names if project is None else [project]
            found = (values.beginning(connection, p, field, prefix, _MOST_SUGGESTED) for p in projects)
            return sorted({value for some in found for value in some})

    def summary(self, principal: Principal, query: QueryParams) -> list_types.Summary:
        params.only(query, "of", "bars", "project", *params.FILTERS)
        of, bars = _of(query), query.get("bars") or "60"
        if not (bars.isdecimal() and len(bars) <= 3 and 1 <= int(bars) <= _MOST_BARS):
            raise BadRequest(f"bars must be a number from 1 to {_MOST_BARS}", param="bars")
        return summaries.of(
            self._engine, seen(self._engine, principal, query), of, params.filters(query, of), int(bars)
        )

    def saved(self, principal: Principal, query: QueryParams) -> list_types.SavedViews:
        params.only(query, "project")
        rows = saved.views(self._engine, self._project(principal, query))
        return list_types.SavedViews([list_types.View(r.id, r.name, r.page, r.query) for r in rows])

    def save(self, principal: Principal, query: QueryParams, wanted: list_types.NewView) -> list_types.View:
        params.only(query, "project")
        name = wanted.name.strip()
        if not 0 < len(name) <= _LONGEST_NAME:
            raise BadRequest(f"name must have 1 to {_LONGEST_NAME} characters", param="name")
        if len(wanted.query) > _LONGEST_QUERY:
            raise BadRequest(f"query must have at most {_LONGEST_QUERY} characters", param="query")
        given = (name, wanted.page, wanted.query)
        row = saved.save(self._engine, self._project(principal, query), *given, principal.actor)
        if row is None:
            raise BadRequest(f"a project has at most {saved.MOST} saved views")
        return list_types.View(row.id, row.name, row.page, row.query)

    def delete(self, principal: Principal, query: QueryParams, view: str) -> types.Deleted:
        params.only(query, "project")
        project, named = self._project(principal, query), clean({"id": view})["id"]
        if not saved.delete(self._engine, project, named, principal.actor):
            raise NotFound("There is no such view.")
        return types.Deleted(view)

    def _project(self, principal: Principal, query: QueryParams) -> int:
        """Views are a project's: the master's own, or the one that it names."""
        project = seen(self._engine, principal, query)
        if project == -1:
            raise NotFound("There is no such project.")
        return principal.call_project if project is None else project


def _of(query: QueryParams) -> Of:
    of = query.get("of", "sessions")
    if of == "sessions":
        return "sessions"
    if of == "calls":
        return "calls"
    raise BadRequest("of must be sessions or calls", param="of")
