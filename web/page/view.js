// What is drawn on the page. Texts go in as text, never as HTML.

import { clock } from "./link.js";

export const at = id => document.getElementById(id);
export const many = (n, one) => `${n.toLocaleString("en")} ${one}${n === 1 ? "" : "s"}`;
export const say = words => { at("said").textContent = words; };

const MOST_FAULTS = 6, SVG = "http://www.w3.org/2000/svg";

/** A size in words: 320 B, 12.5 kB, 22.2 MB. */
export function sizeOf(bytes) {
  if (bytes < 10_000) return `${Math.round(bytes).toLocaleString("en")} B`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** A time in words: 3 ms, 1.72 s. */
const timeOf = ms => ms < 1000 ? `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;

/** One line for each thing that went wrong; none where nothing did. */
export function complain(lines) {
  const told = lines.length > MOST_FAULTS ? [...lines.slice(0, MOST_FAULTS), `and ${lines.length - MOST_FAULTS} more like these`] : lines;
  at("wrong").replaceChildren(...told.map(line => Object.assign(document.createElement("p"), { textContent: line })));
}

/** RGB bytes on a canvas; nothing for null. */
export function canvasOf(id, frame, pixels, words) {
  if (!frame) { at(id).hidden = true; at(id).nextElementSibling.textContent = words; return; }
  const image = new ImageData(frame.width, frame.height);
  for (let k = 0; k < frame.width * frame.height; k++) {
    image.data.set(pixels.subarray(3 * k, 3 * k + 3), 4 * k);
    image.data[4 * k + 3] = 255;
  }
  paint(id, image, words);
}

/** A picture on a canvas, with these words for those who do not see it; null hides it. */
export function paint(id, picture, words) {
  const canvas = at(id);
  canvas.hidden = !picture;
  if (!picture) return;
  Object.assign(canvas, { width: picture.width, height: picture.height });
  canvas.setAttribute("aria-label", words);
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

/** A button for each packet; the one that has the focus keeps it. Arrow keys walk along the row. */
export function drawRow({ packets, lost, isReceived, model }, times, now, toggle) {
  const row = at("row"), n = packets.length;
  const isMany = n > 10;
  row.classList.toggle("many", isMany);
  while (row.children.length > n) row.lastChild.remove();
  while (row.children.length < n) row.append(Object.assign(document.createElement("button"), { type: "button" }));
  const stop = Math.max(0, [...row.children].findIndex(each => each.tabIndex === 0));
  [...row.children].forEach((button, k) => {
    const stage = stageOf(k, n, model.stages);
    const fate = !packets[k] ? "did not arrive" : lost[k] ? "lost" : isReceived ? "received"
      : times[k].arrives <= now ? `arrived ${clock(times[k].arrives)}` : times[k].sent <= now ? "on its way" : `leaves ${clock(times[k].sent)}`;
    const short = !packets[k] ? "missing" : lost[k] ? "lost" : isReceived ? "" : clock(times[k].arrives);
    button.replaceChildren(Object.assign(document.createElement("b"), { textContent: `${k + 1}` }), isMany ? short : `${stage}, ${fate}`);
    button.setAttribute("aria-label", `Packet ${k + 1} of ${n}, ${stage}: ${fate}`);
    button.setAttribute("aria-pressed", String(Boolean(lost[k])));
    button.classList.toggle("late", !isReceived && !lost[k] && times[k].arrives > now);
    button.disabled = !packets[k];
    button.tabIndex = k === Math.min(stop, n - 1) ? 0 : -1;
    button.onclick = () => { rove(button); toggle(k); };
    button.onkeydown = event => {
      const to = { ArrowRight: k + 1, ArrowDown: k + 1, ArrowLeft: k - 1, ArrowUp: k - 1, Home: 0, End: n - 1 }[event.key];
      if (to === undefined || !row.children[to]) return;
      event.preventDefault();
      const step = to < k ? -1 : 1;
      let next = to;
      while (row.children[next]?.disabled) next += event.key === "Home" ? 1 : event.key === "End" ? -1 : step;
      if (row.children[next]) { rove(row.children[next]); row.children[next].focus(); }
    };
  });
  if (row.children[stop]?.disabled) rove([...row.children].find(each => !each.disabled) ?? row.children[0]);
}

function rove(to) {
  for (const button of at("row").children) button.tabIndex = button === to ? 0 : -1;
}

/** Which stages packet `k` of `n` holds, in words. */
function stageOf(k, n, stages) {
  if (n === 1) return "all stages";
  if (n < stages) return `stages ${k * stages / n + 1} to ${(k + 1) * stages / n}`;
  const parts = Math.round(n / stages);
  return parts > 1 ? `stage ${Math.floor(k / parts) + 1}.${k % parts + 1}` : `stage ${k + 1}`;
}

function svg(tag, attributes, text) {
  const node = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text) node.textContent = text;
  return node;
}

const STEPS = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200]; // seconds between labels

/** Each packet on its way: from when it leaves to when it arrives, or a cross; what is still to come is pale. */
export function drawLane(times, now, end) {
  const lane = at("lane"), width = lane.clientWidth || 600, left = 8, x = time => left + (width - 2 * left) * time / end;
  const parts = [svg("line", { class: "axis", x1: left, x2: width - left, y1: 42, y2: 42 })];
  const step = STEPS.find(each => end / each <= width / 80) ?? end;
  for (let time = 0; time <= end; time += step)
    parts.push(svg("text", { x: x(time), y: 60, "text-anchor": time ? (time > end * 0.96 ? "end" : "middle") : "start" }, clock(time)));
  for (const { sent, arrives } of times) {
    const group = svg("g", { class: sent > now ? "later" : "" }), to = x(arrives ?? sent);
    if (arrives === null) group.append(svg("path", { class: "cross", d: `M${to - 5} 15l10 10m0 -10l-10 10` }));
    else group.append(svg("line", { class: "way", x1: x(sent), x2: to, y1: 20, y2: 20 }), svg("circle", { class: "dot", cx: to, cy: 20, r: 5 }));
    parts.push(group);
  }
  parts.push(svg("line", { class: "cursor", x1: x(now), x2: x(now), y1: 2, y2: 44 }));
  lane.replaceChildren(...parts);
}

const ORDER = ["Photo read", "Cut and scaled", "Encoder loaded", "Coded", "Packed", "Decoder loaded", "Decoded"];

/** The table of steps. */
export function drawSteps(steps, words) {
  const cell = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });
  at("steps").replaceChildren(...ORDER.filter(step => steps.has(step)).map(step => {
    const [what, size, ms] = steps.get(step), row = document.createElement("tr"), head = cell("th", step);
    head.scope = "row";
    row.append(head, cell("td", what), cell("td", size), cell("td", timeOf(ms)));
    return row;
  }));
  at("took").hidden = !steps.size;
  at("took-words").textContent = words;
}
