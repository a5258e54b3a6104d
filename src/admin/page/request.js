// One request: everything an approver has to know before saying yes.

const UNKNOWN_OUTCOME =
  "Nobody knows whether this call ran. It was on its way to the tool when gait stopped or lost " +
  "count of it. Look in the tool itself before you let the same call run again.";

const STATE_WORDS = {
  pending: "waits for an approval",
  approved: "not yet run",
  denied: "somebody said no",
  running: "on its way to the tool",
  executed: "the call has run",
  expired: "nobody decided in time, or nobody called again",
  unknown: "nobody knows whether it ran",
};

function drawRequest(one) {
  byId("request-title").replaceChildren(shown(one.tool_name), " ", riskBadge(one.risk_class));
  byId("summary").replaceChildren(...summary(one));
  const exhibit = one.call ?? {};
  const parts = [warning(one), callPart(one, exhibit), argsPart(exhibit), bodyPart(exhibit)];
  parts.push(whyPart(exhibit), whoPart(one, exhibit), precedentPart(one.precedent, exhibit));
  parts.push(voicesPart(one), runPart(one.run), standPart(one));
  byId("facts").replaceChildren(...parts.filter(Boolean));
}

// What one wants to know first.
function summary(one) {
  const who = [shown(one.requester.identity), " ", provenBadge(one.requester), " asked "];
  const when = [ticking(one.born, "in %"), ". ", stateBadge(one.state), ` ${approvals(one)}`];
  const end = OPEN.includes(one.state) ? [", expires ", ticking(one.ends, "in %")] : [];
  return [...who, ...when, ...end, "."];
}

function part(title, ...children) {
  return el("section", {}, el("h2", {}, title), ...children);
}

// Rows of a name and what it is; those that are nothing are left out.
function facts(...pairs) {
  const kept = pairs.filter(([, value]) => value !== undefined && value !== null && value !== "");
  const cells = kept.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]);
  return el("dl", {}, ...cells);
}

function shownIf(text) {
  return text === undefined || text === null || text === "" ? undefined : shown(text);
}

function list(values) {
  if (!values?.length) return undefined;
  const items = values.map((value) => (typeof value === "object" ? bare(value) : shown(value)));
  return el("ul", { class: "plain" }, ...items.map((item) => el("li", {}, item)));
}

// Names in one line.
function names(values) {
  return el(
    "span",
    {},
    ...values.flatMap((name, at) => (at ? [", ", shown(name)] : [shown(name)])),
  );
}

// A JSON value of which nothing is masked.
function bare(value) {
  return tree(value, "", new Set());
}

function warning(one) {
  if (one.state !== "unknown") return undefined;
  return el("p", { class: "warning" }, el("strong", {}, "Unknown outcome. "), UNKNOWN_OUTCOME);
}

function callPart(one, exhibit) {
  return part(
    "Call",
    facts(
      ["Request line", requestLine(one)],
      ["Host", shownIf(exhibit.host)],
      ["Query", exhibit.query && block(exhibit.query, "Query")],
      ["Route", shownIf(one.route)],
      ["Stage", shownIf(exhibit.stage)],
      ["Touches", targets(exhibit.targets)],
    ),
  );
}

function requestLine(one) {
  return el("span", { class: "target" }, shown(one.method), " ", shown(one.path));
}

// What the call touches: kind and value first, whatever else is said of it after.
function targets(all) {
  if (!all?.length) return undefined;
  const items = all.map(({ kind, value, ...more }) => {
    const item = el("li", {}, shown(kind), " ", block(String(value ?? ""), "Target"));
    for (const [name, word] of Object.entries(more)) {
      if (word !== "" && word !== false)
        item.append(" ", el("span", { class: "hint" }, shown(name), "="), bare(word));
    }
    return item;
  });
  return el("ul", { class: "plain" }, ...items);
}

function argsPart(exhibit) {
  const masked = exhibit.masked ?? [];
  if (exhibit.args === undefined) return part("Arguments", missingArgs(exhibit));
  const made = part("Arguments", tree(exhibit.args, "", new Set(masked)));
  if (masked.length) {
    const words = "Masked by the route's config, so nobody here can see it: ";
    made.append(el("p", { class: "notice" }, words, names(masked)));
  }
  return made;
}

// What is not shown must not look as if it were not there.
function missingArgs(exhibit) {
  const bytes = exhibit.args_omitted_bytes;
  const size = bytes === undefined ? "" : ` They have ${count(bytes, "byte", "bytes")}.`;
  const words = "The arguments are not shown here: they are too large or could not be written.";
  return el("p", { class: "notice" }, words + size);
}

function bodyPart(exhibit) {
  const size = exhibit.body_bytes;
  if (size === undefined && exhibit.body === undefined) return undefined;
  const preview = exhibit.body
    ? el("div", { class: "preview" }, block(exhibit.body, "Body"))
    : size
      ? "not shown here: it is masked, or no text, or too long"
      : undefined;
  return part(
    "Body",
    facts(
      ["Size", size !== undefined && count(size, "byte", "bytes")],
      ["Content type", shownIf(exhibit.content_type)],
      ["Content coding", shownIf(exhibit.content_encoding)],
      ["Goes over to", shownIf(exhibit.upgrade)],
      ["Preview", preview],
      ["Digest", exhibit.body_digest && copyable(exhibit.body_digest, "the body's digest")],
    ),
  );
}

function whyPart(exhibit) {
  return part(
    "Why it needs an approval",
    facts(
      ["Rule", shownIf(exhibit.matched_rule)],
      ["Reasons", list(exhibit.reason_codes)],
      ["Violations", list(exhibit.violations)],
    ),
  );
}

function whoPart(one, exhibit) {
  const { requester } = one;
  const note = requester.proven
    ? ""
    : "Nobody vouches for this name. A grant is a token that you hand over.";
  return part(
    "Who asks",
    facts(
      ["Caller", el("span", {}, shown(requester.identity), " ", provenBadge(requester))],
      ["", note],
      ["Proven by", requester.proven ? shownIf(exhibit.identity_source) : undefined],
      ["On behalf of", list(requester.on_behalf_of)],
    ),
  );
}

// One side of a change. What the gateway has shortened says so.
function cell(change, side) {
  if (change[side] === undefined) return el("td", {}, el("span", { class: "hint" }, "absent"));
  const made = el("td", {}, bare(change[side]));
  if (change.shortened?.includes(side)) made.append(" ", badge("beginning only", "notice"));
  return made;
}

function changeRow(change) {
  const at = el("th", { scope: "row" }, shown(change.at === "" ? "whole call" : change.at));
  return el("tr", {}, at, cell(change, "before"), cell(change, "after"));
}

function precedentPart(precedent, exhibit) {
  const title = "Against the last approved call of this tool";
  if (!precedent) return part(title, el("p", {}, "No call of this tool has been approved before."));
  const link = el("a", { href: addressOf(precedent.id) }, "that request");
  const by = [", approved by ", names(precedent.approvers), ": "];
  const who = el("p", {}, moment(precedent.at), ...by, link);
  if (!precedent.changes.length) {
    const hides = exhibit.masked?.length || exhibit.args === undefined;
    return part(
      title,
      who,
      el("p", {}, hides ? "Nothing differs that is shown." : "Nothing differs."),
    );
  }
  const more = "There are more differences than are shown here.";
  const rest = precedent.more ? [el("p", { class: "notice" }, more)] : [];
  return part(title, who, changeTable(precedent.changes), ...rest);
}

function changeTable(changes) {
  const head = ["Where", "Then", "Now"].map((name) => el("th", { scope: "col" }, name));
  const lines = changes.map(changeRow);
  const table = el("table", {}, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...lines));
  const box = { class: "wide", tabindex: "0", role: "group", "aria-label": "Differences" };
  return el("div", box, table);
}

function voicesPart(one) {
  if (!one.voices.length) return undefined;
  const items = one.voices.map((voice) => {
    const word =
      voice.word === "grant" ? badge("grant", "state-approved") : badge("deny", "state-denied");
    const login = voice.login === voice.approver ? "" : el("span", {}, " as ", shown(voice.login));
    const made = el("li", {}, word, " ", shown(voice.approver), login, ", ", moment(voice.at));
    if (voice.expires_at) made.append(", holds until ", moment(voice.expires_at));
    made.append(el("div", {}, "“", shown(voice.reason), "”"));
    return made;
  });
  return part("What was said", el("ul", { class: "plain" }, ...items));
}

function runPart(run) {
  if (!run) return undefined;
  return part(
    "Run",
    facts(
      ["Call", copyable(run.call_id, "the call's id")],
      ["Began", moment(run.claimed_at)],
      ["Ended", run.ended_at ? moment(run.ended_at) : "not that gait knows"],
      ["Ending", shownIf(run.ending)],
      ["Tool's status", shownIf(run.status)],
    ),
  );
}

// A time as the gateway gave it, which is UTC, without the fraction.
function moment(text) {
  const words = text
    .replace(/\.\d+(?=Z|[+-])/, "")
    .replace("T", " ")
    .replace("Z", " UTC");
  return el("time", { datetime: text }, words);
}

function standPart(one) {
  const left = OPEN.includes(one.state) ? [ticking(one.ends, "in %"), ", "] : [];
  const by = one.granted_by.length ? [" by ", names(one.granted_by)] : [];
  return part(
    "How it stands",
    facts(
      ["State", el("span", {}, stateBadge(one.state), " ", STATE_WORDS[one.state] ?? "")],
      ["Approvals", el("span", {}, approvals(one), ...by)],
      [
        "Asked",
        el(
          "span",
          {},
          ticking(one.born, "first in %"),
          `, ${count(one.asked, "time", "times")}, last `,
          moment(one.asked_at),
        ),
      ],
      ["Expires", el("span", {}, ...left, moment(one.expires_at))],
      ["Scope", list(one.scope)],
      ["Request", copyable(one.id, "the request's id")],
      ["Intent", copyable(one.intent_digest, "the intent's digest")],
      ["Policy", copyable(one.policy_digest, "the policy's digest")],
      [
        "Delegation",
        one.delegation_digest && copyable(one.delegation_digest, "the delegation's digest"),
      ],
    ),
  );
}
