// The codec as the page calls it: photo to packets, and any of the packets to a picture. The sums run in worker.js.

import { join, split } from "./layout.js";
import { packetize } from "./packets.js";

/** What models/models.json says of each model: name, id, stages, bits, step (pixels a side of a cell), bytes, sha256. */
export async function readModels() {
  const answer = await fetch("./models/models.json");
  if (!answer.ok) throw new Error("models/models.json is missing: this folder was not made by `make web`");
  return answer.json();
}

const worker = new Worker("./worker.js", { type: "module" });
const waiting = new Map();
let asked = 0;

worker.addEventListener("message", ({ data: { id, error, ...rest } }) => {
  const { resolve, reject } = waiting.get(id);
  waiting.delete(id);
  if (error) reject(new Error(error)); else resolve(rest);
});
worker.addEventListener("error", event => {
  event.preventDefault();
  for (const { reject } of waiting.values()) reject(new Error("the codec could not be started here: this browser is too old, or files are missing"));
  waiting.clear();
});

function ask(task, what) {
  return new Promise((resolve, reject) => {
    waiting.set(++asked, { resolve, reject });
    worker.postMessage({ id: asked, task, ...what });
  });
}

const gridOf = (model, { width, height }) => ({ rows: Math.ceil(height / model.step), columns: Math.ceil(width / model.step) });

/** The photo in its frame: {pixels, width, height, notes, kind, bytes, readMs, fitMs}. */
export const readPhoto = (file, frame) => ask("photo", { file, ...frame });

/** {indices, packets, messages, image, compact, runMs, loadMs, packMs, threads} of a photo in its frame. */
export async function encode(model, pixels, frame, packetBytes) {
  const found = await ask("encode", { model, pixels, ...frame }), began = performance.now();
  const packed = await pack(model, found.indices, frame, packetBytes);
  return { ...found, ...packed, packMs: performance.now() - began };
}

/** Packets and messages of an index grid, as `satsim encode` makes them. */
export function pack(model, indices, frame, packetBytes) {
  const { rows, columns } = gridOf(model, frame), cut = room => split(indices, model.stages, rows, columns, model.bits, room);
  return packetize(cut, packetBytes, { model: model.id, ...frame });
}

/** {picture, runMs, loadMs} of a Map from payload index to payload, at least one of them. */
export async function decode(model, received, frame) {
  const { rows, columns } = gridOf(model, frame), grid = join(received, model.stages, rows, columns, model.bits);
  const { rgba, ...times } = await ask("decode", { model, grid, rows, columns, ...frame });
  return { picture: new ImageData(rgba, frame.width, frame.height), ...times };
}
