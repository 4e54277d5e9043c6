// After each Tab: is the focus on something new, is it seen, and is it not hidden? False once the walk is over.
// The walk begins where the focus was before, so it leaves the page at its end once and comes in at the top.
() => {
  const walk = globalThis.__walk, one = document.activeElement;
  if (!one || one === document.body) return ++walk.left < 2;
  if (one === walk.last) return ++walk.stayed < 10; // a date has a place for each of its parts
  [walk.last, walk.stayed] = [one, 0];
  if (walk.reached.has(one)) return false;
  walk.reached.add(one);
  const name = one.outerHTML.slice(0, 100);
  if (walk.was.has(one) && walk.was.get(one) === walk.frame(one)) walk.told.push(`focus cannot be seen: ${name}`);
  const rect = one.getClientRects()[0];
  const [x, y] = rect ? [rect.x + Math.min(rect.width, innerWidth) / 2, rect.y + rect.height / 2] : [-1, -1];
  const there = document.elementFromPoint(x, y);
  const part = (a, b) => a.contains(b) || b.contains(a);
  if (!rect || (!there && rect.height < innerHeight)) walk.told.push(`focus outside the window: ${name}`);
  else if (there && !part(one, there) && !there.closest("label")?.contains(one))
    walk.told.push(`hidden behind ${there.outerHTML.slice(0, 60)}: ${name}`);
  return true;
}
