// The same papers as a table: what the map shows, for those who cannot see it or would rather read.
import { shapeIcon } from "./map_shapes.js";
import { plural } from "./map_words.js";

const AT_ONCE = 50;

export class List {
  constructor(host, view) {
    this.view = view;
    this.most = AT_ONCE;
    host.innerHTML = `
      <details><summary></summary><div class="scroll" tabindex="0" role="region" aria-label="Papers on the map">
        <table><thead><tr><th scope="col">Paper</th><th scope="col">Year</th><th scope="col">Topic</th>
        <th scope="col">Cited here</th></tr></thead><tbody></tbody></table>
        <button type="button" class="quiet">Show more</button></div></details>`;
    this.details = host.querySelector("details");
    this.summary = host.querySelector("summary");
    this.body = host.querySelector("tbody");
    this.more = host.querySelector("button");
    this.more.onclick = () => {
      this.most += 4 * AT_ONCE;
      this.show();
    };
    this.details.ontoggle = () => this.show();
  }

  reset() {
    this.most = AT_ONCE;
    this.show();
  }

  show() {
    const { view } = this;
    const order = view.order();
    const said = order.length > this.most ? `, the first ${this.most}` : "";
    this.summary.textContent = `List of ${plural(order.length, "paper")} on the map${this.details.open ? said : ""}`;
    if (!this.details.open) return;
    this.more.hidden = order.length <= this.most;
    this.rows = new Map();
    this.body.replaceChildren(...order.slice(0, this.most).map((paper) => this.row(paper)));
    this.mark();
  }

  row(paper) {
    const { scene } = this.view;
    const row = document.createElement("tr");
    const name = document.createElement("td");
    const button = document.createElement("button");
    button.type = "button";
    const words = document.createElement("span");
    words.textContent = scene.titles[paper];
    button.append(shapeIcon(scene.looks[scene.look[paper]]), words);
    button.onclick = () => this.view.choose(paper);
    name.append(button);
    row.append(name);
    for (const value of [scene.year[paper] || "not known", scene.topicLabel(paper), scene.cited[paper]]) {
      const cell = document.createElement("td");
      cell.textContent = value;
      row.append(cell);
    }
    row.onmouseenter = () => this.view.setActive(paper, false, true);
    row.onmouseleave = () => this.view.setActive(null);
    button.onfocus = () => this.view.setActive(paper, false, true);
    this.rows.set(paper, row);
    return row;
  }

  // The row of the paper under the pointer, and that of the one chosen.
  mark() {
    for (const [paper, row] of this.rows ?? []) {
      row.classList.toggle("active", paper === this.view.active);
      if (paper === this.view.selected) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    }
  }
}
