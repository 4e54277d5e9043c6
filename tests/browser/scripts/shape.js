// What every page of ours holds to and axe does not ask for; a list of what is wrong.
() => {
  const told = [];
  const all = (what) => [...document.querySelectorAll(what)];
  const seen = (one) => one.checkVisibility({visibilityProperty: true});
  const start = (one) => one.outerHTML.slice(0, 90);
  for (const what of ["h1", "main"]) {
    const number = all(what).filter(seen).length;
    if (number !== 1) told.push(`${number} times ${what} instead of once`);
  }
  const ids = all("[id]").map((one) => one.id);
  ids.filter((id, at) => ids.indexOf(id) !== at).forEach((id) => told.push(`id ${id} is given twice`));
  all("script:not([src]), [onclick], [onchange], [oninput], [onsubmit], [onload], [style], style").forEach((one) =>
    told.push(`inline script or style: ${start(one)}`));
  all("[tabindex]").filter((one) => one.tabIndex > 0).forEach((one) => told.push(`tabindex above 0: ${start(one)}`));
  const guarded = (one) => one.querySelector("input[type=hidden][name=csrf]") || one.action.endsWith("/sign-in");
  all("form").filter((one) => one.method === "post" && !guarded(one)).forEach((one) =>
    told.push(`a form without a token: ${one.action}`));
  all("table").filter((one) => !one.querySelector("th[scope]")).forEach((one) =>
    told.push(`a table without th scope: ${start(one)}`));
  all("a[target=_blank]").filter((one) => !one.relList.contains("noopener")).forEach((one) =>
    told.push(`a new window that can reach back: ${start(one)}`));
  all("input[type=password]").filter((one) => one.defaultValue).forEach((one) =>
    told.push(`a secret rendered back: ${one.name}`));
  const slip = /^(None|null|undefined|NaN|True|False)$|\{\{|\}\}|\{%|<[\w.]+ object at|\[object Object\]/;
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode.data.trim();
    if (slip.test(text) && !texts.currentNode.parentElement.closest("pre, code, script, template, noscript"))
      told.push(`a slip of a template: ${text.slice(0, 90)}`);
  }
  return told;
}
