// The page: what is shown, and the keys.

import { $, keep, kept, say } from "./dom.js";
import { begin, listen, photos, standing } from "./store.js";
import * as cards from "./cards.js";
import * as one from "./one.js";
import * as map from "./map.js";
import { ago, many } from "./words.js";

const LOOKS = ["system", "dark", "light"];

function look() {
  const now = kept("look", "system");
  if (now === "system") delete document.documentElement.dataset.look;
  else document.documentElement.dataset.look = now;
  $("look").textContent = { system: "◐ Auto", dark: "◐ Dark", light: "◐ Light" }[now];
  $("look").setAttribute("aria-label", `Colours: ${now}; change`);
}

function tellStanding() {
  const { counts, behind, behind_since: since } = standing;
  const parts = [many(counts.images ?? 0, "photo")];
  const fresh = [...photos.values()].filter((photo) => !cards.isSeen(photo)).length;
  if (fresh) parts.push(`${fresh.toLocaleString("en")} not seen`);
  if (counts.waiting) parts.push(`${many(counts.waiting, "message")} without a key`);
  if (counts.rejected) parts.push(`${counts.rejected.toLocaleString("en")} rejected`);
  if (behind && since && Date.now() / 1000 - since > 10) parts.push(`decoding is ${ago(since)} behind`);
  if (counts.images > photos.size) parts.push(`the newest ${photos.size.toLocaleString("en")} are listed`);
  if ($("live").dataset.state === "on") $("live-words").textContent = `live · ${parts.join(" · ")}`;
  document.title = `${fresh ? `(${fresh}) ` : ""}Photos – satsim console`;
}

let waiting = 0;
function find() {
  clearTimeout(waiting);
  waiting = setTimeout(() => cards.filter($("find").value, $("show").value), 80);
}

function toMap(isMap = $("map").hidden) {
  $("map").hidden = !isMap;
  $("photos").hidden = isMap;
  $("teams").classList.toggle("away", isMap);
  $("to-map").setAttribute("aria-pressed", String(isMap));
  if (isMap) map.show();
}

function route() {
  const id = Number(/^#photo=(\d+)$/.exec(location.hash)?.[1]);
  if (id) one.show(id);
  else one.hide();
}

const KEYS = {
  "/": () => $("find").focus(),
  j: () => follow(1),
  k: () => follow(-1),
  m: () => toMap(),
  a: () => one.acknowledge(),
  r: () => one.ask(),
  "[": () => one.step(-1),
  "]": () => one.step(1),
  "?": () => $("words").showModal(),
};

function follow(by) {
  if ($("photos").hidden) return;
  const id = cards.step(by);
  if (id && one.shown()) location.replace(`#photo=${id}`);
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("words").open) return;
  const isTyping = event.target.matches("input:not([type=range], [type=checkbox]), textarea, select");
  if (event.key === "Escape") {
    if ($("save").open) $("save").open = false;
    else if (isTyping) event.target.blur();
    else if (one.shown()) one.close();
    return;
  }
  if (isTyping || !$("letters").checked || !Object.hasOwn(KEYS, event.key.toLowerCase())) return;
  event.preventDefault();
  KEYS[event.key.toLowerCase()]();
});

$("find").addEventListener("input", find);
$("show").addEventListener("change", find);
$("to-map").addEventListener("click", () => toMap());
$("help").addEventListener("click", () => $("words").showModal());
$("letters").checked = kept("letters", "on") === "on";
$("letters").addEventListener("change", () => keep("letters", $("letters").checked ? "on" : "off"));
$("look").addEventListener("click", () => {
  keep("look", LOOKS[(LOOKS.indexOf(kept("look", "system")) + 1) % LOOKS.length]);
  look();
});
$("leave").addEventListener("click", async () => {
  await fetch("/logout", { method: "POST" }).catch(() => say("The inbox does not answer.", true));
  location.assign("/");
});
document.addEventListener("click", (event) => {
  if ($("save").open && !$("save").contains(event.target)) $("save").open = false;
});
addEventListener("hashchange", route);

cards.whenOpened((id) => {
  if (location.hash === `#photo=${id}`) route();
  else location.hash = `photo=${id}`;
});
listen((changed, gone) => {
  cards.update(changed, gone);
  one.update(changed, gone);
  map.update();
  tellStanding();
  $("leave").hidden = !standing.has_token;
});
setInterval(() => {
  cards.tick();
  tellStanding();
}, 10_000);

look();
begin().then(route);
