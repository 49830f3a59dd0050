// Draws one paper's ego graph on a canvas: columns are years, lines are typed relations and citations.
// Mouse: hover shows a paper's own links, click opens it. Keyboard: arrows or n/p walk, Enter opens, Esc leaves.

const TOP = 30; // room for the years
const RADIUS = 6;
const FONT = 12;

function shapePath(ctx, shape, x, y, r) {
  ctx.beginPath();
  if (shape === "circle") {
    ctx.arc(x, y, r, 0, 2 * Math.PI);
    return;
  }
  if (shape === "square") {
    ctx.rect(x - r * 0.9, y - r * 0.9, 1.8 * r, 1.8 * r);
    return;
  }
  if (shape === "star") {
    for (let corner = 0; corner < 10; corner += 1) {
      const angle = (Math.PI * corner) / 5 - Math.PI / 2;
      const reach = corner % 2 ? 0.6 * r : 1.35 * r;
      ctx.lineTo(x + reach * Math.cos(angle), y + reach * Math.sin(angle));
    }
    ctx.closePath();
    return;
  }
  const [sides, turn] = {
    diamond: [4, 0],
    triangle: [3, -Math.PI / 2],
    down: [3, Math.PI / 2],
    hexagon: [6, 0],
  }[shape] ?? [4, 0];
  for (let corner = 0; corner < sides; corner += 1) {
    const angle = turn + (2 * Math.PI * corner) / sides;
    ctx.lineTo(x + 1.2 * r * Math.cos(angle), y + 1.2 * r * Math.sin(angle));
  }
  ctx.closePath();
}

class EgoView {
  constructor(host, onOpen) {
    this.host = host;
    this.canvas = host.querySelector("canvas");
    this.live = host.querySelector(".live");
    this.ctx = this.canvas.getContext("2d");
    this.onOpen = onOpen;
    this.active = null;
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    this.canvas.onmousemove = (event) => this.setActive(this.nodeAt(event), false);
    this.canvas.onmouseleave = () => this.setActive(null, false);
    this.canvas.onclick = (event) => this.open(this.nodeAt(event));
    this.canvas.onkeydown = (event) => this.key(event);
    this.canvas.onblur = () => this.setActive(null, false);
    this.resizing = new ResizeObserver(() => this.draw());
    this.resizing.observe(this.canvas);
  }

  update(data) {
    this.data = data;
    this.active = null;
    this.order = [...data.nodes].sort((a, b) => a.x - b.x || a.y - b.y);
    this.canvas.style.height = `${data.height}px`;
    this.canvas.setAttribute("aria-label", data.label);
    this.draw();
  }

  end() {
    this.resizing.disconnect();
  }

  place(node) {
    const columnWidth = this.width / this.data.columns.length;
    return {
      x: node.x * columnWidth + RADIUS + 6,
      y: TOP + (this.height - TOP) / 2 + (node.y * (this.height - TOP - 12)) / this.data.rows,
      room: columnWidth - 3 * RADIUS - 10,
    };
  }

  nodeAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    return (
      this.data.nodes.find((node) => {
        const at = this.place(node);
        return x > at.x - 12 && x < at.x + at.room + 12 && Math.abs(y - at.y) < 13;
      }) ?? null
    );
  }

  setActive(node, announce) {
    this.canvas.classList.toggle("over", node !== null);
    if (node === this.active) return;
    this.active = node;
    if (announce && node) this.live.textContent = this.describe(node);
    this.draw();
  }

  describe(node) {
    const year = node.year ?? "year not known";
    const links = this.data.edges
      .filter((edge) => edge.start === node.key || edge.end === node.key)
      .filter((edge) => this.isCenter(edge.start) || this.isCenter(edge.end))
      .map((edge) => `${this.nameOf(edge.start)} ${edge.words} ${this.nameOf(edge.end)}`);
    return [`${node.title}, ${year}`, ...links].join("; ");
  }

  isCenter(key) {
    return this.data.nodes.some((node) => node.key === key && node.is_center);
  }

  nameOf(key) {
    return this.data.nodes.find((node) => node.key === key).short_name;
  }

  key(event) {
    const step = { ArrowDown: 1, ArrowRight: 1, n: 1, ArrowUp: -1, ArrowLeft: -1, p: -1 }[event.key];
    if (step) {
      const from = this.order.indexOf(this.active);
      const count = this.order.length;
      const to = from < 0 ? this.order.findIndex((node) => node.is_center) : (from + step + count) % count;
      this.setActive(this.order[to], true);
    } else if (event.key === "Enter") {
      this.open(this.active);
    } else if (event.key === "Escape") {
      this.setActive(null, false);
      this.canvas.blur();
    } else {
      return;
    }
    event.preventDefault();
  }

  open(node) {
    if (node && !node.is_center) this.onOpen(node.key);
  }

  draw() {
    if (!this.data) return;
    const ratio = window.devicePixelRatio || 1;
    this.width = this.canvas.clientWidth;
    this.height = this.canvas.clientHeight;
    if (!this.width || !this.height) return;
    this.canvas.width = this.width * ratio;
    this.canvas.height = this.height * ratio;
    const style = getComputedStyle(this.host);
    this.ink = style.getPropertyValue("--st-text-color") || "#222";
    this.paper = style.getPropertyValue("--st-background-color") || "#fff";
    this.accent = style.getPropertyValue("--st-primary-color") || "#35c";
    this.font = style.getPropertyValue("--st-font") || "sans-serif";
    const ctx = this.ctx;
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, this.width, this.height);
    this.drawYears();
    for (const pass of ["far", "cites", "typed", "active"]) {
      for (const edge of this.data.edges) {
        if (this.layerOf(edge) === pass) this.drawEdge(edge, pass);
      }
    }
    for (const node of this.data.nodes) this.drawNode(node);
  }

  // Lines between two neighbours are left out until one of them is looked at: they would hide the rest.
  layerOf(edge) {
    const active = this.active?.key;
    if (active && (edge.start === active || edge.end === active)) return "active";
    if (!this.isCenter(edge.start) && !this.isCenter(edge.end)) return "hidden";
    return edge.relation === "cites" ? "cites" : "typed";
  }

  drawYears() {
    const ctx = this.ctx;
    const columnWidth = this.width / this.data.columns.length;
    ctx.font = `600 ${FONT}px ${this.font}`;
    ctx.textBaseline = "middle";
    this.data.columns.forEach((label, column) => {
      ctx.globalAlpha = 0.7;
      ctx.fillStyle = this.ink;
      ctx.fillText(label, column * columnWidth + 6, 12, columnWidth - 8);
      ctx.globalAlpha = 0.12;
      ctx.fillRect(column * columnWidth, 24, 1, this.height - 24);
    });
    ctx.globalAlpha = 1;
  }

  drawEdge(edge, pass) {
    const ctx = this.ctx;
    const nodes = Object.fromEntries(this.data.nodes.map((node) => [node.key, node]));
    const [from, to] = [this.place(nodes[edge.start]), this.place(nodes[edge.end])];
    const bend = from.x === to.x ? 46 : 0;
    const middle = { x: (from.x + to.x) / 2 - bend, y: (from.y + to.y) / 2 };
    ctx.beginPath();
    ctx.moveTo(from.x, from.y);
    ctx.bezierCurveTo(middle.x, from.y, middle.x, to.y, to.x, to.y);
    const typed = edge.relation !== "cites";
    ctx.strokeStyle = pass === "active" || typed ? this.accent : this.ink;
    ctx.globalAlpha = pass === "active" ? 0.95 : this.active ? 0.1 : typed ? 0.8 : 0.22;
    ctx.lineWidth = typed ? 1.8 : 1;
    ctx.setLineDash(typed ? [] : [4, 3]);
    ctx.stroke();
    ctx.setLineDash([]);
    ctx.globalAlpha = 1;
  }

  drawNode(node) {
    const ctx = this.ctx;
    const at = this.place(node);
    const active = node === this.active;
    const near = this.active && !active && !this.linked(node, this.active);
    ctx.globalAlpha = near ? 0.35 : 1;
    shapePath(ctx, node.look.shape, at.x, at.y, node.is_center ? RADIUS + 2 : RADIUS);
    ctx.fillStyle = node.look.color;
    ctx.fill();
    ctx.lineWidth = node.is_center || active ? 2.5 : 1.5;
    ctx.strokeStyle = node.is_center || active ? this.ink : this.paper;
    ctx.stroke();
    ctx.font = `${node.is_center || active ? 700 : 400} ${FONT}px ${this.font}`;
    const name = active ? node.short_name : this.fit(node.short_name, at.room);
    const left = at.x + RADIUS + 5;
    this.drawText(name, left, at.y + 1, this.ink, near ? 0.45 : 1);
    const words = this.relationWords(node);
    if (words) {
      ctx.font = `${FONT - 2}px ${this.font}`;
      this.drawText(this.fit(words, at.room), left, at.y + 13, this.accent, near ? 0.45 : 1);
    }
    ctx.globalAlpha = 1;
  }

  // On a strip of the background, so that lines do not run through the letters.
  drawText(text, x, y, color, alpha) {
    const ctx = this.ctx;
    ctx.fillStyle = this.paper;
    ctx.globalAlpha = 0.85 * alpha;
    ctx.fillRect(x - 2, y - 7, ctx.measureText(text).width + 4, 14);
    ctx.fillStyle = color;
    ctx.globalAlpha = alpha;
    ctx.fillText(text, x, y);
  }

  // What joins a paper to the one in the middle, where more than a citation is known.
  relationWords(node) {
    const center = this.data.nodes.find((other) => other.is_center);
    const edge = this.data.edges.find(
      ({ start, end, relation }) =>
        relation !== "cites" &&
        ((start === node.key && end === center.key) || (start === center.key && end === node.key)),
    );
    if (!edge || node.is_center) return "";
    return edge.start === node.key ? `${edge.words} ${center.short_name}` : `${center.short_name} ${edge.words} it`;
  }

  linked(a, b) {
    return this.data.edges.some(
      (edge) => (edge.start === a.key && edge.end === b.key) || (edge.start === b.key && edge.end === a.key),
    );
  }

  fit(text, room) {
    const ctx = this.ctx;
    if (ctx.measureText(text).width <= room) return text;
    let end = text.length - 1;
    while (end > 1 && ctx.measureText(`${text.slice(0, end)}…`).width > room) end -= 1;
    return `${text.slice(0, end)}…`;
  }
}

const views = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const host = parentElement.querySelector(".ego");
  let view = views.get(host);
  if (!view) {
    view = new EgoView(host, (key) => setTriggerValue("opened", key));
    views.set(host, view);
  }
  const version = JSON.stringify([data.label, data.nodes.length]);
  if (view.version !== version) {
    view.version = version;
    view.update(data);
  }
  return () => {
    view.end();
    views.delete(host);
  };
}
