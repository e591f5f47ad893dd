// Elements, made without any markup: what comes from outside is text, whatever it holds.

export const $ = (id) => document.getElementById(id);

/** An element with these properties and children; strings become text, empty ones are left out. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") element.className = value;
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && !name.startsWith("aria")) element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** The same for a drawing. */
export function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** What a screen reader and the line under the bar say. */
export function say(words, isBad = false) {
  $("says").textContent = words;
  $("says").classList.toggle("bad", isBad);
}

/** A value that this browser keeps, or `otherwise`; private windows may refuse to keep any. */
export function kept(name, otherwise = "") {
  try {
    return localStorage.getItem(`satsim ${name}`) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function keep(name, value) {
  try {
    localStorage.setItem(`satsim ${name}`, value);
  } catch {
    // then it lasts as long as the page
  }
}

/** The answer to a JSON object that is posted; throws an Error whose message is for the operator. */
export async function post(path, given = {}) {
  let answer;
  try {
    answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(given),
    });
  } catch {
    throw new Error("the inbox does not answer; nothing was changed");
  }
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.error ?? `the inbox said ${answer.status}`);
  return said;
}
