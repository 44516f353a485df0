"""The handlers of projects, keys, models and the audit log. Who may ask for what is in the route table."""

from starlette.requests import Request
from starlette.responses import Response

from sessionary.api import admin_types
from sessionary.api.answers import principal, told, wanted
from sessionary.api.audit_views import AuditViews
from sessionary.api.key_views import KeyViews
from sessionary.api.model_views import ModelViews


class Admin:
    def __init__(self, keys: KeyViews, models: ModelViews, audit: AuditViews) -> None:
        self._keys = keys
        self._models = models
        self._audit = audit

    async def projects(self, request: Request) -> Response:
        return await told(self._keys.projects, principal(request), request.query_params)

    async def create_project(self, request: Request) -> Response:
        asked = await wanted(request, admin_types.NewProject)
        return await told(self._keys.create_project, principal(request), asked, status=201)

    async def keys(self, request: Request) -> Response:
        return await told(self._keys.keys, principal(request), request.query_params)

    async def key(self, request: Request) -> Response:
        return await told(self._keys.key, principal(request), request.path_params["id"])

    async def create_key(self, request: Request) -> Response:
        asked = await wanted(request, admin_types.NewKey)
        return await told(self._keys.create, principal(request), asked, status=201)

    async def patch_key(self, request: Request) -> Response:
        asked = await wanted(request, admin_types.KeyPatch)
        key_id = request.path_params["id"]
        return await told(self._keys.change, principal(request), key_id, asked)

    async def revoke_key(self, request: Request) -> Response:
        return await told(self._keys.revoke, principal(request), request.path_params["id"])

    async def models(self, request: Request) -> Response:
        return await told(self._models.models, principal(request), request.query_params)

    async def audit(self, request: Request) -> Response:
        return await told(self._audit.page, principal(request), request.query_params)
