// Yes or no: the form, what became of it, and the token that is handed over.
//
// A decision is bound to the version that is on the screen; the gateway refuses it where the
// request has changed since. Rejected: a second question "are you sure", which teaches people to
// press twice; the reason that one has to write is the pause for thought.

const OPEN = ["pending", "approved"];
// A running call may come back to what it was.
const ENDS = ["denied", "executed", "expired", "unknown"];

const WHY_NOT = {
  approver_is_requester:
    "You asked for this call yourself, or it is made in your name. Somebody else has to decide.",
  approver_out_of_scope:
    "The config does not let you approve this tool, risk class or route. " +
    "Somebody whose scope it is has to decide.",
  approver_not_authorized:
    "Your login belongs to no approver, so you may only look. " +
    "Approvers are listed under approvals in the config.",
  role: "Your login may only look.",
  approved: "It is approved already, and waits for its call.",
  already_granted:
    "You have granted it already. The approvals still missing must come from others.",
};

// By status: what to do about a refusal.
const MENDS = {
  0:
    "Nobody here knows whether the decision was taken. " +
    "Look at how the request stands now before you decide again.",
  404: "The request is gone. Go back to the list.",
  409: "Nothing was decided. Look at how it stands now.",
  412:
    "This request changed while you read it, so nothing was decided. " +
    "What you see now is how it stands: read it again, then decide.",
  503:
    "Nothing was decided, because the gateway could not record it. " +
    "Try again; if it stays so, look at the gateway's log.",
};

// The request on the screen.
let current = null;
let deciding = false;
// Tokens to hand over, by request. They live until Done is pressed or the page is left.
const handed = new Map();

function drawDecision(one) {
  const open = OPEN.includes(one.state);
  const may = { grant: open && one.may.grant, deny: open && one.may.deny };
  byId("decide-form").hidden = !may.grant && !may.deny;
  byId("grant").hidden = !may.grant;
  byId("ttl-row").hidden = !may.grant;
  byId("deny").hidden = !may.deny;
  const words = open ? whyNot(one) : `Nothing to decide: ${STATE_WORDS[one.state] ?? one.state}.`;
  byId("decide-not").textContent = words;
  byId("decide-not").hidden = words === "";
  if (ENDS.includes(one.state)) handed.delete(one.id); // good for nothing any more
  drawHanded(one.id);
  // Whoever stood on what is gone now must not fall out of the page.
  const at = document.activeElement;
  if (byId("decide").contains(at) && !at.checkVisibility()) byId("decide-title").focus();
}

function whyNot({ state, may }) {
  if (state === "approved" && may.deny) return "Approved. Until it runs, it can still be denied.";
  if (may.grant && may.deny) return "";
  if (WHY_NOT[may.why_not]) return WHY_NOT[may.why_not];
  const what = may.deny ? "grant this" : "decide this";
  return `You may not ${what}: ${may.why_not ?? "your login may only look"}.`;
}

function drawHanded(id) {
  const token = handed.get(id);
  byId("handed").hidden = !token;
  byId("handed-line").textContent = token ? `Gait-Approval: ${token.gait_approval}` : "";
  byId("handed-until").replaceChildren(token ? moment(token.expires_at) : "");
}

function clearDecision() {
  for (const id of ["reason", "ttl"]) byId(id).value = "";
  byId("outcome").replaceChildren();
  complain("");
}

function complain(words) {
  byId("decide-error").replaceChildren(words ? fill(el("span", {}), words, "") : "");
}

// One line, as the gateway wants it.
function reasonGiven() {
  return byId("reason").value.trim().replace(/\s+/g, " ");
}

async function decide(word) {
  if (deciding) return;
  const reason = reasonGiven();
  if (!reason) {
    complain("Write the reason first. It is recorded with your decision.");
    byId("reason").focus();
    return;
  }
  const ttl = word === "grant" ? byId("ttl").value.trim() : "";
  const asked = current;
  setDeciding(true);
  try {
    taken(word, await resolve(word, asked, ttl ? { reason, ttl } : { reason }));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    refused(asked, error);
  } finally {
    setDeciding(false);
  }
}

function setDeciding(yes) {
  deciding = yes;
  for (const id of ["grant", "deny"]) byId(id).setAttribute("aria-disabled", String(yes));
}

function taken(word, { approval, token: given }) {
  if (given) handed.set(approval.id, given);
  if (current?.id !== approval.id) return settle(approval);
  show(place(approval, uptime()));
  clearDecision();
  byId("outcome").replaceChildren(el("p", { class: "done" }, outcomeOf(word, approval, given)));
  return byId("outcome").focus();
}

function outcomeOf(word, approval, given) {
  if (word === "deny") return "Denied. Calls like this one are refused until the request expires.";
  const missing = approval.required_approvals - approval.granted_by.length;
  const rest =
    missing > 0 ? ` ${count(missing, "approval is", "approvals are")} still missing.` : "";
  if (given) return `Granted. The caller needs the token below.${rest}`;
  return rest
    ? `Granted.${rest}`
    : "Granted. The caller's call runs when it waits, or when it asks again.";
}

// Says what to do, and shows the request as it stands now; what was typed stays.
function refused(asked, error) {
  if (error.status === 401) return signOut(EXPIRED);
  const known = WHY_NOT[error.reason] ?? MENDS[error.status];
  complain(known ? `${known} (${error.message})` : error.message);
  byId("decide-error").focus();
  // The buttons do not wait for it: a gateway that is slow now must not make them dead.
  if (error.status === 400 || current?.id !== asked.id) return undefined;
  return refreshRequest().catch((failed) => {
    if (!(failed instanceof Refused)) throw failed; // else the watch finds the same, and says so
  });
}

// Loads the open request again, and draws it where it changed.
async function refreshRequest() {
  if (!current) return;
  const before = current;
  const now = await request(before.id).catch((error) => {
    if (error.status === 404) return before;
    throw error;
  });
  if (current !== before || (now.version === before.version && now.asked === before.asked)) return;
  show(now);
  if (now.state === before.state) return;
  byId("outcome").replaceChildren();
  say(`This request is now ${now.state}: ${STATE_WORDS[now.state] ?? ""}.`);
}

function show(one) {
  current = one;
  settle(one);
  drawRequest(one);
  drawDecision(one);
}
