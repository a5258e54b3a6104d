//! Attributes, gathered one by one; what is not known is left out.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};

/// Attributes so far, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Attributes(Vec<KeyValue>);

// === impl Attributes ===

impl Attributes {
    pub(super) fn text(&mut self, name: &str, value: Option<&str>) {
        self.put(name, value.map(|value| Value::StringValue(value.to_owned())));
    }

    /// Numbers beyond those of the format are none that a line has.
    pub(super) fn number(&mut self, name: &str, value: Option<u64>) {
        let value = value.and_then(|value| i64::try_from(value).ok());
        self.put(name, value.map(Value::IntValue));
    }

    pub(super) fn flag(&mut self, name: &str, value: Option<bool>) {
        self.put(name, value.map(Value::BoolValue));
    }

    /// An empty list is left out.
    pub(super) fn texts<'t>(&mut self, name: &str, texts: impl Iterator<Item = &'t str>) {
        let values: Vec<AnyValue> = texts.map(text).collect();
        if !values.is_empty() {
            self.put(name, Some(Value::ArrayValue(ArrayValue { values })));
        }
    }

    pub(super) fn done(self) -> Vec<KeyValue> {
        self.0
    }

    fn put(&mut self, name: &str, value: Option<Value>) {
        if value.is_some() {
            let value = Some(AnyValue { value });
            self.0.push(KeyValue { key: name.to_owned(), value, ..KeyValue::default() });
        }
    }
}

/// A text as a value.
pub(super) fn text(text: &str) -> AnyValue {
    AnyValue { value: Some(Value::StringValue(text.to_owned())) }
}
