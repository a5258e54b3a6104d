// A stand-in for the admin API, for states that no call reaches at will: an unknown outcome, a
// store that is down, a version that has changed. It knows the page's contract and nothing else;
// what the gateway itself does is gateway.js's part.
"use strict";
const fs = require("fs");
const http = require("http");
const path = require("path");

const PAGE = path.join(__dirname, "../../src/admin/page");
const PARTS = ["text", "api", "list", "request", "decide", "approvals"];
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
  "frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
const TOKEN = "gait_admin_fake";

const read = (name) => fs.readFileSync(path.join(PAGE, name), "utf8");
const script = () => PARTS.map((part) => read(`${part}.js`)).join("\n");
const FILES = {
  "/": ["text/html; charset=utf-8", () => read("index.html")],
  "/approvals.js": ["text/javascript; charset=utf-8", script],
  "/approvals.css": ["text/css; charset=utf-8", () => read("approvals.css")],
};

const state = {
  revision: 1,
  requests: new Map(), // by id, oldest first
  role: "approver",
  quiet: false, // whoever waits for news hears of none
  failures: [], // answers for the next decisions, in place of the right ones
  decisions: [], // what was decided: method, path, If-Match, body
};

function changed() {
  state.revision += 1;
}

// A request with everything that is not given; `age` in seconds.
function add({ age = 90, call = {}, requester = {}, ...given }) {
  const number = [...String(state.requests.size).padStart(8, "0")];
  const id = `fake${number.map((digit) => "abcdefghjk"[digit]).join("")}`;
  const at = (ago) => new Date(Date.now() - ago * 1000).toISOString();
  const made = {
    id,
    state: "pending",
    version: 1,
    route: "files.delete",
    tool_name: "files.delete",
    risk_class: "high",
    required_approvals: 1,
    granted_by: [],
    created_at: at(age),
    expires_at: at(age - 3600),
    asked_at: at(5),
    changed_at: at(age),
    asked: 1,
    method: "DELETE",
    path: "/v1/files/report.txt",
    intent_digest: "a1".repeat(32),
    policy_digest: "b2".repeat(32),
    delegation_digest: null,
    scope: ["tool:files.delete"],
    voices: [],
    run: null,
    precedent: null,
    may: { grant: true, deny: true, why_not: null },
    ...given,
    requester: { identity: "agent-7", proven: true, on_behalf_of: [], ...requester },
  };
  made.call = {
    method: made.method,
    path: made.path,
    host: "tools.example.com",
    args: { name: "report.txt" },
    body_bytes: 0,
    body_digest: "c3".repeat(32),
    reason_codes: ["approval_required"],
    matched_rule: "ask-before-deleting",
    identity_source: "jwt",
    stage: "enforce",
    targets: [{ kind: "path", value: made.path, operation: "delete" }],
    ...call,
  };
  state.requests.set(id, made);
  changed();
  return id;
}

function change(id, more) {
  const one = state.requests.get(id);
  Object.assign(one, more, { version: one.version + 1 });
  changed();
}

function whole(one) {
  return { ...one, age_seconds: (Date.now() - Date.parse(one.created_at)) / 1000 };
}

function summary(one) {
  const { call, voices, run, precedent, may, scope, ...rest } = whole(one);
  return rest;
}

async function list(query) {
  const old = () => state.quiet || state.revision <= Number(query.get("since"));
  const until = Date.now() + Number(query.get("wait") || 0) * 1000;
  while (query.has("since") && old() && Date.now() < until)
    await new Promise((done) => setTimeout(done, 20));
  const states = query.get("state").split(",");
  let found = [...state.requests.values()].filter((one) => states.includes(one.state)).reverse();
  const before = found.findIndex((one) => one.id === query.get("before"));
  found = found.slice(before + 1);
  const limit = Number(query.get("limit"));
  const next = found.length > limit ? found[limit - 1].id : null;
  return [200, { revision: state.revision, next, approvals: found.slice(0, limit).map(summary) }];
}

function decide(one, word, version, body) {
  state.decisions.push({ id: one.id, word, version, body });
  const failure = state.failures.shift();
  if (failure) return failure;
  if (version !== `"${one.version}"`) return [412, { title: "Precondition Failed" }];
  const voice = {
    approver: "ada",
    login: "ada@desk",
    reason: body.reason,
    at: new Date().toISOString(),
  };
  const expires_at = word === "grant" ? one.expires_at : null;
  const voices = [...one.voices, { word, ...voice, expires_at }];
  const granted_by = word === "grant" ? [...one.granted_by, "ada"] : one.granted_by;
  const enough = granted_by.length >= one.required_approvals;
  const after = word === "deny" ? "denied" : enough ? "approved" : one.state;
  change(one.id, {
    voices,
    granted_by,
    state: after,
    may: { ...one.may, grant: false, why_not: "already_granted" },
  });
  if (word === "deny") return [200, { approval: whole(one) }];
  const token = one.requester.proven
    ? null
    : { gait_approval: Buffer.from("{}").toString("base64"), expires_at };
  return [200, { approval: whole(one), token }];
}

async function answer(request, url, body) {
  if (request.headers.authorization !== `Bearer ${TOKEN}`) return [401, { title: "Unauthorized" }];
  if (url.pathname === "/v1/session")
    return [200, { login: "ada@desk", role: state.role, approver: "ada", version: "0" }];
  if (url.pathname === "/v1/approvals") return list(url.searchParams);
  const [, , , id, word] = url.pathname.split("/");
  const one = state.requests.get(id);
  if (!one) return [404, { title: "Not Found" }];
  if (!word) return [200, whole(one)];
  return decide(one, word, request.headers["if-match"], JSON.parse(body));
}

async function serve(request, response) {
  const url = new URL(request.url, "http://fake");
  response.setHeader("Content-Security-Policy", CSP);
  response.setHeader("Cache-Control", "no-store");
  const file = FILES[url.pathname];
  if (file) return response.setHeader("Content-Type", file[0]).end(file[1]());
  let body = "";
  for await (const part of request) body += part;
  const [status, value] = await answer(request, url, body);
  // Numbers beyond JavaScript's come in as text and leave as digits.
  const text = JSON.stringify(value).replace(/"#(-?[0-9.e+]+)"/g, "$1");
  response.writeHead(status, { "Content-Type": "application/json" }).end(text);
}

function start() {
  const server = http.createServer((request, response) => {
    serve(request, response).catch((error) => response.writeHead(500).end(String(error)));
  });
  return new Promise((done) =>
    server.listen(0, "127.0.0.1", () =>
      done({ server, url: `http://127.0.0.1:${server.address().port}` }),
    ),
  );
}

module.exports = { TOKEN, add, change, start, state };
