// The page: what is held, and how a press changes it. Drawing is in view.js, the codec behind coder.js.

import { decode, encode, readModels, readPhoto } from "./coder.js";
import { arrivedAt, clock, draws, lostAt, timesOf } from "./link.js";
import { gather, readFiles } from "./received.js";
import { at, canvasOf, drawLane, drawRow, drawSteps, many, paint, say, sizeOf, complain } from "./view.js";
import { zip } from "./zip.js";

const LARGEST_CACHE = 64;
const state = {
  models: [], model: null, photo: null, frame: null,
  packets: [], messages: [], images: [], // what is sent, or was received; those that did not arrive are null
  lost: [], drawn: [], seed: 1, time: null, // time null: the end, when all that arrives has arrived
  steps: new Map(), run: 0, edition: 0, isReceived: false, // run counts what was asked for, edition what became packets
};
const shown = new Map(); // pictures by what they are made of
let wanted = null, busy = false;

// ---- a photo becomes packets

async function usePhoto(file) {
  const [width, height] = at("frame").value.split("x").map(Number), frame = { width, height };
  await attempt(async mine => {
    say(`Reading ${file.name}…`);
    const photo = { ...await readPhoto(file, frame), file };
    if (mine !== state.run) return;
    document.documentElement.style.setProperty("--ratio", `${width} / ${height}`);
    paintSent(photo, frame);
    await code(mine, photo, frame);
  });
}

/** Do what was asked for, unless something else is meanwhile; where it fails, what was there stays. */
async function attempt(what) {
  complain([]);
  const mine = ++state.run;
  try {
    await what(mine);
  } catch (error) {
    if (mine !== state.run) return;
    say("");
    complain([error.message]);
    paintSent(state.photo, state.frame);
    if (state.model) at("model").value = state.model.name;
  }
}

function paintSent(photo, frame) {
  if (photo) canvasOf("sent", frame, photo.pixels, `${photo.file.name}, cut to ${frame.width} by ${frame.height} pixels`);
  else canvasOf("sent", null, null, state.isReceived ? "the photo is with the sender" : "no photo yet");
}

async function code(mine, photo, frame) {
  const bytes = Number(at("bytes").value), model = state.models.find(each => each.name === at("model").value);
  say(`Coding by ${model.name}; the first time its ${sizeOf(model.bytes)} are loaded…`);
  const coded = await encode(model, photo.pixels, frame, bytes);
  if (mine !== state.run) return;
  const columns = Math.ceil(frame.width / model.step), rows = Math.ceil(frame.height / model.step);
  const total = coded.messages.reduce((sum, message) => sum + message.length, 0);
  const steps = new Map([
    ["Photo read", [`${photo.kind} of ${photo.width} × ${photo.height} pixels`, sizeOf(photo.bytes), photo.readMs]],
    ["Cut and scaled", [`${frame.width} × ${frame.height} pixels`, sizeOf(photo.pixels.length), photo.fitMs]],
    ["Coded", [`${model.stages} stages of ${columns} × ${rows} indices of ${model.bits} bits`, sizeOf(model.stages * columns * rows * model.bits / 8), coded.runMs]],
    ["Packed", [`${many(coded.messages.length, "message")} with headers of ${coded.compact ? 12 : 20} bytes; image ${coded.image}`, sizeOf(total), coded.packMs]],
  ]);
  if (coded.loadMs) steps.set("Encoder loaded", [`${model.name}, once`, sizeOf(coded.modelBytes), coded.loadMs]);
  at("threads").textContent = `${many(coded.threads, "thread")}.`;
  const { packets, messages } = coded;
  become({ photo, frame, model, packets, messages, steps, images: [], isReceived: false });
  draw(1);
  say(`${photo.file.name}: ${many(messages.length, "message")}, ${total.toLocaleString("en")} bytes in all; image number ${coded.image} follows from the content.`);
}

/** What is shown from now on. */
function become(what) {
  Object.assign(state, what, { time: null });
  state.edition++;
  document.documentElement.style.setProperty("--ratio", `${state.frame.width} / ${state.frame.height}`);
}

// ---- received packets

async function useReceived(files) {
  await attempt(async mine => {
    const { found, faults } = await readFiles(files), { images, faults: more } = await gather(found);
    if (mine !== state.run) return;
    complain([...faults, ...more]);
    say(images.length ? `${many(found.length, "packet")} read, of ${many(images.length, "image")}.` : "No packet was found that can be used.");
    if (images.length) useImage(images, 0);
  });
}

function useImage(images, k) {
  const image = images[k], model = state.models.find(image.isOf), why = model ? image.tooLarge()
    : `${image.name}: its model is not one that this page holds (${state.models.map(each => each.name).join(", ")}); satsim decode --model reads it`;
  at("image").replaceChildren(...images.map((each, n) => new Option(`${each.name}: ${each.held} of ${each.count}`, n, n === k, n === k)));
  const { frame, packets, messages } = image, left = why ? [] : packets;
  become({ photo: null, frame, model: model ?? state.model, packets: left, messages: why ? [] : messages, steps: new Map(), images, isReceived: true });
  if (why) complain([why]);
  paintSent(null, null);
  state.lost = left.map(() => false);
  showAll();
}

// ---- losses and time

function draw(seed = state.seed) {
  state.seed = seed;
  state.drawn = draws(seed, state.packets.length);
  state.lost = lostAt(state.drawn, Number(at("loss").value) / 100);
  showAll();
}

const timing = () => timesOf(state.lost, Number(at("interval").value));
const endOf = times => times.length ? times.at(-1).sent + 10 : 1;

function heldNow() {
  const here = state.packets.flatMap((packet, k) => packet && !state.lost[k] ? [k] : []);
  if (state.isReceived || state.time === null) return here;
  return arrivedAt(timing(), state.time);
}

function showAll() {
  const times = timing(), end = endOf(times), n = state.packets.length;
  at("packets").hidden = !n && state.images.length < 2;
  at("keep").hidden = !n;
  at("link").hidden = !n || state.isReceived;
  at("pick").hidden = state.images.length < 2;
  at("interval-said").textContent = `${at("interval").value} s`;
  at("loss-said").textContent = `${at("loss").value} %`;
  at("interval").setAttribute("aria-valuetext", `${at("interval").value} seconds`);
  at("loss").setAttribute("aria-valuetext", `${at("loss").value} percent`);
  at("time").max = end;
  const notes = state.photo?.notes.map(note => `${state.photo.file.name}: ${note}.`) ?? [];
  at("notices").replaceChildren(...notes.map(note => Object.assign(document.createElement("li"), { textContent: note })));
  at("notes").hidden = !notes.length;
  showTime();
}

function showTime() {
  const times = timing(), end = endOf(times), now = Math.min(state.time ?? end, end);
  at("time").value = now;
  at("time").setAttribute("aria-valuetext", clock(now));
  at("clock").textContent = clock(now);
  at("end").textContent = `of ${clock(end)}`;
  const held = heldNow(), gone = state.lost.filter(Boolean).length, sent = times.filter(each => each.sent <= now).length;
  drawRow(state, times, now, k => { state.lost[k] = !state.lost[k]; showTime(); });
  drawLane(times, now, end);
  at("packets-words").textContent = `${state.isReceived ? "Received" : "Sent"}, coarse stages first${state.packets.length > 10 ? `, ${many(Math.max(1, Math.round(state.packets.length / state.model.stages)), "packet")} a stage` : ""}. Press a packet to lose it, again to have it back: any that are left show a picture.`;
  const first = times.find(each => each.arrives !== null);
  at("link-words").textContent = `${sent} of ${state.packets.length} sent, ${many(held.length, "packet")} held. ` +
    (first ? `The first picture is there at ${clock(first.arrives)}` : "No picture ever comes") + (gone ? `; ${gone} lost on the way.` : ".");
  const arriving = state.messages.filter((message, k) => message && !state.lost[k]).length;
  at("save").textContent = state.isReceived ? "Save the received packets" : `Save all ${many(state.messages.length, "packet")}`;
  at("save-held").textContent = `Save the ${arriving} that arrive`;
  at("save-held").disabled = !arriving;
  at("save-held").hidden = arriving === state.messages.filter(Boolean).length;
  look(held);
}

// ---- the picture of what is held

async function look(held) {
  const key = `${state.edition} ${held.join(" ")}`;
  wanted = { key, held };
  if (!held.length) { showPicture(null, held); return; }
  if (shown.has(key)) { showPicture(shown.get(key), held); return; }
  at("seen-wait").classList.add("busy");
  at("seen-wait").textContent = "decoding…";
  if (busy) return;
  busy = true;
  const mine = state.edition;
  try {
    const received = new Map(held.map(k => [k, state.packets[k].payload]));
    const { picture, runMs, loadMs, modelBytes } = await decode(state.model, received, state.frame);
    shown.set(key, picture);
    if (shown.size > LARGEST_CACHE) shown.delete(shown.keys().next().value);
    if (mine === state.edition) {
      if (loadMs) state.steps.set("Decoder loaded", [`${state.model.name}, once`, sizeOf(modelBytes), loadMs]);
      state.steps.set("Decoded", [`picture from ${many(held.length, "packet")}`, sizeOf(picture.width * picture.height * 3), runMs]);
    }
  } catch (error) {
    shown.set(key, null);
    if (mine === state.edition) complain([error.message]);
  }
  busy = false;
  if (wanted.key === key && mine === state.edition) showPicture(shown.get(key), held);
  else look(wanted.held);
}

function showPicture(picture, held) {
  const n = state.packets.length, bytes = held.reduce((sum, k) => sum + state.messages[k].length, 0);
  const words = `${held.length} of ${many(n, "packet")}, ${bytes.toLocaleString("en")} bytes`;
  paint("seen", picture, `The picture from ${words}`);
  at("seen-wait").classList.remove("busy");
  at("seen-wait").textContent = n && !held.length ? "nothing received yet" : "nothing to show";
  at("seen-words").textContent = n ? `From ${words}.` : "";
  at("seen-words").dataset.held = held.join(" ");
  drawSteps(state.steps, state.isReceived ? "" : "Times are of this device, this once; the decoding is the last one.");
}

// ---- presses

let playing = 0;
function stop() {
  cancelAnimationFrame(playing);
  playing = 0;
  at("play").textContent = "Play";
}
function play() {
  if (playing) { stop(); return; }
  const end = endOf(timing()), from = state.time === null || state.time >= end ? 0 : state.time, began = performance.now();
  at("play").textContent = "Pause";
  const step = now => {
    state.time = from + Math.max(0, now - began) / 12_000 * end; // the whole in twelve seconds
    if (state.time >= end) { state.time = null; stop(); } else playing = requestAnimationFrame(step);
    showTime();
  };
  playing = requestAnimationFrame(step);
}

function save(messages) {
  const image = state.packets.find(Boolean).image;
  const files = messages.flatMap((message, k) => message ? [[`packets/packet_${String(k).padStart(3, "0")}.bin`, message]] : []);
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(zip(files)), download: `packets_${image}.zip` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  say(`${many(files.length, "packet")} saved in packets_${image}.zip.`);
}

function use(files) {
  stop();
  if (!files.length) return;
  if (files.some(file => /\.(bin|sbd|zip)$/i.test(file.name))) useReceived(files);
  else if (files.length > 1) complain([`${files.length} files were dropped; expected one photo, or packets (.bin, .sbd, .zip)`]);
  else usePhoto(files[0]);
}

function listen() {
  at("photo").addEventListener("change", event => { use([...event.target.files]); event.target.value = ""; });
  at("received").addEventListener("change", event => { stop(); const files = [...event.target.files]; event.target.value = ""; if (files.length) useReceived(files); });
  at("example").addEventListener("click", async () => {
    stop();
    try {
      usePhoto(new File([await (await fetch("./example.png")).blob()], "forest_fire.png"));
    } catch { complain(["example.png cannot be fetched; go online once, so that this browser keeps it"]); }
  });
  at("image").addEventListener("change", event => { complain([]); useImage(state.images, Number(event.target.value)); });
  at("frame").addEventListener("change", () => state.photo && usePhoto(state.photo.file));
  for (const id of ["bytes", "model"])
    at(id).addEventListener("change", () => state.photo && attempt(mine => code(mine, state.photo, state.frame)));
  at("interval").addEventListener("input", () => { state.time = null; stop(); showAll(); });
  at("loss").addEventListener("input", () => { state.time = null; stop(); draw(); });
  at("again").addEventListener("click", () => { state.time = null; stop(); draw(state.seed + 1); });
  at("time").addEventListener("input", event => { stop(); const time = Number(event.target.value); state.time = time >= endOf(timing()) ? null : time; showTime(); });
  at("play").addEventListener("click", play);
  at("save").addEventListener("click", () => save(state.messages));
  at("save-held").addEventListener("click", () => save(state.messages.map((message, k) => state.lost[k] ? null : message)));
  addEventListener("resize", () => state.packets.length && showTime());
  for (const kind of ["dragover", "dragleave", "drop"]) addEventListener(kind, event => {
    event.preventDefault();
    at("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop") use([...event.dataTransfer.files]);
  });
}

async function keepOffline() {
  const says = words => { at("offline").textContent = words; };
  if (!navigator.serviceWorker) { says("Not kept for use without a network: this address is neither localhost nor HTTPS."); return; }
  try {
    await navigator.serviceWorker.register("./sw.js");
    says("Being kept for use without a network…");
    await navigator.serviceWorker.ready;
    says("Kept by this browser: the page works without a network.");
  } catch { says("Not kept for use without a network: this browser refused."); }
}

try {
  if (!crypto.subtle) throw new Error("This page needs HTTPS, or localhost: browsers allow no checksums elsewhere.");
  state.models = await readModels();
  const other = { nano: "the fast one", small: "better, twice the time" };
  at("model").replaceChildren(...state.models.map(({ name, bytes }) => new Option(`${name}: ${sizeOf(bytes)}, ${other[name] ?? ""}`, name)));
  listen();
  say("Ready. Models are loaded when the first photo comes.");
  keepOffline();
} catch (error) {
  say("");
  complain([error.message]);
}
