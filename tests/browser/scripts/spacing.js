// Wider letters, words and lines, as some people need them to read (WCAG 1.4.12), or as they were: what is cut off then.
(on) => {
  const wide = globalThis.__spacing ??= new CSSStyleSheet();
  wide.replaceSync(on ? `* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }
    p { margin-bottom: 2em !important }` : "");
  document.adoptedStyleSheets = [wide];
  if (!on) return [];
  const cut = (one) => {
    const style = getComputedStyle(one);
    const unseen = style.clipPath !== "none" || one.clientHeight <= 2;
    return one.clientHeight && !unseen && style.overflowY === "hidden" && one.scrollHeight > one.clientHeight + 1;
  };
  return [...document.body.querySelectorAll("*")].filter(cut).map((one) => `cut off: ${one.outerHTML.slice(0, 90)}`);
}
