// Runs the page: who is signed in, which view is shown, what is new, and the keys.

const EXPIRED = "The gateway does not know this token, or no longer. Sign in again.";
const VIEWS = ["signin", "list", "request"];
const LONGEST_PAUSE_SECONDS = 15;

// What holds data, and is emptied when nobody is signed in.
const DATA = [
  "pending",
  "others",
  "request-title",
  "summary",
  "facts",
  "decide-not",
  "connection",
  "who-name",
];

// Who is signed in; a fresh object for each time, by which old loops see that they are.
let session = null;

// === Signing in ===

// Takes a token out of the address, and out of the history, before anything else is done.
function takeToken() {
  const [first, ...more] = location.hash.slice(1).split("&");
  if (!first.startsWith("token=")) return false;
  const next = more.length ? `#${more.join("&")}` : "";
  history.replaceState(null, "", location.pathname + location.search + next);
  try {
    keepToken(decodeURIComponent(first.slice("token=".length)));
  } catch {
    return false; // broken escapes: no token
  }
  return true;
}

async function signIn() {
  session = null;
  if (!token()) return signOut("");
  let who;
  try {
    who = await call("GET", "/v1/session");
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (error.status === 401) return signOut(EXPIRED);
    return signOut(`Load this page again to try once more: ${error.message}.`, true);
  }
  session = who;
  const part = who.approver && who.approver !== who.login ? `, decides as ${who.approver}` : "";
  byId("who-name").replaceChildren(shown(who.login), ` (${who.role}${part})`);
  byId("who").hidden = false;
  route();
  return watch(who);
}

// Back to the sign-in view; `keep` leaves the token for another try.
function signOut(words, keep) {
  session = null;
  current = null;
  waiting = null;
  told = { approvals: [], more: false };
  decided.clear();
  handed.clear();
  drawHanded("");
  clearDecision();
  if (!keep) keepToken("");
  byId("who").hidden = true;
  for (const id of DATA) byId(id).replaceChildren();
  view("signin");
  retitle();
  byId("signin-error").textContent = words;
  byId("token").value = "";
  byId("token").focus();
}

// === Views ===

function view(name) {
  for (const one of VIEWS) byId(one).hidden = one !== name;
}

function idInAddress() {
  return /^#approval=([a-z0-9]{12})$/.exec(location.hash)?.[1];
}

// Shows what the address names.
async function route() {
  if (!session) return;
  const id = idInAddress();
  if (!id) return showList();
  if (current?.id === id) return;
  clearDecision();
  try {
    const one = await request(id);
    if (idInAddress() !== id || !session) return;
    show(one);
    view("request");
    byId("request-title").focus();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (error.status === 401) return signOut(EXPIRED);
    showList();
    const words = error.status === 404 ? `There is no request ${id}.` : error.message;
    connection(words);
    say(words);
  }
}

// Focus goes back to the request that one comes from, if it still waits.
function showList() {
  const from = current?.id;
  current = null;
  view("list");
  focusRow("pending", addressOf(from));
}

// === What is new ===

function connection(words) {
  byId("connection").textContent = words;
  byId("connection").classList.toggle("stale", words !== "live");
}

function pause(seconds) {
  return new Promise((done) => setTimeout(done, seconds * 1000));
}

async function refresh() {
  const revision = await refreshList();
  await refreshRequest();
  connection("live");
  return revision;
}

// Follows the gateway until the session is over.
async function watch(own) {
  let revision;
  let failures = 0;
  while (session === own) {
    try {
      // Another revision, not a higher one: a gateway that starts anew may count anew.
      if (revision === undefined) revision = await refresh();
      const now = await changed(revision);
      if (session !== own) return;
      if (now !== revision) revision = await refresh();
      failures = 0;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (session !== own) return;
      if (error.status === 401) return signOut(EXPIRED);
      failures += 1;
      revision = undefined;
      await pause(lull(error, failures));
    }
  }
}

// How long to wait after a failure. Too many pages may be waiting: then this one looks instead.
function lull(error, failures) {
  const seconds = error.retryAfter || Math.min(2 ** failures, LONGEST_PAUSE_SECONDS);
  const busy = error.status === 503 && error.retryAfter;
  connection(busy ? `looks every ${seconds} s` : "no connection: what you see may be old");
  return seconds;
}

// === Keys ===

const KEYS = {
  list: {
    j: () => step(1),
    ArrowDown: () => step(1),
    k: () => step(-1),
    ArrowUp: () => step(-1),
  },
  request: {
    g: () => byId("grant").focus(),
    d: () => byId("deny").focus(),
    Escape: () => byId("back").click(),
  },
  signin: {},
};

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.matches("input, textarea, select")) {
    // Out of the field first, so that nobody loses a reason with one key.
    if (event.key === "Escape") byId("request-title").focus();
    return;
  }
  const open = VIEWS.find((one) => !byId(one).hidden);
  const act = open && KEYS[open][event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

// === Start ===

function on(id, event, act) {
  byId(id).addEventListener(event, (happened) => {
    happened.preventDefault();
    act();
  });
}

// Draws the list anew at once, for a button of it.
function again() {
  refreshList().catch((error) => connection(error.message));
}

function start() {
  on("signin-form", "submit", () => {
    keepToken(byId("token").value.trim());
    signIn();
  });
  on("sign-out", "click", () => signOut(""));
  on("skip", "click", () => byId("main").focus());
  on("back", "click", () => (location.hash = ""));
  on("down", "click", () => byId("decide-title").focus());
  on("filter", "change", again);
  for (const part of ["pending", "others"]) {
    on(`${part}-more`, "click", () => {
      pages[part] *= 2;
      again();
    });
  }
  on("decide-form", "submit", () => {}); // Enter in a field decides nothing
  on("grant", "click", () => decide("grant"));
  on("deny", "click", () => decide("deny"));
  on("handed-copy", "click", () => copy(byId("handed-copy"), byId("handed-line"), "the header line"));
  on("handed-done", "click", () => {
    handed.delete(current.id);
    drawHanded(current.id);
    byId("outcome").focus();
  });
  document.addEventListener("keydown", pressed);
  for (const failure of ["error", "unhandledrejection"]) {
    addEventListener(failure, () => connection("this page failed: load it again"));
  }
  addEventListener("hashchange", () => (takeToken() ? signIn() : route()));
  setInterval(() => document.querySelectorAll("[data-zero]").forEach(tick), 1000);
  takeToken();
  signIn();
}

start();
