"""Makes the LiteLLM SDK carry session ids and `previous_response_id` to the gateway.

    import sessionary.integrations.litellm as sessions

    sessions.install()

The SDK keeps `metadata` to itself, and calls that it turns from `responses` into another format (`anthropic/...`)
lose `previous_response_id` and answer with an id that nobody else knows. After `install()`

- the session id of a call (`metadata`, `litellm_metadata`, `litellm_session_id`, or the active `sessionary.session`)
  goes as a header, on every path: `x-litellm-session-id`;
- `previous_response_id` goes as `x-previous-response-id` as well, and only so where the SDK would lose it;
- the answers of such calls have the gateway's id, which is what the next call's `previous_response_id` is.

Only calls that go to an address of yours are touched: `api_base`, `litellm.api_base` or the provider's variable, such
as `ANTHROPIC_BASE_URL`. `install(base_url)`, or `SESSIONARY_BASE_URL`, narrows it to one gateway. The SDK's four public
functions are wrapped wherever a loaded module holds them; a `Router` that exists already keeps those that it has.
"""

import base64
import binascii
import functools
import importlib
import inspect
import os
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

from sessionary.client.active import current
from sessionary.client.gateways import OWN_VARIABLE, is_gateway
from sessionary.client.naming import add_headers, id_headers, named_id, names_session

FUNCTIONS = ("completion", "acompletion", "responses", "aresponses")
_MARK = "__sessionary__"
_CALL_ID = re.compile(r"call_([0-9a-v]{26})")
_CHAT_PREFIX = "openai/chat_completions/"


def install(base_url: str | None = None) -> None:
    """Again with another `base_url` replaces the first."""
    uninstall()
    sdk = importlib.import_module("litellm")
    for name in FUNCTIONS:
        original = getattr(sdk, name, None)
        if original is not None:
            _replace(original, _wrapped(sdk, original, base_url))


def uninstall() -> None:
    sdk = sys.modules.get("litellm")
    for name in FUNCTIONS:
        wrapper = getattr(sdk, name, None)
        if hasattr(wrapper, _MARK):
            _replace(wrapper, getattr(wrapper, _MARK))


def _replace(old: Any, new: Any) -> None:
    """In every module that holds `old` by name: people write `from litellm import completion`."""
    for module in list(sys.modules.values()):
        names = getattr(module, "__dict__", None)
        for name in [name for name, value in list(names.items()) if value is old] if names else ():
            setattr(module, name, new)


def _wrapped(sdk: Any, original: Callable[..., Any], base_url: str | None) -> Callable[..., Any]:
    order = tuple(inspect.signature(original).parameters)

    def named(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Every argument by its name."""
        return {**dict(zip(order, args, strict=False)), **kwargs}

    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def carrying(*args: Any, **kwargs: Any) -> Any:
            given = named(args, kwargs)
            if not _goes_to_gateway(sdk, given, base_url):
                return await original(**given)
            chain = _carry(sdk, given)
            return _chained(await original(**given), chain)

    else:

        @functools.wraps(original)
        def carrying(*args: Any, **kwargs: Any) -> Any:
            given = named(args, kwargs)
            if not _goes_to_gateway(sdk, given, base_url):
                return original(**given)
            chain = _carry(sdk, given)
            return _chained(original(**given), chain)

    setattr(carrying, _MARK, original)
    return carrying


def _goes_to_gateway(sdk: Any, given: Mapping[str, Any], base_url: str | None) -> bool:
    url = given.get("api_base") or given.get("base_url") or getattr(sdk, "api_base", None) or _default_base(sdk, given)
    return is_gateway(str(url or ""), base_url or os.environ.get(OWN_VARIABLE))


def _default_base(sdk: Any, given: Mapping[str, Any]) -> str:
    """What the variables of the model's provider say."""
    _, provider = _provider(sdk, given)
    names = (f"{provider.upper()}_BASE_URL", f"{provider.upper()}_API_BASE")
    return next((value for name in names if (value := os.environ.get(name))), "")


def _provider(sdk: Any, given: Mapping[str, Any]) -> tuple[str, str]:
    """The model's name without its provider, and the provider; "" where the SDK knows none."""
    model = str(given.get("model") or "")
    try:
        name, provider, *_ = sdk.get_llm_provider(model=model, custom_llm_provider=given.get("custom_llm_provider"))
    except sdk.exceptions.BadRequestError:
        return model, ""
    return str(name), str(provider)


def _carry(sdk: Any, given: dict[str, Any]) -> str | None:
    """Adds the headers. The id that the call goes on from, where the SDK is kept from seeing it."""
    headers = dict(given.get("extra_headers") or {})
    if not names_session(headers):
        add_headers(headers, _session(given))
    previous, hidden = given.get("previous_response_id"), None
    if previous:
        headers.setdefault("x-previous-response-id", previous)
        if _loses_chain(sdk, given):
            hidden = str(given.pop("previous_response_id"))
    if headers:
        given["extra_headers"] = headers
    return hidden


def _session(given: Mapping[str, Any]) -> dict[str, str]:
    body = given.get("extra_body") or {}
    named = {"litellm_session_id": given.get("litellm_session_id")}  # a Router makes up a `litellm_trace_id`
    own = named_id((body, named), (body.get("metadata"), given.get("metadata"), given.get("litellm_metadata")))
    if own:
        return id_headers(own, "x-litellm-session-id")
    active = current()
    return active.headers() if active is not None else {}


def _loses_chain(sdk: Any, given: Mapping[str, Any]) -> bool:
    """The SDK makes a chat call of this one."""
    if given.get("use_chat_completions_api") or str(given.get("model")).startswith(_CHAT_PREFIX):
        return True
    name, provider = _provider(sdk, given)
    configs = getattr(importlib.import_module("litellm.utils"), "ProviderConfigManager", None)
    if configs is None or not provider:
        return False
    return configs.get_provider_responses_api_config(model=name, provider=provider) is None


def _chained(answer: Any, previous: str | None) -> Any:
    """The gateway's id in an answer that the SDK made of another format's, so that a next call can go on from it."""
    stream = getattr(answer, "litellm_custom_stream_wrapper", None)
    hidden = getattr(answer if stream is None else stream, "_hidden_params", None)
    seen = (hidden.get("additional_headers") if isinstance(hidden, Mapping) else None) or {}
    call = _CALL_ID.fullmatch(str(seen.get("llm_provider-x-call-id", "")))
    if call is None:
        return answer
    ours = f"resp_{call[1]}"
    if stream is not None:
        answer._cached_response_id = ours
    elif getattr(answer, "object", "") == "response" and not inner_id(str(answer.id)).startswith("resp_"):
        answer.id = ours
        answer.previous_response_id = previous
    return answer


def inner_id(response_id: str) -> str:
    """What the SDK wraps as `resp_` + base64 of `litellm:custom_llm_provider:P;model_id:M;response_id:ID`."""
    try:
        text = base64.b64decode(response_id.removeprefix("resp_"), validate=True).decode()
    except (binascii.Error, ValueError):
        return response_id
    return text.rpartition("response_id:")[2]
