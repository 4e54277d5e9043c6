// Before the first Tab: note everything that can be pressed and how it looks without focus; how many there are.
() => {
  document.activeElement?.blur();
  window.scrollTo(0, 0);
  const look = (one) => {
    const style = getComputedStyle(one);
    return [style.outlineStyle, style.outlineWidth, style.outlineColor, style.boxShadow, style.borderColor,
      style.backgroundColor, style.textDecorationLine, style.color, style.clipPath, style.transform].join(" ");
  };
  const frame = (one) => [one, one.closest("label") ?? one.parentElement].map(look).join(" / ");
  const wanted = [...document.querySelectorAll(
    "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]:not([tabindex='-1'])")]
    .filter((one) => one.tabIndex >= 0 && !one.matches(":disabled") && one.checkVisibility({visibilityProperty: true}));
  const was = new Map(wanted.map((one) => [one, frame(one)]));
  globalThis.__walk = {frame, wanted, was, reached: new Set(), told: [], left: 0, last: null, stayed: 0};
  return wanted.length;
}
