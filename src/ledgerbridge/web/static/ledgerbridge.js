// Everything works without this file, but for following progress and typing in a long list of choices.
"use strict";

// Forms: a second press of the same button sends nothing.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  window.setTimeout(() => delete form.dataset.sent, 10000);
});
window.addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

// What went wrong is read first.
document.querySelector("[data-focus]")?.focus();

// Progress: `data-live` holds the address of a stream whose pieces replace what the element holds.
for (const place of document.querySelectorAll("[data-live]")) {
  const stream = new EventSource(place.dataset.live);
  stream.addEventListener("piece", (event) => {
    place.innerHTML = event.data;
  });
  stream.addEventListener("over", () => {
    stream.close();
    place.dataset.over = "yes";
    if (place.dataset.after) window.location.replace(place.dataset.after);
  });
}

// Settings of one choice are asked for while that choice is made.
for (const part of document.querySelectorAll("[data-when]")) {
  const choice = document.getElementById(`f-${part.dataset.when}`);
  const follow = () => {
    part.hidden = part.disabled = choice.value !== part.dataset.is;
  };
  choice?.addEventListener("change", follow);
  if (choice) follow();
}

// A file that is too large is told of before it is sent.
for (const input of document.querySelectorAll("input[data-most]"))
  input.addEventListener("change", () => {
    const large = [...input.files].some((file) => file.size > Number(input.dataset.most));
    input.setCustomValidity(large ? input.dataset.tooLarge : "");
    if (large) input.reportValidity();
  });

// A long choice becomes a field one can type in, with the select behind it as what is sent.
function searchable(select, number) {
  const options = [...select.options].filter((option) => option.value !== "");
  const box = document.createElement("div");
  const input = document.createElement("input");
  const list = document.createElement("ul");
  const said = document.createElement("span");
  let shown = [];
  let at = -1;

  box.className = "combo";
  said.className = "unseen";
  said.setAttribute("role", "status");
  list.id = `list-${number}`;
  list.hidden = true;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", document.querySelector(`label[for="${select.id}"]`)?.textContent ?? "");
  Object.assign(input, { type: "text", autocomplete: "off", id: select.id, required: select.required });
  for (const [name, value] of [["role", "combobox"], ["aria-expanded", "false"], ["aria-controls", list.id], ["aria-autocomplete", "list"]])
    input.setAttribute(name, value);
  for (const name of ["aria-describedby", "aria-invalid"])
    if (select.hasAttribute(name)) input.setAttribute(name, select.getAttribute(name));
  input.value = select.selectedOptions[0]?.value ? select.selectedOptions[0].text : "";
  input.placeholder = select.options[0]?.value === "" ? select.options[0].text : "";
  select.removeAttribute("id");
  select.required = false;
  select.hidden = true;
  select.before(box);
  box.append(input, list, select, said);

  const close = () => {
    list.hidden = true;
    at = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const choose = (option) => {
    select.value = option.value;
    input.value = option.text;
    input.setCustomValidity("");
    close();
  };
  const mark = (index) => {
    at = index;
    [...list.children].forEach((item, each) => item.setAttribute("aria-selected", String(each === at)));
    const item = list.children[at];
    if (!item) return;
    input.setAttribute("aria-activedescendant", item.id);
    item.scrollIntoView({ block: "nearest" });
  };
  const open = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const exact = options.some((option) => option.text === input.value);
    shown = options.filter((option) => exact || words.every((word) => option.text.toLowerCase().includes(word)));
    list.replaceChildren(...shown.slice(0, 200).map((option, index) => {
      const item = document.createElement("li");
      item.id = `${list.id}-${index}`;
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", "false");
      item.textContent = option.text;
      item.addEventListener("mousedown", (event) => {
        event.preventDefault();
        choose(option);
      });
      return item;
    }));
    list.hidden = shown.length === 0;
    input.setAttribute("aria-expanded", String(!list.hidden));
    said.textContent = shown.length ? "" : select.dataset.none;
    said.className = shown.length ? "unseen" : "none";
    at = -1;
  };

  input.addEventListener("input", () => {
    select.value = "";
    open();
  });
  input.addEventListener("click", open);
  input.addEventListener("blur", () => {
    const found = options.find((option) => option.text === input.value) ?? options.find((option) => option.value === input.value.trim());
    if (found) choose(found);
    else {
      select.value = "";
      input.setCustomValidity(input.value ? select.dataset.none : "");
      close();
    }
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) open();
      const last = list.children.length - 1;
      mark(event.key === "ArrowDown" ? Math.min(at + 1, last) : Math.max(at - 1, 0));
    } else if (event.key === "Enter" && !list.hidden && at >= 0) {
      event.preventDefault();
      choose(shown[at]);
    } else if (event.key === "Escape") close();
  });
}
// A time zone that nobody chose yet: the browser's own.
for (const field of document.querySelectorAll("[data-browser-zone]")) {
  const zones = field.querySelector("select");
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if ([...zones.options].some((option) => option.value === own)) zones.value = own;
}

document.querySelectorAll("select[data-search]").forEach(searchable);
