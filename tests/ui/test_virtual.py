"""The list of which only what is near the screen is in the document: what it was sent to stays where it is."""

from tests.ui.conftest import Open

LIST = """async (url) => {
  const { Virtual } = await import(url);
  const frame = () => new Promise(requestAnimationFrame);
  let seed = 7;
  const random = (below) => (seed = (seed * 48271) % 2147483647) % below;
  const wrong = [];
  for (let trial = 0; trial < 40; trial++) {
    const scroller = document.createElement("div");
    scroller.style.cssText = "position: fixed; inset: 0; height: 400px; overflow: auto; overflow-anchor: none";
    const host = document.createElement("div");
    scroller.append(host);
    document.body.append(scroller);
    const heights = Array.from({ length: 1 + random(12) }, () => 5 + random(900));
    const items = heights.map((_, index) => index);
    const nodes = new Map();
    const render = (index) => {
      const node = document.createElement("div");
      node.style.height = `${heights[index]}px`;
      nodes.set(index, node);
      return node;
    };
    const guess = 5 + random(500);
    const list = new Virtual({ scroller, host, estimate: () => guess, key: String, version: (i) => `${heights[i]}`,
      render });
    list.set(items);
    const to = random(items.length);
    list.show(to);
    for (let change = 0; change < 3; change++) {
      const index = random(items.length);
      heights[index] = 5 + random(900);
      if (random(2)) list.set(items);
      else if (nodes.get(index)?.isConnected) nodes.get(index).style.height = `${heights[index]}px`;
      await frame();
      await frame();
    }
    list.set(items);
    for (let n = 0; n < 5; n++) await frame();
    const there = nodes.get(to).isConnected;
    const top = nodes.get(to).getBoundingClientRect().top;
    const end = scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 2;
    scroller.remove();
    if (!there || (Math.abs(top) > 1 && !(end && top > 0))) wrong.push({ trial, top, end, to, heights });
  }
  return wrong;
}"""


def test_what_was_brought_to_the_top_stays_there_whatever_turns_out_taller(visit: Open) -> None:
    """Or as near to it as the end of the list lets it come."""
    page = visit("/ui/")
    assert page.evaluate(LIST, page.evaluate("new URL('/ui/static/virtual.js', location.href).href")) == []


FOCUSED = """async (url) => {
  const { Virtual } = await import(url);
  const scroller = document.createElement("div");
  scroller.style.cssText = "position: fixed; inset: 0; height: 400px; overflow: auto; overflow-anchor: none";
  const host = document.createElement("div");
  scroller.append(host);
  document.body.append(scroller);
  const frame = () => new Promise(requestAnimationFrame);
  const heights = [100, 100, 100, 900];
  const render = (index) => {
    const node = document.createElement("div");
    node.style.height = `${heights[index]}px`;
    const button = document.createElement("button");
    button.style.display = "block";
    node.append(button);
    return node;
  };
  const list = new Virtual({ scroller, host, estimate: () => 100, key: String, version: (i) => `${heights[i]}`,
    render });
  const items = [0, 1, 2, 3];
  list.set(items);
  const button = host.querySelectorAll("button")[2];
  button.focus();
  const top = () => Math.round(button.getBoundingClientRect().top);
  const tops = [button.matches(":focus-visible"), top()];
  heights[0] = 700;
  list.set(items);
  for (let n = 0; n < 3; n++) await frame();
  tops.push(top());
  button.parentElement.previousElementSibling.style.height = "500px";
  for (let n = 0; n < 5; n++) await frame();
  tops.push(top());
  return tops;
}"""


def test_what_has_the_focus_of_the_keyboard_stays_there_when_something_above_it_turns_out_taller(visit: Open) -> None:
    """Also where nothing has been scrolled yet."""
    page = visit("/ui/")
    page.keyboard.press("Tab")
    url = page.evaluate("new URL('/ui/static/virtual.js', location.href).href")
    assert page.evaluate(FOCUSED, url) == [True, 200, 200, 200]
