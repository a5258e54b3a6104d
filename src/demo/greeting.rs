//! What the demo says when it starts.
//!
//! Plain about what it is, because a demo that is taken for the real thing is a gate that is not
//! there; and a few lines to paste, because a stranger should see all four verdicts in a minute.

/// The greeting. The first two are URLs without a trailing slash, like `http://127.0.0.1:8080`;
/// `approvals_url` is the whole address of the page for approvals, with the credential in its
/// fragment, where there is one.
pub fn greeting(data_url: &str, telemetry_url: &str, approvals_url: Option<&str>) -> String {
    let approvals = approvals_url.map_or_else(String::new, |url| {
        format!(
            "\n  # say yes or no to it in a browser: a yes hands you the header to send it again with\n  {url}\n\
             \n  # or in a terminal, in the directory where gait was started; ID is in the 428 and the list\n  \
             gait approvals list\n  gait approvals grant ID --reason 'I tried the demo'\n\
             \n  # then send it again, with the line that the yes has printed\n  \
             curl -i -X PUT -d 'news' -H 'Gait-Approval: TOKEN' {data_url}/v1/files/public/news.txt\n"
        )
    });
    format!(
        r#"gait: this is the demo. There was no config and no upstream, so gait serves a small tool
API inside its own binary, with routes and a policy made for it. Nothing else is served, no real
tool is behind it, and its files and transfers are gone when it stops (the evidence stays).

Paste these into another terminal:

  # allow: the file is written
  curl -i -X PUT -d 'hello' {data_url}/v1/files/notes/hello.txt

  # dry_run: judged, answered with executed=false, no money moves
  curl -i -H 'Content-Type: application/json' -d '{{"to":"bob","amount":500}}' {data_url}/v1/transfers

  # require_approval: 428, the file stays
  curl -i -X DELETE {data_url}/v1/files/notes/welcome.txt

  # require_approval: 428, nothing is published
  curl -i -X PUT -d 'news' {data_url}/v1/files/public/news.txt
{approvals}
  # block: 403
  curl -i -H 'Content-Type: application/json' -d '{{"to":"bob","amount":5000}}' {data_url}/v1/transfers

  # metrics: what was permitted, what was sent
  curl -s {telemetry_url}/metrics

What the tools really executed, in order: {data_url}/v1/log
For a tool of your own: gait proxy --upstream URL --policy FILE
"#
    )
}
