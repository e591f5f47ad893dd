// What the inbox holds, kept up to date by server-sent events. One list, one stream; memory is bounded by the list.

import { $ } from "./dom.js";

export const photos = new Map();
export const standing = { counts: {}, teams: {}, behind: 0, behind_since: null, has_token: false };

const listeners = [];
let source = null;
let frame = "";
let reading = null;
let retry = 0;

/** Call `listener(changed, gone)` at each change: photos that are new or different, ids that are gone; null: all. */
export function listen(listener) {
  listeners.push(listener);
}

function tell(changed, gone) {
  for (const listener of listeners) listener(changed, gone);
}

function live(state, words) {
  $("live").dataset.state = state;
  $("live-words").textContent = words;
}

function stand(said) {
  for (const name of ["counts", "teams", "behind", "behind_since"]) standing[name] = said[name];
}

/** Read the list, then follow it. */
export async function begin() {
  clearTimeout(retry);
  try {
    await read();
    follow();
  } catch (error) {
    again(error);
  }
}

function again(error) {
  live("off", error?.message === "401" ? "logged out" : "no answer; trying again");
  if (error?.message === "401") location.reload();
  else retry = setTimeout(begin, 2000);
}

function read() {
  reading ??= fetchList().finally(() => (reading = null));
  return reading;
}

async function fetchList() {
  const answer = await fetch("/console/photos");
  if (!answer.ok) throw new Error(String(answer.status));
  const said = await answer.json();
  frame = said.frame;
  standing.has_token = said.has_token;
  stand(said);
  photos.clear();
  for (const photo of said.photos) photos.set(photo.id, photo);
  tell(null, null);
}

function follow() {
  source?.close();
  source = new EventSource(`/console/events?after=${encodeURIComponent(frame)}`);
  source.addEventListener("open", () => {
    live("on", "live");
    tell([], []);
  });
  source.addEventListener("reload", () => read().catch(again));
  source.addEventListener("change", (event) => {
    const said = JSON.parse(event.data);
    stand(said);
    for (const photo of said.photos) photos.set(photo.id, photo);
    for (const id of said.gone) photos.delete(id);
    tell(said.photos, said.gone);
  });
  source.addEventListener("error", () => {
    live("off", "cut off; trying again");
    if (source.readyState !== EventSource.CLOSED) return;
    source.close();
    clearTimeout(retry);
    retry = setTimeout(begin, 2000);
  });
}

// A browser opens few connections to one server: a page that nobody looks at gives its own back.
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") {
    source?.close();
    source = null;
    live("off", "paused");
  } else if (source === null) {
    begin();
  }
});
