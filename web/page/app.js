// The page: what is held, and how a press changes it. Drawing is in view.js, the codec behind coder.js.

import { decode, encode, readModels, readPhoto } from "./coder.js";
import { arrivedAt, clock, draws, lostAt, timesOf } from "./link.js";
import { gather, readFiles } from "./received.js";
import { at, canvasOf, drawLane, drawRow, drawSteps, many, paint, say, sizeOf, complain } from "./view.js";
import { zip } from "./zip.js";

const LARGEST_CACHE = 64;
const state = {
  models: [], model: null, photo: null, frame: null,
  packets: [], messages: [], missing: [], images: [], // what is sent, or was received; missing ones are null
  lost: [], drawn: [], seed: 1, time: null, // time null: the end, when all that arrives has arrived
  steps: new Map(), run: 0, isReceived: false,
};
const shown = new Map(); // pictures by what they are made of
let wanted = null, busy = false;

// ---- a photo becomes packets

async function usePhoto(file) {
  complain([]);
  const mine = ++state.run, [width, height] = at("frame").value.split("x").map(Number), frame = { width, height };
  try {
    say(`Reading ${file.name}…`);
    const photo = await readPhoto(file, frame);
    if (mine !== state.run) return;
    Object.assign(state, { photo: { ...photo, file }, frame });
    state.steps = new Map([
      ["Photo read", [`${photo.kind} of ${photo.width} × ${photo.height} pixels`, sizeOf(photo.bytes), photo.readMs]],
      ["Cut and scaled", [`${width} × ${height} pixels`, sizeOf(photo.pixels.length), photo.fitMs]],
    ]);
    canvasOf("sent", frame, photo.pixels, `${file.name}, cut to ${width} by ${height} pixels`);
    await code(mine);
  } catch (error) {
    if (mine === state.run) { say(""); complain([error.message]); }
  }
}

async function code(mine = ++state.run) {
  const { photo, frame, model } = state, bytes = Number(at("bytes").value);
  say(`Coding by ${model.name}; the first time its ${sizeOf(model.bytes)} are loaded…`);
  const coded = await encode(model, photo.pixels, frame, bytes);
  if (mine !== state.run) return;
  if (coded.loadMs) state.steps.set("Encoder loaded", [`${model.name}, once`, sizeOf(coded.modelBytes), coded.loadMs]);
  else state.steps.delete("Encoder loaded");
  const { rows, columns } = { rows: Math.ceil(frame.height / model.step), columns: Math.ceil(frame.width / model.step) };
  const total = coded.messages.reduce((sum, message) => sum + message.length, 0), header = coded.compact ? 12 : 20;
  state.steps.set("Coded", [`${model.stages} stages of ${columns} × ${rows} indices of ${model.bits} bits`,
    sizeOf(model.stages * columns * rows * model.bits / 8), coded.runMs]);
  state.steps.set("Packed", [`${many(coded.messages.length, "message")} with headers of ${header} bytes; image ${coded.image}`, sizeOf(total), coded.packMs]);
  state.steps.delete("Decoder loaded");
  state.steps.delete("Decoded");
  at("threads").textContent = `${many(coded.threads, "thread")}.`;
  Object.assign(state, { packets: coded.packets, messages: coded.messages, images: [], isReceived: false, time: null });
  draw(1);
  say(`${photo.file.name}: ${many(coded.messages.length, "message")}, ${total.toLocaleString("en")} bytes in all; image number ${coded.image} follows from the content.`);
}

// ---- received packets

async function useReceived(files) {
  complain([]);
  const mine = ++state.run, { found, faults } = await readFiles(files), { images, faults: more } = gather(found);
  complain([...faults, ...more]);
  if (mine !== state.run || !images.length) { say(found.length ? "" : "No packet was found."); return; }
  state.images = images;
  at("image").replaceChildren(...images.map((image, k) => new Option(`${image.name}: ${image.held} of ${image.count}`, k)));
  useImage(0);
  say(`${many(found.length, "packet")} read, of ${many(images.length, "image")}.`);
}

function useImage(k) {
  const image = state.images[k], model = state.models.find(image.isOf);
  if (!model) {
    complain([`${image.name}: its model is not one that this page holds (${state.models.map(each => each.name).join(", ")}); satsim decode --model reads it`]);
    return;
  }
  const why = image.tooLarge();
  if (why) { complain([why]); return; }
  Object.assign(state, { model, frame: image.frame, packets: image.packets, messages: image.messages, isReceived: true, time: null, photo: null });
  at("model").value = model.name;
  state.run++;
  state.steps = new Map();
  canvasOf("sent", null, null, "The photo is with the sender");
  state.lost = image.packets.map(() => false);
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
  for (const id of ["packets", "took", "keep"]) at(id).hidden = !n;
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
  at("packets-words").textContent = `${state.isReceived ? "Received" : "Sent"}, coarse stages first. Press a packet to lose it, again to have it back: any that are left show a picture.`;
  const first = times.find(each => each.arrives !== null);
  at("link-words").textContent = `${sent} of ${state.packets.length} sent, ${many(held.length, "packet")} held. ` +
    (first ? `The first picture is there at ${clock(first.arrives)}` : "No picture ever comes") + (gone ? `; ${gone} lost on the way.` : ".");
  const arriving = state.messages.filter((message, k) => message && !state.lost[k]).length;
  at("save").textContent = state.isReceived ? "Save the received packets" : `Save all ${many(state.messages.length, "packet")}`;
  at("save-held").textContent = `Save the ${arriving} that arrive`;
  at("save-held").disabled = !arriving;
  look(held);
}

// ---- the picture of what is held

async function look(held) {
  const key = `${state.run} ${held.join(" ")}`;
  wanted = { key, held };
  if (!held.length) { showPicture(null, held); return; }
  if (shown.has(key)) { showPicture(shown.get(key), held); return; }
  at("seen-wait").classList.add("busy");
  at("seen-wait").textContent = "decoding…";
  if (busy) return;
  busy = true;
  const mine = state.run;
  try {
    const received = new Map(held.map(k => [k, state.packets[k].payload]));
    const { picture, runMs, loadMs, modelBytes } = await decode(state.model, received, state.frame);
    shown.set(key, picture);
    if (shown.size > LARGEST_CACHE) shown.delete(shown.keys().next().value);
    if (mine === state.run) {
      if (loadMs) state.steps.set("Decoder loaded", [`${state.model.name}, once`, sizeOf(modelBytes), loadMs]);
      state.steps.set("Decoded", [`picture from ${many(held.length, "packet")}`, sizeOf(picture.width * picture.height * 3), runMs]);
    }
  } catch (error) {
    shown.set(key, null);
    if (mine === state.run) complain([error.message]);
  }
  busy = false;
  if (wanted.key === key && mine === state.run) showPicture(shown.get(key), held);
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
  at("image").addEventListener("change", event => { complain([]); useImage(Number(event.target.value)); });
  at("frame").addEventListener("change", () => state.photo && usePhoto(state.photo.file));
  for (const id of ["bytes", "model"]) at(id).addEventListener("change", () => {
    if (id === "model" && !state.isReceived) state.model = state.models.find(model => model.name === at("model").value);
    if (state.photo) code().catch(error => complain([error.message]));
  });
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
  state.models = await readModels();
  state.model = state.models[0];
  const other = { nano: "the fast one", small: "better, twice the time" };
  at("model").replaceChildren(...state.models.map(({ name, bytes }) => new Option(`${name}: ${sizeOf(bytes)}, ${other[name] ?? ""}`, name)));
  listen();
  say("Ready. Models are loaded when the first photo comes.");
  keepOffline();
} catch (error) {
  say("");
  complain([error.message]);
}
