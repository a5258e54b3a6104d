//! Intents by number: five tools in turn, seven callers, arguments that differ.

const TOOLS: [(&str, &str); 5] = [
    ("files.read", "read"),
    ("files.write", "write"),
    ("db.query", "read"),
    ("mail.send", "send"),
    ("files.delete", "list"),
];

/// One intent, as one line without its end.
pub(crate) fn intent(number: usize) -> String {
    let (tool, operation) = TOOLS[number % TOOLS.len()];
    let caller = number % 7;
    let risk = ["low", "medium", "high"][number % 3];
    format!(
        "{{\"schema_id\":\"gait.gate.intent_request\",\"schema_version\":\"1.0.0\",\
         \"created_at\":\"2026-01-02T03:04:05Z\",\"producer_version\":\"example\",\
         \"tool_name\":\"{tool}\",\"args\":{{\"path\":\"/srv/reports/{number}.csv\",\"bytes\":{number},\
         \"note\":\"line {number} of a corpus\"}},\"targets\":[{{\"kind\":\"path\",\
         \"value\":\"/srv/reports/{number}.csv\",\"operation\":\"{operation}\"}}],\
         \"arg_provenance\":[{{\"arg_path\":\"$.path\",\"source\":\"user\"}}],\
         \"context\":{{\"identity\":\"agent-{caller}\",\"workspace\":\"/srv/reports\",\
         \"risk_class\":\"{risk}\",\"session_id\":\"s-{caller}\",\"request_id\":\"r-{number}\"}}}}"
    )
}

/// The first `count`, one a line.
pub(crate) fn intents(count: usize) -> String {
    (0..count).map(|number| intent(number) + "\n").collect()
}
