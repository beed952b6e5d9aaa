// Nodes and numbers. What comes from a program becomes text, and never markup: nothing here, nor in what builds on it, parses HTML.

const SVG = "http://www.w3.org/2000/svg";

const build = (node, attributes, children) => {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name === "class") node.setAttribute("class", value);
    else if (name === "text") node.textContent = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
};

export const el = (tag, attributes, ...children) => build(document.createElement(tag), attributes, children);
export const svg = (tag, attributes, ...children) => build(document.createElementNS(SVG, tag), attributes, children);
export const by = (id) => document.getElementById(id);

/** Changes a text where it is another one: what is selected stays so. */
export const say = (node, text) => {
  if (node.textContent !== text) node.textContent = text;
};

export const mark = (node, name, value) => {
  if (value === null || value === false || value === undefined) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value === true ? "" : value);
};

/** The children of a node are those of the items, in order; those that stay are kept, with the focus that one may have. */
export const keep = (parent, items, key, make, update) => {
  const known = (parent.known ??= new Map());
  const wanted = new Set(items.map(key));
  for (const [name, node] of known) {
    if (!wanted.has(name)) {
      node.remove();
      known.delete(name);
    }
  }
  items.forEach((item, place) => {
    const name = key(item);
    let node = known.get(name);
    if (!node) {
      node = make(item);
      known.set(name, node);
    }
    if (parent.children[place] !== node) parent.insertBefore(node, parent.children[place] ?? null);
    update?.(node, item, place);
  });
};

/** Of a path that is long, its end, which tells it from others. */
export const tail = (path, most) => (path.length > most ? `…${path.slice(1 - most)}` : path);

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

export const number = (n) => (n >= 1e6 ? short : whole).format(n);
export const rate = (n) => (n === 0 ? "0/s" : n < 10 ? `${n.toFixed(1)}/s` : `${(n >= 1e5 ? short : whole).format(n)}/s`);
export const share = (n) => `${Math.round(100 * n)} %`;

export const time = (s) => {
  if (s === null || s === undefined) return "–";
  if (s < 1e-6) return `${Math.round(s * 1e9)} ns`;
  if (s < 1e-3) return `${digits(s * 1e6)} µs`;
  if (s < 1) return `${digits(s * 1e3)} ms`;
  if (s < 100) return `${digits(s)} s`;
  if (s < 6000) return `${Math.round(s / 60)} min`;
  return s < 200000 ? `${digits(s / 3600)} h` : `${digits(s / 86400)} d`;
};
const digits = (n) => (n < 10 ? n.toFixed(1) : String(Math.round(n)));

export const bytes = (n) => {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  for (; n >= 1024 && unit < 4; unit += 1) n /= 1024;
  return `${unit === 0 ? n : digits(n)} ${units[unit]}`;
};

export const ago = (at, now) => {
  const s = Math.max(0, (now - at) / 1000);
  return s < 2 ? "just now" : `${time(Math.round(s)).replace(".0", "")} ago`;
};

const PARTS = [["busy", "works"], ["limited", "is kept by its rate"], ["blocked", "waits for room"], ["starved", "waits for items"]];

/** What workers do with their time, as a bar. */
export const bar = () => el("div", { class: "bar", role: "img" }, ...PARTS.map(([name]) => el("i", { class: name })));
export const fillBar = (node, group) => {
  PARTS.forEach(([name], place) => {
    node.children[place].style.width = `${100 * group[name]}%`;
  });
  const said = PARTS.filter(([name]) => group[name] >= 0.005).map(([name, what]) => `${what} ${share(group[name])} of the time`);
  const text = said.join(", ") || "nothing measured yet";
  mark(node, "aria-label", text);
  mark(node, "title", text);
};

const singular = { "in flight": "in flight", source: "source", inline: "where it is polled", "open-ended": "sources that come and go" };
export const how = (group) => {
  if (group.runs in singular && group.runs !== "in flight") return singular[group.runs];
  if (group.runs === "in flight") return `${number(group.workers)} in flight`;
  return group.runs ? `${number(group.workers)} ${group.runs}${group.workers === 1 ? "" : "s"}` : "";
};
