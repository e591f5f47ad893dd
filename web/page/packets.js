// The wire format: satsim/air/{packets,compact,forms,content}.py in JavaScript, for ProGIC packets that are neither sealed
// nor for repair. Bytes are equal to those of `satsim encode` for equal indices.

export const HEADER_BYTES = 20, COMPACT_BYTES = 12, STAGE_BYTES = 320;
export const FRAMES = [
  [256, 256], [256, 512], [512, 256], [512, 512], [128, 128], [192, 192], [256, 192], [192, 256], [320, 240],
  [240, 320], [512, 384], [384, 512], [640, 480], [480, 640], [768, 512], [512, 768],
]; // width and height by their number in a compact header
const PROGIC = 1, VERSION = 1, COMPACT = 2, REPAIR = 1, POSITION = 4, SEALED = 8, MAX_COUNT = 4096, MAX_COMPACT = 128;

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ n >>> 1 : n >>> 1;
  return n;
});

/** CRC-32 (IEEE 802.3) of byte arrays one after the other. */
export function crc32(...parts) {
  let crc = 0xffffffff;
  for (const part of parts) for (const byte of part) crc = TABLE[(crc ^ byte) & 255] ^ crc >>> 8;
  return (crc ^ 0xffffffff) >>> 0;
}

const big = (value, bytes) => Array.from({ length: bytes }, (_, k) => Math.floor(value / 256 ** (bytes - 1 - k)) & 255);
const number = (bytes, from, to) => bytes.subarray(from, to).reduce((sum, byte) => sum * 256 + byte, 0);
const shortId = model => model >>> 16 ^ model & 0xffff;

function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) { whole.set(part, at); at += part.length; }
  return whole;
}

/** The message of a packet {model, sender, image, index, count, width, height, payload, compact, mark}. */
export function pack(packet) {
  const { model, sender, image, index, count, width, height } = packet;
  const front = Uint8Array.from(packet.compact
    ? [COMPACT << 4, PROGIC << 4 | frameOf(width, height), ...big(shortId(model), 2),
      ...big(sender * 2 ** 14 + index * 128 + count - 1, 3), image]
    : [VERSION << 4, PROGIC, ...big(model, 4), ...big(sender, 2), ...big(image, 2),
      ...big(index * 4096 + count - 1, 3), ...big((width - 1) * 4096 + height - 1, 3)]);
  const written = (crc32(front, packet.payload) ^ packet.mark * 0x01010101) >>> 0;
  return concat(front, big(written, 4), packet.payload);
}

const frameOf = (width, height) => FRAMES.findIndex(([w, h]) => w === width && h === height);

/** The packet that a message holds. Throws, in one line, for whatever else it is. */
export function unpack(message) {
  const version = message[0] >> 4, flags = message[0] & 15, compact = version === COMPACT;
  const header = compact ? COMPACT_BYTES : HEADER_BYTES;
  if ((version !== VERSION && !compact) || message.length <= header) throw new Error("is no packet of satsim");
  if (flags & SEALED) throw new Error("is sealed; this page has no keys: satsim decode --keys opens it");
  const front = message.subarray(0, header - 4), body = message.subarray(header);
  const rest = (number(message, header - 4, header) ^ crc32(front, body)) >>> 0, mark = rest & 255;
  if (rest !== (mark * 0x01010101 >>> 0)) throw new Error("is damaged or no packet: its checksum does not match");
  const codec = compact ? message[1] >> 4 : message[1];
  if (flags & REPAIR) throw new Error("is a repair packet, which this page does not read: satsim decode does");
  if (codec !== PROGIC) throw new Error("is not of plain ProGIC; satsim decode may read it");
  const place = compact ? number(message, 4, 7) : number(message, 10, 13);
  const size = compact ? FRAMES[message[1] & 15] : [number(message, 13, 16) >> 12, number(message, 13, 16) & 4095].map(n => n + 1);
  const payload = flags & POSITION ? body.slice(11) : body.slice();
  const packet = {
    model: compact ? number(message, 2, 4) : number(message, 2, 6),
    sender: compact ? place >> 14 : number(message, 6, 8),
    image: compact ? message[7] : number(message, 8, 10),
    index: compact ? place >> 7 & 127 : place >> 12,
    count: (place & (compact ? 127 : 4095)) + 1,
    width: size[0], height: size[1], payload, compact, mark, placed: Boolean(flags & POSITION),
  };
  if (packet.index >= packet.count || !payload.length) throw new Error("has a header that no sender writes");
  return packet;
}

/** Whether packets that say `model` are of the model of this id. */
export const isModel = (packet, id) => packet.compact ? packet.model === shortId(id) : packet.model === id;

/** What tells two images apart; packets that differ in it never mix. */
export const imageKey = p => [p.sender, p.image, p.model, p.width, p.height, p.count, p.compact, p.placed, p.mark].join(" ");

/**
 * The packets of one image, `{packets, messages, image, compact}`, as `satsim encode` makes them: `cut` gives the payloads
 * for so many bytes; number and mark follow from the content. Throws where a message has no room.
 */
export async function packetize(cut, packetBytes, { model, width, height, sender = 0 }) {
  const forms = formsOf(packetBytes, frameOf(width, height) >= 0 && sender < 1024);
  for (const compact of forms) {
    const payloads = cut(packetBytes - (compact ? COMPACT_BYTES : HEADER_BYTES)), count = payloads.length;
    if (compact && count > MAX_COMPACT) continue;
    if (count > MAX_COUNT) throw new Error(`the photo takes ${count} messages; expected at most ${MAX_COUNT}: choose longer ones`);
    const bare = payloads.map((payload, index) => ({ model, sender: 0, image: 0, index, count, width, height, payload, compact, mark: 0 }));
    const content = await contentOf(bare), image = numberOf(content, compact), mark = markOf(content);
    const packets = bare.map(packet => ({ ...packet, sender, image, mark }));
    return { packets, messages: packets.map(pack), image, compact };
  }
  throw new Error(`messages of ${packetBytes} bytes have no room for this photo: choose longer ones`);
}

/** The forms of header to try, true for the compact one: see satsim/air/forms.py. */
function formsOf(packetBytes, fitsCompact) {
  const room = packetBytes - HEADER_BYTES;
  if (room >= STAGE_BYTES) return [false];
  return fitsCompact ? (room < 1 ? [true] : [true, false]) : [false];
}

/** SHA-256 of what an image says, the first 16 bytes; `packets` are all of it, with sender, image and mark 0. */
export async function contentOf(packets) {
  const parts = packets.map(pack).flatMap(message => [big(message.length, 4), message]);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", concat(...parts))).slice(0, 16);
}

/** The image number that follows from the content. */
export const numberOf = (content, compact) => compact ? content[7] : content[6] * 256 + content[7];

/** The mark that follows from it: 256 is 1 by 255, so that the sum of bytes has the remainder of the whole. */
export const markOf = content => 1 + content.subarray(8).reduce((sum, byte) => sum + byte, 0) % 255;
