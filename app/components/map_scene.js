// What Python packed (app/components/mapdata.py), read back, and questions about papers and links.

const TYPES = { f4: Float32Array, i2: Int16Array, u1: Uint8Array, u2: Uint16Array, u4: Uint32Array };

export function readScene(bytes) {
  const own = bytes.slice(); // a view into a larger message otherwise, at any offset
  const length = new DataView(own.buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(own.subarray(4, 4 + length)));
  const arrays = {};
  for (const [name, [type, begin, count]] of Object.entries(header.arrays)) {
    arrays[name] = new TYPES[type](own.buffer, 4 + length + begin, count);
  }
  return new Scene(header, arrays);
}

export class Scene {
  constructor(header, arrays) {
    Object.assign(this, header, arrays);
    this.count = this.keys.length;
    this.cited ??= new Uint32Array(this.count);
    this.node ??= new Int16Array(this.count).fill(-1);
    this.runnable ??= new Uint8Array(this.count);
    this.depth ??= new Uint8Array(this.count);
    this.numberOf = new Map(this.keys.map((key, number) => [key, number]));
    this.indexLinks();
  }

  // Links by paper: those of paper i are incident[first[i]] up to incident[first[i + 1]].
  indexLinks() {
    const first = new Uint32Array(this.count + 1);
    for (const ends of [this.start, this.end]) for (const paper of ends) first[paper + 1] += 1;
    for (let paper = 0; paper < this.count; paper += 1) first[paper + 1] += first[paper];
    const next = first.slice();
    this.incident = new Uint32Array(2 * this.start.length);
    for (const ends of [this.start, this.end]) {
      for (let link = 0; link < ends.length; link += 1) this.incident[next[ends[link]]++] = link;
    }
    this.first = first;
  }

  isPlaced(paper) {
    return !Number.isNaN(this.x[paper]);
  }

  // Whether the view is about a paper: the map about all, also those that have no place on it yet.
  isHere(paper) {
    return this.mode === "map" || this.isPlaced(paper);
  }

  otherEnd(link, paper) {
    return this.start[link] === paper ? this.end[link] : this.start[link];
  }

  // The links of a paper that are drawn: typed ones first, then to the papers cited most.
  linksOf(paper, budget) {
    const all = [...this.incident.subarray(this.first[paper], this.first[paper + 1])];
    const seen = all.filter((link) => this.isPlaced(this.otherEnd(link, paper)));
    const typed = (link) => (this.kind[link] === 0 ? 1 : 0);
    seen.sort((a, b) => typed(a) - typed(b) || this.otherEnd(a, paper) - this.otherEnd(b, paper));
    return { shown: seen.slice(0, budget), total: all.length };
  }

  topicPath(node) {
    const path = [];
    for (let at = node; at >= 0; at = this.nodes[at][2]) path.unshift(at);
    return path;
  }

  topicLabel(paper) {
    return this.node[paper] >= 0 ? this.nodes[this.node[paper]][1] : "";
  }

  // 1 for each paper that the filter lets through. A pillar's papers are those whose primary node it holds.
  mask({ topic, years, runnable, area }) {
    const kept = new Uint8Array(this.count).fill(1);
    if (topic) this.keepTopic(kept, topic);
    for (let paper = 0; paper < this.count; paper += 1) {
      const year = this.year[paper];
      if (years && (year < years[0] || year > years[1])) kept[paper] = 0;
      if (runnable && !this.runnable[paper]) kept[paper] = 0;
      if (area && !area.has(paper)) kept[paper] = 0;
    }
    return kept;
  }

  keepTopic(kept, topic) {
    const chosen = this.nodes.findIndex((node) => node[0] === topic);
    const inside = new Set();
    this.nodes.forEach((node, at) => {
      if (at === chosen || inside.has(node[2])) inside.add(at);
    });
    const also = new Set();
    if (chosen >= 0 && !this.nodes[chosen][5]) {
      this.alsoPaper.forEach((paper, at) => inside.has(this.alsoNode[at]) && also.add(paper));
    }
    for (let paper = 0; paper < this.count; paper += 1) {
      if (!inside.has(this.node[paper]) && !also.has(paper)) kept[paper] = 0;
    }
  }

  // Papers by year, from the first year known to the last one.
  perYear(kept) {
    const known = [...this.year].filter((year, paper) => year > 0 && this.isHere(paper));
    if (!known.length) return { first: 0, all: [], kept: [] };
    const first = known.reduce((a, b) => Math.min(a, b));
    const size = known.reduce((a, b) => Math.max(a, b)) - first + 1;
    const [all, inside] = [new Array(size).fill(0), new Array(size).fill(0)];
    this.year.forEach((year, paper) => {
      if (!year || !this.isHere(paper)) return;
      all[year - first] += 1;
      inside[year - first] += kept[paper];
    });
    return { first, all, kept: inside };
  }
}
