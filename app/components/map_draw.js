// Drawing: the scene (bands, points, names) into a bitmap, and what changes with the pointer over it.
import { shapePath } from "./map_shapes.js";
import { drawLabels, fitted } from "./map_labels.js";
import { relationLabel } from "./map_words.js";
import { EGO_ROW } from "./map_camera.js";

const GLOW_UP_TO = 4000; // papers; beyond, the points themselves are dense enough to be a colour
const CROSSING_LINES = 140;
const FADED = 0.14;

export function drawScene(ctx, view) {
  if (view.scene.mode !== "map") drawBands(ctx, view);
  if (view.scene.mode === "map" && view.scene.count <= GLOW_UP_TO) drawGlow(ctx, view);
  if (view.scene.mode === "lanes") drawCrossing(ctx, view);
  if (view.scene.mode === "ego") drawEgoLinks(ctx, view);
  drawPoints(ctx, view);
  if (view.scene.mode === "lanes") drawBandNames(ctx, view);
  if (view.scene.mode === "ego") drawEgoNames(ctx, view);
  else drawLabels(ctx, view.labels, view.camera, view.theme);
}

function drawPoints(ctx, view) {
  const { scene, camera, kept, theme } = view;
  const linked = view.selected === null ? null : new Set(view.linkedPapers());
  const { found } = view;
  const strong = [];
  for (let paper = 0; paper < scene.count; paper += 1) {
    const [left, top] = [camera.toX(scene.x[paper]), camera.toY(scene.y[paper])];
    if (!(left > -view.over - 20 && left < camera.width + view.over + 20)) continue; // also where there is no place
    if (!(top > -view.over - 20 && top < camera.height + view.over + 20)) continue;
    const inside = kept[paper] && (!found || found.has(paper));
    if (!inside) {
      const size = Math.max(1.5, Math.min(view.radiusOf(paper), 5));
      ctx.globalAlpha = FADED;
      ctx.fillStyle = theme.ink;
      ctx.fillRect(left - size / 2, top - size / 2, size, size);
      continue;
    }
    if (found || (linked && (linked.has(paper) || paper === view.selected))) {
      strong.push([paper, left, top]);
      continue;
    }
    ctx.globalAlpha = linked ? 0.4 : scene.depth[paper] > 1 ? 0.7 : 0.92;
    point(ctx, view, paper, left, top);
  }
  ctx.globalAlpha = 1;
  for (const [paper, left, top] of strong) point(ctx, view, paper, left, top, found ? 1.2 : 0);
}

function point(ctx, view, paper, left, top, more = 0) {
  const radius = view.radiusOf(paper) + more;
  if (radius >= 1.5) {
    view.sprites.draw(ctx, view.scene.look[paper], left, top, radius);
    return;
  }
  ctx.fillStyle = view.scene.looks[view.scene.look[paper]].color;
  ctx.fillRect(left - radius, top - radius, 2 * radius, 2 * radius);
}

// A breath of each pillar's colour behind its papers makes regions of them.
function drawGlow(ctx, view) {
  const { scene, camera, kept } = view;
  const radius = Math.min(26 * camera.zoom ** 0.7, 90);
  const glows = scene.looks.map((look) => glow(look.color, radius));
  ctx.globalAlpha = view.theme.isDark ? 0.1 : 0.085;
  const { found } = view;
  for (let paper = 0; paper < scene.count; paper += 1) {
    if (!kept[paper] || (found && !found.has(paper)) || !scene.isPlaced(paper)) continue;
    if (scene.look[paper] === scene.looks.length - 1) continue;
    const [left, top] = [camera.toX(scene.x[paper]), camera.toY(scene.y[paper])];
    if (left < -radius || top < -radius || left > camera.width + radius || top > camera.height + radius) continue;
    ctx.drawImage(glows[scene.look[paper]], left - radius, top - radius, 2 * radius, 2 * radius);
  }
  ctx.globalAlpha = 1;
}

const glowing = new Map();

function glow(color, radius) {
  const size = Math.round(radius / 4) * 8;
  const name = `${color} ${size}`;
  if (glowing.has(name)) return glowing.get(name);
  if (glowing.size > 100) glowing.clear();
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size;
  const ctx = canvas.getContext("2d");
  const fill = ctx.createRadialGradient(size / 2, size / 2, 0, size / 2, size / 2, size / 2);
  fill.addColorStop(0, color);
  fill.addColorStop(0.5, `${color}88`);
  fill.addColorStop(1, `${color}00`);
  ctx.fillStyle = fill;
  ctx.fillRect(0, 0, size, size);
  glowing.set(name, canvas);
  return canvas;
}

// Years as columns; in the lanes view also a band for each lane, its name kept in sight.
function drawBands(ctx, view) {
  const { scene, camera, theme } = view;
  ctx.textBaseline = "middle";
  for (const [, top, bottom, look] of scene.bands ?? []) {
    const [from, to] = [camera.toY(top), camera.toY(bottom)];
    ctx.fillStyle = scene.looks[look < 0 ? scene.looks.length - 1 : look].color;
    ctx.globalAlpha = 0.07;
    ctx.fillRect(-view.over, from + 1, camera.width + 2 * view.over, to - from - 2);
  }
  const columns = scene.mode === "ego" ? scene.columns.map((label, at) => [label, at]) : scene.ticks;
  let last = -Infinity;
  for (const [label, x] of columns) {
    const left = camera.toX(x) - (scene.mode === "ego" ? 12 : 0);
    ctx.fillStyle = theme.ink;
    ctx.globalAlpha = 0.1;
    ctx.fillRect(left, 22, 1, camera.height);
    ctx.globalAlpha = 0.75;
    ctx.font = `600 12px ${theme.font}`;
    if (left - last > ctx.measureText(label).width + 10) {
      ctx.fillText(label, left + 4, 12);
      last = left;
    }
  }
  ctx.globalAlpha = 1;
}

// The name of each lane stays in sight, on a strip of the background.
function drawBandNames(ctx, { scene, camera, theme }) {
  ctx.textBaseline = "middle";
  ctx.font = `700 15px ${theme.font}`;
  for (const [label, top, bottom, look] of scene.bands) {
    const [from, to] = [camera.toY(top), camera.toY(bottom)];
    const color = scene.looks[look < 0 ? scene.looks.length - 1 : look].color;
    if (to > 50 && from < camera.height) onStrip(ctx, theme, label, 10, Math.min(Math.max(from + 15, 42), to - 9), color);
  }
}

// Citations between lanes, those between the most cited papers; how many of how many is said below the map.
function drawCrossing(ctx, view) {
  const { scene, camera, kept } = view;
  const crossing = [];
  for (let link = 0; link < scene.start.length; link += 1) {
    const [from, to] = [scene.start[link], scene.end[link]];
    if (scene.kind[link] !== 0 || scene.look[from] === scene.look[to] || !kept[from] || !kept[to]) continue;
    if (scene.isPlaced(from) && scene.isPlaced(to)) crossing.push(link);
  }
  const weight = (link) => scene.cited[scene.start[link]] + 0.3 * scene.cited[scene.end[link]];
  crossing.sort((a, b) => weight(b) - weight(a) || a - b);
  const drawn = view.selected === null && view.hits === null ? crossing.slice(0, CROSSING_LINES) : [];
  scene.crossing = { drawn: drawn.length, total: crossing.length };
  ctx.lineWidth = 1;
  ctx.globalAlpha = 0.22;
  for (const link of drawn) {
    const [from, to] = [scene.start[link], scene.end[link]];
    ctx.strokeStyle = scene.looks[scene.look[from]].color;
    curve(ctx, camera, scene, from, to);
    ctx.stroke();
  }
  ctx.globalAlpha = 1;
}

function curve(ctx, camera, scene, from, to) {
  const [x0, y0] = [camera.toX(scene.x[from]), camera.toY(scene.y[from])];
  const [x1, y1] = [camera.toX(scene.x[to]), camera.toY(scene.y[to])];
  ctx.beginPath();
  ctx.moveTo(x0, y0);
  if (scene.mode === "map") {
    const bend = 0.12;
    ctx.quadraticCurveTo((x0 + x1) / 2 - (y1 - y0) * bend, (y0 + y1) / 2 + (x1 - x0) * bend, x1, y1);
    return;
  }
  const middle = (x0 + x1) / 2 - (Math.abs(x0 - x1) < 4 ? 46 : 0);
  ctx.bezierCurveTo(middle, y0, middle, y1, x1, y1);
}

// The links of the selected or active paper, over the points.
export function drawLinks(ctx, view, links, strength) {
  const { scene, camera, theme } = view;
  for (const pass of [false, true]) {
    for (const link of links) {
      const typed = scene.kind[link] !== 0;
      if (typed !== pass) continue;
      const [from, to] = [scene.start[link], scene.end[link]];
      ctx.globalAlpha = strength * (typed ? 0.9 : 0.4);
      ctx.lineWidth = typed ? 1.8 : 1;
      ctx.strokeStyle = typed ? theme.accent : theme.ink;
      curve(ctx, camera, scene, from, to);
      ctx.stroke();
    }
  }
  ctx.globalAlpha = 1;
}

export function drawRing(ctx, view, paper, width) {
  const { scene, camera, theme } = view;
  if (paper === null || !scene.isPlaced(paper)) return;
  const [left, top] = [camera.toX(scene.x[paper]), camera.toY(scene.y[paper])];
  view.sprites.draw(ctx, scene.look[paper], left, top, view.radiusOf(paper) + 1);
  for (const [color, extra, line] of [[theme.paper, 4.5, width + 2], [theme.ink, 4.5, width]]) {
    shapePath(ctx, "circle", left, top, view.radiusOf(paper) + extra);
    ctx.strokeStyle = color;
    ctx.lineWidth = line;
    ctx.stroke();
  }
}

// Around one paper: its own links always, those between two others only while one of them is looked at.
function drawEgoLinks(ctx, view) {
  const { scene } = view;
  const own = [];
  for (let link = 0; link < scene.start.length; link += 1) {
    const ends = [scene.start[link], scene.end[link]];
    const further = scene.depth[ends[0]] + scene.depth[ends[1]] === 3;
    if (ends.includes(scene.center) || further) own.push(link);
  }
  drawLinks(ctx, view, own, view.active === null ? 0.75 : 0.2);
}

function drawEgoNames(ctx, view) {
  const { scene, camera, theme } = view;
  ctx.textBaseline = "middle";
  const room = camera.scaleX - 34;
  const beyond = [0, 0];
  for (let paper = 0; paper < scene.count; paper += 1) {
    const isCenter = paper === scene.center;
    const [left, top] = [camera.toX(scene.x[paper]) + (isCenter ? 17 : 11), camera.toY(scene.y[paper])];
    if (left < 0) beyond[0] += 1;
    if (left > camera.width) beyond[1] += 1;
    ctx.font = `${isCenter ? 700 : 500} 12px ${theme.font}`;
    onStrip(ctx, theme, fitted(ctx, scene.names[paper], room), left, top, theme.ink);
    const words = camera.scaleY >= EGO_ROW ? relationLabel(scene, paper) : "";
    if (!words) continue;
    ctx.font = `10.5px ${theme.font}`;
    onStrip(ctx, theme, fitted(ctx, words, room), left, top + 12, theme.accent);
  }
  ctx.font = `600 12px ${theme.font}`;
  if (beyond[0]) onStrip(ctx, theme, `\u2039 ${beyond[0]} earlier, drag`, 8, camera.height - 12, theme.ink);
  if (!beyond[1]) return;
  const words = `${beyond[1]} later, drag \u203a`;
  onStrip(ctx, theme, words, camera.width - ctx.measureText(words).width - 8, camera.height - 48, theme.ink);
}

// On a strip of the background, so that lines do not run through the letters.
function onStrip(ctx, theme, text, left, top, color) {
  ctx.fillStyle = theme.paper;
  ctx.globalAlpha = 0.85;
  ctx.fillRect(left - 2, top - 8, ctx.measureText(text).width + 4, 15);
  ctx.fillStyle = color;
  ctx.globalAlpha = 1;
  ctx.fillText(text, left, top);
}
