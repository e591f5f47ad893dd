// Times and packets in words. All times are UTC, and say so.

const pad = (value) => String(value).padStart(2, "0");

/** 2026-11-26 23:05 UTC; of today only the time. */
export function moment(unix) {
  const date = new Date(unix * 1000);
  const day = `${date.getUTCFullYear()}-${pad(date.getUTCMonth() + 1)}-${pad(date.getUTCDate())}`;
  const time = `${pad(date.getUTCHours())}:${pad(date.getUTCMinutes())}`;
  const today = new Date().toISOString().slice(0, 10);
  return day === today ? `${time} UTC` : `${day} ${time} UTC`;
}

/** 14:05:09 */
export function time(unix) {
  return new Date(unix * 1000).toISOString().slice(11, 19);
}

/** How long ago, in the largest unit that tells. */
export function ago(unix) {
  const spent = Date.now() / 1000 - unix;
  if (spent < -90) return "in the future";
  if (spent < 60) return `${Math.max(0, Math.round(spent))} s`;
  if (spent < 5400) return `${Math.round(spent / 60)} min`;
  if (spent < 129600) return `${Math.round(spent / 3600)} h`;
  return `${Math.round(spent / 86400)} days`;
}

/** The numbers of "0-3, 5". */
export function numbers(words) {
  const found = [];
  for (const part of words.split(", ").filter(Boolean)) {
    const [first, last] = part.split("-").map(Number);
    for (let number = first; number <= (last ?? first); number++) found.push(number);
  }
  return found;
}

/** Packets in words, numbered from 0 as everywhere: "2 and 4", "2, 4 and 7–9". */
export function packets(words) {
  const parts = words.replaceAll("-", "–").split(", ").filter(Boolean);
  return parts.length > 1 ? `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}` : (parts[0] ?? "");
}

export const many = (count, what) => `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;

/** Angles as they are read out. */
export function place([latitude, longitude]) {
  const north = `${Math.abs(latitude).toFixed(4)}° ${latitude < 0 ? "S" : "N"}`;
  return `${north} ${Math.abs(longitude).toFixed(4)}° ${longitude < 0 ? "W" : "E"}`;
}

/** What is true of a picture of this codec, whoever looks at it. */
export function honest(codec) {
  const what = codec === "progic" ? "Detail is invented" : "Detail is lost";
  return `${what}: do not count or read.`;
}
