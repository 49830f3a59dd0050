// The legend, whose entries are filters, and the other controls around the map.
import { shapeIcon } from "./map_shapes.js";

export class Panel {
  constructor(host, view) {
    this.host = host;
    this.view = view;
    this.legend = host.querySelector(".legend");
    this.select = host.querySelector("select");
    this.runnable = host.querySelector("input");
    this.select.onchange = () => view.change({ topic: this.select.value || null });
    this.runnable.onchange = () => view.change({ runnable: this.runnable.checked });
  }

  build(scene) {
    const counts = new Array(scene.looks.length).fill(0);
    scene.look.forEach((look, paper) => (counts[look] += scene.isHere(paper)));
    const isEgo = scene.mode === "ego";
    this.host.querySelector(".filters").hidden = isEgo;
    const entries = scene.looks.map((look, at) => this.entry(look, counts[at], isEgo));
    this.legend.replaceChildren(...entries.filter((_, at) => counts[at] && (scene.looks[at].id || scene.nodes.length)));
    this.host.querySelector(".topic").hidden = !scene.nodes.length;
    this.host.querySelector(".runnable").hidden = !scene.runnable.some((each) => each);
    const options = scene.nodes
      .filter((node) => node[4])
      .map(([id, label, , depth, papers]) => {
        const indent = "\u2003".repeat(Math.max(depth - 1, 0));
        return new Option(`${indent}${depth ? label : "All topics"} (${papers.toLocaleString("en")})`, depth ? id : "");
      });
    this.select.replaceChildren(...options);
  }

  entry(look, count, isEgo) {
    const isFilter = look.id && !isEgo;
    const entry = document.createElement(isFilter ? "button" : "span");
    entry.className = "look";
    const words = document.createElement("span");
    words.textContent = look.label;
    entry.append(shapeIcon(look), words);
    if (!isEgo) {
      const papers = document.createElement("small");
      papers.textContent = count.toLocaleString("en");
      entry.append(papers);
    }
    if (isFilter) {
      entry.type = "button";
      entry.dataset.topic = look.id;
      entry.onclick = () => this.view.change({ topic: this.view.filter.topic === look.id ? null : look.id });
    }
    return entry;
  }

  show({ topic, runnable }) {
    for (const entry of this.legend.querySelectorAll("button")) {
      entry.setAttribute("aria-pressed", String(entry.dataset.topic === topic));
    }
    this.legend.classList.toggle("chosen", Boolean(topic));
    this.select.value = topic ?? "";
    this.runnable.checked = runnable;
  }
}

// Strokes in a square of 16, in place of signs that fonts draw in their own ways.
const SIGNS = {
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  whole: "M3 6V3h3M10 3h3v3M13 10v3h-3M6 13H3v-3",
  lasso: "M8 3c3.3 0 6 1.6 6 3.8S11.300 10.500 8 10.500 2 9 2 6.800 4.700 3 8 3ZM5 10c-1.200 1.200-1.200 2.600.200 3.400",
};

function signIcon(path) {
  const space = "http://www.w3.org/2000/svg";
  const icon = document.createElementNS(space, "svg");
  icon.setAttribute("viewBox", "0 0 16 16");
  icon.setAttribute("aria-hidden", "true");
  const stroke = document.createElementNS(space, "path");
  stroke.setAttribute("d", path);
  icon.append(stroke);
  return icon;
}

// Buttons on the corner of the map.
export class Tools {
  constructor(host, view) {
    const tools = [
      ["Zoom in", SIGNS.plus, () => view.zoom(1.6)],
      ["Zoom out", SIGNS.minus, () => view.zoom(1 / 1.6)],
      ["Show all", SIGNS.whole, () => view.fit()],
      ["Choose papers with a lasso (or hold Shift and drag)", SIGNS.lasso, () => this.toggleLasso(view)],
    ];
    for (const [label, sign, act] of tools) {
      const button = document.createElement("button");
      button.type = "button";
      button.title = label;
      button.setAttribute("aria-label", label);
      button.append(signIcon(sign));
      button.onclick = act;
      host.append(button);
    }
    this.lasso = host.lastChild;
    this.lasso.setAttribute("aria-pressed", "false");
  }

  toggleLasso(view) {
    view.isLassoing = !view.isLassoing;
    this.show(view);
  }

  show(view) {
    this.lasso.hidden = view.scene.mode === "ego";
    this.lasso.setAttribute("aria-pressed", String(view.isLassoing));
    view.surface.classList.toggle("lassoing", view.isLassoing);
  }
}
