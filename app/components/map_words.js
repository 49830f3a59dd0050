// What the map says in words: hover card, live line, status. And how the arrow keys walk.

const number = (value) => value.toLocaleString("en");
export const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

export function facts(scene, paper) {
  const parts = [scene.year[paper] ? String(scene.year[paper]) : "year not known"];
  const topic = scene.topicLabel(paper) || scene.looks[scene.look[paper]].label;
  if (topic) parts.push(topic);
  if (scene.mode !== "ego") parts.push(`cited by ${number(scene.cited[paper])} here`);
  if (scene.runnable[paper]) parts.push("has a checkpoint");
  return parts;
}

export function describe(scene, paper) {
  const links = scene.first[paper + 1] - scene.first[paper];
  const own = scene.mode === "ego" ? relationsWith(scene, paper, scene.center) : [plural(links, "link")];
  return [scene.titles[paper], ...facts(scene, paper), ...own].join(", ");
}

// Sentences that join two papers.
export function relationsWith(scene, paper, other) {
  const found = [];
  for (let at = scene.first[paper]; at < scene.first[paper + 1]; at += 1) {
    const link = scene.incident[at];
    if (paper === other || scene.otherEnd(link, paper) !== other) continue;
    const [from, to] = [scene.start[link], scene.end[link]];
    found.push(`${scene.names[from]} ${scene.kinds[scene.kind[link]]} ${scene.names[to]}`);
  }
  return [...new Set(found)];
}

// The typed relation between a paper of an ego graph and the one in the middle, seen from the latter.
export function relationLabel(scene, paper) {
  for (let at = scene.first[paper]; at < scene.first[paper + 1]; at += 1) {
    const link = scene.incident[at];
    if (scene.kind[link] === 0 || scene.otherEnd(link, paper) !== scene.center) continue;
    const words = scene.kinds[scene.kind[link]];
    const center = scene.names[scene.center];
    return scene.start[link] === paper ? `${words} ${center}` : `${center} ${words} it`;
  }
  return "";
}

export function status(scene, { shown, links, hits, area, selected }) {
  const parts = [];
  if (area) parts.push(`${plural(area.size, "paper")} inside the lasso (Esc lets go)`);
  else if (hits) parts.push(`${plural(hits.length, "result")} marked`);
  else if (scene.mode !== "ego" && shown < scene.total) parts.push(`${number(shown)} of ${plural(scene.total, "paper")}`);
  if (links && selected !== null) {
    const some = links.shown.length < links.total ? `${links.shown.length} of ${number(links.total)}` : links.total;
    parts.push(`${some} ${links.total === 1 ? "link" : "links"} of ${scene.names[selected]} drawn, bold: typed relations`);
  } else if (scene.mode === "lanes" && scene.crossing) {
    const { drawn, total } = scene.crossing;
    parts.push(`${number(drawn)} of ${number(total)} citations from lane to lane drawn`);
  }
  if (!parts.length) parts.push("Larger: cited more here");
  return parts.join(" · ");
}

const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// The paper that lies next in the direction of an arrow key; places off the direction count as further.
export function nearestTowards(places, from, key) {
  const [dx, dy] = DIRECTIONS[key];
  let best = null;
  let least = Infinity;
  for (const place of places) {
    const [ax, ay] = [place.x - from.x, place.y - from.y];
    const along = ax * dx + ay * dy;
    const aside = Math.abs(ax * dy - ay * dx);
    if (along <= 0.01 || aside > 1.2 * along) continue;
    const cost = along + 2 * aside;
    if (cost < least) [best, least] = [place, cost];
  }
  return best;
}
