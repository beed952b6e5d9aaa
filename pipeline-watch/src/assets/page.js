// The page: which pipeline is looked at, its head, and the keys.

import { by, el, keep, mark, number, rate, say, svg, time } from "./dom.js";
import { Graph } from "./graph.js";
import { act, listen, setToken, token } from "./link.js";
import { Beside, Failures, Table, Taps } from "./lists.js";
import { Stage } from "./stage.js";

let state = null;
let heard = 0;
let selected = null;
let group = null;

const choose = (name) => {
  group = group === name ? null : name;
  draw();
  if (group) by("stage").scrollIntoView({ block: "nearest" });
};

const graph = new Graph(by("graph"), choose);
const stage = new Stage(by("stage"), () => choose(group));
const failures = new Failures(by("failures"));
const beside = new Beside(by("beside"));
const taps = new Taps(by("taps"));
const table = new Table(by("table"), choose);

const sure = (question) => {
  const dialog = by("sure");
  say(dialog.firstElementChild, question);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
};

const does = async (what, question, body) => {
  const { name } = pipeline();
  if (question && !(await sure(question))) return;
  const refused = await act(name, what, body);
  if (refused) say(title.said, refused);
  else say(title.said, "");
};

const button = (text, what, question) => el("button", { type: "button", text, onclick: () => does(what, question?.()) });

const title = {
  name: el("h1"),
  state: el("div", { class: "state" }),
  into: el("div", { class: "rate num" }, el("span"), el("small", { text: " in" })),
  out: el("div", { class: "rate num" }, el("span"), el("small", { text: " out" })),
  facts: el("div", { class: "facts num" }),
  under: svg("path", { class: "under" }),
  curve: svg("path"),
  said: el("span", { class: "red", role: "alert" }),
  pause: button("Pause", "pause"),
  resume: button("Resume", "resume"),
  drain: button("Drain", "drain", () => `Stop the sources of ${pipeline().name}, and let it end when all that was taken is done?`),
  abort: button("Abort", "abort", () => `Stop ${pipeline().name} at once? What is under way is lost, or comes again where it came from a queue.`),
  restart: button("Restart", "restart", () => `Drain ${pipeline().name}, and make it again?`),
  start: button("Start", "start"),
};
title.abort.classList.add("danger");
const spark = svg("svg", { class: "spark", viewBox: "0 0 220 36", preserveAspectRatio: "none", role: "img", "aria-label": "Items a second in the last two minutes" }, title.under, title.curve);
const acts = el("div", { class: "acts" }, title.said, title.pause, title.resume, title.drain, title.restart, title.start, title.abort);
by("title").append(el("div", {}, title.name, title.state), title.into, title.out, spark, title.facts, acts);

const pipeline = () => state.pipelines.find(({ name }) => name === selected) ?? state.pipelines[0];

const curve = (history) => {
  const most = Math.max(1, ...history);
  const step = 220 / 119;
  const start = 220 - (history.length - 1) * step;
  const points = history.map((n, place) => `${(start + place * step).toFixed(1)} ${(34 - (30 * n) / most).toFixed(1)}`);
  const line = points.length > 1 ? `M${points.join("L")}` : "";
  mark(title.curve, "d", line);
  mark(title.under, "d", line && `${line}V36H${start.toFixed(1)}z`);
};

const head = (of) => {
  say(title.name, of.name);
  document.title = `${of.name} · ${rate(of.rate_in)} · brigade`;
  say(title.state, of.state);
  title.state.classList.toggle("paused", of.is_paused);
  say(title.into.firstChild, rate(of.rate_in));
  say(title.out.firstChild, rate(of.rate_out));
  const facts = [of.elapsed > 0 && time(of.elapsed), of.cpu !== null && of.is_up && `${of.cpu.toFixed(1)} of ${number(state.cores)} processors`, of.is_conserved && !of.is_up && "every item accounted for"];
  say(title.facts, facts.filter(Boolean).join(" · "));
  curve(of.history);
  const can = state.can_control;
  mark(title.pause, "hidden", !can || !of.is_up || of.is_paused || of.state === "paused");
  mark(title.resume, "hidden", !can || !(of.is_paused || of.state === "paused"));
  mark(title.drain, "hidden", !can || !of.is_up);
  mark(title.abort, "hidden", !can || !of.is_up || of.is_process);
  mark(title.restart, "hidden", !can || !of.is_process || !of.is_up);
  mark(title.start, "hidden", !can || !of.is_process || of.is_up);
};

const sentence = (of) => {
  const said = [];
  for (const thread of of.threads) said.push({ text: `Thread ${thread} has not returned from a call.`, bad: "bad" });
  if (of.advice) said.push({ text: `${of.advice.replaceAll("`", "")}.`, raise: state.can_control ? of.raise : [] });
  else if (of.is_up && of.groups.length) said.push({ text: of.is_paused ? "It is paused: it takes nothing in." : "Nobody holds the others up.", bad: "calm" });
  keep(by("advice"), said, (one) => `${one.bad} ${of.name}`, () => el("div", {}, el("p"), el("span")), (node, one) => {
    node.className = one.bad ?? "";
    say(node.firstChild, one.text);
    const raises = one.raise ?? [];
    const set = ({ stage, to }) => does(`stages/${encodeURIComponent(stage)}/count`, null, { n: to });
    const all = { stage: "", to: raises.length };
    keep(node.lastChild, raises.length > 3 ? [all] : raises, ({ stage, to }) => `${stage} ${to}`, (raise) =>
      raise.stage
        ? el("button", { type: "button", text: `Set ${raise.stage} to ${raise.to}`, onclick: () => set(raise) })
        : el("button", { type: "button", text: `Raise all ${raise.to}`, onclick: () => Promise.all(pipeline().raise.map(set)) }),
    );
  });
};

const tabs = () => {
  const make = ({ name }) => el("button", { role: "tab", type: "button", onclick: () => select(name) }, el("i"), el("span"));
  keep(by("tabs"), state.pipelines, ({ name }) => name, make, (node, of) => {
    node.firstChild.className = of.is_paused || of.state === "paused" ? "paused" : of.is_up ? "up" : "";
    say(node.lastChild, of.name);
    mark(node, "title", of.state);
    mark(node, "aria-selected", of.name === pipeline().name ? "true" : "false");
  });
};

const select = (name) => {
  selected = name;
  group = null;
  draw();
};

function draw() {
  if (!state) return;
  mark(by("locked"), "hidden", true);
  mark(by("shown"), "hidden", state.pipelines.length === 0);
  if (state.pipelines.length === 0) return;
  const of = pipeline();
  tabs();
  head(of);
  sentence(of);
  graph.draw(of, group);
  stage.draw(of, of.groups.find(({ name }) => name === group), state.can_control);
  failures.draw(of, state.at);
  beside.draw(state, of);
  taps.draw(state.taps, state.at);
  table.draw(of);
}

const news = (now) => {
  state = now;
  heard = performance.now();
  fresh();
  draw();
};

let trouble = "";
const fresh = () => {
  const silent = (performance.now() - heard) / 1000;
  const stale = heard > 0 && silent > 3;
  say(by("news"), trouble && (stale || !heard) ? trouble : stale ? `no news for ${Math.round(silent)} s` : "");
  by("news").classList.toggle("stale", stale || Boolean(trouble && !heard));
};
setInterval(fresh, 1000);

const locked = (why) => {
  mark(by("locked"), "hidden", false);
  mark(by("shown"), "hidden", true);
  say(by("why"), why);
  by("token").focus();
};
by("unlock").addEventListener("submit", (event) => {
  event.preventDefault();
  setToken(by("token").value.trim());
  by("token").value = "";
  start();
});

const start = () => {
  if (!token()) return locked("");
  listen({
    news: (now) => {
      trouble = "";
      news(now);
    },
    broken: (why) => {
      trouble = why;
      fresh();
    },
    locked: () => locked("That token is not known here."),
  });
};

const THEME = "brigade theme";
const theme = () => {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = document.documentElement.dataset.theme ?? (dark ? "dark" : "light");
  document.documentElement.dataset.theme = now === "dark" ? "light" : "dark";
  localStorage.setItem(THEME, document.documentElement.dataset.theme);
};
const kept = localStorage.getItem(THEME);
if (kept) document.documentElement.dataset.theme = kept;
by("theme").addEventListener("click", theme);
by("help").addEventListener("click", () => by("keys").showModal());
addEventListener("resize", draw);

const beyond = (step) => {
  const names = state.pipelines.map(({ name }) => name);
  select(names[(names.indexOf(pipeline().name) + step + names.length) % names.length]);
};

const keys = {
  t: theme,
  "?": () => by("keys").showModal(),
  "/": () => table.filter.focus(),
  "]": () => beyond(1),
  "[": () => beyond(-1),
  b: () => pipeline().bottleneck && graph.focus(pipeline().bottleneck),
  Escape: () => group && choose(group),
};
addEventListener("keydown", (event) => {
  const typing = event.target.matches("input");
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (typing) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const from = document.activeElement?.at;
  if (event.key.startsWith("Arrow") && !from && event.target === document.body && state) {
    graph.boxes.firstElementChild?.focus();
    event.preventDefault();
  }
  if (!state && event.key !== "t" && event.key !== "?") return;
  const key = keys[event.key];
  if (key) {
    key();
    event.preventDefault();
  }
});

start();
