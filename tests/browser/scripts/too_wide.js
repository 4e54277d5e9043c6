// What makes the page scroll sideways; what scrolls within a box of its own does not count.
() => {
  const room = document.documentElement.clientWidth;
  if (document.scrollingElement.scrollWidth <= room) return [];
  const held = (one) => {
    for (let at = one.parentElement; at && at !== document.body; at = at.parentElement)
      if (getComputedStyle(at).overflowX !== "visible") return true;
    return false;
  };
  const wide = [...document.body.querySelectorAll("*")].filter(
    (one) => one.getBoundingClientRect().right > room + 0.5 && !held(one));
  const told = wide.slice(-3).map((one) =>
    `scrolls sideways, ${Math.ceil(one.getBoundingClientRect().right)} px of ${room}: ${one.outerHTML.slice(0, 90)}`);
  return told.length ? told : [`scrolls sideways, ${document.scrollingElement.scrollWidth} px of ${room}`];
}
