//! Where no webhook may be.

use super::*;
use crate::egress::dial::DialError;
use crate::snapshot::{HostHeader, Http2};

#[tokio::test]
async fn no_tool_is_told_anything_and_nobody_in_the_clear_by_mistake() {
    let mut receiver = receiver(&[OK.to_owned()]).await;
    let letter = Letter {
        id: 1,
        event_id: "event-1".into(),
        webhook: "chat".into(),
        attempts: 0,
        body: "{}".into(),
    };
    let tools = [Arc::new(UpstreamSpec {
        name: "tool".into(),
        host: "localhost".into(),
        port: receiver.port,
        host_header: HostHeader::Upstream,
        tls: None,
        http2: Http2::Off,
        credential: None,
    })];
    let webhook = receiver.webhook("chat");
    let error = post(&webhook, &letter, &tools).await.unwrap_err();
    assert!(matches!(error, PostError::Dial(DialError::Tool)), "{error}");
    for here in ["0.0.0.0", "[::]", "[::ffff:127.0.0.1]", "[::ffff:0.0.0.0]", "2130706433"] {
        let url = format!("http://{here}:{}/hook", receiver.port).parse().unwrap();
        let error = post(&Webhook { url, ..webhook.clone() }, &letter, &tools).await;
        assert!(matches!(error, Err(PostError::Dial(DialError::Tool))), "{here}: {error:?}");
    }
    let strict = Webhook { transport: WebhookTransport::Tls, ..webhook };
    let error = post(&strict, &letter, &[]).await.unwrap_err();
    assert!(matches!(error, PostError::Dial(DialError::Url)), "{error}");
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("hidden") && !shown.contains("127.0.0.1"), "{shown}");
    assert!(receiver.ids().is_empty());
}
