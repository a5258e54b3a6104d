//! The demo's HTTP: paths to operations, operations to JSON answers.
//!
//! | method and path | answer |
//! |---|---|
//! | GET /v1/files | 200, the files and their sizes |
//! | GET /v1/files/{path*} | 200 with the content, 404 |
//! | PUT /v1/files/{path*} | 201 new, 200 replaced; 413, 415, 507 |
//! | DELETE /v1/files/{path*} | 204, 404 |
//! | GET /v1/transfers | 200, the transfers carried out |
//! | POST /v1/transfers | 201; 400, 413, 415 |
//! | GET /v1/log | 200, what was executed, in order |
//!
//! Strict about what it takes, like a tool that moves money should be; but of two members with
//! one name it believes the last, as most JSON readers do. That is why a gate must refuse them.

use super::store::{Store, Transfer, Written};
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Number, Value, json};
use std::error::Error;

/// Characters of a recipient's name, at most.
const RECIPIENT_BYTES_MAX: usize = 128;

/// What a path names.
enum Target {
    Files,
    File(String),
    Transfers,
    Log,
}

/// An answer before it is HTTP; `None` for no body.
struct Answer {
    status: StatusCode,
    body: Option<Value>,
    allow: Option<&'static str>,
}

/// Why a request is refused: status and text.
type Refusal = (StatusCode, &'static str);

/// Reads a body of at most `bytes_max` bytes.
pub(super) async fn read<B>(body: B, bytes_max: usize) -> Result<Bytes, Refusal>
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    match Limited::new(body, bytes_max).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err((StatusCode::PAYLOAD_TOO_LARGE, "body is too large"))
        }
        Err(_) => Err((StatusCode::BAD_REQUEST, "body broke off")),
    }
}

/// Carries out one request and notes it, unless it only asks for the log.
pub(super) fn answer(
    store: &mut Store,
    head: &Parts,
    body: Result<Bytes, Refusal>,
) -> Response<Full<Bytes>> {
    let (path, method) = (head.uri.path(), &head.method);
    let target = target(path, store.limits().path_bytes_max);
    if let (Ok(Target::Log), &Method::GET) = (&target, method) {
        return respond(log(store));
    }
    let answer = target.and_then(|target| execute(store, head, target, body));
    let answer = answer.unwrap_or_else(refused);
    store.note(method, path, answer.status.as_u16());
    respond(answer)
}

fn execute(
    store: &mut Store,
    head: &Parts,
    target: Target,
    body: Result<Bytes, Refusal>,
) -> Result<Answer, Refusal> {
    let body = body?;
    match (target, head.method.as_str()) {
        (Target::Files, "GET") => Ok(files(store)),
        (Target::File(path), "GET") => Ok(file(store, &path)),
        (Target::File(path), "PUT") => write(store, &path, &body),
        (Target::File(path), "DELETE") => Ok(delete(store, &path)),
        (Target::Transfers, "GET") => Ok(transfers(store)),
        (Target::Transfers, "POST") => transfer(store, head, &body),
        (target, _) => Ok(not_allowed(&target)),
    }
}

/// What the path names. A file's path is decoded once and must be plain afterwards.
fn target(path: &str, path_bytes_max: usize) -> Result<Target, Refusal> {
    match path {
        "/v1/files" => Ok(Target::Files),
        "/v1/transfers" => Ok(Target::Transfers),
        "/v1/log" => Ok(Target::Log),
        _ => match path.strip_prefix("/v1/files/") {
            Some(file) => file_path(file, path_bytes_max).map(Target::File),
            None => Err((StatusCode::NOT_FOUND, "no such tool")),
        },
    }
}

fn file_path(encoded: &str, path_bytes_max: usize) -> Result<String, Refusal> {
    let bad = |_| (StatusCode::BAD_REQUEST, "file path is not UTF-8");
    let path = percent_decode_str(encoded).decode_utf8().map_err(bad)?;
    if path.len() > path_bytes_max {
        return Err((StatusCode::URI_TOO_LONG, "file path is too long"));
    }
    let plain = |segment: &str| !matches!(segment, "" | "." | "..");
    if !path.split('/').all(plain) || path.chars().any(char::is_control) {
        return Err((
            StatusCode::BAD_REQUEST,
            "file path is not plain: use segments like `a/b.txt`",
        ));
    }
    Ok(path.into_owned())
}

fn files(store: &Store) -> Answer {
    let files = store.files().map(|(path, content)| json!({"path": path, "bytes": content.len()}));
    ok(json!({ "files": files.collect::<Vec<_>>() }))
}

fn file(store: &Store, path: &str) -> Answer {
    match store.read(path) {
        Some(content) => ok(json!({"path": path, "bytes": content.len(), "content": content})),
        None => no_such_file(),
    }
}

fn write(store: &mut Store, path: &str, body: &Bytes) -> Result<Answer, Refusal> {
    let not_text = |_| (StatusCode::UNSUPPORTED_MEDIA_TYPE, "content is not UTF-8 text");
    let content = str::from_utf8(body).map_err(not_text)?;
    let status = match store.write(path, content.to_owned()) {
        Written::Created => StatusCode::CREATED,
        Written::Replaced => StatusCode::OK,
        Written::Full => {
            return Err((StatusCode::INSUFFICIENT_STORAGE, "too many files: delete one first"));
        }
    };
    Ok(Answer::new(status, json!({"path": path, "bytes": content.len()})))
}

fn delete(store: &mut Store, path: &str) -> Answer {
    match store.delete(path) {
        Some(_) => Answer { status: StatusCode::NO_CONTENT, body: None, allow: None },
        None => no_such_file(),
    }
}

fn transfers(store: &Store) -> Answer {
    ok(json!({ "transfers": store.transfers().map(transfer_json).collect::<Vec<_>>() }))
}

fn transfer(store: &mut Store, head: &Parts, body: &Bytes) -> Result<Answer, Refusal> {
    let json = HeaderValue::from_static("application/json");
    if head.headers.get(CONTENT_TYPE) != Some(&json) {
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "send `application/json`"));
    }
    let (to, amount) = read_transfer(body)
        .ok_or((StatusCode::BAD_REQUEST, "send `to`, a name, and `amount`, a number above 0"))?;
    let transfer = store.transfer(to, amount);
    Ok(Answer::new(StatusCode::CREATED, transfer_json(&transfer)))
}

/// `to` and `amount` and nothing else.
fn read_transfer(body: &[u8]) -> Option<(String, Number)> {
    let mut members: Map<String, Value> = serde_json::from_slice(body).ok()?;
    let (to, amount) = (members.remove("to")?, members.remove("amount")?);
    let (Value::String(to), Value::Number(amount)) = (to, amount) else { return None };
    let named = !to.is_empty() && to.len() <= RECIPIENT_BYTES_MAX;
    let positive = amount.as_f64().is_some_and(|amount| amount > 0.0);
    (members.is_empty() && named && positive).then_some((to, amount))
}

fn transfer_json(transfer: &Transfer) -> Value {
    json!({"id": transfer.id, "to": transfer.to, "amount": transfer.amount})
}

fn log(store: &Store) -> Answer {
    let entries = store.log().map(|entry| {
        json!({
            "seq": entry.seq,
            "method": entry.method.as_str(),
            "path": entry.path,
            "status": entry.status,
        })
    });
    ok(json!({ "total": store.log_total(), "entries": entries.collect::<Vec<_>>() }))
}

fn not_allowed(target: &Target) -> Answer {
    let allow = match target {
        Target::Files | Target::Log => "GET",
        Target::File(_) => "GET, PUT, DELETE",
        Target::Transfers => "GET, POST",
    };
    let refusal = refused((StatusCode::METHOD_NOT_ALLOWED, "this tool has no such method"));
    Answer { allow: Some(allow), ..refusal }
}

fn no_such_file() -> Answer {
    refused((StatusCode::NOT_FOUND, "no such file"))
}

fn refused((status, error): Refusal) -> Answer {
    Answer::new(status, json!({ "error": error }))
}

fn ok(body: Value) -> Answer {
    Answer::new(StatusCode::OK, body)
}

impl Answer {
    fn new(status: StatusCode, body: Value) -> Answer {
        Answer { status, body: Some(body), allow: None }
    }
}

fn respond(answer: Answer) -> Response<Full<Bytes>> {
    let body = answer.body.map(|body| Bytes::from(format!("{body}\n")));
    let mut response = Response::new(Full::new(body.unwrap_or_default()));
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    if answer.status != StatusCode::NO_CONTENT {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if let Some(allow) = answer.allow {
        headers.insert(ALLOW, HeaderValue::from_static(allow));
    }
    response
}
