// What the page shows, made of text alone.
//
// All that comes from a caller may be hostile. It becomes text nodes, never markup, and characters
// that cannot be seen, or that reorder what stands beside them, are written out as escapes. Each
// value stands isolated, so that no right-to-left letter moves its neighbours.
//
// The files here are parts of one script, in this order: text, api, list, request, decide,
// approvals. Rejected: modules of their own, which are as many addresses to serve and to guard.
"use strict";

// Longer values get a box that scrolls, and say how long they are.
const LONG_CHARS = 300;
// Controls, formats, surrogates, unassigned and ignorable characters, blanks that are no space,
// and marks that stand first or pile up.
const HIDDEN =
  /\p{C}|\p{Zl}|\p{Zp}|\p{Default_Ignorable_Code_Point}|(?! )\p{Zs}|\u2800|^\p{M}|(?<=\p{M}{2})\p{M}/gu;
// For how long a button tells what became of pressing it.
const NEWS_MS = 4_000;
const SHORT_ESCAPES = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/// A number whose digits JavaScript would change: it keeps them as they came.
class Numeral {
  constructor(digits) {
    this.digits = digits;
  }
}

function byId(id) {
  return document.getElementById(id);
}

// An element; children are elements, or words of the page itself.
function el(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function escapeOf(character) {
  const code = character.codePointAt(0).toString(16).toUpperCase();
  const plain = code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, "0")}`;
  return SHORT_ESCAPES[character] ?? plain;
}

// Fills an element with a text, hidden characters written out. `after` follows the escape of a
// line feed: "\n" keeps the lines apart, "" keeps the text on its line.
function fill(into, text, after) {
  let from = 0;
  for (const { 0: found, index } of text.matchAll(HIDDEN)) {
    into.append(text.slice(from, index), el("span", { class: "escape" }, escapeOf(found)));
    if (found === "\n") into.append(after);
    from = index + found.length;
  }
  into.append(text.slice(from));
  return into;
}

// A value of somebody else's, on its line.
function shown(text) {
  return fill(el("bdi", { class: "value" }), String(text ?? ""), "");
}

function count(number, one, many) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

// The same in as many lines as it has. A long one scrolls, by keyboard too, and is never cut.
function block(text, label) {
  const value = fill(el("bdi", { class: "value lines" }), text, "\n");
  if (text.length <= LONG_CHARS) return value;
  const chars = count(Array.from(text).length, "character", "characters");
  const box = el("div", { class: "scroll", tabindex: "0", role: "group" }, value);
  box.setAttribute("aria-label", `${label}, ${chars}`);
  return el("div", { class: "long" }, el("span", { class: "hint" }, chars), box);
}

// Reads JSON without changing any number: 12345678901234567890 stays what it is.
function readJson(text) {
  return JSON.parse(text, (_key, value, context) => {
    if (typeof value !== "number") return value;
    // A browser that does not give the source says that it is not exact.
    const near = Number.isSafeInteger(value) ? String(value) : `≈ ${value}`;
    const digits = context?.source ?? near;
    return String(value) === digits ? value : new Numeral(digits);
  });
}

// A JSON value as a readable tree. `at` is its JSON Pointer; those in `masked` are not shown.
function tree(value, at, masked) {
  if (masked.has(at)) return el("span", { class: "badge" }, "*** masked");
  if (value instanceof Numeral) return el("bdi", { class: "value number" }, value.digits);
  if (Array.isArray(value))
    return branch(
      value.map((one, index) => [String(index), one]),
      "[ ]",
    );
  if (value !== null && typeof value === "object") return branch(Object.entries(value), "{ }");
  if (typeof value !== "string") return el("bdi", { class: "value number" }, String(value));
  return el("span", { class: "quoted" }, block(value, `Value of ${at}`));

  function branch(entries, empty) {
    if (entries.length === 0) return el("span", { class: "hint" }, `${empty} empty`);
    const items = entries.map(([key, one]) => {
      const pointer = `${at}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
      const name = el("span", { class: "key" }, shown(key), ":");
      return el("li", {}, name, " ", tree(one, pointer, masked));
    });
    return el("ul", { class: "tree" }, ...items);
  }
}

// 45 s, 12 min, 3 h 5 min, 2 d 4 h.
function span(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [minutes, hours, days] = [60, 3600, 86400].map((unit) => Math.floor(whole / unit));
  if (whole < 60) return `${whole} s`;
  if (hours < 1) return `${minutes} min`;
  if (days < 1) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return hours % 24 ? `${days} d ${hours % 24} h` : `${days} d`;
}

// Seconds since the page was loaded, by a clock that nobody sets.
function uptime() {
  return performance.now() / 1000;
}

// A time span that goes on counting. `zero` is when it is nothing, in seconds of `uptime`.
function ticking(zero, words) {
  const made = el("span", { "data-zero": zero, "data-words": words });
  tick(made);
  return made;
}

function tick(element) {
  const since = uptime() - Number(element.dataset.zero);
  const words = since < 0 ? element.dataset.words : element.dataset.words.replace("in %", "% ago");
  element.textContent = words.replace("%", span(Math.abs(since)));
}

// A text that one copies, with its button.
function copyable(text, label) {
  const value = el("code", { class: "copied" }, text);
  const button = el("button", { type: "button", "aria-label": `Copy ${label}` }, "Copy");
  button.addEventListener("click", () => copy(button, value, label));
  return el("span", { class: "copyable" }, value, " ", button);
}

// Without a secure context there is no clipboard: then the text is selected. The button says which,
// since the clipboard itself shows nothing.
async function copy(button, element, label) {
  try {
    await navigator.clipboard.writeText(element.textContent);
    announceOn(button, "Copied");
    say(`Copied ${label}.`);
  } catch {
    getSelection().selectAllChildren(element);
    announceOn(button, "Selected: now press Ctrl+C");
    say(`Selected ${label}: copy it with Ctrl+C.`);
  }
}

// Words on a button for a while, in place of its own.
function announceOn(button, words) {
  button.dataset.own ??= button.textContent;
  button.textContent = words;
  clearTimeout(button.returning);
  button.returning = setTimeout(() => (button.textContent = button.dataset.own), NEWS_MS);
}

// Tells those who cannot see the change. The same words twice must be news twice.
function say(words) {
  byId("live").replaceChildren(el("span", {}, words));
}
