// The two canvases: the scene as a bitmap that is moved while people pan, and what lies over it.
import { Sprites } from "./map_shapes.js";
import { facts } from "./map_words.js";
import { chooseLabels, drawLabels } from "./map_labels.js";
import { drawLinks, drawRing, drawScene } from "./map_draw.js";

const IDLE_MS = 140;
const SWIFT_MS = 9; // a scene drawn in less is drawn anew in every frame; otherwise its picture is moved
const MARGIN = 0.25; // of the frame, drawn beyond each of its edges, so that a moved picture has no blank

export class Screen {
  constructor(host) {
    this.host = host;
    this.frame = host.querySelector(".frame");
    this.base = host.querySelector(".base");
    this.surface = host.querySelector(".over");
    this.card = host.querySelector(".card");
    this.bitmap = document.createElement("canvas");
    this.labels = [];
    this.cost = this.over = 0;
    this.resizing = new ResizeObserver(() => this.resize());
    this.resizing.observe(this.frame);
  }

  // Boxes that names keep out of.
  corners() {
    return [[this.camera.width - 44, 0, this.camera.width, 150]];
  }

  resize() {
    const [width, height] = [this.frame.clientWidth, this.frame.clientHeight];
    if (!this.scene || !width || !height) return;
    this.ratio = window.devicePixelRatio || 1;
    for (const canvas of [this.base, this.surface]) {
      canvas.width = width * this.ratio;
      canvas.height = height * this.ratio;
    }
    this.camera.resize(width, height);
    if (this.kept) this.redraw();
  }

  readTheme() {
    const style = getComputedStyle(this.host);
    const value = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
    const theme = {
      ink: value("--st-text-color", "#222222"),
      paper: value("--st-background-color", "#ffffff"),
      accent: value("--st-primary-color", "#3355cc"),
      font: value("--st-font", "sans-serif"),
    };
    theme.isDark = parseInt(theme.paper.slice(1, 3), 16) < 128;
    if (JSON.stringify(theme) === JSON.stringify(this.theme) && this.sprites?.ratio === this.ratio) return;
    this.theme = theme;
    this.sprites = new Sprites(this.scene.looks, theme.paper, this.ratio);
  }

  // The whole scene, soon: several changes in a row are one drawing.
  redraw() {
    if (!this.scene || this.isWaiting) return;
    this.isWaiting = true;
    requestAnimationFrame(() => {
      this.isWaiting = false;
      this.render(true);
    });
  }

  render(isIdle) {
    if (!this.scene || !this.ratio || !this.base.width) return;
    const begun = performance.now();
    this.readTheme();
    const { camera, ratio } = this;
    this.over = this.cost > SWIFT_MS ? Math.round(MARGIN * camera.width) : 0;
    const [width, height] = [camera.width + 2 * this.over, camera.height + 2 * this.over];
    if (this.bitmap.width !== Math.round(width * ratio) || this.bitmap.height !== Math.round(height * ratio)) {
      this.bitmap.width = Math.round(width * ratio);
      this.bitmap.height = Math.round(height * ratio);
    }
    const ctx = this.bitmap.getContext("2d");
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.fillStyle = this.theme.paper;
    ctx.fillRect(0, 0, width, height);
    ctx.translate(this.over, this.over);
    if (isIdle && this.scene.mode !== "ego") this.labels = chooseLabels(ctx, this);
    drawScene(ctx, this);
    this.drawn = camera.state();
    this.cost = performance.now() - begun;
    this.blit();
    this.drawOver();
    if (isIdle) this.tell();
  }

  // The bitmap where it belongs now, moved and scaled from where it was drawn.
  blit() {
    const { camera, drawn, ratio } = this;
    const scale = camera.zoom / drawn.zoom;
    const left = (drawn.cx - camera.cx) * camera.scaleX + (1 - scale) * (camera.width / 2 + camera.shiftX);
    const top = (drawn.cy - camera.cy) * camera.scaleY + (1 - scale) * (camera.height / 2 + camera.shiftY);
    const ctx = this.base.getContext("2d");
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.fillStyle = this.theme.paper;
    ctx.fillRect(0, 0, camera.width, camera.height);
    const [width, height] = [this.bitmap.width / ratio, this.bitmap.height / ratio];
    ctx.drawImage(this.bitmap, left - this.over * scale, top - this.over * scale, width * scale, height * scale);
  }

  moving() {
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.redraw(), IDLE_MS);
    if (this.isMoving) return;
    this.isMoving = true;
    requestAnimationFrame(() => {
      this.isMoving = false;
      if (!this.drawn) return;
      if (this.cost <= SWIFT_MS) this.render(false);
      else {
        this.blit();
        this.drawOver();
      }
    });
  }

  drawOver(lasso = null) {
    if (!this.theme || !this.camera) return;
    const { camera, ratio } = this;
    const ctx = this.surface.getContext("2d");
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, camera.width, camera.height);
    if (this.links) {
      drawLinks(ctx, this, this.links.shown, 0.8);
      for (const paper of this.linkedPapers()) {
        const [left, top] = [camera.toX(this.scene.x[paper]), camera.toY(this.scene.y[paper])];
        this.sprites.draw(ctx, this.scene.look[paper], left, top, this.radiusOf(paper));
      }
    }
    if (this.scene.mode === "ego") {
      if (this.active !== null) drawLinks(ctx, this, this.scene.linksOf(this.active, Infinity).shown, 1);
      drawRing(ctx, this, this.scene.center, 1.5);
    }
    drawRing(ctx, this, this.selected, 2.5);
    if (this.active !== this.selected) drawRing(ctx, this, this.active, 1.5);
    const near = new Set(this.linkedPapers());
    const names = this.labels.filter(({ paper }) => paper !== undefined && (paper === this.selected || near.has(paper)));
    if (this.links) drawLabels(ctx, names, camera, this.theme);
    if (lasso) this.drawLasso(ctx, lasso);
    this.showCard();
  }

  drawLasso(ctx, path) {
    ctx.beginPath();
    for (const { x, y } of path) ctx.lineTo(x, y);
    ctx.closePath();
    ctx.fillStyle = ctx.strokeStyle = this.theme.accent;
    ctx.globalAlpha = 0.12;
    ctx.fill();
    ctx.globalAlpha = 1;
    ctx.lineWidth = 1.5;
    ctx.stroke();
  }

  showCard() {
    const { active, camera, scene, card } = this;
    card.hidden = active === null || !scene.isPlaced(active);
    if (card.hidden) return;
    const title = document.createElement("strong");
    title.textContent = scene.titles[active];
    const more = document.createElement("span");
    more.textContent = facts(scene, active).join(" · ");
    card.replaceChildren(title, more);
    const [left, top] = [camera.toX(scene.x[active]), camera.toY(scene.y[active])];
    const room = this.radiusOf(active) + 10;
    const [width, height] = [card.offsetWidth, card.offsetHeight];
    const isBelow = top + room + height < camera.height - 4;
    card.style.left = `${Math.min(Math.max(left - width / 2, 6), Math.max(camera.width - width - 6, 6))}px`;
    card.style.top = `${isBelow ? top + room : Math.max(top - room - height, 4)}px`;
  }

  // Goes to another view in a few frames, or at once where people asked for less motion.
  glide(change) {
    const from = this.camera.state();
    change();
    const to = this.camera.state();
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return this.redraw();
    const begun = performance.now();
    const step = (now) => {
      const part = Math.min(1, (now - begun) / 180);
      const eased = 1 - (1 - part) ** 3;
      this.camera.zoom = from.zoom * (to.zoom / from.zoom) ** eased;
      this.camera.cx = from.cx + (to.cx - from.cx) * eased;
      this.camera.cy = from.cy + (to.cy - from.cy) * eased;
      if (part < 1) requestAnimationFrame(step);
      this.moving();
    };
    return requestAnimationFrame(step);
  }
}
