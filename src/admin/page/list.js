// The list: what waits, the oldest first, and below it the rest.

// How many pages of each are fetched; rises with the buttons.
const pages = { pending: 4, others: 1 };
// Longer values are shown whole only in the request's own view.
const LISTED_CHARS = 120;
// Which requests waited when the list was last drawn.
let waiting = null;
// What the gateway last said of those.
let told = { approvals: [], more: false };
// Requests that this page knows to be decided, by the version in which they are. What the gateway
// said before does not bring them back into the list.
const decided = new Map();

async function refreshList() {
  const pending = await requests("pending", pages.pending);
  const others = await requests(byId("filter").value, pages.others);
  told = { approvals: pending.approvals.reverse(), more: pending.more };
  drawPending();
  drawPart("others", others.approvals, others.more);
  return pending.revision;
}

function drawPending() {
  const left = told.approvals.filter((one) => !(decided.get(one.id) > one.version));
  drawPart("pending", left, told.more);
  announce(left, told.more);
}

// Takes a request out of those that wait, as soon as somebody has seen that it is decided.
function settle(one) {
  if (one.state === "pending") decided.delete(one.id);
  else decided.set(one.id, one.version);
  if (waiting?.has(one.id)) drawPending();
}

function drawPart(part, approvals, more) {
  const list = byId(part);
  const focused = list.contains(document.activeElement) && document.activeElement.hash;
  list.replaceChildren(...approvals.map(row));
  byId(`${part}-none`).hidden = approvals.length > 0;
  byId(`${part}-more`).hidden = !more;
  // Where that row is gone, the next key must not open another in its place.
  if (focused) focusRow(part, focused, { preventScroll: true });
}

// Puts the focus on the request of this address, or above all where it is not there.
function focusRow(part, hash, how) {
  const link = rows(part).find((one) => one.hash === hash);
  (link ?? byId("list-title")).focus(how);
}

function announce(approvals, more) {
  const total = `${approvals.length}${more ? "+" : ""}`;
  byId("list-title").textContent = approvals.length ? `Waiting (${total})` : "Waiting";
  const fresh = approvals.filter((one) => waiting && !waiting.has(one.id)).length;
  if (fresh) say(`${count(fresh, "new request waits", "new requests wait")}, ${total} in all.`);
  waiting = new Set(approvals.map((one) => one.id));
  retitle();
}

// The tab says how many wait, whatever it shows.
function retitle() {
  const prefix = waiting?.size ? `(${waiting.size}) ` : "";
  document.title = `${prefix}gait approvals`;
}

function badge(words, kind) {
  return el("span", { class: `badge ${kind}` }, words);
}

function riskBadge(risk) {
  const kind = ["high", "critical"].includes(risk) ? "severe" : "plain";
  return el("span", { class: `badge ${kind}` }, shown(risk || "no risk class"), " risk");
}

function stateBadge(state) {
  return badge(state === "unknown" ? "unknown outcome" : state, `state-${state}`);
}

function provenBadge(requester) {
  return requester.proven ? badge("proven", "plain") : badge("not proven", "notice");
}

function approvals(one) {
  return `${one.granted_by.length} of ${count(one.required_approvals, "approval", "approvals")}`;
}

// The beginning of a value; how long it is where that is not all.
function beginning(text) {
  const characters = Array.from(text);
  if (characters.length <= LISTED_CHARS) return shown(text);
  const rest = ` … of ${count(characters.length, "character", "characters")}`;
  return el("span", {}, shown(characters.slice(0, LISTED_CHARS).join("")), rest);
}

// Where a request stands on this page; the gateway gives the same in its answers to callers.
function addressOf(id) {
  return `#approval=${id}`;
}

function row(one) {
  const risk = el("span", { class: "risk" }, riskBadge(one.risk_class));
  if (one.state !== "pending") risk.append(" ", stateBadge(one.state));
  const asked = one.asked > 1 ? `, asked ${one.asked} times` : "";
  const link = el(
    "a",
    { href: addressOf(one.id) },
    el("span", { class: "tool" }, beginning(one.tool_name)),
    risk,
    el("span", { class: "age" }, ticking(one.born, "in %")),
    el("span", { class: "target" }, shown(one.method), " ", beginning(one.path)),
    el(
      "span",
      { class: "from" },
      beginning(one.requester.identity),
      " ",
      provenBadge(one.requester),
    ),
    el("span", { class: "granted" }, approvals(one), asked),
  );
  return el("li", {}, link);
}

// The link of every row in this part of the page, top to bottom.
function rows(part) {
  return [...byId(part).querySelectorAll("li > a")];
}

// Moves the focus by so many rows; from outside the list to its first.
function step(by) {
  const links = [...rows("pending"), ...rows("others")];
  const at = links.indexOf(document.activeElement);
  const to = at < 0 ? 0 : Math.min(Math.max(at + by, 0), links.length - 1);
  links[to]?.focus();
}
