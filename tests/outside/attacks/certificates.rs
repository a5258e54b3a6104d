//! Certificates that are not worth what they say.

use super::world::World;
use super::{Row, Want};
use crate::support::{Authority, Pair};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, SanType, date_time_ymd};
use std::sync::Arc;

/// The name of a good one.
const BOT: &str = "spiffe://prod.test/ns/pay/sa/bot";

/// Names that look like it to somebody.
const LOOKALIKES: [&str; 20] = [
    "spiffe://prod.test.evil/ns/pay/sa/bot",
    "spiffe://evil.prod.test/ns/pay/sa/bot",
    "spiffe://prod-test/ns/pay/sa/bot",
    "spiffe://PROD.test/ns/pay/sa/bot",
    "SPIFFE://prod.test/ns/pay/sa/bot",
    "spiffe://prod.test/NS/pay/sa/bot",
    "https://prod.test/ns/pay/sa/bot",
    "spiffe:prod.test/ns/pay/sa/bot",
    "spiffe://prod.test:443/ns/pay/sa/bot",
    "spiffe://evil@prod.test/ns/pay/sa/bot",
    "spiffe://prod.test/ns/pay/sa/bot/",
    "spiffe://prod.test/ns/pay/sa/bot/more",
    "spiffe://prod.test//ns/pay/sa/bot",
    "spiffe://prod.test/ns//sa/bot",
    "spiffe://prod.test/ns/../sa/bot",
    "spiffe://prod.test/ns/pay/sa/..",
    "spiffe://prod.test/ns/pay/sa/%62ot",
    "spiffe://prod.test/ns/pay/sa/bot?x=1",
    "spiffe://prod.test/ns/pay/sa/bot#x",
    "spiffe://prod.test/ns/pay/sa/bo\0t",
];

pub(super) fn rows(world: &World) -> Vec<Row> {
    let mut rows: Vec<Row> = LOOKALIKES.iter().map(|uri| unmatched(world, uri, &[uri])).collect();
    rows.push(unmatched(world, "of no name", &[]));
    rows.push(named(world, "of a DNS name", SanType::DnsName("prod.test".try_into().unwrap())));
    rows.push(named(
        world,
        "of a mail address",
        SanType::Rfc822Name("bot@prod.test".try_into().unwrap()),
    ));
    rows.push(
        Row::refused("certificate of two names", "certificate_ambiguous")
            .with(&pair(world.authority.client(&[BOT, "spiffe://prod.test/ns/pay/sa/other"]))),
    );
    rows.push(
        Row::refused("certificate of a caller and a proxy", "certificate_ambiguous")
            .field("X-Auth-Request-User", "ada")
            .with(&pair(world.authority.client(&["spiffe://prod.test/edge", BOT]))),
    );
    rows.push(
        Row::refused("certificate of a stranger that names a caller", "certificate_unmatched")
            .field("X-Auth-Request-User", "ada")
            .with(&pair(world.authority.client(&["spiffe://prod.test/edge/"]))),
    );
    rows.extend(broken(world));
    rows
}

fn pair(pair: Pair) -> Arc<Pair> {
    Arc::new(pair)
}

fn unmatched(world: &World, name: &str, uris: &[&str]) -> Row {
    let row = Row::refused(format!("certificate {name:?}"), "certificate_unmatched");
    row.with(&pair(world.authority.client(uris)))
}

fn named(world: &World, name: &str, san: SanType) -> Row {
    let row = Row::refused(format!("certificate {name}"), "certificate_unmatched");
    row.with(&pair(world.authority.client_of(vec![san])))
}

/// Certificates with a good name, with which there is no handshake.
fn broken(world: &World) -> Vec<Row> {
    use ExtendedKeyUsagePurpose::{ClientAuth, CodeSigning, ServerAuth};
    let row = |name: &str, authority: &Authority, params, usage| {
        let row = Row::new(format!("certificate {name}"), Want::NoHandshake);
        row.with(&pair(authority.sign(params, usage)))
    };
    let (good, ours) = (params, &world.authority);
    let (mut expired, mut early) = (good(), good());
    expired.not_after = date_time_ymd(2020, 1, 1);
    early.not_before = date_time_ymd(4000, 1, 1);
    vec![
        row("of another authority", &world.other_authority, good(), ClientAuth),
        row("that has expired", ours, expired, ClientAuth),
        row("that is not valid yet", ours, early, ClientAuth),
        row("for servers", ours, good(), ServerAuth),
        row("for signing code", ours, good(), CodeSigning),
    ]
}

fn params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![SanType::URI(BOT.try_into().unwrap())];
    params
}
