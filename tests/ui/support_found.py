"""What a search in a session leads to, as a person sees it."""

from playwright.sync_api import Page

_HERE = """() => {
  const [range] = CSS.highlights.get("here") ?? [];
  if (!range) return "";
  const { left, top, width, height, bottom } = range.getBoundingClientRect();
  const feed = document.querySelector("#main").getBoundingClientRect();
  if (!width || !height || top < feed.top || bottom > feed.bottom) return "";
  const shown = document.elementFromPoint(left + width / 2, top + height / 2);
  return shown && shown.contains(range.startContainer.parentElement) ? range.toString() : "";
}"""
"""The words that are marked as the place that was come to, "" as long as one cannot see them."""


def come_to(page: Page) -> str:
    """The words of the place that the search has come to, when they can be seen."""
    page.wait_for_function(_HERE)
    return str(page.evaluate(_HERE))
