// The stages as a graph: a box for each group of stages that share workers, layer after layer from left to right. What is too long
// for a line goes on in the next one.

import { bar, el, fillBar, how, keep, mark, number, rate, say, share, svg, tail, time } from "./dom.js";

const LARGE = { width: [160, 188], gap: [74, 96], height: 152, row: 22, gutter: 34 };
const SMALL = { width: [126, 144], gap: [34, 48], height: 74, row: 14, gutter: 26, is_small: true };

const SIDE = 18;

/** More boxes than these are drawn small. */
const MANY = 18;

/** The place of each box: its layer from the left, and its lane from the top. */
const layers = ({ groups, arrows }) => {
  const ahead = arrows.filter((arrow) => arrow.from < arrow.to);
  const places = groups.map(() => ({ layer: 0, lane: 0 }));
  groups.forEach((_, place) => {
    const before = ahead.filter((arrow) => arrow.to === place);
    places[place].layer = Math.max(0, ...before.map((arrow) => places[arrow.from].layer + 1));
  });
  // A source stands right in front of what it leads to.
  groups.forEach((_, place) => {
    if (ahead.some((arrow) => arrow.to === place)) return;
    const after = ahead.filter((arrow) => arrow.from === place).map((arrow) => places[arrow.to].layer - 1);
    if (after.length) places[place].layer = Math.max(0, Math.min(...after));
  });
  // The main line goes straight on; side lines are beneath it.
  const aside = groups.map(() => false);
  groups.forEach((group, place) => {
    aside[place] = group.is_beside || ahead.some(({ from, to, label }) => to === place && (aside[from] || label?.startsWith("tee")));
  });
  const taken = new Set();
  const order = groups.map((_, place) => place).sort((a, b) => places[a].layer - places[b].layer || aside[a] - aside[b] || a - b);
  for (const place of order) {
    const lanes = ahead.filter((arrow) => arrow.to === place).map((arrow) => places[arrow.from].lane);
    const wished = lanes.length ? Math.floor(lanes.reduce((sum, lane) => sum + lane, 0) / lanes.length) : 0;
    let lane = wished;
    while (taken.has(`${places[place].layer} ${lane}`)) lane += 1;
    taken.add(`${places[place].layer} ${lane}`);
    places[place].lane = lane;
  }
  return places;
};

/** So many layers in so much room: in as few lines as it takes, of about the same length, with boxes no smaller than can be read. */
const fit = (count, room, size) => {
  const [least, most] = size.width;
  const [near, far] = size.gap;
  const lines = Math.ceil(count / Math.max(1, Math.floor((room + near) / (least + near))));
  const across = Math.ceil(count / lines);
  const width = Math.max(least, Math.min(most, (room - (across - 1) * near) / across));
  const gap = across > 1 ? Math.max(near, Math.min(far, (room - across * width) / (across - 1))) : near;
  return { is: { ...size, width, gap }, across };
};

/** Where everything is, in pixels. */
const layout = (pipeline, room) => {
  const places = layers(pipeline);
  const last = Math.max(0, ...places.map((place) => place.layer));
  // At both sides is room for lines from one line of boxes to the next.
  const { is, across } = fit(last + 1, room - 2 * SIDE, pipeline.groups.length > MANY ? SMALL : LARGE);
  const bands = Array.from({ length: Math.floor(last / across) + 1 }, () => 1);
  for (const place of places) {
    const band = Math.floor(place.layer / across);
    bands[band] = Math.max(bands[band], place.lane + 1);
  }
  const tops = [];
  let top = 8;
  for (const lanes of bands) {
    tops.push(top);
    top += lanes * (is.height + is.row) - is.row + is.gutter;
  }
  const boxes = places.map(({ layer, lane }) => {
    const band = Math.floor(layer / across);
    return { x: SIDE + (layer % across) * (is.width + is.gap), y: tops[band] + lane * (is.height + is.row), band, layer, lane };
  });
  return { is, boxes, tops, height: top - is.gutter + 10 };
};

/** The way of an arrow, and where its words stand. */
const way = (from, to, { is, tops }) => {
  const [x1, y1] = [from.x + is.width, from.y + is.height / 2];
  const [x2, y2] = [to.x - 3, to.y + is.height / 2];
  if (from.band !== to.band || to.x <= from.x) {
    const over = to.band === from.band ? Math.max(from.y, to.y) + is.height + is.row / 2 : tops[to.band] - is.gutter / 2;
    const [out, back] = [x1 + 12, x2 - 14];
    return { d: `M${x1} ${y1}H${out}V${over}H${back}V${y2}H${x2}`, x: (out + back) / 2, y: over, is_across: true };
  }
  if (to.layer > from.layer + 1 && from.lane === to.lane) {
    // Over what stands in between.
    const over = from.y - is.row / 2 + 2;
    const bend = is.gap / 3;
    return { d: `M${x1} ${y1 - 14}C${x1 + bend} ${y1 - 14} ${x1} ${over} ${x1 + bend} ${over}H${x2 - bend}C${x2} ${over} ${x2 - bend} ${y2 - 14} ${x2} ${y2 - 14}`, x: x2 - is.gap, y: over };
  }
  const bend = is.gap / 2;
  const near = to.lane === from.lane ? 0.5 : 0.56;
  return { d: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`, x: x1 + (x2 - x1) * near, y: y1 + (y2 - y1) * near };
};

/** As it is written, so that it is no number of items. */
const arm_of = (label) => (!label || label.startsWith("tee") ? (label ?? "") : `${label} ⇒`);

const box = (chosen) => (group) => {
  const node = el(
    "button",
    { class: "box", type: "button", "aria-pressed": "false" },
    el("span", { class: "name" }, el("span"), el("span", { class: "tag" })),
    el("span", { class: "how cut" }),
    el("span", { class: "big num" }),
    bar(),
    el("span", { class: "says cut num" }),
    el("span", { class: "parts cut" }),
    el("span", { class: "losses cut num" }, el("span", { class: "red" }), el("span"), el("span")),
  );
  node.addEventListener("click", () => chosen(group.name));
  return node;
};

const sum = (group, what) => group.stages.reduce((all, stage) => all + stage[what], 0);

const fill = (node, group, pipeline, { is_small, width }) => {
  const [name, run, big, parts, says, others, losses] = node.children;
  const holds = pipeline.bottleneck !== null && group.stages.some((stage) => stage.path === pipeline.bottleneck);
  say(name.children[0], tail(group.name, 26));
  mark(node, "title", group.stages.map((stage) => stage.path).join(", "));
  say(name.children[1], holds ? "holds up" : "");
  node.classList.toggle("holds", holds);
  say(run, how(group));
  say(big, rate(group.stages[0].rate));
  fillBar(parts, group);
  const each = group.each === null || group.is_source ? "" : ` · ${time(group.each)}${width < 180 ? "" : " each"}`;
  say(says, `${is_small ? "" : "busy "}${share(group.busy)}${each}`);
  const with_ = group.stages.map((stage) => stage.path).filter((path) => path !== group.name).map((path) => tail(path, 30));
  say(others, with_.length ? `with ${with_.join(", ")}` : "");
  ["failed", "filtered", "retries"].forEach((what, place) => {
    const count = sum(group, what);
    say(losses.children[place], count ? `${number(count)} ${what}` : "");
  });
};

/** Draws a pipeline; `chosen` is called with the name of a group that is. */
export class Graph {
  constructor(root, chosen) {
    this.root = root;
    this.lines = svg("g");
    const tip = (id, name) =>
      svg("marker", { id, class: name, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, markerUnits: "userSpaceOnUse", orient: "auto" }, svg("path", { d: "M0 0.5 8 4 0 7.5z" }));
    this.sheet = svg("svg", { "aria-hidden": "true" }, svg("defs", {}, tip("tip", ""), tip("tip-full", "full")), this.lines);
    this.boxes = el("div");
    root.append(this.sheet, this.boxes);
    this.make = box(chosen);
    root.addEventListener("keydown", (event) => this.moves(event));
  }

  draw(pipeline, selected) {
    const width = this.root.clientWidth || 1200;
    const shape = JSON.stringify([width, pipeline.name, pipeline.groups.map((group) => group.name), pipeline.arrows.map((arrow) => [arrow.from, arrow.to])]);
    if (shape !== this.shape) {
      this.shape = shape;
      this.placed = layout(pipeline, width);
      this.root.classList.toggle("small", Boolean(this.placed.is.is_small));
    }
    const { placed } = this;
    mark(this.sheet, "width", width);
    mark(this.sheet, "height", placed.height);
    this.root.style.height = `${placed.height}px`;
    keep(this.boxes, pipeline.groups, (group) => group.stages[0].path, this.make, (node, group, place) => {
      const at = placed.boxes[place];
      Object.assign(node.style, { left: `${at.x}px`, top: `${at.y}px`, width: `${placed.is.width}px`, height: `${placed.is.height}px` });
      mark(node, "aria-pressed", group.name === selected ? "true" : "false");
      node.at = at;
      fill(node, group, pipeline, placed.is);
    });
    keep(this.lines, pipeline.arrows, (arrow) => `${arrow.from} ${arrow.to} ${arrow.label}`, () => svg("g", {}, svg("path"), svg("text"), svg("text"), svg("text")), (node, arrow) => this.line(node, arrow, pipeline));
  }

  line(node, arrow, pipeline) {
    const { placed } = this;
    const [from, to] = [pipeline.groups[arrow.from], pipeline.groups[arrow.to]];
    const { d, x, y, is_across } = way(placed.boxes[arrow.from], placed.boxes[arrow.to], placed);
    const alone = pipeline.arrows.filter((other) => other.from === arrow.from).length === 1;
    // Of several arrows it is not known behind which one items wait.
    const waiting = alone ? from.waiting : 0;
    const full = from.most && waiting >= 0.5 * from.most;
    const [path, above, below, arm] = node.children;
    mark(path, "d", d);
    mark(path, "class", `edge${full ? " full" : ""}${to.is_beside ? " aside" : ""}`);
    path.style.strokeWidth = waiting ? `${2 + 5 * Math.min(1, waiting / (from.most || 1))}px` : "2px";
    mark(path, "marker-end", full ? "url(#tip-full)" : "url(#tip)");
    const small = placed.is.is_small;
    for (const [text, dy, said, name] of [
      [above, -7, small || (is_across && waiting) ? "" : rate(arrow.rate), ""],
      [below, is_across ? 4 : 15, waiting ? `${number(waiting)}${small ? "" : " wait"}` : "", "wait"],
      [arm, alone ? -21 : 15, small ? "" : arm_of(arrow.label), "arm"],
    ]) {
      mark(text, "x", x);
      mark(text, "y", y + dy);
      mark(text, "class", name);
      say(text, said.length > 18 ? `${said.slice(0, 17)}…` : said);
    }
  }

  /** The arrow keys go to the nearest box in their direction. */
  moves(event) {
    const [dx, dy] = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key] ?? [0, 0];
    const now = document.activeElement?.at;
    if ((!dx && !dy) || !now) return;
    event.preventDefault();
    const all = [...this.boxes.children];
    if (dx) {
      const next = all.filter((node) => node.at.layer === now.layer + dx);
      next.sort((a, b) => Math.abs(a.at.lane - now.lane) - Math.abs(b.at.lane - now.lane));
      next[0]?.focus();
    } else {
      const next = all.filter((node) => (node.at.y - now.y) * dy > 0);
      const far = ({ at }) => Math.abs(at.y - now.y) * 2 + Math.abs(at.x - now.x);
      next.sort((a, b) => far(a) - far(b));
      next[0]?.focus();
    }
  }

  focus(path) {
    const node = [...this.boxes.children].find((box) => box.title.split(", ").includes(path));
    node?.focus();
    node?.scrollIntoView({ block: "center", inline: "center" });
    return node;
  }
}
