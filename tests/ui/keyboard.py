"""Using a page without a mouse: from one control to the next by Tab, as a person would."""

from dataclasses import dataclass

from playwright.sync_api import Page

FOCUSED = """() => {
  const e = document.activeElement;
  if (!e || e === document.body) return null;
  const { width, height, top, right, bottom, left } = e.getBoundingClientRect();
  const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(e);
  const player = e.localName === "audio";
  queueMicrotask(() => (window.focusedBefore = e));
  const name = e.ariaLabel || e.labels?.[0]?.innerText || e.innerText || e.title || e.getAttribute("placeholder");
  return {
    tag: e.localName,
    name: (name || "").trim().slice(0, 120),
    role: e.getAttribute("role") ?? "",
    seen: width > 0 && height > 0 && bottom > 0 && right > 0 && top < innerHeight && left < innerWidth,
    marked: player || (outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow !== "none",
    held: window.focusedBefore === e && !player,
    path: e.id ? `#${e.id}` : `${e.localName}.${e.className}`,
  };
}"""


@dataclass(frozen=True)
class Stop:
    """A control that has the focus. `seen`: it is in view; `marked`: one sees that it has the focus;
    `held`: it had it before already. A player has controls of the browser's own."""

    tag: str
    name: str
    role: str
    seen: bool
    marked: bool
    held: bool
    path: str


def focused(page: Page) -> Stop | None:
    found = page.evaluate(FOCUSED)
    return Stop(**found) if found else None


def walk(page: Page, most: int = 60, key: str = "Tab") -> list[Stop]:
    """Where Tab leads from where the focus is, at most `most` controls, until it leaves the page."""
    stops = []
    for _ in range(most):
        page.keyboard.press(key)
        stop = focused(page)
        if stop is None:
            break
        stops.append(stop)
    return stops


def reach(page: Page, name: str, most: int = 60) -> Stop:
    """Goes on by Tab until the control of that name has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        stop = focused(page)
        if stop and name in stop.name:
            return stop
    raise AssertionError(f"no {name!r} within {most} steps")
