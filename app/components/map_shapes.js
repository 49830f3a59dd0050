// The shapes of the pillars: on a canvas, as ready-made pictures for many points, and as SVG for the legend.

const SIDES = { diamond: [4, 0, 1.2], triangle: [3, -Math.PI / 2, 1.28], down: [3, Math.PI / 2, 1.28], hexagon: [6, 0, 1.12] };

// Corners around (0, 0) for a radius of 1; none for a circle.
export function corners(shape) {
  if (shape === "circle") return [];
  if (shape === "square") return [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]];
  if (shape === "star") {
    return Array.from({ length: 10 }, (_, corner) => {
      const angle = (Math.PI * corner) / 5 - Math.PI / 2;
      const reach = corner % 2 ? 0.6 : 1.38;
      return [reach * Math.cos(angle), reach * Math.sin(angle)];
    });
  }
  const [sides, turn, reach] = SIDES[shape] ?? SIDES.diamond;
  return Array.from({ length: sides }, (_, corner) => {
    const angle = turn + (2 * Math.PI * corner) / sides;
    return [reach * Math.cos(angle), reach * Math.sin(angle)];
  });
}

export function shapePath(ctx, shape, x, y, radius) {
  ctx.beginPath();
  const points = corners(shape);
  if (!points.length) ctx.arc(x, y, radius, 0, 2 * Math.PI);
  for (const [dx, dy] of points) ctx.lineTo(x + dx * radius, y + dy * radius);
  ctx.closePath();
}

export function shapeIcon(look) {
  const space = "http://www.w3.org/2000/svg";
  const icon = document.createElementNS(space, "svg");
  icon.setAttribute("viewBox", "-1.5 -1.5 3 3");
  icon.setAttribute("aria-hidden", "true");
  const points = corners(look.shape);
  const form = document.createElementNS(space, points.length ? "polygon" : "circle");
  if (points.length) form.setAttribute("points", points.map((point) => point.join(",")).join(" "));
  else form.setAttribute("r", "1");
  form.setAttribute("fill", look.color);
  icon.append(form);
  return icon;
}

// Drawing a picture is many times faster than filling a path, which matters at thousands of points.
export class Sprites {
  constructor(looks, paper, ratio) {
    this.looks = looks;
    this.paper = paper;
    this.ratio = ratio;
    this.made = new Map();
  }

  draw(ctx, look, x, y, radius) {
    const size = Math.max(1, Math.round(radius * 2));
    const name = look * 256 + size;
    let sprite = this.made.get(name);
    if (!sprite) this.made.set(name, (sprite = this.make(this.looks[look], size / 2)));
    ctx.drawImage(sprite.canvas, x - sprite.half, y - sprite.half, 2 * sprite.half, 2 * sprite.half);
  }

  make(look, radius) {
    const half = Math.ceil(radius * 1.4 + 1.5);
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 2 * half * this.ratio;
    const ctx = canvas.getContext("2d");
    ctx.scale(this.ratio, this.ratio);
    shapePath(ctx, look.shape, half, half, radius);
    ctx.fillStyle = look.color;
    ctx.fill();
    if (radius > 1.6) {
      ctx.lineWidth = 1;
      ctx.strokeStyle = this.paper;
      ctx.stroke();
    }
    return { canvas, half };
  }
}
