// Elements that would run, load or send something, or lead elsewhere by another way than an ordinary link.
() => {
  const found = [];
  const ACTIVE = /^(iframe|object|embed|base|style|meta|link|script|form|portal|frame|applet|video|source|track)$/;
  const MEDIA = /^data:(?:image\/(?!svg)|audio\/)[\w.+-]+;base64,[A-Za-z0-9+/]+=*$/;
  for (const e of document.querySelectorAll("*")) {
    for (const { name } of e.attributes) if (name.startsWith("on") || name === "srcdoc" || name === "ping") found.push(e);
    if (ACTIVE.test(e.localName)) {
      const address = e.getAttribute("src") ?? e.getAttribute("href") ?? e.getAttribute("action") ?? "";
      const handled = e.localName === "form" && !address;
      const early = e.rel === "preload" && address.startsWith("/api/sessions/");
      const ours = early || (/^(script|link|form)$/.test(e.localName) && address.startsWith("/ui/"));
      if (!handled && !ours && (e.localName !== "meta" || e.httpEquiv)) found.push(e);
    }
    const src = e.getAttribute("src");
    if (src && !src.startsWith("/ui/static/") && !MEDIA.test(src)) found.push(e);
    const href = e.getAttribute("href");
    if (href && !/^(?:[#?]|\/(?!\/))/.test(href)) {
      const ordinary = ["http:", "https:", "mailto:"].includes(e.protocol) && e.target === "_blank";
      if (!ordinary || e.rel !== "noopener noreferrer nofollow") found.push(e);
    }
    if (/evil|url\(/.test(e.getAttribute("style") ?? "")) found.push(e);
  }
  return found.map((e) => e.outerHTML.slice(0, 300));
}
