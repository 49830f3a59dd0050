// The map: holds what is shown and chosen, and redraws when it changes.
import { readScene } from "./map_scene.js";
import { Camera, EGO_ROW } from "./map_camera.js";
import { describe, status } from "./map_words.js";
import { Input, isInside } from "./map_input.js";
import { Brush } from "./map_brush.js";
import { Panel, Tools } from "./map_panel.js";
import { List } from "./map_list.js";
import { Screen } from "./map_screen.js";

const LINKS = 40;
const MOST_AREA = 200;
const HIT_PIXELS = 9;
const SIZE = 11;

const HTML = `
  <div class="legend" role="group" aria-label="Branches by colour and shape; press one to see it alone"></div>
  <div class="frame"><canvas class="base"></canvas>
    <canvas class="over" tabindex="0" role="application" aria-describedby="map-keys"></canvas>
    <div class="tools"></div><p class="here" hidden></p><div class="card" hidden></div></div>
  <div class="filters"><label class="topic"><span>Topic</span><select></select></label>
    <label class="runnable"><input type="checkbox"> with a checkpoint</label>
    <p class="status"></p></div>
  <div class="brush"></div>
  <div class="list"></div>
  <p class="hidden" id="map-keys">Arrow keys go to the nearest paper in that direction, n and p to the next and
    previous by citations, Enter chooses, plus and minus zoom, 0 shows all, Escape lets go.</p>
  <p class="hidden live" aria-live="polite"></p>`;

// Shared with the link (map_link.js), which is a module of its own.
const hub = (window.vfmAtlasMaps ??= { views: {}, states: {}, links: {}, cameras: {}, seqs: {} });

class MapView extends Screen {
  constructor(host) {
    host.innerHTML = HTML;
    super(host);
    this.live = host.querySelector(".live");
    this.filter = { topic: null, years: null, runnable: false, area: null };
    this.selected = this.active = this.hits = this.found = null;
    this.isLassoing = false;
    this.panel = new Panel(host, this);
    this.tools = new Tools(host.querySelector(".tools"), this);
    this.brush = new Brush(host.querySelector(".brush"), (years, isFinal) => this.brushed(years, isFinal));
    this.list = new List(host.querySelector(".list"), this);
    this.input = new Input(this.surface, this);
  }

  open(scene) {
    if (this.scene) this.keepCamera();
    this.scene = scene;
    this.host.dataset.mode = scene.mode;
    scene.total = [...scene.x].filter((x) => !Number.isNaN(x)).length;
    this.camera = new Camera(scene);
    const kept = hub.cameras[this.cameraName()];
    if (kept) this.camera.restore(kept);
    if (scene.mode === "ego") {
      const rows = Math.max(...scene.y) - Math.min(...scene.y) + 1;
      this.frame.style.height = `${Math.max(rows, 3) * EGO_ROW + 54}px`;
    }
    this.surface.setAttribute("aria-label", scene.label);
    this.selected = this.active = this.hits = this.found = null;
    this.panel.build(scene);
    if (scene.mode !== "ego") focusSearch();
    this.tools.show(this);
    hub.views[scene.name] = this;
    this.theme = null;
    this.resize();
    if (hub.states[scene.name]) this.show(hub.states[scene.name]);
    else this.refilter();
  }

  cameraName() {
    return `${this.scene.name} ${this.scene.mode} ${this.scene.version}`;
  }

  keepCamera() {
    hub.cameras[this.cameraName()] = this.camera.state();
  }

  end() {
    this.keepCamera();
    this.resizing.disconnect();
    if (hub.views[this.scene.name] === this) delete hub.views[this.scene.name];
  }

  // What the server says is chosen; an echo of something older than the last choice made here is dropped.
  show(state) {
    if (state.seq < (hub.seqs[this.scene.name] ?? 0)) return;
    hub.seqs[this.scene.name] = state.seq;
    this.note = state.note;
    const number = (key) => this.scene.numberOf.get(key) ?? null;
    const area = (state.area ?? []).map(number).filter((paper) => paper !== null);
    this.filter = { topic: state.topic, years: state.years, runnable: state.runnable, area: area.length ? new Set(area) : null };
    this.hits = state.hits ? state.hits.map(number).filter((paper) => paper !== null && this.scene.isPlaced(paper)) : null;
    this.found = this.hits && new Set(this.hits);
    const selected = number(state.paper);
    if (selected !== this.selected) this.reveal(selected);
    this.selected = selected;
    this.refilter();
  }

  // Something was chosen here: shown at once, and told to the server.
  change(part) {
    const { paper, ...filter } = part;
    Object.assign(this.filter, filter);
    if (paper !== undefined) this.selected = paper;
    this.refilter();
    const seq = (hub.seqs[this.scene.name] = (hub.seqs[this.scene.name] ?? 0) + 1);
    const key = (number) => (number === null ? null : this.scene.keys[number]);
    const { area, ...rest } = this.filter;
    const told = [...(area ?? [])].sort((a, b) => a - b).slice(0, MOST_AREA).map(key);
    hub.links[this.scene.name]?.({ seq, paper: key(this.selected), ...rest, area: told });
  }

  brushed(years, isFinal) {
    if (isFinal) this.change({ years });
    else {
      hub.seqs[this.scene.name] = (hub.seqs[this.scene.name] ?? 0) + 1; // answers to earlier choices come too late
      this.filter.years = years;
      this.refilter(false);
    }
  }

  refilter(withBrush = true) {
    if (!this.scene) return;
    this.kept = this.scene.mask(this.filter);
    this.shown = 0;
    for (let paper = 0; paper < this.scene.count; paper += 1) this.shown += this.kept[paper] && this.scene.isPlaced(paper);
    this.links = this.selected === null ? null : this.scene.linksOf(this.selected, LINKS);
    this.panel.show(this.filter);
    if (withBrush && this.scene.mode !== "ego") {
      this.brush.show(this.scene.perYear(this.scene.mask({ ...this.filter, years: null })), this.filter.years);
    }
    this.list.reset();
    this.redraw();
  }

  choose(paper, isKey = false) {
    if (paper === null && (isKey || this.selected === null)) return;
    if (this.scene.mode === "ego" && (paper === null || paper === this.scene.center)) return;
    this.change({ paper });
    if (isKey) this.say(`${this.scene.titles[paper]} is chosen`);
  }

  letGo(surface) {
    if (this.filter.area) this.change({ area: null });
    else if (this.selected !== null && this.scene.mode !== "ego") this.change({ paper: null });
    else surface.blur();
  }

  endLasso(path) {
    const { scene, camera } = this;
    const inside = new Set();
    for (let paper = 0; paper < scene.count && path.length > 2; paper += 1) {
      if (!this.kept[paper] || !scene.isPlaced(paper)) continue;
      if (isInside(path, camera.toX(scene.x[paper]), camera.toY(scene.y[paper]))) inside.add(paper);
    }
    this.isLassoing = false;
    this.tools.show(this);
    this.change({ area: inside.size ? inside : null });
    this.say(inside.size ? `${inside.size} papers inside the lasso` : "No paper inside the lasso");
  }

  setActive(paper, isKey = false, fromList = false) {
    if (paper === this.active) return;
    this.active = paper;
    this.surface.classList.toggle("pointing", paper !== null);
    if (paper !== null && isKey) this.say(describe(this.scene, paper));
    if (paper !== null && isKey) this.reveal(paper);
    if (!fromList) this.list.mark();
    if (this.scene.mode === "ego") this.redraw();
    else this.drawOver();
  }

  say(words) {
    this.live.textContent = words;
  }

  // Brings a paper into the frame when it lies outside.
  reveal(paper) {
    if (paper === null || !this.ratio || !this.scene.isPlaced(paper)) return;
    if (this.camera.shows(this.scene.x[paper], this.scene.y[paper])) return;
    [this.camera.cx, this.camera.cy] = [this.scene.x[paper], this.scene.y[paper]];
    this.camera.clamp();
    this.redraw();
  }

  zoom(factor) {
    this.glide(() => this.camera.zoomAt(factor));
  }

  fit() {
    this.glide(() => this.camera.fit());
  }

  linkedPapers() {
    if (!this.links) return [];
    return [...new Set(this.links.shown.map((link) => this.scene.otherEnd(link, this.selected)))];
  }

  // The papers shown, in the order in which keys and list go through them.
  order() {
    const all = this.hits ?? this.scene.keys.map((_, paper) => paper);
    return all.filter((paper) => this.kept[paper] && this.scene.isHere(paper));
  }

  firstPaper() {
    if (this.scene.mode === "ego") return this.scene.center;
    const { x, y } = this.scene;
    const order = this.order().filter((paper) => this.scene.isPlaced(paper));
    return order.find((paper) => this.camera.shows(x[paper], y[paper])) ?? order[0] ?? null;
  }

  walkable() {
    return this.order()
      .filter((paper) => this.scene.isPlaced(paper))
      .map((paper) => ({ paper, x: this.camera.toX(this.scene.x[paper]), y: this.camera.toY(this.scene.y[paper]) }));
  }

  isRelatedTopic(node) {
    const path = this.scene.topicPath(node).map((at) => this.scene.nodes[at][0]);
    if (path.includes(this.filter.topic)) return true;
    const chosen = this.scene.nodes.findIndex((each) => each[0] === this.filter.topic);
    return this.scene.topicPath(chosen).includes(node);
  }

  radiusOf(paper) {
    const { scene, camera } = this;
    if (scene.mode === "ego") return paper === scene.center ? 8 : 6;
    const size = Math.min(2.3 + 1.05 * Math.sqrt(scene.cited[paper]), SIZE);
    if (scene.mode === "lanes") return Math.min(size, Math.max(1.5, 0.9 * scene.rowHeight * camera.scaleY));
    const crowd = Math.min(1, (700 / scene.total) ** 0.3) * (camera.width < 520 ? 0.75 : 1);
    return size * crowd * Math.min(camera.zoom, 12) ** 0.33;
  }

  paperAt(left, top) {
    const { scene, camera } = this;
    let [best, least] = [null, Infinity];
    for (let paper = 0; paper < scene.count; paper += 1) {
      if (!this.kept[paper] || (this.found && !this.found.has(paper) && paper !== this.selected)) continue;
      const dx = camera.toX(scene.x[paper]) - left;
      const dy = camera.toY(scene.y[paper]) - top;
      const inEgo = scene.mode === "ego" && Math.abs(dy) < EGO_ROW / 2 && dx < 12 && dx > 24 - camera.scaleX;
      const distance = inEgo ? 0 : Math.hypot(dx, dy) - this.radiusOf(paper);
      if (distance < least) [best, least] = [paper, distance];
    }
    return least <= HIT_PIXELS / 2 ? best : null;
  }

  tell() {
    const { shown, links, hits, selected } = this;
    const words = status(this.scene, { shown, links, hits, selected, area: this.filter.area });
    this.host.querySelector(".status").textContent = [words, this.note].filter(Boolean).join(" · ");
    const here = this.host.querySelector(".here");
    here.textContent = this.scene.mode === "map" ? this.topicHere() : "";
    here.hidden = !here.textContent;
  }

  // The topic of most papers in the frame, or of the nearest one, where no topic's name stands in it.
  topicHere() {
    const { scene, camera } = this;
    if (this.labels.some((label) => label.paper === undefined)) return "";
    const counts = new Map();
    let [near, least] = [-1, Infinity];
    for (let paper = 0; paper < scene.count; paper += 1) {
      const node = scene.node[paper];
      if (node < 0 || !this.kept[paper] || !scene.isPlaced(paper)) continue;
      if (camera.shows(scene.x[paper], scene.y[paper], 0)) counts.set(node, (counts.get(node) ?? 0) + 1);
      const distance = Math.hypot(scene.x[paper] - camera.cx, scene.y[paper] - camera.cy);
      if (distance < least) [near, least] = [node, distance];
    }
    const [most] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? [near];
    const path = most < 0 ? [] : scene.topicPath(most).slice(1);
    return path.map((node) => scene.nodes[node][1]).join(" \u203a ");
  }
}

// People may type at once, unless they have begun elsewhere, came for one paper, or would get a keyboard on
// half of the screen.
function focusSearch() {
  const isFree = !document.activeElement || document.activeElement === document.body;
  if (!isFree || location.search.includes("paper=") || !matchMedia("(pointer: fine)").matches) return;
  document.querySelector(".st-key-q input")?.focus({ preventScroll: true });
}

const mounted = new WeakMap();

export default function ({ data, parentElement }) {
  const host = parentElement.querySelector(".map");
  let view = mounted.get(host);
  if (!view) mounted.set(host, (view = new MapView(host)));
  const scene = readScene(data);
  if (view.scene?.version !== scene.version) view.open(scene);
  else view.redraw(); // the theme may have changed
  return () => {
    view.end();
    mounted.delete(host);
  };
}
