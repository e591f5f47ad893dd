// Files one after the other in a ZIP, stored as they are (APPNOTE 6.3.10, the parts that every program reads).

import { crc32 } from "./packets.js";

const LOCAL = 0x04034b50, CENTRAL = 0x02014b50, END = 0x06054b50, DAY = 0x21; // 1980-01-01: the same packets, the same file

const little = (...fields) => fields.flatMap(([value, bytes]) => Array.from({ length: bytes }, (_, k) => Math.floor(value / 256 ** k) & 255));

/** The ZIP of [name, bytes] each. */
export function zip(files) {
  const parts = [], index = [];
  let at = 0, indexed = 0;
  for (const [name, bytes] of files) {
    const path = new TextEncoder().encode(name), size = [[crc32(bytes), 4], [bytes.length, 4], [bytes.length, 4]];
    const common = little([20, 2], [0x0800, 2], [0, 2], [0, 2], [DAY, 2], ...size, [path.length, 2], [0, 2]);
    const entry = Uint8Array.from([...little([LOCAL, 4]), ...common, ...path]);
    const listed = Uint8Array.from([...little([CENTRAL, 4], [20, 2]), ...common, ...little([0, 2], [0, 2], [0, 2], [0, 4], [at, 4]), ...path]);
    parts.push(entry, bytes);
    index.push(listed);
    at += entry.length + bytes.length;
    indexed += listed.length;
  }
  const n = files.length, end = Uint8Array.from(little([END, 4], [0, 2], [0, 2], [n, 2], [n, 2], [indexed, 4], [at, 4], [0, 2]));
  return new Blob([...parts, ...index, end], { type: "application/zip" });
}

/** [name, bytes] of each file in a ZIP of stored files, null where it is no ZIP. Throws for one that is packed or damaged. */
export function unzip(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 22 || view.getUint32(0, true) !== LOCAL) return null;
  let end = bytes.length - 22;
  while (end > 0 && view.getUint32(end, true) !== END) end--;
  const files = [];
  try {
    if (view.getUint32(end, true) !== END) throw new RangeError();
    let at = view.getUint32(end + 16, true);
    for (let k = view.getUint16(end + 10, true); k > 0; k--) {
      const size = view.getUint32(at + 20, true), path = view.getUint16(at + 28, true), from = view.getUint32(at + 42, true);
      const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + path));
      const data = from + 30 + view.getUint16(from + 26, true) + view.getUint16(from + 28, true);
      if (view.getUint16(at + 10, true)) throw new Error("its files are packed; unpack it, and choose the files in it");
      if (data + size > bytes.length) throw new RangeError();
      if (size) files.push([name, bytes.slice(data, data + size)]);
      at += 46 + path + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    }
  } catch (error) {
    throw error instanceof RangeError ? new Error("is a damaged ZIP; copy it anew") : error;
  }
  return files;
}
