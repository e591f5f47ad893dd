// Which indices ride in which payload: codec/progic/layout.py in JavaScript. A grid is an Int32Array of stages * cells
// in raster order; -1 is a cell that never arrived.

const GOLDEN = 0.382; // share of the payloads of a stage by which each row's deal is shifted against the row above

/** `x` rounded as Python's round does: halves to the even neighbour. */
export function halfEven(x) {
  const low = Math.floor(x), rest = x - low;
  return rest > 0.5 || (rest === 0.5 && low % 2) ? low + 1 : low;
}

/** Bytes that `count` indices of `bits` bits occupy. */
export const packedBytes = (count, bits) => Math.ceil(count * bits / 8);

function cutOf(cells, indices) {
  return { cells, indices, perStage: Math.ceil(cells / indices), together: Math.max(1, Math.floor(indices / cells)) };
}

/** The cut with the fewest payloads of at most `payloadBytes`, of equal and least length. Throws where nothing fits. */
export function makeCut(stages, cells, bits, payloadBytes) {
  const fitting = Math.floor(payloadBytes * 8 / bits);
  if (fitting < 1) throw new Error(`a payload of ${payloadBytes} bytes has no room for one index of ${bits} bits`);
  if (fitting < cells) return cutOf(cells, Math.ceil(cells / Math.ceil(cells / fitting)));
  let together = 1;
  for (let d = 1; d <= stages; d++) if (stages % d === 0 && d * cells <= fitting) together = d;
  return cutOf(cells, cells * together);
}

/** Raster positions in the order in which they are dealt out over `payloads`; neighbours lie far apart. */
export function deal(rows, columns, payloads) {
  const shift = Math.max(1, halfEven(GOLDEN * payloads));
  const order = Array.from({ length: rows * columns }, (_, k) => k);
  const turn = order.map(k => (k % columns + Math.floor(k / columns) * shift) % payloads);
  return order.sort((a, b) => turn[a] - turn[b]); // sort is stable
}

/** Payloads, first stage first, of the first `stages` stages of `grid`. */
export function split(grid, stages, rows, columns, bits, payloadBytes) {
  const cells = rows * columns, cut = makeCut(stages, cells, bits, payloadBytes);
  const order = deal(rows, columns, cut.perStage), payloads = [];
  const dealt = Int32Array.from({ length: stages * cells }, (_, k) => grid[k - k % cells + order[k % cells]]);
  const step = cut.perStage === 1 ? dealt.length : cells; // parts end with the stage where one is dealt over several
  for (let start = 0; start < dealt.length; start += step)
    for (let at = start; at < start + step; at += cut.indices) {
      const part = new Int32Array(cut.indices); // filled up with index 0 in places that no cell has
      part.set(dealt.subarray(at, Math.min(at + cut.indices, start + step)));
      payloads.push(packIndices(part, bits));
    }
  return payloads;
}

/** The index grid of `received`, a Map from payload index to payload. Throws for payloads that no encoder writes. */
export function join(received, stages, rows, columns, bits) {
  const cells = rows * columns, grid = new Int32Array(stages * cells).fill(-1);
  const lengths = new Set([...received.values()].map(payload => payload.length));
  if (!lengths.size) return grid;
  if (lengths.size > 1) throw new Error(`payloads are ${[...lengths].join(" and ")} bytes long; expected one length for all of an image`);
  const [length] = lengths, indices = Math.floor(length * 8 / bits), cut = cutOf(cells, indices);
  if (indices < 1 || packedBytes(indices, bits) !== length || (indices > cells && (indices % cells || cut.together > stages)))
    throw new Error(`a payload of ${length} bytes fits no cut for ${cells} indices of ${bits} bits a stage`);
  const order = deal(rows, columns, cut.perStage);
  for (const [k, payload] of received) {
    const found = unpackIndices(payload, bits);
    const first = cut.perStage === 1 ? k * cut.together : Math.floor(k / cut.perStage), part = k % cut.perStage;
    const places = cut.perStage === 1 ? order : order.slice(part * indices, (part + 1) * indices);
    if (first >= stages) throw new Error(`payload ${k} would hold stage ${first + 1}; this model has ${stages} stages`);
    for (let stage = first; stage < Math.min(stages, first + cut.together); stage++)
      places.forEach((place, n) => { grid[stage * cells + place] = found[(stage - first) * cells + n]; });
  }
  return grid;
}

/** Big-endian bit string of indices of `bits` bits; the last byte is filled up with zeros. */
export function packIndices(indices, bits) {
  const packed = new Uint8Array(packedBytes(indices.length, bits));
  indices.forEach((index, k) => {
    if (!(index >= 0 && index < 1 << bits)) throw new Error(`index ${index} does not fit ${bits} bits`);
    for (let bit = 0; bit < bits; bit++)
      if (index >> (bits - 1 - bit) & 1) packed[(k * bits + bit) >> 3] |= 0x80 >> ((k * bits + bit) & 7);
  });
  return packed;
}

/** As many whole indices as `packed` holds. Throws where the filling bits are not zero, as no encoder writes them. */
export function unpackIndices(packed, bits) {
  const bit = at => packed[at >> 3] >> (7 - (at & 7)) & 1, count = Math.floor(packed.length * 8 / bits);
  const found = new Int32Array(count);
  for (let at = 0; at < count * bits; at++) found[Math.floor(at / bits)] = found[Math.floor(at / bits)] << 1 | bit(at);
  for (let at = count * bits; at < packed.length * 8; at++)
    if (bit(at)) throw new Error(`a payload of ${packed.length} bytes ends in stray bits; it is damaged or of another codec`);
  return found;
}
