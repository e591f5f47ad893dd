// One photo, opened: its pictures over time, its packets, its seals, and what can be done.

import { $, keep, kept, make, post, say } from "./dom.js";
import { photos, standing } from "./store.js";
import { cells, has, isSeen, seals } from "./cards.js";
import { ago, honest, many, moment, numbers, packets, place, time } from "./words.js";

let id = null; // of what is shown
let photo = null; // all of it
let steps = []; // one for each state: { at, held, missing, readings: [[picture, label], ...] }
let at = 0; // the step that is shown
let follows = true; // whether a newer step takes its place
let cut = 50; // where one version ends and the other begins, in percent from the left
let loading = 0;
let opener = null; // where the focus was

export const shown = () => id !== null;

/** Open a photo. */
export async function show(wanted) {
  if (id === null) opener = document.activeElement;
  if (id !== wanted) {
    [id, photo, follows] = [wanted, null, true];
    keep("open", String(id));
    mark();
    await load();
    document.querySelector(`.card[data-id="${id}"]`)?.scrollIntoView({ block: "nearest" });
    if (id === wanted) $("one").focus({ preventScroll: matchMedia("(min-width: 900px)").matches });
  }
}

export function hide() {
  if (id === null) return;
  const was = id;
  [id, photo] = [null, null];
  $("one").hidden = true;
  document.body.classList.remove("has-one");
  mark();
  (document.querySelector(`.card[data-id="${was}"]`) ?? opener)?.focus?.({ preventScroll: true });
}

export function close() {
  history.pushState(null, "", "#");
  hide();
}

function mark() {
  for (const card of document.querySelectorAll(".card[aria-current]")) card.removeAttribute("aria-current");
  document.querySelector(`.card[data-id="${id}"]`)?.setAttribute("aria-current", "true");
}

async function load() {
  const turn = ++loading;
  let answer;
  try {
    answer = await fetch(`/console/photos/${id}`);
  } catch {
    return say("The inbox does not answer; what is shown may be old.", true);
  }
  if (turn !== loading || id === null) return;
  if (answer.status === 404) {
    say("There is no such photo any more.", true);
    return close();
  }
  if (!answer.ok) return say(`The inbox said ${answer.status}.`, true);
  const isFirst = photo === null;
  photo = await answer.json();
  if (turn !== loading || id === null) return;
  read();
  draw(isFirst);
}

function read() {
  steps = photo.steps;
  if (follows || at >= steps.length) at = steps.length - 1;
}

/** What is new, if it is of the photo that is open. */
export function update(changed, gone) {
  if (id === null) return;
  mark();
  if (gone?.includes(id)) return close();
  if (changed === null || changed.some((each) => each.id === id || each.team === photo?.team)) load();
}

function draw(isFirst) {
  $("one").hidden = false;
  document.body.classList.add("has-one");
  const note = $("note")?.value ?? "";
  const active = $("one").contains(document.activeElement) ? document.activeElement.id : "";
  const top = $("one").scrollTop;
  const name = standing.teams[photo.team];
  $("one").replaceChildren(
    make("header", {},
      make("button", { type: "button", id: "back", class: "back", onclick: close, "aria-label": "Close this photo" }, "Close"),
      make("h2", { id: "one-name" }, `Team ${photo.team}${name ? ` ${name}` : ""} · Photo ${photo.number}`)),
    make("div", { id: "stage" }),
    make("div", { id: "doings" }),
    facts(),
    asked(),
    noted());
  $("one").setAttribute("aria-labelledby", "one-name");
  doings(note);
  stage();
  if (active && $(active)) $(active).focus({ preventScroll: true });
  $("one").scrollTop = isFirst ? 0 : top;
}

/** Pictures of the step that is shown, and the sliders. */
function stage() {
  const step = steps[at];
  const box = $("stage");
  if (!step) {
    const why = photo.error ? `No picture can be made of it: ${photo.error}` : "Not decoded yet.";
    return box.replaceChildren(make("p", { class: "wait" }, why));
  }
  const old = [...box.querySelectorAll("img")];
  const figures = step.readings.map((reading) => figure(step, reading, old));
  const isTwo = figures.length > 1;
  const parts = [make("div", { class: `pair of-${Math.min(2, figures.length)}` }, figures)];
  if (isTwo) {
    const proof = step.readings[0][1].endsWith("used") ? "Below is why A is used; it may still be forged." : "Nothing here tells which.";
    parts.unshift(make("p", { class: "against-words" },
      `Packets contradict each other: one of these pictures is false. ${proof}`));
    parts.push(between(step));
  }
  if (steps.length > 1) parts.push(slider());
  const focused = document.activeElement?.id;
  box.replaceChildren(...parts);
  if (["steps", "between"].includes(focused)) $(focused)?.focus({ preventScroll: true });
}

function figure(step, [picture, label], old) {
  const held = numbers(step.held).length;
  const isByRepair = photo.count - numbers(step.missing).length > held;
  const said = `Rebuilt from ${held} of ${photo.count} packets${isByRepair ? " and repair" : ""}. `;
  const same = old.find((image) => image.dataset.picture === picture);
  const image = same ?? make("img", {
    src: `/console/pictures/${picture}`, data: { picture },
    alt: `Team ${photo.team}, photo ${photo.number}${label && `, ${label}`}, as of ${time(step.at)} UTC`,
    width: photo.size[0], height: photo.size[1],
  });
  return make("figure", {}, image,
    make("figcaption", {}, label ? make("b", {}, `${label}. `) : said, honest(photo.codec)));
}

function slider() {
  const range = make("input", { id: "steps", type: "range", min: "0", max: String(steps.length - 1), step: "1", "aria-label": "Pictures in the order in which they were made" });
  range.value = String(at);
  range.setAttribute("aria-valuetext", words());
  range.addEventListener("input", () => go(Number(range.value)));
  return make("div", { class: "slider" }, make("label", { for: "steps" }, words()), range);
}

function words() {
  const step = steps[at];
  const where = at === steps.length - 1 ? "latest" : `${at + 1} of ${steps.length}`;
  return `${where}: ${many(numbers(step.held).length, "packet")} at ${time(step.at)} UTC`;
}

function go(to) {
  at = Math.min(steps.length - 1, Math.max(0, to));
  follows = at === steps.length - 1;
  stage();
}

/** The first two versions side by side in one frame: left of where the slider stands the first, right of it the second. */
function between(step) {
  const [[left], [right]] = step.readings;
  const over = make("span", { class: "over" },
    make("img", { src: `/console/pictures/${right}`, alt: "" }),
    make("img", { class: "upper", src: `/console/pictures/${left}`, alt: "" }));
  const range = make("input", { id: "between", type: "range", min: "0", max: "100", "aria-label": "Where version A ends and the other begins" });
  range.value = String(cut);
  const lay = () => {
    cut = Number(range.value);
    over.style.setProperty("--cut", `${cut}%`);
    range.setAttribute("aria-valuetext", `A up to ${cut} percent from the left`);
  };
  range.addEventListener("input", lay);
  lay();
  return make("details", { class: "between", open: kept("between") === "open", ontoggle: (event) => keep("between", event.target.open ? "open" : "") },
    make("summary", {}, "Both in one frame"), over,
    make("span", { class: "ends" }, make("b", {}, "A"), range, make("b", {}, "B")),
    make("small", {}, honest(photo.codec)));
}

export function step(by) {
  if (photo && steps.length) go(at + by);
}

function doings(note) {
  const lacks = photo.missing;
  const button = make("button", { type: "button", id: "ask", disabled: !lacks, onclick: ask },
    lacks ? `Ask again for ${shortened(packets(lacks))}` : "Nothing is missing");
  const by = make("input", { id: "by", maxLength: 60, autocomplete: "name", value: kept("by"), required: true });
  const text = make("textarea", { id: "note", rows: 2, maxLength: 2000, value: note, placeholder: "Note (optional)" });
  const form = make("form", { id: "seen", onsubmit: send },
    make("label", { for: "note" }, isSeen(photo) ? "Another note" : "Acknowledge, with a note"), text,
    make("div", { class: "row" },
      make("label", { for: "by" }, "I am"), by,
      make("button", { id: "send", class: "main" }, isSeen(photo) ? "Add note" : "Acknowledge")));
  const told = photo.can_send || !lacks ? "" : make("small", { class: "grey" },
    "Writes the request; it goes out by hand, for this inbox has no gateway (--ask-by).");
  $("doings").replaceChildren(make("div", { class: "row" }, button, told), form);
}

const shortened = (words) => (words.length > 40 ? `${words.slice(0, 38)} …` : words);

export async function ask() {
  if (!photo?.missing) return;
  const asking = id;
  $("ask").disabled = true;
  try {
    const said = await post(`/console/photos/${asking}/ask`);
    const left = said.left ? ` ${many(said.left, "packet")} did not fit: ask again later.` : "";
    say(`Team ${photo.team}: ${said.asks.join("; ")}: request of ${said.bytes} bytes written, ${said.said}.${left}`);
  } catch (error) {
    say(`Team ${photo?.team ?? ""}: ${error.message}`, true);
  }
  if (id === asking) load();
}

async function send(event) {
  event.preventDefault();
  const [seeing, by, note] = [id, $("by").value, $("note").value];
  keep("by", by);
  $("send").disabled = true;
  try {
    await post(`/console/photos/${seeing}/seen`, { by, note, changed: photo.changed });
    say(`Photo ${photo.number} of team ${photo.team} is acknowledged.`);
    if (id === seeing) $("note").value = "";
  } catch (error) {
    say(`Not written down: ${error.message}`, true);
  }
  if (id !== seeing) return;
  $("send").disabled = false;
  load();
}

export function acknowledge() {
  $("note")?.focus();
}

function facts() {
  const row = (name, ...value) => make("div", {}, make("dt", {}, name), make("dd", {}, value));
  const taken = photo.taken
    ? `${moment(photo.taken)}, ${ago(photo.taken)} ago`
    : `not told; first packet came ${moment(photo.first)}, ${ago(photo.first)} ago`;
  return make("dl", { class: "about" },
    row("Packets", cells(photo), ` ${has(photo)} of ${photo.count}`,
      photo.missing ? `, missing ${packets(photo.missing)}` : ", whole",
      photo.recovered ? `; ${packets(photo.recovered)} by repair` : "",
      photo.repairs ? `; ${many(photo.repairs, "repair packet")}` : ""),
    row("Seal", seals(photo), photo.sealed ? " by the team's key" : " not sealed: anybody may have sent it"),
    photo.lines.length ? row("Disputed", make("ul", {}, photo.lines.map((line) => make("li", {}, line.replace(/^contradiction: /, ""))))) : null,
    row("Taken", taken),
    row("Place", photo.place ? place(photo.place) : "not told"),
    row("Last packet", `${moment(photo.last)}, ${ago(photo.last)} ago`),
    row("Came by", photo.ways.map(wayWords).join("; ") || "not known"),
    row("Form", `${photo.codec}, ${photo.size[0]} × ${photo.size[1]} pixels, id ${photo.id}`),
    photo.same_number.length ? row("Same number", photo.same_number.map((other) =>
      make("a", { href: `#photo=${other}` }, `id ${other}`)).flatMap((link) => [link, " "])) : null,
    photo.error ? row("Trouble", photo.error) : null);
}

function wayWords({ way, device, count, refused }) {
  return `${way}${device ? ` ${device}` : ""}, ${many(count, "message")}${refused ? " refused" : ""}`;
}

function asked() {
  if (!photo.requests.length) return "";
  return make("section", {}, make("h3", {}, "Asked for again"), make("ul", { class: "log" },
    photo.requests.map((each) => make("li", {},
      `${packets(each.packets)}: ${moment(each.at)}, ${each.said} `,
      make("a", { href: `/console/requests/${each.row}.sbd`, download: `request-${each.row}.sbd` }, `${each.bytes} bytes`),
      make("code", {}, each.hex)))));
}

function noted() {
  if (!photo.notes.length) return "";
  return make("section", {}, make("h3", {}, "Acknowledged"), make("ul", { class: "log" },
    photo.notes.map((each) => make("li", {},
      make("b", {}, each.by), `, ${moment(each.at)}${each.changed < photo.changed ? ", before the latest packets" : ""}`,
      each.note ? make("p", {}, each.note) : ""))));
}

