"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const container = document.getElementById("network");
  const card = document.getElementById("card");
  const found = document.getElementById("found");
  const papers = new Map(data.nodes.map((node) => [node.id, node]));
  const linksOf = new Map(data.nodes.map((node) => [node.id, []]));
  for (const link of data.links) {
    linksOf.get(link.from).push(link);
    linksOf.get(link.to).push(link);
  }
  const styled = (link) => Object.assign({}, link, data.styles[link.kind]);
  const nodes = new vis.DataSet(data.nodes);
  const links = new vis.DataSet(data.links.map(styled));
  const network = new vis.Network(container, { nodes, edges: links }, data.options);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const animation = still ? false : { duration: 400, easingFunction: "easeInOutQuad" };
  const NAMED = 30;
  const LARGEST_FONT = 15;
  let fonts = new Map(data.nodes.map((node) => [node.id, node.font.size]));
  let chosen = null;

  // Names keep a readable size on the screen however far the picture is enlarged. (vis-network's own option
  // for this, maxVisible, makes them vanish.)
  const fontOf = (key) => ({ size: Math.min(fonts.get(key), LARGEST_FONT / network.getScale()) });
  const resize = () => nodes.update(data.nodes.map((node) => ({ id: node.id, font: fontOf(node.id) })));
  let waiting = 0;
  const resizeSoon = () => {
    clearTimeout(waiting);
    waiting = setTimeout(resize, 60);
  };
  network.on("zoom", resizeSoon);
  network.on("animationFinished", resize);

  const element = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });

  function button(key) {
    const made = element("button", papers.get(key).name);
    made.type = "button";
    made.title = papers.get(key).title;
    made.addEventListener("click", () => choose(key, true));
    return made;
  }

  function describe(key) {
    const paper = papers.get(key);
    const close = element("button", "Close");
    close.type = "button";
    close.className = "close";
    close.addEventListener("click", clear);
    const parts = [close, element("h2", paper.name)];
    parts.push(...paper.title.split("\n").map((line) => element("p", line)));
    const groups = new Map();
    for (const link of linksOf.get(key)) {
      const out = link.from === key;
      const heading = data.words[link.kind] + (out ? "" : " this paper");
      if (!groups.has(heading)) groups.set(heading, []);
      groups.get(heading).push(out ? link.to : link.from);
    }
    for (const [heading, keys] of groups) {
      const list = document.createElement("ul");
      for (const other of keys) list.appendChild(document.createElement("li")).appendChild(button(other));
      parts.push(element("h3", `${heading} (${keys.length})`), list);
    }
    card.replaceChildren(...parts);
    card.hidden = false;
    card.scrollTop = 0;
  }

  function choose(key, move) {
    chosen = key;
    const mine = linksOf.get(key);
    const near = new Set([key, ...mine.flatMap((link) => [link.from, link.to])]);
    // The nodes come with the most cited first: those keep their names when there is no room for all.
    const named = new Set(data.nodes.filter((node) => near.has(node.id)).slice(0, NAMED).map((node) => node.id));
    const size = (id) => (id === key ? 16 : named.has(id) ? 12 : near.has(id) ? 5 : 1);
    fonts = new Map(data.nodes.map((node) => [node.id, size(node.id)]));
    nodes.update(data.nodes.map((node) => (
      { id: node.id, opacity: near.has(node.id) ? 1 : 0.12, font: fontOf(node.id) }
    )));
    const own = new Set(mine.map((link) => link.id));
    links.update(data.links.map((link) => {
      if (!own.has(link.id)) return { id: link.id, hidden: true };
      const color = { color: "rgba(27, 42, 65, 0.5)" };
      return { id: link.id, hidden: false, color, arrows: { to: { enabled: true, scaleFactor: 0.3 } } };
    }));
    network.selectNodes([key], false);
    describe(key);
    network.setSize("100%", "100%"); // the card has taken room from the picture
    if (move) network.focus(key, { scale: Math.max(network.getScale(), 1.1), animation });
    resizeSoon();
  }

  function clear() {
    if (chosen === null) return;
    chosen = null;
    fonts = new Map(data.nodes.map((node) => [node.id, node.font.size]));
    nodes.update(data.nodes.map((node) => ({ id: node.id, opacity: 1, font: fontOf(node.id) })));
    links.update(data.links.map(styled));
    network.unselectAll();
    if (card.contains(document.activeElement)) document.getElementById("name").focus();
    card.hidden = true;
    network.setSize("100%", "100%");
  }

  // The first that matches exactly, else the first that begins so, else the first that contains it.
  function lookUp(text) {
    const wanted = text.trim().toLowerCase();
    if (!wanted) return null;
    const texts = (node) => [node.id, node.name, node.title].map((value) => value.toLowerCase());
    for (const test of [(value) => value === wanted, (value) => value.startsWith(wanted), (value) => value.includes(wanted)]) {
      const hit = data.nodes.find((node) => texts(node).some(test));
      if (hit) return hit.id;
    }
    return null;
  }

  function show(text) {
    const key = lookUp(text);
    found.textContent = key === null ? `No paper in the picture is named ${text.trim() || "so"}` : "";
    if (key !== null) choose(key, true);
  }

  network.on("click", (event) => (event.nodes.length ? choose(event.nodes[0], false) : clear()));
  // vis-network does not notice that the pointer has left: it is told of a last move into the empty corner.
  container.addEventListener("mouseleave", () => {
    const { left, top } = container.getBoundingClientRect();
    const corner = { clientX: left + 1, clientY: top + 1, bubbles: true };
    container.querySelector("canvas").dispatchEvent(new MouseEvent("mousemove", corner));
  });
  document.getElementById("find").addEventListener("submit", (event) => {
    event.preventDefault();
    show(document.getElementById("name").value);
  });
  document.getElementById("whole").addEventListener("click", () => {
    clear();
    network.fit({ animation });
    resizeSoon();
  });
  document.addEventListener("keydown", (event) => event.key === "Escape" && clear());
  for (const row of document.querySelectorAll("button[data-key]")) {
    row.disabled = !papers.has(row.dataset.key);
    row.addEventListener("click", () => {
      choose(row.dataset.key, true);
      container.scrollIntoView({ block: "center" });
    });
  }
  network.fit();
  container.dataset.ready = "true";
})();
