// Where the world is on the screen: a centre, a zoom, and how much of a pixel a unit of the world is.

const MOST_ZOOM = { map: 60, lanes: 20, ego: 3 };
const MOST_STRETCH = 1.4;
const EGO_COLUMN = 112;
export const EGO_ROW = 34;

export class Camera {
  constructor(scene) {
    this.mode = scene.mode;
    this.world = extent(scene);
    this.width = this.height = 1;
    this.zoom = 1;
    this.cx = (this.world.x0 + this.world.x1) / 2;
    this.cy = (this.world.y0 + this.world.y1) / 2;
    this.home = scene.center === undefined ? null : scene.x[scene.center];
  }

  resize(width, height) {
    const { x0, x1, y0, y1 } = this.world;
    const pad = this.padding();
    [this.width, this.height] = [width, height];
    let bx = (width - pad.left - pad.right) / (x1 - x0 || 1);
    let by = (height - pad.top - pad.bottom) / (y1 - y0 || 1);
    if (this.mode === "map") {
      // A map has no axes, so it may be stretched a little to fill its frame.
      [bx, by] = [Math.min(bx, by * MOST_STRETCH), Math.min(by, bx * MOST_STRETCH)];
    }
    if (this.mode === "ego") [bx, by] = [Math.max(bx, EGO_COLUMN), EGO_ROW];
    [this.bx, this.by] = [Math.max(bx, 1), Math.max(by, 1)];
    this.shiftX = (pad.left - pad.right) / 2;
    this.shiftY = (pad.top - pad.bottom) / 2;
    if (this.home !== null) {
      this.cx = this.home;
      this.home = null;
    }
    this.clamp();
  }

  padding() {
    if (this.mode === "map") return { left: 26, right: 26, top: 24, bottom: 24 };
    if (this.mode === "lanes") return { left: 14, right: 14, top: 26, bottom: 8 };
    return { left: 16, right: 100, top: 44, bottom: 20 };
  }

  get scaleX() {
    return this.bx * this.zoom;
  }

  get scaleY() {
    return this.by * this.zoom;
  }

  toX(x) {
    return (x - this.cx) * this.scaleX + this.width / 2 + this.shiftX;
  }

  toY(y) {
    return (y - this.cy) * this.scaleY + this.height / 2 + this.shiftY;
  }

  fromX(left) {
    return (left - this.width / 2 - this.shiftX) / this.scaleX + this.cx;
  }

  fromY(top) {
    return (top - this.height / 2 - this.shiftY) / this.scaleY + this.cy;
  }

  pan(dx, dy) {
    this.cx -= dx / this.scaleX;
    this.cy -= dy / this.scaleY;
    this.clamp();
  }

  // The point of the world under (left, top) stays there.
  zoomAt(factor, left = this.width / 2, top = this.height / 2) {
    const [x, y] = [this.fromX(left), this.fromY(top)];
    this.zoom = Math.min(Math.max(this.zoom * factor, 1), MOST_ZOOM[this.mode]);
    this.cx += x - this.fromX(left);
    this.cy += y - this.fromY(top);
    this.clamp();
  }

  fit() {
    this.zoom = 1;
    this.cx = (this.world.x0 + this.world.x1) / 2;
    this.cy = (this.world.y0 + this.world.y1) / 2;
    this.clamp();
  }

  // No further than that the world's edge reaches the middle of the frame; not at all where all fits in.
  clamp() {
    const { x0, x1, y0, y1 } = this.world;
    const pad = this.padding();
    const roomX = Math.max(0, (x1 - x0) / 2 - (this.width - pad.left - pad.right) / 2 / this.scaleX);
    const roomY = Math.max(0, (y1 - y0) / 2 - (this.height - pad.top - pad.bottom) / 2 / this.scaleY);
    const [mx, my] = [(x0 + x1) / 2, (y0 + y1) / 2];
    const slack = this.mode === "map" && this.zoom > 1.02 ? 0.25 : 0;
    const [sx, sy] = [(slack * this.width) / this.scaleX, (slack * this.height) / this.scaleY];
    this.cx = Math.min(Math.max(this.cx, mx - roomX - sx), mx + roomX + sx);
    this.cy = Math.min(Math.max(this.cy, my - roomY - sy), my + roomY + sy);
  }

  // Whether a place is on the screen with some room around it.
  shows(x, y, margin = 30) {
    const [left, top] = [this.toX(x), this.toY(y)];
    return left >= margin && left <= this.width - margin && top >= margin && top <= this.height - margin;
  }

  state() {
    return { cx: this.cx, cy: this.cy, zoom: this.zoom };
  }

  restore(state) {
    Object.assign(this, state);
    this.home = null;
  }
}

function extent(scene) {
  if (scene.mode === "lanes") return { x0: 0, x1: 1, y0: 0, y1: 1 };
  const world = { x0: Infinity, x1: -Infinity, y0: Infinity, y1: -Infinity };
  for (let paper = 0; paper < scene.count; paper += 1) {
    if (!scene.isPlaced(paper)) continue;
    world.x0 = Math.min(world.x0, scene.x[paper]);
    world.x1 = Math.max(world.x1, scene.x[paper]);
    world.y0 = Math.min(world.y0, scene.y[paper]);
    world.y1 = Math.max(world.y1, scene.y[paper]);
  }
  if (world.x0 > world.x1) return { x0: 0, x1: 1, y0: 0, y1: 1 };
  if (scene.mode === "ego") Object.assign(world, { x0: 0, x1: Math.max(scene.columns.length - 1, 1) });
  return world;
}
