// Talks to the admin API.
//
// The token lives in this tab's session storage and goes nowhere but into the header of calls to
// the page's own origin. Every answer that is no success becomes a `Refused`, so that no caller of
// these functions can mistake one for data.

const TOKEN_KEY = "gait-token";
const PATIENCE_MS = 20_000;
const WAIT_SECONDS = 30;
const PAGE_ITEMS = 50;

/// An answer that is no success, or none at all: then the status is 0.
class Refused extends Error {
  constructor(status, problem, retryAfter) {
    super(problem.detail || problem.title || "the gateway did not answer");
    this.status = status;
    this.reason = problem.reason || "";
    this.retryAfter = retryAfter;
  }
}

function token() {
  return sessionStorage.getItem(TOKEN_KEY);
}

function keepToken(text) {
  if (text) sessionStorage.setItem(TOKEN_KEY, text);
  else sessionStorage.removeItem(TOKEN_KEY);
}

async function refusal(answer) {
  const text = await answer.text();
  const retryAfter = Number(answer.headers.get("Retry-After")) || 0;
  try {
    return new Refused(answer.status, readJson(text), retryAfter);
  } catch {
    return new Refused(
      answer.status,
      { title: `the gateway answered ${answer.status}` },
      retryAfter,
    );
  }
}

// One call; `options` may hold `body`, `version`, `patience`.
async function call(method, path, options = {}) {
  const headers = { Authorization: `Bearer ${token()}` };
  if (options.version !== undefined) headers["If-Match"] = `"${options.version}"`;
  if (options.body) headers["Content-Type"] = "application/json";
  const body = options.body && JSON.stringify(options.body);
  const signal = AbortSignal.timeout(options.patience ?? PATIENCE_MS);
  const rules = { cache: "no-store", credentials: "omit", redirect: "error" };
  let answer;
  let text;
  try {
    answer = await fetch(path, { method, headers, body, signal, ...rules });
    if (answer.ok) text = await answer.text();
  } catch {
    throw new Refused(0, {}, 0);
  }
  if (!answer.ok) throw await refusal(answer);
  return readJson(text);
}

function listPath(query) {
  return `/v1/approvals?${new URLSearchParams(query)}`;
}

// Up to so many pages of requests in these states, newest first, and whether there are more.
async function requests(states, pages) {
  const found = { approvals: [], more: false, revision: undefined };
  let before;
  for (let page = 0; page < pages; page += 1) {
    const query = { state: states, limit: PAGE_ITEMS };
    if (before) query.before = before;
    const answer = await call("GET", listPath(query));
    // The oldest revision of all pages: a change in between is seen by the next look.
    found.revision ??= answer.revision;
    found.approvals.push(...answer.approvals);
    before = answer.next;
    found.more = Boolean(before);
    if (!before) break;
  }
  const asked = uptime();
  for (const one of found.approvals) place(one, asked);
  return found;
}

async function request(id) {
  return place(await call("GET", `/v1/approvals/${encodeURIComponent(id)}`), uptime());
}

// Puts its times on this page's own clock: the gateway counts the age, so that no clock that is
// set wrong here makes a request look fresh.
function place(one, now) {
  one.born = now - one.age_seconds;
  one.ends = one.born + (Date.parse(one.expires_at) - Date.parse(one.created_at)) / 1000;
  return one;
}

// Waits until something changed since this revision, or for a while.
async function changed(revision) {
  const query = { state: "pending", limit: 1, since: revision, wait: WAIT_SECONDS };
  const patience = PATIENCE_MS + WAIT_SECONDS * 1000;
  return (await call("GET", listPath(query), { patience })).revision;
}

function resolve(word, shownRequest, body) {
  const path = `/v1/approvals/${encodeURIComponent(shownRequest.id)}/${word}`;
  return call("POST", path, { version: shownRequest.version, body });
}
