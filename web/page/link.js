// A link as small as can be: packet k leaves at k times the interval, and arrives after a delay or never. Each packet has
// one draw whatever becomes of it, so that a higher loss only adds losses.

export const DELAY_S = 5; // as in satsim's scenarios

/** Numbers from 0 to 1 that follow from `seed` (mulberry32). */
export function draws(seed, count) {
  let state = seed >>> 0;
  return Array.from({ length: count }, () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ state >>> 15, state | 1);
    t ^= t + Math.imul(t ^ t >>> 7, t | 61);
    return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
  });
}

/** Which of the packets are lost at this ratio. */
export const lostAt = (drawn, lossRatio) => drawn.map(u => u < lossRatio);

/** What happens when: {sent, arrives} of each packet, in seconds; arrives is null for one that is lost. */
export const timesOf = (lost, intervalS) => lost.map((gone, k) => ({ sent: k * intervalS, arrives: gone ? null : k * intervalS + DELAY_S }));

/** The places of what has arrived at `time`. */
export const arrivedAt = (times, time) => times.flatMap(({ arrives }, k) => arrives !== null && arrives <= time ? [k] : []);

/** Minutes and seconds, or hours besides. */
export function clock(time) {
  const two = n => String(n).padStart(2, "0"), all = Math.round(time), h = Math.floor(all / 3600);
  return h ? `${h}:${two(Math.floor(all / 60) % 60)}:${two(all % 60)}` : `${Math.floor(all / 60)}:${two(all % 60)}`;
}
