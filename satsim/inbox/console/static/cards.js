// Photos by team, the newest first: as many as are looked at, and more as one goes down.

import { $, kept, make, post, say } from "./dom.js";
import { photos, standing } from "./store.js";
import { ago, honest, many, moment, numbers, packets, place } from "./words.js";

const FIRST = 12; // cards of a team at first
const MORE = 48; // and at each wish for more
const TEAMS = 6; // teams at a time, as one goes down
const MOST_CELLS = 40; // packets that are shown one by one

const sections = new Map(); // by team: its parts on the page, its photos, and how many of them are shown
let order = []; // teams as they stand
let drawn = 0; // teams that are on the page
let words = "";
let wanted = "all";
let open = () => {};

const sentinel = make("div", { class: "sentinel" });
new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && drawMore(), {
  rootMargin: "600px",
}).observe(sentinel);

/** Call `opener(id)` where a card is opened. */
export function whenOpened(opener) {
  open = opener;
}

/** Show what fits these words and this kind. */
export function filter(find, show) {
  words = find.trim().toLowerCase();
  wanted = show;
  drawAll();
}

export const isSeen = (photo) => photo.seen !== null && photo.seen.changed >= photo.changed;

function fits(photo) {
  if (wanted === "new" && isSeen(photo)) return false;
  if (wanted === "missing" && !photo.missing) return false;
  if (wanted === "against" && !photo.contradictions) return false;
  if (!words) return true;
  const said = [
    `team ${photo.team}`, standing.teams[photo.team] ?? "", `photo ${photo.number}`, photo.codec,
    moment(photo.first), new Date(photo.first * 1000).toISOString().slice(0, 10),
    photo.taken ? moment(photo.taken) : "", photo.place ? place(photo.place) : "",
    photo.sealed ? "verified" : "plain", photo.contradictions ? "contradiction" : "",
    photo.seen ? `${photo.seen.by} ${photo.seen.note}` : "",
  ].join(" ").toLowerCase();
  return words.split(/\s+/).every((word) => said.includes(word));
}

/** The photos of each team that fit, the newest first; teams by their newest. */
function sorted() {
  const teams = new Map();
  for (const photo of photos.values()) {
    if (!fits(photo)) continue;
    if (!teams.has(photo.team)) teams.set(photo.team, []);
    teams.get(photo.team).push(photo);
  }
  for (const list of teams.values()) list.sort(newer);
  return [...teams.entries()].sort(([, one], [, other]) => newer(one[0], other[0]));
}

const newer = (one, other) => other.first - one.first || other.id - one.id;

/** Everything anew. */
export function drawAll() {
  const active = document.activeElement?.closest?.(".card")?.dataset.id;
  for (const section of sections.values()) section.element.remove();
  sections.clear();
  drawn = 0;
  order = sorted();
  $("photos").replaceChildren(sentinel);
  drawMore();
  drawTeams();
  if (!order.length) $("photos").prepend(make("p", { class: "none" }, nothing()));
  if (active) document.querySelector(`.card[data-id="${active}"]`)?.focus();
}

function nothing() {
  if (photos.size) return "No photo fits. Clear the search, or show all.";
  return "No photo has come yet. This page shows the first one by itself, from its first packet on.";
}

function drawMore() {
  for (const [team, list] of order.slice(drawn, drawn + TEAMS)) sentinel.before(section(team, list).element);
  drawn = Math.min(order.length, drawn + TEAMS);
  sentinel.hidden = drawn >= order.length;
}

function section(team, list) {
  const head = make("h2", { id: `team-${team}-name`, tabIndex: -1 });
  const about = make("small", {});
  const rename = make("button", { type: "button", class: "quiet", onclick: () => nameTeam(team) });
  const cards = make("ol", { class: "cards" });
  const more = make("button", { type: "button", class: "more", onclick: () => drawCards(team, MORE) });
  const element = make("section", { class: "team", id: `team-${team}`, "aria-labelledby": `team-${team}-name` },
    make("header", {}, head, about, rename), cards, more);
  const made = { element, list, cards, more, about, head, rename, shown: 0 };
  sections.set(team, made);
  nameSection(made, team);
  drawCards(team, FIRST);
  return made;
}

function nameSection(section, team) {
  const name = standing.teams[team];
  section.name = name;
  section.head.replaceChildren(`Team ${team}`, ...(name ? [make("b", {}, ` ${name}`)] : []));
  section.rename.textContent = name ? "Rename" : "Name";
  section.rename.setAttribute("aria-label", `${name ? "Rename" : "Name"} team ${team}`);
}

function drawCards(team, count) {
  const section = sections.get(team);
  const from = section.shown;
  for (const photo of section.list.slice(from, from + count)) section.cards.append(card(photo));
  section.shown = Math.min(section.list.length, from + count);
  tellMore(section);
  if (from) section.cards.children[from]?.querySelector(".card")?.focus({ preventScroll: true });
}

function tellMore(section) {
  const left = section.list.length - section.shown;
  section.more.hidden = left === 0;
  section.more.textContent = `${Math.min(left, MORE)} more of ${left.toLocaleString("en")}`;
  const last = Math.max(...section.list.map((photo) => photo.last));
  section.about.textContent = `${many(section.list.length, "photo")}, heard of ${ago(last)} ago`;
  section.last = last;
}

function drawTeams() {
  const teams = new Map();
  for (const photo of photos.values()) {
    const team = teams.get(photo.team) ?? { fresh: 0 };
    team.fresh += !isSeen(photo);
    teams.set(photo.team, team);
  }
  $("teams").hidden = teams.size < 2;
  const links = [...teams.entries()].sort(([one], [other]) => one - other).map(([team, { fresh }]) => {
    const name = standing.teams[team] ? ` ${standing.teams[team]}` : "";
    const count = fresh ? make("b", { title: `${many(fresh, "photo")} not seen` }, String(fresh)) : "";
    return make("button", { type: "button", data: { team: String(team) }, onclick: () => goTo(team) }, `${team}${name}`, count);
  });
  const active = $("teams").contains(document.activeElement) ? document.activeElement.dataset.team : null;
  $("teams").replaceChildren(...links);
  if (active !== null) links.find((link) => link.dataset.team === active)?.focus({ preventScroll: true });
}

/** Go to a team's photos, though they be far down. */
function goTo(team) {
  while (drawn < order.length && !sections.has(team)) drawMore();
  const section = sections.get(team);
  if (!section) return say(`Of team ${team} no photo fits the search.`);
  section.element.scrollIntoView({ block: "start" });
  section.element.querySelector("h2").focus({ preventScroll: true });
}

async function nameTeam(team) {
  const name = prompt(`What is team ${team} called? (Empty: no name.)`, standing.teams[team] ?? "");
  if (name === null) return;
  try {
    await post(`/console/teams/${team}`, { name });
  } catch (error) {
    say(`Not named: ${error.message}`, true);
  }
}

/** The seal in a word, and whether packets contradict each other. */
export function seals(photo) {
  return [
    make("span", { class: photo.sealed ? "seal verified" : "seal plain" }, photo.sealed ? "verified" : "plain"),
    photo.contradictions ? make("span", { class: "seal against" }, "contradiction") : null,
  ];
}

/** A cell for each packet: held, recovered or missing; of many a bar. */
export function cells(photo) {
  const held = numbers(photo.held);
  const recovered = numbers(photo.recovered);
  const has = held.length + recovered.length;
  const said = `${has} of ${photo.count} packets` + (photo.missing ? `, missing ${packets(photo.missing)}` : "");
  if (photo.count > MOST_CELLS) {
    return make("span", { class: "cells", role: "img", "aria-label": said },
      make("meter", { value: has, max: photo.count, "aria-hidden": "true" }));
  }
  const sets = [new Set(held), new Set(recovered)];
  const all = Array.from({ length: photo.count }, (_, packet) =>
    make("i", { class: sets[0].has(packet) ? "cell held" : sets[1].has(packet) ? "cell recovered" : "cell" }));
  return make("span", { class: "cells", role: "img", "aria-label": said }, all);
}

export const has = (photo) => numbers(photo.held).length + numbers(photo.recovered).length;

/** The picture, or where packets contradict each other the first two versions; what is not decoded yet is said. */
export function pictures(photo) {
  const two = photo.readings.slice(0, 2);
  const box = make("span", { class: `pictures of-${two.length}` });
  for (const [picture, label] of two) {
    box.append(make("span", { class: "picture" },
      make("img", { src: `/console/pictures/${picture}`, alt: `Team ${photo.team}, photo ${photo.number}${label && `, ${label}`}`, loading: "lazy", decoding: "async", data: { picture } }),
      label ? make("span", { class: "which", "aria-hidden": "true" }, /[A-H]/.exec(label.slice(8))?.[0] ?? "=") : ""));
  }
  if (!two.length) box.append(make("span", { class: "wait" }, photo.error ? "No picture yet" : "Not decoded yet"));
  return box;
}

function card(photo) {
  const size = photo.size[0] / photo.size[1];
  const button = make("button", {
    type: "button", class: "card", data: { id: String(photo.id), changed: String(photo.changed) }, onclick: () => open(photo.id),
  });
  button.append(
    pictures(photo),
    make("span", { class: "facts" },
      make("span", { class: "line" }, make("b", {}, `Photo ${photo.number}`),
        make("span", { class: "age", data: { at: String(photo.taken ?? photo.first) } }, age(photo))),
      make("span", { class: "line" }, cells(photo), make("span", { class: "count" }, `${has(photo)}/${photo.count}`)),
      make("span", { class: "line" }, seals(photo),
        isSeen(photo) ? make("span", { class: "seen" }, "seen") : make("span", { class: "fresh" }, photo.seen ? "more came" : "new")),
      photo.missing && has(photo) ? make("span", { class: "lack" }, `missing ${packets(photo.missing)}`) : "",
      make("span", { class: "honest" }, honest(photo.codec))));
  const item = make("li", {}, button);
  item.style.setProperty("--ratio", String(Math.min(2, Math.max(0.5, size || 1))));
  return item;
}

/** Since when: "taken 12 min ago", or where the photo does not tell, since its first packet. */
export function age(photo) {
  return photo.taken ? `taken ${ago(photo.taken)} ago` : `came ${ago(photo.first)} ago`;
}

/** What is new of these photos, without making anew what stands; `gone` are ids. */
export function update(changed, gone) {
  if (changed === null || !order.length) return drawAll();
  const active = document.activeElement;
  order = sorted();
  if (!order.length) return drawAll();
  arrange();
  for (const photo of changed) {
    const old = document.querySelector(`.card[data-id="${photo.id}"]`);
    if (old) replace(old, photo);
  }
  drawTeams();
  if (active !== document.activeElement && active?.isConnected) active.focus({ preventScroll: true });
}

/** Sections in the order of their teams, the newest first, each with its cards; those that are there are moved. */
function arrange() {
  const top = order.slice(0, Math.max(drawn, TEAMS));
  const wanted = new Set(top.map(([team]) => team));
  for (const [team, { element }] of sections) {
    if (wanted.has(team)) continue;
    element.remove();
    sections.delete(team);
  }
  let before = null;
  for (const [team, list] of top) {
    const is = sections.get(team);
    if (is) {
      const was = is.list.map((photo) => photo.id).join();
      is.list = list;
      if (was !== list.map((photo) => photo.id).join()) refill(team);
      if (is.name !== standing.teams[team]) nameSection(is, team);
      tellMore(is);
    }
    const { element } = is ?? section(team, list);
    const place = before ? before.nextSibling : $("photos").firstChild;
    if (place !== element) $("photos").insertBefore(element, place);
    before = element;
  }
  drawn = top.length;
  sentinel.hidden = drawn >= order.length;
}

/** A team's cards in their new order; those that are there stay the same elements. */
function refill(team) {
  const section = sections.get(team);
  const there = new Map([...section.cards.children].map((item) => [Number(item.firstChild.dataset.id), item]));
  const count = Math.max(FIRST, section.shown);
  const items = section.list.slice(0, count).map((photo) => there.get(photo.id) ?? card(photo));
  section.shown = items.length;
  const active = document.activeElement;
  section.cards.replaceChildren(...items);
  if (section.cards.contains(active)) active.focus({ preventScroll: true });
}

function replace(old, photo) {
  const fresh = card(photo).firstChild;
  const images = [...old.querySelectorAll("img")];
  for (const image of fresh.querySelectorAll("img")) {
    // The old picture stays until the new one is there, so that nothing flickers.
    const same = images.find((each) => each.dataset.picture === image.dataset.picture);
    if (same) image.replaceWith(same);
  }
  old.dataset.changed = String(photo.changed);
  old.replaceChildren(...fresh.children);
}

/** Words that follow the clock. */
export function tick() {
  for (const element of document.querySelectorAll(".card .age")) {
    const photo = photos.get(Number(element.closest(".card").dataset.id));
    if (photo) element.textContent = age(photo);
  }
  for (const section of sections.values()) tellMore(section);
}

/** Move to the next or the previous card. */
export function step(by) {
  const all = [...document.querySelectorAll(".card")];
  const at = all.findIndex((each) => each === document.activeElement || each.dataset.id === String(kept("open")));
  const next = all[Math.min(all.length - 1, Math.max(0, at + by))];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
  return next ? Number(next.dataset.id) : null;
}
