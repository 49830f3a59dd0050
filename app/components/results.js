// The results of a search: what was understood, what narrows it, and the papers with the reasons. What is drawn
// comes as one text of JSON (app/answers.py); what is pressed goes back as one message.

const MOST_COMPARED = 5;
// Kept outside of the list, which is taken down while a paper's card is shown.
const hub = (window.vfmAtlasResults ??= { chosen: new Map() });
const mounted = new WeakMap();
let seq = Date.now(); // a message that is equal to the last one would be none

const HTML = `
  <div class="chips" role="group" aria-label="What the search was understood to be; press one to remove it"></div>
  <div class="narrow" role="group" aria-label="Narrow the results"></div>
  <div class="line"><p class="said" role="status"></p><span class="ordered"></span></div>
  <p class="warning" hidden></p>
  <div class="bar" role="group" aria-label="The chosen papers" hidden></div>
  <div class="empty" hidden></div>
  <ol class="hits" aria-label="Results"></ol>`;

function make(tag, options = {}, ...children) {
  const { dataset, ...rest } = options;
  const element = Object.assign(document.createElement(tag), rest);
  Object.assign(element.dataset, dataset);
  element.append(...children);
  return element;
}

function button(words, act, className = "quiet") {
  return make("button", { type: "button", className, textContent: words, onclick: act });
}

function pieces(parts) {
  return parts.map(([words, isMarked]) => (isMarked ? make("mark", { textContent: words }) : words));
}

class Results {
  constructor(host) {
    this.host = host;
    host.innerHTML = HTML;
    for (const part of ["chips", "narrow", "said", "ordered", "warning", "bar", "empty", "hits"]) {
      this[part] = host.querySelector(`.${part}`);
    }
    this.rows = new Map();
    host.addEventListener("keydown", (event) => this.key(event));
    hub.first = () => this.focus(0);
  }

  show(told) {
    const at = this.position(this.host.getRootNode().activeElement);
    const focused = this.shown?.[at]?.key;
    this.told = told;
    const content = JSON.parse(told);
    const isOther = this.shown?.[0]?.key !== content.hits[0]?.key;
    this.shown = content.hits;
    this.chips.replaceChildren(...content.chips.map((chip) => this.chip(chip)));
    this.showFacets(content);
    // Said after what is drawn, and in the next turn, so that screen readers notice the change.
    setTimeout(() => (this.said.textContent = content.said));
    this.warning.textContent = content.warning;
    this.warning.hidden = !content.warning;
    this.showInstead(content.empty);
    const rows = new Map();
    for (const hit of content.hits) {
      const told = JSON.stringify(hit);
      const before = this.rows.get(hit.key);
      rows.set(hit.key, before?.told === told ? before : { told, element: this.row(hit) });
    }
    this.rows = rows;
    this.hits.replaceChildren(...[...rows.values()].map((row) => row.element));
    // A page turned at the end of the list begins at its beginning.
    if (isOther && this.hits.getBoundingClientRect().top < 0) this.said.scrollIntoView({ block: "start" });
    if (focused) this.focus(Math.max(content.hits.findIndex((hit) => hit.key === focused), 0));
    this.showChosen();
  }

  chip({ do: what, value, kind, label, read }) {
    const chip = button("", () => this.send({ do: what, value }), "chip");
    const words = make("span", {}, make("small", { textContent: `${kind} ` }), label);
    if (read) words.append(make("small", { textContent: ` for “${read}”` }));
    chip.append(words, make("span", { className: "cross", textContent: "✕", ariaHidden: "true" }));
    chip.setAttribute("aria-label", `Remove: ${kind} ${label}`);
    return chip;
  }

  showFacets({ facets, sort, filtered }) {
    const told = JSON.stringify([facets, sort, filtered]);
    if (told === this.narrowed) return; // a list that somebody has open would close
    this.narrowed = told;
    const focused = this.host.getRootNode().activeElement?.dataset?.name;
    const controls = facets.map((facet) => (facet.values ? this.select(facet) : this.check(facet)));
    if (filtered) controls.push(button("Clear filters", () => this.send({ do: "clear" })));
    this.narrow.replaceChildren(...controls);
    this.ordered.replaceChildren(...(sort.length ? [this.order(sort)] : []));
    if (focused) this.host.querySelector(`[data-name="${focused}"]`)?.focus();
  }

  order(sorts) {
    const list = make("select", { ariaLabel: "Order", dataset: { name: "order" } });
    list.append(...sorts.map(([value, words, chosen]) => new Option(words, value, chosen, chosen)));
    list.onchange = () => this.send({ do: "sort", value: list.value });
    return list;
  }

  select({ name, any, values }) {
    const list = make("select", { ariaLabel: any.replace("Any ", "Filter by "), dataset: { name } });
    const none = !values.some(([, , chosen]) => chosen);
    list.append(new Option(any, "", none, none));
    for (const [value, words, chosen] of values) {
      const option = new Option(words, value || "-", chosen, chosen);
      option.disabled = !value;
      list.append(option);
    }
    list.classList.toggle("set", !none);
    list.onchange = () => this.send({ do: "facet", name, value: list.value });
    return list;
  }

  check({ name, count, chosen }) {
    const box = make("input", { type: "checkbox", checked: chosen, dataset: { name } });
    box.onchange = () => this.send({ do: "facet", name, value: box.checked ? "yes" : "" });
    return make("label", {}, box, ` with a checkpoint (${count.toLocaleString("en")})`);
  }

  showInstead(empty) {
    this.empty.hidden = !empty;
    if (!empty) return;
    const near = empty.near.map(([query, name]) => button(name, () => this.send({ do: "ask", value: query })));
    const less = empty.less.map(([name, words]) => button(words, () => this.send({ do: "less", value: name })));
    this.empty.replaceChildren(make("p", { textContent: empty.words }));
    if (near.length) this.empty.append(make("p", { className: "offers" }, "Did you mean ", ...near));
    if (less.length) this.empty.append(make("p", { className: "offers" }, ...less));
  }

  row(hit) {
    const title = make("a", { href: `paper?key=${encodeURIComponent(hit.key)}`, className: "title" });
    title.append(...pieces(hit.title));
    title.onclick = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return; // the browser's own: another tab, a window
      event.preventDefault();
      this.send({ do: "open", keys: [hit.key] });
    };
    const box = make("input", { type: "checkbox", className: "choose", checked: hub.chosen.has(hit.key) });
    box.setAttribute("aria-label", `Choose ${hit.name}`);
    box.onchange = () => {
      if (box.checked) hub.chosen.set(hit.key, hit.name);
      else hub.chosen.delete(hit.key);
      this.showChosen();
    };
    const facts = make("p", { className: "facts" }, hit.facts.join(" · "));
    if (hit.topic) {
      const [sign, color, label] = hit.topic;
      const shape = make("span", { textContent: sign });
      shape.style.color = color;
      facts.append(" · ", shape, ` ${label}`);
    }
    facts.append(` · ${hit.counts.join(" · ")}`);
    const row = make("li", {}, box, title, facts);
    if (hit.text.length) row.append(make("p", { className: "text" }, ...pieces(hit.text)));
    const acts = make("p", { className: "acts" });
    acts.append(
      button("On the map", () => this.send({ do: "show", keys: [hit.key] })),
      button("Add to a collection", () => this.send({ do: "collect", keys: [hit.key] })),
      button("Similar", () => this.send({ do: "like", keys: [hit.key] })),
    );
    for (const act of acts.children) act.setAttribute("aria-label", `${act.textContent}: ${hit.name}`);
    row.append(this.reasons(hit), acts);
    row.onmouseenter = () => this.point(hit.key);
    row.onmouseleave = () => this.point(null);
    title.onfocus = () => this.point(hit.key);
    title.onblur = () => this.point(null);
    return row;
  }

  // The score as a strip of its parts, and the reasons in words.
  reasons({ why, parts }) {
    const line = make("p", { className: "why" });
    const total = parts.reduce((sum, [, , value]) => sum + value, 0);
    if (total > 0) {
      const told = parts.map(([, words, value]) => `${words} ${value.toFixed(2)}`).join(", ");
      const strip = make("span", { className: "strip", title: `Score ${total.toFixed(2)}: ${told}`, ariaHidden: "true" });
      for (const [name, , value] of parts) {
        const part = make("span", { dataset: { part: name } });
        part.style.flexGrow = 100 * value;
        strip.append(part);
      }
      line.append(strip);
    }
    line.append(`${parts.length ? "Found by " : ""}${why.join(" · ")}`);
    return line;
  }

  showChosen() {
    for (const { element } of this.rows.values()) element.classList.toggle("chosen", element.firstChild.checked);
    const keys = [...hub.chosen.keys()];
    this.bar.hidden = !keys.length;
    const names = [...hub.chosen.values()];
    const count = make("span", { title: names.join(", "), textContent: `${keys.length} chosen` });
    const compare = button("Compare", () => this.send({ do: "compare", keys: keys.slice(0, MOST_COMPARED) }));
    compare.disabled = keys.length < 2;
    compare.title = keys.length > MOST_COMPARED ? `The first ${MOST_COMPARED} stand side by side` : "";
    const clear = button("Clear", () => {
      hub.chosen.clear();
      for (const { element } of this.rows.values()) element.firstChild.checked = false;
      this.showChosen();
      this.focus(0);
    });
    this.bar.replaceChildren(
      count,
      button("More like these", () => this.send({ do: "like", keys })),
      compare,
      button("Collect", () => this.send({ do: "collect", keys })),
      clear,
    );
  }

  // Shows a hit on the map of the same page, if there is one.
  point(key) {
    const map = window.vfmAtlasMaps?.views.map;
    if (map?.scene) map.setActive(key === null ? null : (map.scene.numberOf.get(key) ?? null), false, true);
  }

  position(element) {
    return element ? [...this.hits.children].findIndex((row) => row.contains(element)) : -1;
  }

  focus(at) {
    const title = this.hits.children[at]?.querySelector(".title");
    title?.focus();
    title?.scrollIntoView({ block: "nearest" });
    return Boolean(title);
  }

  key(event) {
    const target = event.composedPath()[0];
    if (event.ctrlKey || event.metaKey || event.altKey || target.tagName === "SELECT") return;
    const box = document.querySelector(".st-key-q input");
    const at = this.position(target);
    if (event.key === "Escape") box?.focus();
    else if (event.key === "ArrowDown" && at >= 0) this.focus(at + 1);
    else if (event.key === "ArrowUp" && at > 0) this.focus(at - 1);
    else if (event.key === "ArrowUp" && at === 0) box?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const host = parentElement.querySelector(".found");
  let view = mounted.get(host);
  if (!view) mounted.set(host, (view = new Results(host)));
  view.send = (act) => setTriggerValue("acted", { ...act, seq: (seq += 1) });
  if (view.told !== data.told) view.show(data.told);
}
