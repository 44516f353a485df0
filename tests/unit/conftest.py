"""Properties are tested without a clock: a busy machine must not fail them. Each run tries other examples."""

import asyncio
from collections.abc import Callable

import pytest
import uvloop
from hypothesis import HealthCheck, settings

settings.register_profile("unit", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unit")


@pytest.hookimpl(optionalhook=True)
def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """What has to do with transports itself is tested on the loop that serves, too."""
    both = item.path.name == "test_http_upstream.py"
    return {"asyncio": asyncio.new_event_loop} | ({"uvloop": uvloop.new_event_loop} if both else {})
