// What fails, what waits outside, what budgets are used for, what was done, and all stages as a table.

import { ago, bar, bytes, el, fillBar, how, keep, mark, number, rate, say, share, tail, time } from "./dom.js";

const section = (root, title) => {
  root.append(el("h2", {}, el("span", { text: title }), el("small")), el("div"));
  return root.children;
};

/** Sets the words beside a title. */
const beside = (head, text) => say(head.children[1], text);

const more = (failure) =>
  [
    failure.place && `at ${failure.place}`,
    failure.command,
    failure.stack,
    `attempts: ${failure.attempts}`,
    failure.frames.length && `keys reached: ${failure.frames.join(" › ")}`,
    failure.origin && `item: ${failure.origin}`,
    failure.is_aside && "in a side line that nothing waits for",
  ]
    .filter(Boolean)
    .join("\n");

export class Failures {
  constructor(root) {
    this.root = root;
    this.next = 0;
    [this.head, this.list] = section(root, "Failures");
  }

  draw({ failures, name }, now) {
    if (this.of !== name) {
      this.list.replaceChildren();
      this.list.known = new Map();
      this.order = new Map();
      this.of = name;
    }
    const shown = failures.kinds.reduce((all, kind) => all + kind.count, 0);
    const left = failures.seen - shown;
    beside(this.head, failures.seen ? `${number(failures.seen)} since the page has been there${left ? `, ${number(left)} of them are no longer shown` : ""}` : "none since the page has been there");
    // Each stays where it is, new ones on top: nobody reads what moves.
    const key = (kind) => `${kind.stage}\n${kind.cause}`;
    const before = this.order;
    this.order = new Map();
    for (const kind of [...failures.kinds].reverse()) {
      this.order.set(key(kind), before.get(key(kind)) ?? (this.next += 1));
    }
    const kinds = [...failures.kinds].sort((a, b) => this.order.get(key(b)) - this.order.get(key(a)));
    const make = () => el("details", {}, el("summary", {}, el("b"), el("span", { class: "cut" }), el("span", { class: "times num" })), el("pre"));
    keep(this.list, kinds, key, make, (node, kind) => {
      const [stage, cause, times] = node.firstChild.children;
      say(stage, kind.stage);
      say(cause, kind.cause);
      mark(cause, "title", kind.cause);
      say(times, `${kind.count > 1 ? `${number(kind.count)} × · ` : ""}${ago(kind.at, now)}`);
      say(node.lastChild, more(kind));
    });
  }
}

/** A list of lines with a title, which is not there while it is empty. */
class Lines {
  constructor(parent, title) {
    this.root = el("section", {});
    [this.head, this.list] = section(this.root, title);
    parent.append(this.root);
  }

  draw(items, key, left, right, title) {
    mark(this.root, "hidden", items.length === 0);
    const make = () => el("div", { class: "line" }, el("span", { class: "cut" }), el("span", { class: "end num" }));
    keep(this.list, items, key, make, (node, item) => {
      say(node.children[0], left(item));
      mark(node.children[0], "title", title?.(item));
      const [text, red] = [right(item)].flat();
      say(node.children[1], text);
      node.children[1].classList.toggle("red", Boolean(red));
    });
  }
}

class Budgets {
  constructor(parent) {
    this.root = el("section", {});
    [this.head, this.list] = section(this.root, "Budgets");
    parent.append(this.root);
  }

  draw(budgets) {
    mark(this.root, "hidden", budgets.length === 0);
    const make = () => el("div", {}, el("div", { class: "line" }, el("span"), el("span", { class: "end num" })), el("div", { class: "fill" }, el("i")));
    keep(this.list, budgets.map((budget, place) => ({ ...budget, place })), (budget) => `${budget.name} ${budget.place}`, make, (node, budget) => {
      say(node.firstChild.children[0], `${budget.name ?? "of the inputs"}: ${bytes(budget.held)} of ${bytes(budget.bytes)}`);
      say(node.firstChild.children[1], `peak ${bytes(budget.peak)} · waited ${number(budget.waits)} × · ${time(budget.waited)}`);
      node.lastChild.firstChild.style.width = share(Math.min(1, budget.held / budget.bytes)).replace(" ", "");
    });
  }
}

/** What goes by a tap: its last items as text, the latest on top. */
export class Taps {
  constructor(root) {
    this.root = root;
  }

  draw(taps, now) {
    mark(this.root, "hidden", taps.length === 0);
    const make = () => {
      const tap = el("section", {});
      section(tap, "");
      return tap;
    };
    keep(this.root, taps.map((tap, place) => ({ ...tap, place })), (tap) => `${tap.name} ${tap.place}`, make, (node, tap) => {
      const [head, list] = node.children;
      say(head.children[0], tap.name);
      beside(head, tap.items.length ? `${number(tap.seen)} went by since somebody looks, some are shown` : "nothing has gone by since somebody looks");
      const items = tap.items.map((item, place) => ({ ...item, key: `${tap.seen} ${place}` })).reverse();
      const line = () => el("div", { class: "line" }, el("code", { class: "cut" }), el("span", { class: "end num" }));
      keep(list, items, (item) => item.key, line, (row, item) => {
        say(row.children[0], item.text);
        mark(row.children[0], "title", item.text);
        say(row.children[1], ago(item.at, now));
      });
    });
  }
}

export class Beside {
  constructor(root) {
    this.processes = new Lines(root, "Processes");
    this.queues = new Lines(root, "Queues");
    this.letters = new Lines(root, "Dead letters");
    this.budgets = new Budgets(root);
    this.notes = new Lines(root, "Done through this page");
  }

  draw(state, pipeline) {
    const service = state.services.find(({ processes }) => processes.some((process) => process.pipeline === pipeline.name));
    const restarts = (process) => `${process.restarts ? `made again ${number(process.restarts)} × · ` : ""}${process.failures ? `${number(process.failures)} failed · ` : ""}`;
    if (service) beside(this.processes.head, `${service.name}: ${service.is_stopping ? "stopping" : service.is_ready ? "ready" : "starting"}, up ${time(service.uptime)}`);
    this.processes.draw(service?.processes ?? [], (process) => process.name, (process) => process.name, (process) => [`${restarts(process)}${process.state} for ${time(process.since)}`, process.state.startsWith("failed")], (process) => process.last_failure);
    const parts = (queue) => [`${number(queue.ready)} ready`, queue.delayed && `${number(queue.delayed)} delayed`, `${number(queue.taken)} taken`, queue.behind && `${number(queue.behind)} behind others`, queue.oldest !== null && `the oldest for ${time(queue.oldest)}`, queue.expired && `${number(queue.expired)} expired`, queue.is_paused && "paused"];
    this.queues.draw(state.queues, (queue) => queue.name, (queue) => queue.name, (queue) => (queue.error ? [queue.error, true] : parts(queue).filter(Boolean).join(" · ")));
    this.letters.draw(state.letters, (one) => one.name, (one) => one.name, (one) => (one.error ? [one.error, true] : [number(one.count), one.count > 0]));
    this.budgets.draw([...pipeline.budgets, ...state.budgets]);
    const notes = state.notes.map((note, place) => ({ ...note, place })).reverse();
    this.notes.draw(notes, (note) => `${note.at} ${note.place}`, (note) => `${note.pipeline}: ${note.what}`, (note) => ago(note.at, state.at));
  }
}

const HEADS = ["stage", "runs", "time", "came in", "a second", "done", "filtered", "failed", "retries", "held", "wait behind"];

export class Table {
  constructor(root, chosen) {
    this.filter = el("input", { type: "search", placeholder: "find a stage", "aria-label": "Find a stage" });
    this.filter.addEventListener("input", () => this.again?.());
    this.chosen = chosen;
    this.body = el("tbody");
    root.append(
      el("div", { class: "top" }, el("h2", { text: "Stages" }), this.filter),
      el("div", { class: "wide" }, el("table", {}, el("thead", {}, el("tr", {}, ...HEADS.map((text) => el("th", { text, scope: "col" })))), this.body)),
    );
  }

  draw(pipeline) {
    this.again = () => this.draw(pipeline);
    const wanted = this.filter.value.trim().toLowerCase();
    const rows = pipeline.groups.flatMap((group) => group.stages.map((stage) => ({ group, stage, own: stage.path === group.name })));
    const shown = rows.filter(({ stage }) => stage.path.toLowerCase().includes(wanted));
    const make = ({ group }) => {
      const row = el("tr", {}, ...HEADS.map(() => el("td")));
      row.children[2].append(bar());
      row.addEventListener("click", () => this.chosen(group.name));
      return row;
    };
    keep(this.body, shown, ({ stage }) => stage.path, make, (row, { group, stage, own }) => {
      row.className = `${stage.path === pipeline.bottleneck ? "holds" : ""}${own ? "" : " fused"}`;
      mark(row.children[0], "title", stage.path);
      mark(row.children[2].firstChild, "hidden", !own);
      if (own) fillBar(row.children[2].firstChild, group);
      const cells = [tail(stage.path, 60), own ? how(group) : "", null, number(stage.entered), rate(stage.rate), number(stage.done), stage.filtered, stage.failed, stage.retries, stage.held, own ? group.waiting : ""];
      cells.forEach((cell, place) => {
        if (cell === null) return;
        say(row.children[place], typeof cell === "number" ? number(cell) : cell);
        row.children[place].classList.toggle("zero", cell === 0);
      });
      row.children[7].classList.toggle("red", stage.failed > 0);
    });
  }
}
