// Pointer, wheel, touch and keyboard. What they mean is the view's; here is only how they are told apart.
import { nearestTowards } from "./map_words.js";

const CLICK_PIXELS = 5;
const STEP = 1.35;

export class Input {
  constructor(surface, view) {
    this.surface = surface;
    this.view = view;
    this.pointers = new Map();
    this.lasso = null;
    surface.addEventListener("pointerdown", (event) => this.down(event));
    surface.addEventListener("pointermove", (event) => this.move(event));
    surface.addEventListener("pointerup", (event) => this.up(event));
    surface.addEventListener("pointercancel", (event) => this.cancel(event));
    surface.addEventListener("pointerleave", () => this.pointers.size || view.setActive(null));
    surface.addEventListener("dblclick", (event) => this.zoomAt(event, 2));
    surface.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    surface.addEventListener("keydown", (event) => this.key(event));
    surface.addEventListener("blur", () => view.setActive(null));
  }

  at(event) {
    const box = this.surface.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  down(event) {
    if (event.button !== 0) return;
    this.surface.setPointerCapture(event.pointerId);
    const place = this.at(event);
    this.pointers.set(event.pointerId, place);
    this.moved = this.pointers.size > 1;
    this.begun = place;
    const wanted = event.shiftKey || this.view.isLassoing;
    this.lasso = wanted && this.pointers.size === 1 && this.view.scene.mode !== "ego" ? [place] : null;
  }

  move(event) {
    const place = this.at(event);
    const before = this.pointers.get(event.pointerId);
    if (!before) {
      this.view.setActive(this.view.paperAt(place.x, place.y));
      return;
    }
    if (Math.hypot(place.x - this.begun.x, place.y - this.begun.y) > CLICK_PIXELS) this.moved = true;
    if (this.lasso) {
      this.lasso.push(place);
      this.view.drawOver(this.lasso);
    } else if (this.pointers.size === 2) {
      this.pinch(event.pointerId, before, place);
    } else if (this.moved) {
      this.view.setActive(null);
      this.view.camera.pan(place.x - before.x, place.y - before.y);
      this.view.moving();
    }
    this.pointers.set(event.pointerId, place);
  }

  pinch(id, before, place) {
    const other = [...this.pointers].find(([key]) => key !== id)[1];
    const distance = (a) => Math.hypot(a.x - other.x, a.y - other.y) || 1;
    const middle = { x: (place.x + other.x) / 2, y: (place.y + other.y) / 2 };
    this.view.camera.zoomAt(distance(place) / distance(before), middle.x, middle.y);
    this.view.camera.pan((place.x - before.x) / 2, (place.y - before.y) / 2);
    this.view.moving();
  }

  up(event) {
    const place = this.at(event);
    const wasDown = this.pointers.delete(event.pointerId);
    if (this.lasso) {
      const path = this.lasso;
      this.lasso = null;
      this.view.endLasso(this.moved ? path : []);
    } else if (wasDown && !this.moved && !this.pointers.size) {
      this.view.choose(this.view.paperAt(place.x, place.y));
    }
  }

  cancel(event) {
    this.pointers.delete(event.pointerId);
    this.lasso = null;
    this.view.drawOver();
  }

  // A wheel that could zoom out no further scrolls the page, so that the map is no trap.
  wheel(event) {
    const factor = Math.exp(-event.deltaY * (event.ctrlKey ? 0.012 : 0.0022));
    if (factor < 1 && this.view.camera.zoom <= 1) return;
    event.preventDefault();
    this.zoomAt(event, Math.min(Math.max(factor, 0.5), 2));
  }

  zoomAt(event, factor) {
    const place = this.at(event);
    this.view.camera.zoomAt(factor, place.x, place.y);
    this.view.moving();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const view = this.view;
    if (event.key.startsWith("Arrow")) this.walk(event.key);
    else if (event.key === "+" || event.key === "=") view.zoom(STEP);
    else if (event.key === "-") view.zoom(1 / STEP);
    else if (event.key === "0") view.fit();
    else if (event.key === "n" || event.key === "p") this.step(event.key === "n" ? 1 : -1);
    else if (event.key === "Enter" || event.key === " ") view.choose(view.active, true);
    else if (event.key === "Escape") view.letGo(this.surface);
    else return;
    event.preventDefault();
    event.stopPropagation(); // Streamlit has shortcuts of its own on single keys
  }

  walk(key) {
    const { view } = this;
    if (view.active === null) {
      view.setActive(view.selected ?? view.firstPaper(), true);
      return;
    }
    const places = view.walkable();
    const from = places.find((place) => place.paper === view.active);
    const next = from && nearestTowards(places, from, key);
    if (next) view.setActive(next.paper, true);
  }

  step(by) {
    const { view } = this;
    const order = view.order();
    if (!order.length) return;
    const at = order.indexOf(view.active ?? view.selected ?? -1);
    view.setActive(order[at < 0 ? 0 : (at + by + order.length) % order.length], true);
  }
}

// Whether a point lies inside a closed path, by how often a ray from it crosses the path.
export function isInside(path, x, y) {
  let inside = false;
  for (let at = 0, before = path.length - 1; at < path.length; before = at, at += 1) {
    const [a, b] = [path[at], path[before]];
    if (a.y > y !== b.y > y && x < ((b.x - a.x) * (y - a.y)) / (b.y - a.y) + a.x) inside = !inside;
  }
  return inside;
}
