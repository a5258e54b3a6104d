//! The OpenAPI document against the routes and the answers that there are.

use super::scene::Answer;
use crate::admin::route::{Access, ROUTES, Verb};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::LazyLock;

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../../docs/openapi.json")).unwrap());

fn method(verb: Verb) -> &'static str {
    match verb {
        Verb::Read => "get",
        Verb::Post => "post",
    }
}

#[test]
fn the_document_has_the_routes_that_there_are_and_no_other() {
    let own: BTreeSet<(String, String)> =
        ROUTES.iter().map(|route| (route.path.to_owned(), method(route.verb).to_owned())).collect();
    let mut told = BTreeSet::new();
    for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
        let methods = item.as_object().unwrap().keys().filter(|key| *key != "parameters");
        told.extend(methods.map(|method| (path.clone(), method.clone())));
    }
    assert_eq!(told, own);
}

#[test]
fn the_document_says_which_routes_are_open() {
    for route in &ROUTES {
        let operation = &DOCUMENT["paths"][route.path][method(route.verb)];
        assert_eq!(
            operation["security"] == json!([]),
            route.access == Access::Open,
            "{}",
            route.path
        );
    }
}

#[test]
fn every_schema_is_one_and_is_used() {
    let text = DOCUMENT.to_string();
    for (name, schema) in DOCUMENT["components"]["schemas"].as_object().unwrap() {
        jsonschema::draft202012::meta::validate(schema).unwrap();
        assert!(text.contains(&format!("#/components/schemas/{name}\"")), "{name}");
    }
}

/// Holds an answer against what the document says of it.
pub(super) fn check(method: &str, path: &str, answer: &Answer) {
    let status = answer.status.as_str();
    let media = answer.one("content-type").split(';').next().unwrap();
    let response = match operation(method, path) {
        Some(operation) => resolved(&operation["responses"][status]),
        // A path or a method that is none has no place in the document, but a form all the same.
        None => resolved(&json!({"$ref": format!("#/components/responses/{status}")})),
    };
    let schema = &response["content"][media]["schema"];
    assert!(schema.is_object(), "{method} {path} answers {status} {media} unannounced");
    if media.ends_with("json") {
        let schema = json!({"allOf": [schema], "components": DOCUMENT["components"]});
        let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&answer.json())
            .map(|error| format!("{error} at {}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{method} {path} {status}: {errors:?}\n{}", answer.text);
    }
}

fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let path =
        path.strip_prefix("http://").map_or(path, |rest| rest.trim_start_matches(|c| c != '/'));
    let path = path.split('?').next().unwrap().strip_prefix('/')?;
    let parts: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let wanted: Vec<&str> = template.trim_start_matches('/').split('/').collect();
        wanted.len() == parts.len()
            && wanted.iter().zip(&parts).all(|(want, part)| want.starts_with('{') || want == part)
    };
    let (_, item) = DOCUMENT["paths"].as_object()?.iter().find(|(path, _)| fits(path))?;
    let method = if method == "HEAD" { "get".to_owned() } else { method.to_lowercase() };
    item.get(&method)
}

fn resolved(response: &Value) -> Value {
    match response["$ref"].as_str() {
        Some(to) => DOCUMENT.pointer(to.trim_start_matches('#')).cloned().unwrap_or_default(),
        None => response.clone(),
    }
}
