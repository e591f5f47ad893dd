// A photo cut to a frame and scaled as Pillow's ImageOps.fit does with Lanczos, in the same whole numbers, so that the same
// pixels give the same picture. A photo comes in strips, so that a large one needs little memory.

const REACH = 3, BITS = 22; // Lanczos of three lobes; weights in units of 2^-22
const STRIP = 2 ** 22; // pixels that are looked at at a time

/** The box {left, top, right, bottom} of a photo that fills a frame of this shape, cut at the sides alike. */
export function cropBox(width, height, frameWidth, frameHeight) {
  const ratio = frameWidth / frameHeight, own = width / height;
  const w = own > ratio ? ratio * height : width, h = own < ratio ? width / ratio : height;
  const left = (width - w) * 0.5, top = (height - h) * 0.5;
  return { left, top, right: left + w, bottom: top + h };
}

const sinc = x => x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
const lanczos = x => x >= -REACH && x < REACH ? sinc(x) * sinc(x / REACH) : 0;

/** For each of `out` pixels the first of `held` that it is made of, and their weights, in units of 2^-22. */
function weightsOf(held, from, to, out) {
  const low = Math.fround(from), scale = Math.fround(Math.fround(to) - low) / out;
  const stretch = Math.max(1, scale), support = REACH * stretch;
  return Array.from({ length: out }, (_, k) => {
    const center = low + (k + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5)), end = Math.min(held, Math.trunc(center + support + 0.5));
    const raw = Array.from({ length: end - first }, (_, n) => lanczos((n + first - center + 0.5) / stretch));
    const sum = raw.reduce((a, b) => a + b, 0);
    return { first, weights: Int32Array.from(raw, w => (w / sum < 0 ? -0.5 : 0.5) + w / sum * 2 ** BITS) };
  });
}

const level = sum => Math.min(255, Math.max(0, sum >> BITS));

/**
 * Scale `lines` lines of `from` to those of `to`, three samples a pixel. Each of both is {data, line, pixel, base}: bytes
 * from line to line, from pixel to pixel, and to the first; `offset` pixels of each line of `from` are left out.
 */
function scale(from, to, lines, weights, offset) {
  for (let n = 0; n < lines; n++)
    weights.forEach(({ first, weights: taps }, k) => {
      let at = from.base + n * from.line + (first - offset) * from.pixel, r = 2 ** (BITS - 1), g = r, b = r;
      for (const w of taps) {
        r += from.data[at] * w; g += from.data[at + 1] * w; b += from.data[at + 2] * w;
        at += from.pixel;
      }
      const place = to.base + n * to.line + k * to.pixel;
      to.data[place] = level(r); to.data[place + 1] = level(g); to.data[place + 2] = level(b);
    });
}

/**
 * The frame, RGB bytes, of a photo of `width` x `height`; `region(x, y, w, h)` gives RGBA bytes of a part of it.
 *
 * What is rounded between the two passes depends on which comes first; it is Pillow's choice, of version 13.
 */
export function fit(width, height, frameWidth, frameHeight, region) {
  const box = cropBox(width, height, frameWidth, frameHeight);
  const across = weightsOf(width, box.left, box.right, frameWidth), down = weightsOf(height, box.top, box.bottom, frameHeight);
  const left = across[0].first, columns = across.at(-1).first + across.at(-1).weights.length - left;
  const top = down[0].first, rows = down.at(-1).first + down.at(-1).weights.length - top;
  const frame = { data: new Uint8Array(frameHeight * frameWidth * 3), base: 0 };
  if (frameHeight < height && height - frameHeight > 2 * (width - frameWidth)) {
    const half = { data: new Uint8Array(frameHeight * columns * 3), line: 3, pixel: columns * 3 }, step = Math.ceil(STRIP / rows);
    for (let x = 0; x < columns; x += step) {
      const n = Math.min(step, columns - x), part = { data: region(left + x, top, n, rows), line: 4, pixel: n * 4, base: 0 };
      scale(part, { ...half, base: x * 3 }, n, down, top);
    }
    scale({ ...half, line: columns * 3, pixel: 3, base: 0 }, { ...frame, line: frameWidth * 3, pixel: 3 }, frameHeight, across, left);
  } else {
    const half = { data: new Uint8Array(rows * frameWidth * 3), line: frameWidth * 3, pixel: 3 }, step = Math.ceil(STRIP / columns);
    for (let y = 0; y < rows; y += step) {
      const n = Math.min(step, rows - y), part = { data: region(left, top + y, columns, n), line: columns * 4, pixel: 4, base: 0 };
      scale(part, { ...half, base: y * frameWidth * 3 }, n, across, left);
    }
    scale({ ...half, line: 3, pixel: frameWidth * 3, base: 0 }, { ...frame, line: 3, pixel: frameWidth * 3 }, frameWidth, down, top);
  }
  return frame.data;
}
