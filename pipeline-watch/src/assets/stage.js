// More of one group of stages, and how many work in it.

import { el, how, keep, mark, number, rate, say, share, time } from "./dom.js";
import { act } from "./link.js";

const FACTS = [
  ["came in", (stage) => number(stage.entered)],
  ["done", (stage) => number(stage.done)],
  ["filtered", (stage) => number(stage.filtered)],
  ["failed", (stage) => number(stage.failed)],
  ["put out", (stage) => number(stage.emitted)],
  ["calls made again", (stage) => number(stage.retries)],
  ["held now", (stage) => number(stage.held)],
  ["no room for", (stage) => number(stage.skipped), (stage) => stage.skipped > 0],
  ["before their time", (stage) => number(stage.evicted), (stage) => stage.evicted > 0],
];

const GROUP = [
  ["works", (group) => share(group.busy)],
  ["waits for items", (group) => share(group.starved)],
  ["waits for room", (group) => share(group.blocked)],
  ["kept by its rate", (group) => share(group.limited), (group) => group.limited > 0],
  ["may not work", (group) => share(group.parked), (group) => group.parked > 0],
  ["for one item", (group) => time(group.each)],
  ["processors", (group) => group.cpu.toFixed(2), (group) => group.cpu !== null],
  ["wait behind it", (group) => number(group.waiting)],
  ["at most", (group) => `${number(group.most)} items`, (group) => group.most !== null],
];

const list = (facts, of) => facts.filter(([, , has]) => !has || has(of)).map(([name, value]) => ({ name, value: value(of) }));

const pairs = (node, facts) =>
  keep(node, facts.flatMap(({ name, value }) => [{ tag: "dt", name, text: name }, { tag: "dd", name, text: value }]), (one) => `${one.tag} ${one.name}`, (one) => el(one.tag, { class: "num" }), (child, one) => say(child, one.text));

export class Stage {
  constructor(root, closed) {
    this.root = root;
    this.name = el("h2");
    this.how = el("span", { class: "muted" });
    this.input = el("input", { type: "number", min: 1, max: 4096, "aria-label": "Count" });
    this.said = el("span", { class: "red", role: "alert" });
    const set = (n) => this.set(n);
    this.count = el(
      "form",
      { class: "count" },
      el("span", { class: "muted", text: "count" }),
      el("button", { type: "button", text: "−", "aria-label": "One fewer", onclick: () => set(Number(this.input.value) - 1) }),
      this.input,
      el("button", { type: "button", text: "+", "aria-label": "One more", onclick: () => set(Number(this.input.value) + 1) }),
      el("button", { type: "button", text: "× 2", onclick: () => set(Number(this.input.value) * 2) }),
      el("button", { text: "Set" }),
      this.said,
    );
    this.count.addEventListener("submit", (event) => {
      event.preventDefault();
      set(Number(this.input.value));
    });
    this.times = el("dl");
    this.stages = el("div", { class: "cols" });
    root.append(
      el("div", { class: "top" }, this.name, this.how, el("button", { class: "quiet", text: "Close", onclick: closed })),
      this.count,
      el("div", { class: "cols" }, this.times, this.stages),
    );
  }

  async set(n) {
    if (!Number.isInteger(n) || n < 1) return;
    this.input.value = n;
    this.pending = n;
    say(this.said, await act(this.pipeline, `stages/${encodeURIComponent(this.group.name)}/count`, { n }));
  }

  draw(pipeline, group, can) {
    mark(this.root, "hidden", !group);
    if (!group) {
      this.group = null;
      return;
    }
    const other = this.group?.name !== group.name || this.pipeline !== pipeline.name;
    this.group = group;
    this.pipeline = pipeline.name;
    say(this.name, group.name);
    say(this.how, how(group));
    mark(this.count, "hidden", !(can && group.can_change && pipeline.is_up));
    if (other || (document.activeElement !== this.input && this.pending !== group.workers)) this.input.value = group.workers;
    if (other) say(this.said, "");
    pairs(this.times, list(GROUP, group));
    keep(this.stages, group.stages, (stage) => stage.path, () => el("div", {}, el("b"), el("dl")), (node, stage) => {
      say(node.children[0], `${stage.path} · ${rate(stage.rate)}`);
      pairs(node.children[1], list(FACTS, stage));
    });
  }
}
