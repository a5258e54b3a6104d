//! What is told to whom, and configs that would tell the wrong ones or in the wrong way.

use crate::config::site::Site;
use crate::config::{Environment, read};
use crate::snapshot::{AccessLog, Exports, Otlp, Signal};
use std::path::Path;

const UPSTREAM: &str = "policy: p.yaml\nupstreams: { a: { url: \"http://127.0.0.1:9000\" } }\n";
const NEAR: &str = "endpoint: \"http://127.0.0.1:4318\"";

fn exports(text: &str, environment: &[(&str, &str)]) -> Result<Exports, String> {
    let said = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let environment = Environment::new(said).unwrap();
    let loaded = read(&format!("{UPSTREAM}{text}"), &Site::new(Path::new(""), &environment));
    loaded.map(|read| read.plan.exports).map_err(|fault| fault.what)
}

fn otlp(inner: &str, environment: &[(&str, &str)]) -> Otlp {
    let exports = exports(&format!("otlp: {{ {inner} }}\n"), environment).unwrap();
    exports.otlp.unwrap().as_ref().clone()
}

fn urls(otlp: &Otlp) -> Vec<String> {
    otlp.signals.iter().map(|(_, url)| url.to_string()).collect()
}

#[test]
fn nothing_is_told_unless_the_config_says_so() {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
    assert_eq!(exports("", &[endpoint]).unwrap(), Exports::default());
    let both = exports(&format!("otlp: {{ {NEAR} }}\naccess_log: {{ to: stdout }}\n"), &[]);
    let both = both.unwrap();
    assert!(both.otlp.is_some() && both.access_log == AccessLog::Stdout);
    let off = exports(&format!("otlp: {{ {NEAR} }}\n"), &[("OTEL_SDK_DISABLED", "TRUE")]);
    assert_eq!(off.unwrap(), Exports::default());
}

#[test]
fn signals_stand_below_the_endpoint() {
    let near = otlp(NEAR, &[]);
    assert_eq!(urls(&near), ["http://127.0.0.1:4318/v1/traces", "http://127.0.0.1:4318/v1/logs"]);
    assert_eq!((near.queue_lines, near.service.as_str()), (8_192, "gait"));
    let far = otlp("endpoint: \"https://otel.example/in/\", signals: [logs]", &[]);
    assert_eq!(urls(&far), ["https://otel.example/in/v1/logs"]);
    assert_eq!(far.signals[0].0, Signal::Logs);
}

#[test]
fn the_environment_says_who_and_where_if_the_config_does_not() {
    let told = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://otel.example"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=x,team=a%20b, ,=c,deployment=d=e"),
        ("KEY", "k"),
    ];
    let read = otlp("headers: { x-api-key: { env: KEY } }", &told);
    assert_eq!(urls(&read)[0], "https://otel.example/v1/traces");
    assert_eq!(read.service, "x");
    let pairs: Vec<_> = read.resource.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(pairs, [("service.name", "x"), ("team", "a b"), ("deployment", "d=e")]);
    assert_eq!((read.headers.len(), format!("{:?}", read.headers).contains("\"k\"")), (1, false));
    let named = otlp(NEAR, &[told[0], told[1], ("OTEL_SERVICE_NAME", "front")]);
    assert_eq!(urls(&named)[0], "http://127.0.0.1:4318/v1/traces");
    assert_eq!(named.service, "front");
}

#[test]
fn what_would_tell_the_wrong_ones_is_refused() {
    for (text, want) in [
        ("otlp:", "`otlp.endpoint`: missing"),
        ("otlp: { endpoint: \"http://otel.example\" }", "`otlp.endpoint`: what a collector"),
        ("otlp: { endpoint: \"http://127.0.0.1:9000\" }", "`otlp.endpoint`: 127.0.0.1:9000 is the"),
        ("otlp: { endpoint: \"https://u:p@otel.example\" }", "`otlp.endpoint`: the URL holds"),
        ("otlp: { endpoint: \"https://otel.example/?a=b\" }", "`otlp.endpoint`: a collector's URL"),
        ("otlp: { endpoint: \"https://otel.example\", signals: [] }", "`otlp.signals` is empty"),
        ("otlp: { endpoint: \"https://o\", signals: [metrics] }", "`otlp.signals`: `metrics` is"),
        ("otlp: { endpoint: \"https://o\", queue_lines: 0 }", "`otlp.queue_lines`: must be"),
        ("otlp: { endpoint: \"https://o\", timeout: 2h }", "`otlp.timeout`: `2h` is not"),
        ("otlp: { endpoint: \"https://o\", headers: [a] }", "`otlp.headers`: must be a mapping"),
        ("otlp: { endpoint: \"https://o\", headers: { a: b } }", "`otlp.headers.a`: write `{ env"),
        (
            "otlp: { endpoint: \"https://o\", headers: { host: { env: HOST } } }",
            "`otlp.headers.host`: `host` is no header field",
        ),
        ("access_log:", "`access_log.to`: unknown ``; write stdout"),
        ("access_log: { to: file }", "`access_log.to`: unknown `file`"),
    ] {
        let refusal = exports(&format!("{text}\n"), &[("HOST", "h")]).unwrap_err();
        assert!(refusal.starts_with(want), "{text}\n{refusal}");
    }
    let far = "otlp: { endpoint: \"http://otel.example\", allow_http: true }\n";
    assert!(exports(far, &[]).unwrap().otlp.is_some());
}
