// After the last Tab: what was told on the way, and what was never reached. One button of a radio group stands for all.
() => {
  const walk = globalThis.__walk;
  const group = (one) => [...walk.reached].some(
    (other) => other.type === "radio" && other.name === one.name && other.form === one.form);
  const reached = (one) => one.type === "radio" ? group(one) : walk.reached.has(one);
  document.activeElement?.blur();
  window.scrollTo(0, 0);
  return walk.told.concat(
    walk.wanted.filter((one) => !reached(one)).map((one) => `not reached by Tab: ${one.outerHTML.slice(0, 100)}`));
}
