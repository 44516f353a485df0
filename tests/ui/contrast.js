// The texts of a page whose contrast with what is behind them is under WCAG AA. Colours are painted to learn
// their channels, since CSS may name them in any colour space.
() => {
  const paint = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = text => {
    paint.clearRect(0, 0, 1, 1); paint.fillStyle = text; paint.fillRect(0, 0, 1, 1);
    return [...paint.getImageData(0, 0, 1, 1).data].map(v => v / 255);
  };
  const over = (top, under) => [0, 1, 2].map(i => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
  const light = c => { const [r, g, b] = c.map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
  const behind = node => {
    const layers = [];
    for (let e = node; e; e = e.parentElement) { layers.push(rgba(getComputedStyle(e).backgroundColor)); if (layers.at(-1)[3] === 1) break; }
    return layers.reverse().reduce((under, top) => over(top, under), [1, 1, 1, 1]);
  };
  const poor = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const node = texts.currentNode.parentElement;
    const style = getComputedStyle(node);
    if (!texts.currentNode.data.trim() || !node.checkVisibility({opacityProperty: true, visibilityProperty: true}) || node.closest('svg, .hidden, .skip')) continue;
    const ground = behind(node);
    const [a, b] = [light(over(rgba(style.color), ground)), light(ground)];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    const size = parseFloat(style.fontSize);
    const needed = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
    if (ratio < needed) poor.push(`${texts.currentNode.data.trim().slice(0, 30)} (${node.className || node.tagName}): ${ratio.toFixed(2)}`);
  }
  return [...new Set(poor)];
}
