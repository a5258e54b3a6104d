//! A suite's report as JUnit XML, the form that CI servers read.
//!
//! One test suite for each file; a broken case is an error, a failed one a failure. With
//! `--min-coverage` there is one more test suite, whose one case is the coverage.

use super::report::{CaseReport, End, FileReport, Report, Totals};
use std::time::Duration;

/// The whole document.
pub(super) fn xml(report: &Report) -> String {
    let Totals { cases, failed, broken } = report.totals();
    let coverage = coverage(report);
    let (more, missed) = match (&report.min_coverage, report.uncovered()) {
        (None, _) => (0, 0),
        (Some(_), None) => (1, 0),
        (Some(_), Some(_)) => (1, 1),
    };
    let took = seconds(report.files.iter().flat_map(|file| &file.cases));
    let (tests, failures) = (cases + more, failed + missed);
    let suites: String = report.files.iter().map(suite).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"gait policy test\" \
         tests=\"{tests}\" failures=\"{failures}\" errors=\"{broken}\" time=\"{took}\">\n\
         {suites}{coverage}</testsuites>\n"
    )
}

fn suite(file: &FileReport) -> String {
    let Totals { cases, failed, broken } = file.totals();
    let (name, took) = (escaped(&file.path.to_string_lossy()), seconds(file.cases.iter()));
    let inner: String = file.cases.iter().map(|one| case(&name, one)).collect();
    format!(
        "  <testsuite name=\"{name}\" tests=\"{cases}\" failures=\"{failed}\" \
         errors=\"{broken}\" skipped=\"0\" time=\"{took}\">\n{inner}  </testsuite>\n"
    )
}

/// `file` is escaped.
fn case(file: &str, case: &CaseReport) -> String {
    let (name, line, took) = (escaped(&case.name), case.place.line, seconds([case]));
    let head = format!(
        "    <testcase classname=\"{file}\" name=\"{name}\" file=\"{file}\" line=\"{line}\" \
         time=\"{took}\""
    );
    match &case.end {
        End::Judged(judged) if judged.differences.is_empty() => format!("{head}/>\n"),
        End::Judged(judged) => {
            let all = judged.differences.iter().map(|difference| {
                let [expected, got] = difference.words();
                format!("{}: expected {expected}, got {got}", difference.member)
            });
            let all: Vec<String> = all.collect();
            let first = all.first().cloned().unwrap_or_default();
            format!("{head}>{}    </testcase>\n", trouble("failure", &first, &all.join("\n")))
        }
        End::Broken(error) => {
            format!("{head}>{}    </testcase>\n", trouble("error", error, error))
        }
    }
}

fn coverage(report: &Report) -> String {
    if report.min_coverage.is_none() {
        return String::new();
    }
    let missed = report.uncovered().map(|sentence| {
        let unmatched = report.coverage.iter().flat_map(|policy| {
            let path = policy.policy.display();
            policy
                .unmatched
                .iter()
                .map(move |rule| format!("{path}: no case matches {}", rule.name))
        });
        trouble("failure", &sentence, &unmatched.collect::<Vec<_>>().join("\n"))
    });
    let failures = usize::from(missed.is_some());
    let missed = missed.unwrap_or_default();
    format!(
        "  <testsuite name=\"rule coverage\" tests=\"1\" failures=\"{failures}\" errors=\"0\" \
         skipped=\"0\" time=\"0\">\n    <testcase classname=\"rule coverage\" \
         name=\"--min-coverage\" time=\"0\">{missed}</testcase>\n  </testsuite>\n"
    )
}

fn trouble(element: &str, message: &str, text: &str) -> String {
    let (message, text) = (escaped(message), escaped(text));
    format!("\n      <{element} message=\"{message}\" type=\"{element}\">{text}</{element}>\n")
}

fn seconds<'a>(cases: impl IntoIterator<Item = &'a CaseReport>) -> String {
    let took: Duration = cases.into_iter().map(|case| case.took).sum();
    format!("{:.6}", took.as_secs_f64())
}

/// Text that may stand in an element and in an attribute. What XML 1.0 has no way to say becomes
/// U+FFFD.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\t' | '\n' | '\r' => escaped.push_str(&format!("&#{};", u32::from(c))),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn what_xml_cannot_say_is_replaced() {
        assert_eq!(escaped("a<b>&\"'\n\u{1b}é"), "a&lt;b&gt;&amp;&quot;&apos;&#10;\u{fffd}é");
    }
}
