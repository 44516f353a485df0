"""What makes lists usable: their fields, suggestions, summaries, and saved views."""

from starlette.requests import Request
from starlette.responses import Response

from sessionary.api import answers, list_types
from sessionary.api.list_views import ListViews


class Lists:
    def __init__(self, views: ListViews, changing: ListViews) -> None:
        self._views = views
        self._changing = changing

    async def fields(self, request: Request) -> Response:
        return answers.json(self._views.fields(request.query_params))

    async def suggest(self, request: Request) -> Response:
        asked = answers.principal(request), request.query_params
        return await answers.told(self._views.suggest, *asked)

    async def summary(self, request: Request) -> Response:
        asked = answers.principal(request), request.query_params
        return await answers.told(self._views.summary, *asked)

    async def saved_views(self, request: Request) -> Response:
        asked = answers.principal(request), request.query_params
        return await answers.told(self._views.saved, *asked)

    async def save_view(self, request: Request) -> Response:
        wanted = await answers.wanted(request, list_types.NewView)
        asked = answers.principal(request), request.query_params, wanted
        return await answers.told(self._changing.save, *asked, status=201)

    async def delete_view(self, request: Request) -> Response:
        asked = answers.principal(request), request.query_params, request.path_params["id"]
        return await answers.told(self._changing.delete, *asked)
