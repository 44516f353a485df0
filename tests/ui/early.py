"""Someone who is quicker than a page's script."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, Route


@contextmanager
def before(page: Page, name: str, *, again: bool = True) -> Iterator[None]:
    """What is done meanwhile comes before `name`, which the page asks for and waits for: the page is loaded again, or,
    where that is left out, goes on."""
    held: list[Route] = []
    page.route(f"**/{name}*", lambda route: held.append(route))  # noqa: PLW0108 (it marks the function)
    if again:
        page.reload(wait_until="commit")
    yield
    while not held:
        page.wait_for_timeout(10)
    for route in held:
        route.continue_()
    page.unroute(f"**/{name}*")
