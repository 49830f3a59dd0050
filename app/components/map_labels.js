// Which names stand on the map, and where: the weightiest first, and no name over another.

const TOPIC_FONT = 12;
const PILLAR_FONT = 19; // large text by WCAG, for which the pillars' colours have contrast enough
const PAPER_FONT = 11.5;
const PILLARS_UNTIL = 2.6;
const COMPACT_REACH = 0.14;
const LINKED_NAMES = 14;
const FOUND_NAMES = 10;
const LINE = 1.18;

export class Places {
  constructor() {
    this.boxes = [];
  }

  isFree(box) {
    return !this.boxes.some(
      (other) => box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3],
    );
  }

  // Takes the first of some boxes that is free and lies inside the frame; null where none is.
  take(boxes, width, height) {
    const fits = (box) => box[0] >= 2 && box[1] >= 2 && box[2] <= width - 2 && box[3] <= height - 2;
    const found = boxes.findIndex((box) => fits(box) && this.isFree(box));
    if (found < 0) return null;
    this.boxes.push(boxes[found]);
    return found;
  }
}

export function chooseLabels(ctx, view) {
  const { scene, camera } = view;
  const places = new Places();
  for (const corner of view.corners()) places.boxes.push(corner);
  const labels = [];
  const named = new Set();
  const add = (label) => {
    if (!label || named.has(label.paper)) return;
    const placed = placeLabel(ctx, label, places, camera, view.theme);
    if (!placed) return;
    labels.push(placed);
    if (placed.paper !== undefined) named.add(placed.paper);
  };
  if (view.selected !== null) add(paperLabel(view, view.selected, true));
  for (const paper of view.linkedPapers().slice(0, LINKED_NAMES)) add(paperLabel(view, paper));
  for (const paper of (view.hits ?? []).slice(0, FOUND_NAMES)) add(paperLabel(view, paper));
  const topics = scene.topics ?? [];
  const quiet = view.selected !== null || view.hits !== null;
  const depthOf = (topic) => scene.nodes[topic[0]][3];
  if (!quiet) for (const paper of (scene.landmarks ?? []).filter((at) => view.kept[at])) add(paperLabel(view, paper));
  if (camera.zoom < PILLARS_UNTIL) {
    for (const topic of topics) if (depthOf(topic) === 1) add(topicLabel(view, topic, quiet));
  }
  const finer = topics.filter((topic) => depthOf(topic) > 1 && (camera.zoom > 1.4 || topic[3] < COMPACT_REACH));
  finer.sort((a, b) => scene.nodes[b[0]][4] - scene.nodes[a[0]][4]);
  for (const topic of finer) add(topicLabel(view, topic, quiet));
  for (const paper of furtherPapers(view)) add(paperLabel(view, paper));
  return labels;
}

// Beyond the landmarks: more the closer one looks, or the fewer papers there are.
function furtherPapers({ scene, camera, kept, shown, hits, selected }) {
  const few = shown < scene.total / 3;
  if (hits !== null || selected !== null) return [];
  const most = camera.zoom > 1.25 ? 14 * camera.zoom ** 1.3 : scene.mode === "lanes" ? 26 : few ? 14 : 0;
  const found = [];
  for (let paper = 0; paper < scene.count && found.length < most; paper += 1) {
    if (kept[paper] && scene.isPlaced(paper) && camera.shows(scene.x[paper], scene.y[paper], 0)) found.push(paper);
  }
  return found;
}

function paperLabel(view, paper, strong = false) {
  const { scene } = view;
  if (!scene.isPlaced(paper)) return null;
  return {
    lines: [scene.names[paper]],
    x: scene.x[paper],
    y: scene.y[paper],
    font: `${strong ? 700 : 500} ${PAPER_FONT}px`,
    size: PAPER_FONT,
    color: view.theme.ink,
    alpha: 1,
    gap: view.radiusOf(paper) + (strong ? 8 : 3),
    paper,
  };
}

function topicLabel(view, [node, x, y], quiet) {
  const [, text, , depth, , isPillar] = view.scene.nodes[node];
  const look = isPillar ? view.scene.looks.find((each) => each.id === view.scene.nodes[node][0]) : null;
  const size = depth === 1 ? (view.camera.width < 520 ? PILLAR_FONT - 0.3 : PILLAR_FONT) : TOPIC_FONT;
  const isOther = view.filter.topic && !view.isRelatedTopic(node);
  if (isOther && depth > 1) return null;
  return {
    lines: wrapped(text, depth === 1 ? 16 : 22),
    x,
    y,
    font: `${depth === 1 ? 700 : 600} ${size}px`,
    size,
    color: look ? look.color : view.theme.ink,
    alpha: isOther ? 0.25 : depth === 1 ? (quiet ? 0.55 : 1) : quiet ? 0.45 : 0.72,
    gap: null,
  };
}

export function wrapped(text, width) {
  if (text.length <= width) return [text];
  let best = -1;
  for (let at = text.indexOf(" "); at >= 0; at = text.indexOf(" ", at + 1)) {
    if (best < 0 || Math.abs(at - text.length / 2) < Math.abs(best - text.length / 2)) best = at;
  }
  return best < 0 ? [text] : [text.slice(0, best), text.slice(best + 1)];
}

function placeLabel(ctx, label, places, camera, theme) {
  const [left, top] = [camera.toX(label.x), camera.toY(label.y)];
  if (left < -40 || top < -40 || left > camera.width + 40 || top > camera.height + 40) return null;
  ctx.font = `${label.font} ${theme.font}`;
  const width = Math.max(...label.lines.map((line) => ctx.measureText(line).width));
  const height = label.lines.length * label.size * LINE;
  const anchors = label.gap === null ? around(width, height) : beside(width, height, label.gap);
  const boxes = anchors.map(([dx, dy]) => [left + dx - 3, top + dy - 1, left + dx + width + 3, top + dy + height + 1]);
  const found = places.take(boxes, camera.width, camera.height);
  if (found === null) return null;
  const [dx, dy] = anchors[found];
  return { ...label, dx, dy, width, height };
}

// Offsets of the upper left corner: a topic's name stands over its place, a paper's beside its point.
function around(width, height) {
  const shifts = [[0, 0], [0, -14], [0, 14], [0, -28], [0, 28], [-30, 0], [30, 0], [-30, -24], [30, 24], [0, -44], [0, 44]];
  return shifts.map(([dx, dy]) => [dx - width / 2, dy - height / 2]);
}

function beside(width, height, gap) {
  return [
    [gap, -height / 2],
    [-width - gap, -height / 2],
    [-width / 2, -height - gap],
    [-width / 2, gap],
  ];
}

export function drawLabels(ctx, labels, camera, theme) {
  ctx.textBaseline = "middle";
  ctx.lineJoin = "round";
  for (const label of labels) {
    ctx.font = `${label.font} ${theme.font}`;
    ctx.textAlign = label.gap === null ? "center" : "left";
    const left = camera.toX(label.x) + label.dx + (label.gap === null ? label.width / 2 : 0);
    label.lines.forEach((line, row) => {
      const top = camera.toY(label.y) + label.dy + (row + 0.5) * label.size * LINE;
      ctx.globalAlpha = Math.min(1, label.alpha + 0.15) * 0.9;
      ctx.strokeStyle = theme.paper;
      ctx.lineWidth = 3.5;
      ctx.strokeText(line, left, top);
      ctx.globalAlpha = label.alpha;
      ctx.fillStyle = label.color;
      ctx.fillText(line, left, top);
    });
  }
  ctx.globalAlpha = 1;
  ctx.textAlign = "left";
}

export function fitted(ctx, text, room) {
  if (ctx.measureText(text).width <= room) return text;
  let end = text.length - 1;
  while (end > 1 && ctx.measureText(`${text.slice(0, end)}…`).width > room) end -= 1;
  return `${text.slice(0, end).trimEnd()}…`;
}
