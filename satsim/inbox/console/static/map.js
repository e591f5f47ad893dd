// A map that needs no network: a graticule, where photos were taken, and what the user lays on it.

import { $, draw, make, say } from "./dom.js";
import { photos, standing } from "./store.js";
import { ago, many, place } from "./words.js";

const STEPS = [90, 45, 30, 15, 10, 5, 2, 1, 0.5, 0.25, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001];
const MOST_BYTES = 20_000_000;
const MOST_POINTS = 200_000;
const MOST_MARKS = 2000;

const layers = []; // { name, shapes: [{ kind: "point" | "line" | "area", points: [[lon, lat], ...], name }] }
let view = null; // { longitude, latitude, scale }: what is in the middle, and pixels a degree of latitude
let parts = null;
let wish = 0;

/** Draw it, and look at all there is the first time. */
export function show() {
  build();
  if (!view) fitAll();
  render();
}

/** Photos have come or gone. */
export function update() {
  if (!parts || $("map").hidden) return;
  cancelAnimationFrame(wish);
  wish = requestAnimationFrame(render);
}

function build() {
  if (parts) return;
  const svg = draw("svg", { class: "chart", role: "group", "aria-label": "Places of photos", tabindex: "0" });
  const file = make("input", { id: "layer", type: "file", accept: ".geojson,.json,application/geo+json", multiple: true, onchange: load });
  const list = make("ul", { class: "layers" });
  const button = (label, words, work) => make("button", { type: "button", "aria-label": words, onclick: work }, label);
  const bar = make("div", { class: "map-bar" },
    button("+", "Nearer", () => zoom(2)), button("−", "Farther", () => zoom(0.5)), button("All", "Show all", () => { fitAll(); render(); }),
    make("label", { class: "button", for: "layer" }, "Add GeoJSON"), file,
    make("span", { class: "grey" }, "Layers stay in this browser tab; nothing is sent anywhere."));
  const about = make("p", { class: "map-about" });
  $("map").replaceChildren(bar, list, svg, about);
  parts = { svg, list, about };
  svg.addEventListener("wheel", (event) => { event.preventDefault(); zoom(2 ** (-event.deltaY / 300), event); }, { passive: false });
  svg.addEventListener("pointerdown", drag);
  svg.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (event.key === "+" || event.key === "=") zoom(2);
    else if (event.key === "-") zoom(0.5);
    else if (moves[event.key] && event.target === svg) move(moves[event.key][0] * 60, moves[event.key][1] * 60);
    else return;
    event.preventDefault();
  });
  new ResizeObserver(() => view && render()).observe(svg);
}

const placed = () => [...photos.values()].filter((photo) => photo.place);

function fitAll() {
  const points = placed().map(({ place: [latitude, longitude] }) => [longitude, latitude]);
  for (const layer of layers) for (const shape of layer.shapes) for (const point of shape.points) points.push(point);
  const { clientWidth: width, clientHeight: height } = parts.svg;
  if (!points.length) {
    view = { longitude: 0, latitude: 0, scale: Math.max(0.5, width / 380) };
    return;
  }
  let [west, east, south, north] = [180, -180, 90, -90];
  for (const [longitude, latitude] of points) {
    [west, east] = [Math.min(west, longitude), Math.max(east, longitude)];
    [south, north] = [Math.min(south, latitude), Math.max(north, latitude)];
  }
  const latitude = (south + north) / 2;
  const scale = Math.min((width * 0.8) / Math.max((east - west) * shrink(latitude), 0.005), (height * 0.8) / Math.max(north - south, 0.005));
  view = { longitude: (west + east) / 2, latitude, scale: Math.min(scale, 40_000) };
}

/** How much narrower a degree of longitude is than one of latitude; as in the middle, so on the whole map. */
const shrink = (latitude) => Math.max(0.05, Math.cos((latitude * Math.PI) / 180));

function project([longitude, latitude]) {
  const { svg } = parts;
  return [
    svg.clientWidth / 2 + (longitude - view.longitude) * view.scale * shrink(view.latitude),
    svg.clientHeight / 2 - (latitude - view.latitude) * view.scale,
  ];
}

function move(right, up) {
  view.longitude = Math.max(-180, Math.min(180, view.longitude + right / (view.scale * shrink(view.latitude))));
  view.latitude = Math.max(-89, Math.min(89, view.latitude + up / view.scale));
  render();
}

function zoom(by, event) {
  const box = parts.svg.getBoundingClientRect();
  const [x, y] = event ? [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2] : [0, 0];
  const scale = Math.max(0.5, Math.min(200_000, view.scale * by));
  const gain = 1 / view.scale - 1 / scale;
  view.longitude += (x * gain) / shrink(view.latitude);
  view.latitude = Math.max(-89, Math.min(89, view.latitude - y * gain));
  view.scale = scale;
  render();
}

function drag(event) {
  if (event.target.closest("a")) return;
  const { svg } = parts;
  let [x, y] = [event.clientX, event.clientY];
  svg.setPointerCapture(event.pointerId);
  const moved = (next) => {
    move(x - next.clientX, next.clientY - y);
    [x, y] = [next.clientX, next.clientY];
  };
  svg.addEventListener("pointermove", moved);
  for (const end of ["pointerup", "pointercancel"]) {
    svg.addEventListener(end, () => svg.removeEventListener("pointermove", moved), { once: true });
  }
}

function render() {
  const { svg } = parts;
  const active = document.activeElement?.dataset?.mark;
  const drawn = draw("g");
  graticule(drawn);
  for (const [k, layer] of layers.entries()) for (const shape of layer.shapes) drawn.append(shapeOf(shape, k % 4));
  const marks = placed().sort((one, other) => one.first - other.first).slice(-MOST_MARKS);
  for (const photo of marks) drawn.append(markOf(photo));
  svg.replaceChildren(drawn);
  if (active) svg.querySelector(`[data-mark="${active}"]`)?.focus({ preventScroll: true });
  const without = photos.size - placed().length;
  parts.about.textContent = `${many(marks.length, "photo")} on the map${without ? `; ${without.toLocaleString("en")} do not tell their place` : ""}. ` +
    "Positions are the team's own word. Plate carrée, true to scale in the middle.";
}

function graticule(drawn) {
  const { clientWidth: width, clientHeight: height } = parts.svg;
  const wide = width / (view.scale * shrink(view.latitude));
  const step = STEPS.findLast((each) => each * view.scale * shrink(view.latitude) >= 70) ?? 90;
  const digits = step >= 1 ? 0 : step >= 0.1 ? 2 : 3;
  const lines = (middle, span, most) => {
    const first = Math.ceil(Math.max(-most, middle - span / 2) / step);
    const last = Math.floor(Math.min(most, middle + span / 2) / step);
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, k) => (first + k) * step);
  };
  for (const longitude of lines(view.longitude, wide, 180)) {
    const [x] = project([longitude, 0]);
    drawn.append(draw("line", { class: longitude === 0 ? "grid zero" : "grid", x1: x, x2: x, y1: 0, y2: height }));
    drawn.append(draw("text", { x: x + 3, y: height - 5 }, `${Math.abs(longitude).toFixed(digits)}°${longitude < 0 ? "W" : "E"}`));
  }
  for (const latitude of lines(view.latitude, height / view.scale, 90)) {
    const [, y] = project([0, latitude]);
    drawn.append(draw("line", { class: latitude === 0 ? "grid zero" : "grid", x1: 0, x2: width, y1: y, y2: y }));
    drawn.append(draw("text", { x: 4, y: y - 4 }, `${Math.abs(latitude).toFixed(digits)}°${latitude < 0 ? "S" : "N"}`));
  }
}

function shapeOf({ kind, points, name }, colour) {
  const title = draw("title", {}, name);
  if (kind === "point") {
    const [x, y] = project(points[0]);
    const group = draw("g", { class: `layer-${colour}` }, title, draw("circle", { cx: x, cy: y, r: 3.5 }));
    if (name) group.append(draw("text", { x: x + 6, y: y + 4 }, name.slice(0, 40)));
    return group;
  }
  const path = points.map((point, k) => `${k ? "L" : "M"}${project(point).map((at) => at.toFixed(1)).join(" ")}`).join("");
  const line = draw("path", { class: `layer-${colour} ${kind}`, d: kind === "area" ? `${path}Z` : path }, title);
  if (!name) return line;
  const [x, y] = project(points[Math.floor(points.length / 2)]);
  return draw("g", { class: `layer-${colour}` }, line, draw("text", { x: x + 5, y: y - 5 }, name.slice(0, 40)));
}

function markOf(photo) {
  const [x, y] = project([photo.place[1], photo.place[0]]);
  const name = standing.teams[photo.team] ? ` ${standing.teams[photo.team]}` : "";
  const words = `Team ${photo.team}${name}, photo ${photo.number}, ${place(photo.place)}, taken ${ago(photo.taken)} ago` +
    (photo.contradictions ? ", contradiction" : "");
  const link = draw("a", { href: `#photo=${photo.id}`, "aria-label": words, "data-mark": String(photo.id), class: photo.contradictions ? "mark against" : "mark" },
    draw("title", {}, words),
    draw("circle", { class: "hit", cx: x, cy: y, r: 12 }),
    draw("circle", { class: "dot", cx: x, cy: y, r: 6 }),
    draw("text", { x: x + 9, y: y + 4 }, `${photo.team}/${photo.number}`));
  return link;
}

async function load(event) {
  for (const file of event.target.files) {
    try {
      if (file.size > MOST_BYTES) throw new Error("is larger than 20 MB");
      layers.push({ name: file.name, shapes: read(parse(await file.text())) });
      say(`${file.name}: ${many(layers.at(-1).shapes.length, "shape")} on the map.`);
    } catch (error) {
      say(`${file.name}: ${error.message}; expected GeoJSON with longitude and latitude in degrees.`, true);
    }
  }
  event.target.value = "";
  tellLayers();
  fitAll();
  render();
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("is no JSON");
  }
}

/** The shapes of a GeoJSON document. Throws an Error that says what is wrong with it. */
function read(document) {
  const shapes = [];
  let count = 0;
  const point = (at) => {
    const [longitude, latitude] = Array.isArray(at) ? at : [];
    if (!(Math.abs(longitude) <= 180 && Math.abs(latitude) <= 90)) throw new Error(`has no place at ${JSON.stringify(at)?.slice(0, 40)}`);
    if (++count > MOST_POINTS) throw new Error(`has more than ${MOST_POINTS.toLocaleString("en")} points`);
    return [longitude, latitude];
  };
  const line = (points) => {
    if (!Array.isArray(points) || !points.length) throw new Error("has a line without points");
    return points.map(point);
  };
  const kinds = {
    Point: (at, name) => shapes.push({ kind: "point", points: [point(at)], name }),
    MultiPoint: (all, name) => all.forEach((at) => kinds.Point(at, name)),
    LineString: (points, name) => shapes.push({ kind: "line", points: line(points), name }),
    MultiLineString: (all, name) => all.forEach((points) => kinds.LineString(points, name)),
    Polygon: (rings, name) => rings.forEach((ring) => shapes.push({ kind: "area", points: line(ring), name })),
    MultiPolygon: (all, name) => all.forEach((rings) => kinds.Polygon(rings, name)),
  };
  const geometry = (each, name) => {
    if (each?.type === "GeometryCollection") return (each.geometries ?? []).forEach((part) => geometry(part, name));
    if (!Object.hasOwn(kinds, each?.type ?? "")) throw new Error(`has a geometry of type ${String(each?.type).slice(0, 40)}`);
    if (!Array.isArray(each.coordinates)) throw new Error("has a geometry without coordinates");
    return kinds[each.type](each.coordinates, name);
  };
  const feature = (each) => {
    const name = each?.properties?.name ?? each?.properties?.title ?? "";
    if (each?.geometry) geometry(each.geometry, String(name));
  };
  if (document?.type === "FeatureCollection" && Array.isArray(document.features)) document.features.forEach(feature);
  else if (document?.type === "Feature") feature(document);
  else geometry(document, "");
  if (!shapes.length) throw new Error("holds no shape");
  return shapes;
}

function tellLayers() {
  parts.list.replaceChildren(...layers.map((layer, k) => make("li", { class: `layer-${k % 4}` }, layer.name, " ",
    make("button", { type: "button", class: "quiet", "aria-label": `Remove ${layer.name}`, onclick: () => { layers.splice(k, 1); tellLayers(); render(); } }, "Remove"))));
}
