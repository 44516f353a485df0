// The only place that makes elements. Content is text nodes or elements, never markup, so nothing that was
// stored can become an element, an attribute of its own, or a script.

/** @typedef {Node|string|number|null|undefined|false} Child */
/** @typedef {Record<string, string|number|boolean|null|undefined|((event: any) => void)>} Props */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Props|null} [props] attributes; `onclick` and its like take functions only
 * @param {...(Child|Child[])} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function el(tag, props, ...children) {
  return fill(document.createElement(tag), props, children);
}

/**
 * @param {string} tag
 * @param {Props|null} [props]
 * @param {...(Child|Child[])} children
 * @returns {SVGElement}
 */
export function svg(tag, props, ...children) {
  return fill(/** @type {SVGElement} */ (document.createElementNS(SVG, tag)), props, children);
}

/**
 * @template {HTMLElement|SVGElement} E
 * @param {E} node
 * @param {Props|null|undefined} props
 * @param {(Child|Child[])[]} children
 * @returns {E}
 */
function fill(node, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else if (name.startsWith("on") || name === "style" || name === "srcdoc") throw new TypeError(`no ${name} from text`);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...nodes(children));
  return node;
}

/**
 * @param {(Child|Child[])[]} children
 * @returns {Node[]}
 */
function nodes(children) {
  /** @type {Node[]} */
  const found = [];
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false || child === "") continue;
    found.push(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return found;
}

/**
 * The element of that id; it must be there.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no #${id} on this page`);
  return found;
}

/**
 * A link to elsewhere, or its text where the address is not an ordinary one.
 * @param {string} url
 * @param {...Child} children
 * @returns {HTMLElement}
 */
export function outward(url, ...children) {
  const href = safeUrl(url);
  if (!href) return el("span", { class: "deadlink", title: url.slice(0, 200) }, ...children);
  return el("a", { href, rel: "noopener noreferrer nofollow", target: "_blank", title: url.slice(0, 300) }, ...children);
}

/**
 * @param {string} url
 * @returns {string|null} the address where its scheme is http, https or mailto
 */
export function safeUrl(url) {
  try {
    const parsed = new URL(url);
    return ["http:", "https:", "mailto:"].includes(parsed.protocol) ? parsed.href : null;
  } catch {
    return null;
  }
}

/**
 * Where an address leads; "" where it is none.
 * @param {string} url
 */
export function host(url) {
  try {
    return new URL(url).host;
  } catch {
    return "";
  }
}
