// A photo from a file: looked at before anything is decoded, then read upright on white and fitted to the frame. What goes
// wrong is one line that names the file and the mend. Runs in a worker.

import { fit } from "./resample.js";

const MOST_BYTES = 128 * 2 ** 20, MOST_PIXELS = 100_000_000, LEAST_SIDE = 1;
const ELSE = "satsim encode reads more kinds";

/** An error whose text is meant for the reader. */
export class PhotoError extends Error {}

const ascii = (bytes, from, to) => String.fromCharCode(...bytes.subarray(from, to));
const number = (bytes, at, count) => { let n = 0; for (let k = 0; k < count; k++) n = n * 256 + (bytes[at + k] ?? 0); return n; };

/** {kind, width, height, deep, whole, notes} of a JPEG, PNG or WebP, from its bytes; null for any other file. */
export function lookAt(bytes) {
  if (number(bytes, 0, 8) === 0x89504e470d0a1a0a) return lookAtPng(bytes);
  if (number(bytes, 0, 3) === 0xffd8ff) return lookAtJpeg(bytes);
  if (ascii(bytes, 0, 4) === "RIFF" && ascii(bytes, 8, 12) === "WEBP") return lookAtWebp(bytes);
  return null;
}

const PROFILE = "has a colour profile, which the browser turns into sRGB in its own way: levels may differ from satsim's by a few";
const WHITE = "its transparent parts are shown on white";

function lookAtPng(bytes) {
  const notes = new Set(), clear = [4, 6].includes(bytes[25]);
  let at = 8, whole = false;
  while (at + 12 <= bytes.length) {
    const kind = ascii(bytes, at + 4, at + 8);
    if (kind === "iCCP") notes.add(PROFILE);
    if (kind === "tRNS") notes.add(WHITE);
    at += 12 + number(bytes, at, 4);
    if (kind === "IEND") { whole = at <= bytes.length; break; }
  }
  if (clear) notes.add(WHITE);
  return { kind: "PNG", width: number(bytes, 16, 4), height: number(bytes, 20, 4), deep: bytes[24] > 8 ? bytes[24] : 0, whole, notes: [...notes] };
}

function lookAtJpeg(bytes) {
  const seen = { kind: "JPEG", width: 0, height: 0, deep: 0, whole: false, notes: [] };
  let at = 2;
  while (at + 4 <= bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1], length = number(bytes, at + 2, 2);
    if (marker === 0xff) { at++; continue; }
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      Object.assign(seen, { height: number(bytes, at + 5, 2), width: number(bytes, at + 7, 2), deep: bytes[at + 4] > 8 ? bytes[at + 4] : 0 });
      if (bytes[at + 9] === 4) seen.notes.push("is of four inks, which the browser turns into RGB in its own way: levels may differ from satsim's");
    }
    if (marker === 0xe2 && ascii(bytes, at + 4, at + 15) === "ICC_PROFILE") seen.notes.push(PROFILE);
    if (marker === 0xda) {
      for (let k = at; k + 1 < bytes.length && !seen.whole; k++) seen.whole = bytes[k] === 0xff && bytes[k + 1] === 0xd9;
      break;
    }
    at += 2 + length;
  }
  seen.notes = [...new Set(seen.notes)];
  return seen;
}

function lookAtWebp(bytes) {
  const little = (at, count) => { let n = 0; for (let k = count - 1; k >= 0; k--) n = n * 256 + (bytes[at + k] ?? 0); return n; };
  const kind = ascii(bytes, 12, 16), seen = { kind: "WebP", width: 0, height: 0, deep: 0, whole: little(4, 4) + 8 <= bytes.length, notes: [] };
  if (kind === "VP8X") {
    if (bytes[20] & 0x20) seen.notes.push(PROFILE);
    if (bytes[20] & 0x10) seen.notes.push(WHITE);
    if (bytes[20] & 0x02) seen.notes.push("holds several pictures; its first one is read");
    return Object.assign(seen, { width: little(24, 3) + 1, height: little(27, 3) + 1 });
  }
  if (kind === "VP8L") {
    const bits = little(21, 4);
    if (bits >>> 28 & 1) seen.notes.push(WHITE);
    return Object.assign(seen, { width: (bits & 0x3fff) + 1, height: (bits >>> 14 & 0x3fff) + 1 });
  }
  return Object.assign(seen, { width: little(26, 2) & 0x3fff, height: little(28, 2) & 0x3fff });
}

/** The looked-at file, if it can be used. Throws PhotoError. */
export function check(name, bytes) {
  const no = words => { throw new PhotoError(`${name}: ${words}`); };
  if (!bytes.length) no("is empty; copy it anew");
  const seen = lookAt(bytes);
  if (!seen) no(`is not an image of a kind that is read here; expected JPEG, PNG or WebP (${ELSE})`);
  const { kind, width, height } = seen;
  if (seen.deep) no(`is a ${kind} of ${seen.deep} bits a sample, which browsers cut to 8, each in its own way; save it with 8 bits (${ELSE})`);
  if (width * height > MOST_PIXELS) no(`is ${width}x${height} pixels; expected at most ${MOST_PIXELS.toLocaleString("en")} in all: shrink it first`);
  if (!seen.whole) no(`is a ${kind} that was cut short: its end is missing; copy it anew`);
  if (width < LEAST_SIDE || height < LEAST_SIDE) no(`is a ${kind} that says no size; it is damaged: copy it anew`);
  return seen;
}

/** {pixels, width, height, notes, seen, readMs, fitMs}: the frame as RGB bytes. Throws PhotoError. */
export async function readPhoto(file, frameWidth, frameHeight) {
  const began = performance.now();
  if (file.size > MOST_BYTES) throw new PhotoError(`${file.name}: is ${Math.round(file.size / 2 ** 20)} MiB; expected at most ${MOST_BYTES / 2 ** 20}: shrink it first`);
  const bytes = new Uint8Array(await file.arrayBuffer()), seen = check(file.name, bytes);
  let bitmap;
  try {
    bitmap = await createImageBitmap(new Blob([bytes], { type: `image/${seen.kind.toLowerCase()}` }));
  } catch {
    throw new PhotoError(`${file.name}: begins as a ${seen.kind} but cannot be decoded; it is damaged, or too large for this browser: copy it anew or shrink it`);
  }
  const read = performance.now(), { width, height } = bitmap;
  const pixels = fit(width, height, frameWidth, frameHeight, regionsOf(bitmap));
  bitmap.close();
  return { pixels, width, height, notes: seen.notes, kind: seen.kind, bytes: bytes.length, readMs: read - began, fitMs: performance.now() - read };
}

function regionsOf(bitmap) {
  return (x, y, w, h) => {
    const canvas = new OffscreenCanvas(w, h), context = canvas.getContext("2d", { willReadFrequently: true, alpha: false });
    context.fillStyle = "#fff";
    context.fillRect(0, 0, w, h);
    context.drawImage(bitmap, x, y, w, h, 0, 0, w, h);
    return context.getImageData(0, 0, w, h).data;
  };
}
