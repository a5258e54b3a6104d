//! Forwarding facts: who is believed, and what is told.

use super::*;
use crate::call::peer::Address;

fn peer(address: &str, transport: Transport) -> Peer {
    let address = match address {
        "unix" => Address::Unix { uid: 1, gid: 1 },
        ip => Address::Ip(ip.parse().unwrap()),
    };
    Peer { listener: "server".into(), address, transport, certificate: None }
}

fn told(peer: &Peer, host: &str, fields: &[(&'static str, &str)]) -> Vec<(String, String)> {
    let trusted = Trusted { networks: vec!["10.0.0.0/8".parse().unwrap()], certificates: vec![] };
    let forwarding = Forwarding { trusted, ..Forwarding::default() };
    let mut request = http::Request::get("/a").header("host", host);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let parts = request.body(()).unwrap().into_parts().0;
    let authority = Authority::read(&parts).unwrap_or_default();
    let (headers, version) = (&parts.headers, Version::HTTP_11);
    let facts = forwarding.facts(&Way { headers, version, peer, authority: &authority });
    let pair = |(name, value): (&HeaderName, &HeaderValue)| {
        (name.to_string(), value.to_str().unwrap().to_owned())
    };
    facts.iter().map(pair).collect()
}

fn one(told: &[(String, String)], name: &str) -> String {
    let found: Vec<_> = told.iter().filter(|(key, _)| key == name).collect();
    assert!(found.len() < 2, "{name} stands twice");
    found.first().map_or(String::new(), |(_, value)| value.clone())
}

const CLAIMS: [(&str, &str); 5] = [
    ("forwarded", "for=203.0.113.9;proto=https"),
    ("x-forwarded-for", "203.0.113.9"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "shop.test"),
    ("x-forwarded-port", "8443"),
];

#[test]
fn a_stranger_is_told_of_and_not_listened_to() {
    let told = told(&peer("192.0.2.1", Transport::Clear), "api.test:8080", &CLAIMS);
    assert_eq!(one(&told, "forwarded"), "for=192.0.2.1;host=\"api.test:8080\";proto=http");
    assert_eq!(one(&told, "x-forwarded-for"), "192.0.2.1");
    assert_eq!(one(&told, "x-forwarded-proto"), "http");
    assert_eq!(one(&told, "x-forwarded-host"), "api.test:8080");
    assert_eq!(one(&told, "x-forwarded-port"), "8080");
    assert_eq!(one(&told, "via"), "1.1 gait");
}

#[test]
fn a_trusted_peer_is_listened_to_and_told_of() {
    let told = told(&peer("10.0.0.7", Transport::Tls), "api.test", &CLAIMS);
    let chain = "for=203.0.113.9;proto=https, for=10.0.0.7;host=api.test;proto=https";
    assert_eq!(one(&told, "forwarded"), chain);
    assert_eq!(one(&told, "x-forwarded-for"), "203.0.113.9, 10.0.0.7");
    assert_eq!(one(&told, "x-forwarded-proto"), "https");
    assert_eq!(one(&told, "x-forwarded-host"), "shop.test");
    assert_eq!(one(&told, "x-forwarded-port"), "8443");
}

#[test]
fn what_a_trusted_peer_says_badly_is_dropped_whole() {
    let bad = [
        ("forwarded", "for=203.0.113.9, for=evil"),
        ("x-forwarded-for", "203.0.113.9, <script>"),
        ("x-forwarded-proto", "https, http"),
        ("x-forwarded-host", "a/b"),
        ("x-forwarded-port", "0"),
    ];
    let told = told(&peer("10.0.0.7", Transport::Clear), "api.test", &bad);
    assert_eq!(one(&told, "forwarded"), "for=10.0.0.7;host=api.test;proto=http");
    assert_eq!(one(&told, "x-forwarded-for"), "10.0.0.7");
    assert_eq!(one(&told, "x-forwarded-proto"), "http");
    assert_eq!(one(&told, "x-forwarded-host"), "api.test");
    assert_eq!(one(&told, "x-forwarded-port"), "80");
}

#[test]
fn addresses_of_every_kind_are_told() {
    let ipv6 = told(&peer("2001:db8::1", Transport::Clear), "h", &[]);
    assert_eq!(one(&ipv6, "forwarded"), "for=\"[2001:db8::1]\";host=h;proto=http");
    assert_eq!(one(&ipv6, "x-forwarded-for"), "2001:db8::1");
    let unix = told(&peer("unix", Transport::Clear), "h", &CLAIMS);
    assert_eq!(one(&unix, "forwarded"), "for=_unix;host=h;proto=http");
    assert_eq!(one(&unix, "x-forwarded-for"), "unknown");
    let unread = told(&peer("192.0.2.1", Transport::Clear), "a b", &[]);
    assert_eq!(one(&unread, "forwarded"), "for=192.0.2.1;proto=http");
    assert_eq!(one(&unread, "x-forwarded-host"), "");
}

#[test]
fn a_long_chain_loses_its_oldest_hops() {
    let hops: Vec<String> = (0..200).map(|n| format!("192.0.2.{n}")).collect();
    let told =
        told(&peer("10.0.0.7", Transport::Clear), "h", &[("x-forwarded-for", &hops.join(","))]);
    let chain = one(&told, "x-forwarded-for");
    assert_eq!(chain.split(", ").count(), HOPS_MAX);
    assert!(chain.starts_with("192.0.2.169, ") && chain.ends_with("192.0.2.199, 10.0.0.7"));
}

#[test]
fn via_names_every_hop() {
    let via = [("via", "1.0 a"), ("via", "2 b (x)")];
    let told = told(&peer("192.0.2.1", Transport::Clear), "h", &via);
    assert_eq!(one(&told, "via"), "1.0 a, 2 b (x), 1.1 gait");
    assert_eq!(protocol(Version::HTTP_2), "2");
}
