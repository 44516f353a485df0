"""From the LiteLLM SDK's arguments to the OpenAI library's.

- What the OpenAI library knows by name is handed over by name; every other argument goes into the body as it is,
  for the gateway and the provider to read.
- None means not given.
- `LOCAL` arguments steer the LiteLLM SDK itself, mean nothing here, and are left out; `REFUSED` ones would change
  the answer, so they are an error that says what to do.
- The model's name goes to the gateway as it is written.
"""

import inspect
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sessionary.client.active import current
from sessionary.client.library import Where, library
from sessionary.client.naming import id_headers, named_id, names_session

DEFAULT_BASE_URL = "http://127.0.0.1:4000"
BASE_URLS = ("SESSIONARY_BASE_URL", "LITELLM_PROXY_API_BASE", "OPENAI_BASE_URL", "OPENAI_API_BASE")
API_KEYS = ("SESSIONARY_API_KEY", "LITELLM_PROXY_API_KEY", "OPENAI_API_KEY")
LOCAL = frozenset(
    {
        "additional_drop_params", "allowed_openai_params", "cache", "caching", "client", "cooldown_time",
        "custom_prompt_dict", "drop_params", "enable_json_schema_validation", "fastest_response", "force_timeout",
        "input_cost_per_second", "input_cost_per_token", "litellm_call_id", "litellm_logging_obj", "logger_fn",
        "max_parallel_requests", "model_info", "no-log", "output_cost_per_second", "output_cost_per_token",
        "retry_policy", "retry_strategy", "rpm", "shared_session", "stream_timeout", "supports_system_message", "tpm",
        "use_in_pass_through", "use_litellm_proxy", "verbose",
    }
)  # fmt: skip
REFUSED = {
    "fallbacks": "fallbacks are set in the gateway's configuration",
    "context_window_fallback_dict": "fallbacks are set in the gateway's configuration",
    "model_list": "deployments are set in the gateway's configuration",
    "mock_response": "use a model named demo/..., which needs no account",
    "mock_tool_calls": "use a model named demo/..., which needs no account",
    "mock_timeout": "use a model named demo/..., which needs no account",
}


class Call(NamedTuple):
    where: Where
    retries: int | None
    options: dict[str, Any]
    """For the OpenAI library's `create`."""


def prepare(create: Callable[..., Any], given: Mapping[str, Any]) -> Call:
    """`given` are all arguments but None's; `create` is the method that takes the options."""
    left = {name: value for name, value in given.items() if value is not None and name not in LOCAL}
    for name in left.keys() & REFUSED.keys():
        raise TypeError(f"{name!r} is not an argument here: {REFUSED[name]}")
    where = Where(_base_url(left), left.pop("api_key", None) or _setting("api_key", API_KEYS) or "none")
    retries = left.pop("num_retries", None)
    retries = left.pop("max_retries", retries)
    timeout = left.pop("request_timeout", None)
    prefix, model = left.pop("custom_llm_provider", None), left["model"]
    if prefix and not model.startswith(f"{prefix}/"):
        left["model"] = f"{prefix}/{model}"
    headers = {**left.pop("headers", {}), **left.pop("extra_headers", {})}
    _schemas(left)
    body = dict(left.pop("extra_body", {}))
    if not names_session(headers):
        headers.update(_session_headers(left, body))
    known = inspect.signature(create).parameters
    options = {name: value for name, value in left.items() if name in known}
    body = {**{name: value for name, value in left.items() if name not in known}, **body}
    if timeout is not None:
        options.setdefault("timeout", timeout)
    return Call(where, retries, {**options, "extra_headers": headers or None, "extra_body": body or None})


def _base_url(left: dict[str, Any]) -> str:
    base_url, api_base = left.pop("base_url", None), left.pop("api_base", None)
    left.pop("api_version", None)
    return str(api_base or base_url or _setting("api_base", BASE_URLS) or DEFAULT_BASE_URL)


def _setting(attribute: str, variables: tuple[str, ...]) -> str:
    """`sessionary.api_base = ...` as people set it on the LiteLLM SDK, else the first variable that is set."""
    package = sys.modules.get("sessionary")
    value = vars(package).get(attribute) if package is not None else None
    return str(value or next((found for name in variables if (found := os.environ.get(name))), ""))


def _session_headers(left: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, str]:
    """Those of the active session. An id of the call's own stands above it, and is repeated to say so."""
    active = current()
    if active is None:
        return {}
    own = named_id((body, left), (body.get("metadata"), left.get("metadata")))
    return id_headers(own) if own else active.headers()


def _schemas(left: dict[str, Any]) -> None:
    """A Pydantic class as `response_format` or `text_format` becomes the JSON schema of it."""
    form = left.get("response_format")
    if isinstance(form, type):
        left["response_format"] = {"type": "json_schema", "json_schema": _schema(form)}
    form = left.pop("text_format", None)
    if isinstance(form, type):
        left["text"] = {**left.get("text", {}), "format": {"type": "json_schema", **_schema(form)}}
    elif form is not None:
        left["text"] = {**left.get("text", {}), "format": form}


def _schema(model: type) -> dict[str, Any]:
    function = library().pydantic_function_tool(model)["function"]
    return {"name": model.__name__, "schema": function["parameters"], "strict": True}
