// Behind the page: reads photos, and runs the model's two parts by ONNX Runtime in WebAssembly. Answers each request
// {id, task, ...} by {id, ...} or {id, error}.

import * as ort from "./ort/ort.wasm.min.mjs";
import { halfEven } from "./layout.js";
import { readPhoto } from "./photo.js";

ort.env.wasm.wasmPaths = new URL("./ort/", import.meta.url).href;
ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency || 1) : 1;
const parts = new Map();

/** A part of a model, loaded once; its bytes come from the page's own folder or from what the service worker keeps. */
function load(model, part) {
  const name = `${model.name}-${part}.onnx`;
  if (!parts.has(name)) parts.set(name, open(name, model.sha256[part]).catch(error => { parts.delete(name); throw error; }));
  return parts.get(name);
}

async function open(name, sha256) {
  const began = performance.now(), answer = await fetch(`./models/${name}`).catch(() => null);
  if (!answer?.ok) throw new Error(`the model's file ${name} cannot be fetched; go online once, so that this browser keeps it`);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const digest = Array.from(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)), byte => byte.toString(16).padStart(2, "0"));
  if (digest.join("") !== sha256) throw new Error(`the model's file ${name} is damaged, or of another version than this page; close the page's windows and open it anew`);
  const session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
  return { session, bytes: bytes.length, loadMs: performance.now() - began };
}

/** Run one part: its answer, and the milliseconds of loading (0 where it was loaded) and of the sums alone. */
async function run(model, part, name, tensor) {
  const known = parts.has(`${model.name}-${part}.onnx`), { session, bytes, loadMs } = await load(model, part);
  const began = performance.now(), output = Object.values(await session.run({ [name]: tensor }))[0];
  return { output, runMs: performance.now() - began, loadMs: known ? 0 : loadMs, modelBytes: bytes };
}

/** float32[1, 3, H, W] in -1 to 1, mirrored out to sides that `step` divides. */
function toTensor(pixels, width, height, step) {
  const wide = Math.ceil(width / step) * step, high = Math.ceil(height / step) * step, data = new Float32Array(3 * wide * high);
  for (let y = 0; y < high; y++)
    for (let x = 0; x < wide; x++) {
      const from = ((y < height ? y : 2 * height - 1 - y) * width + (x < width ? x : 2 * width - 1 - x)) * 3;
      for (let c = 0; c < 3; c++) data[(c * high + y) * wide + x] = Math.fround(pixels[from + c] / 127.5) - 1;
    }
  return new ort.Tensor("float32", data, [1, 3, high, wide]);
}

const TASKS = {
  async photo({ file, width, height }) {
    return readPhoto(file, width, height);
  },
  async encode({ model, pixels, width, height }) {
    const { output, ...times } = await run(model, "encoder", "picture", toTensor(pixels, width, height, model.step));
    return { indices: Int32Array.from(output.data, Number), ...times, threads: ort.env.wasm.numThreads };
  },
  async decode({ model, grid, rows, columns, width, height }) {
    const indices = new ort.Tensor("int64", BigInt64Array.from(grid, BigInt), [1, model.stages, rows, columns]);
    const { output, ...times } = await run(model, "decoder", "indices", indices), [, , high, wide] = output.dims;
    const rgba = new Uint8ClampedArray(4 * width * height).fill(255);
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        for (let c = 0; c < 3; c++) {
          const value = Math.min(1, Math.max(-1, output.data[(c * high + y) * wide + x]));
          rgba[(y * width + x) * 4 + c] = halfEven(Math.fround(Math.fround(value + 1) * 127.5));
        }
    return { rgba, ...times, threads: ort.env.wasm.numThreads };
  },
};

self.addEventListener("message", async ({ data: { id, task, ...rest } }) => {
  try {
    self.postMessage({ id, ...await TASKS[task](rest) });
  } catch (error) {
    self.postMessage({ id, error: error.message || String(error) });
  }
});
