// Files that someone received, to images: what is no packet is told in one line each, and stops no other.

import { contentOf, imageKey, isModel, markOf, unpack } from "./packets.js";
import { unzip } from "./zip.js";

const MOST_FILES = 5000, MOST_BYTES = 16 * 2 ** 20;
const PIXELS_PER_BYTE = 1200, LEAST_PIXELS = 256 * 256; // as satsim decode: a header can claim 16 million pixels

/** {found: [[name, packet, message]], faults}: the packets in `files`, ZIPs of them among these. */
export async function readFiles(files) {
  const found = [], faults = [];
  const take = (name, message) => {
    try {
      found.push([name, unpack(message), message]);
    } catch (error) { faults.push(`${name}: ${error.message}`); }
  };
  if (files.length > MOST_FILES) return { found, faults: [`${files.length} files; expected at most ${MOST_FILES}`] };
  for (const file of files) {
    try {
      if (file.size > MOST_BYTES) throw new Error(`is ${Math.round(file.size / 2 ** 20)} MiB; expected a packet, or a ZIP of packets`);
      const bytes = new Uint8Array(await file.arrayBuffer()), packed = unzip(bytes);
      if (!packed) take(file.name, bytes);
      else if (packed.length > MOST_FILES) throw new Error(`holds ${packed.length} files; expected at most ${MOST_FILES}`);
      else for (const [name, message] of packed) take(`${file.name}/${name}`, message);
    } catch (error) { faults.push(`${file.name}: ${error.message}`); }
  }
  return { found, faults };
}

/**
 * {images, faults}: packets of one image together, the fullest first. Two that contradict each other are left out, and what
 * is whole is told where it is not of one photo.
 */
export async function gather(found) {
  const byKey = new Map(), faults = [], numbers = new Map();
  for (const [name, packet, message] of found) {
    const key = imageKey(packet);
    if (!byKey.has(key)) byKey.set(key, imageOf(packet));
    const image = byKey.get(key), there = image.messages[packet.index], two = there && String(there) !== String(message);
    if (image.refused.has(packet.index)) continue;
    if (two) {
      faults.push(`${name}: contradicts another packet ${packet.index + 1} of ${image.name}; neither is used`);
      image.refused.add(packet.index);
    }
    image.packets[packet.index] = two ? null : packet;
    image.messages[packet.index] = two ? null : message;
  }
  const images = [...byKey.values()].filter(image => image.packets.some(Boolean));
  for (const image of images) {
    image.held = image.packets.filter(Boolean).length;
    if (image.held === image.count && !(await isOfOnePhoto(image.packets)))
      faults.push(`${image.name}: its packets are of two photos: what they say together is not what each says of the whole`);
    const number = `${image.name} ${image.packets.find(Boolean).compact}`;
    numbers.set(number, (numbers.get(number) ?? 0) + 1);
    if (numbers.get(number) === 2) faults.push(`${image.name}: packets of two photos bear this number; they are shown apart`);
  }
  return { images: images.sort((a, b) => b.held / b.count - a.held / a.count), faults };
}

/** Whether the mark that all of these packets bear follows from what they say; one without a mark says nothing. */
async function isOfOnePhoto(packets) {
  const { mark, placed } = packets[0];
  if (!mark || placed) return true;
  return markOf(await contentOf(packets.map(packet => ({ ...packet, sender: 0, image: 0, mark: 0 })))) === mark;
}

function imageOf(first) {
  const image = {
    name: `image ${first.image} of sender ${first.sender}`, count: first.count, frame: { width: first.width, height: first.height },
    packets: Array(first.count).fill(null), messages: Array(first.count).fill(null), refused: new Set(),
    isOf: model => isModel(first, model.id),
    tooLarge() {
      const bytes = this.messages.reduce((sum, message) => sum + (message?.length ?? 0), 0), pixels = first.width * first.height;
      if (pixels <= Math.max(LEAST_PIXELS, PIXELS_PER_BYTE * bytes)) return "";
      return `${this.name}: says ${first.width}x${first.height} pixels, which ${bytes} bytes are not worth decoding here; satsim decode --max-pixels does`;
    },
  };
  return image;
}
