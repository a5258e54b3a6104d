//! A switch and its file, as it appears, changes, breaks and comes back.

use super::*;
use crate::kill_switch::Selector;
use serde_json::json;
use std::fs;

fn now() -> Time {
    Time::from_timestamp(clock::now())
}

fn later(seconds: i64) -> Time {
    Time::from_timestamp(clock::now() + jiff::SignedDuration::from_secs(seconds))
}

fn call(tool: &str) -> Intent {
    let intent = json!({
        "tool_name": tool, "context": {"identity": "a", "workspace": "/w", "risk_class": "low"},
    });
    crate::intent::read::from_json(intent.to_string().as_bytes()).unwrap().normalise().unwrap()
}

/// An order to stop a tool.
fn entry(tool: &str, expires_at: Time) -> Entry {
    Entry {
        entry_id: format!("stop-{tool}"),
        enabled: true,
        selector: Selector { tool_name: tool.to_owned(), ..Selector::default() },
        reason: String::new(),
        actor: String::new(),
        created_at: now(),
        expires_at,
    }
}

fn state(entries: &[(&str, Time)]) -> State {
    let mut state = State::empty(now());
    for (tool, expires_at) in entries {
        state.add(entry(tool, *expires_at), now()).unwrap();
    }
    state
}

fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::write(path, bytes).unwrap();
}

struct Scene {
    _dir: tempfile::TempDir,
    path: PathBuf,
    switch: Switch,
}

fn scene() -> Scene {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("switch.json");
    write(&path, state(&[]).to_json());
    let given = Given::load(path.clone()).unwrap();
    Scene { _dir: dir, path, switch: Switch::new(Some(given)) }
}

fn stops(switch: &Switch, tool: &str) -> bool {
    matches!(switch.order(&call(tool), now()), Some(Order::Stop { .. }))
}

#[test]
fn orders_come_and_go_with_the_file() {
    let Scene { path, switch, _dir } = scene();
    assert!(!stops(&switch, "t"));
    write(&path, state(&[("t", ZERO)]).to_json());
    assert!(matches!(switch.refresh(), Refreshed::Changed));
    assert!(stops(&switch, "t") && !stops(&switch, "other"));
    assert!(matches!(switch.refresh(), Refreshed::Same));
    assert_eq!(switch.face(now()), (Face::Loaded, 1));
    write(&path, state(&[]).to_json());
    assert!(matches!(switch.refresh(), Refreshed::Changed));
    assert!(!stops(&switch, "t"));
}

#[test]
fn a_file_that_breaks_leaves_the_last_orders_and_says_so_once() {
    let Scene { path, switch, _dir } = scene();
    write(&path, state(&[("t", ZERO)]).to_json());
    switch.refresh();
    for broken in [Some("{"), Some(""), None] {
        match broken {
            Some(text) => write(&path, text),
            None => fs::remove_file(&path).unwrap(),
        }
        assert!(matches!(switch.refresh(), Refreshed::Lost(_)), "{broken:?}");
        assert!(matches!(switch.refresh(), Refreshed::Same));
        assert!(stops(&switch, "t"));
        assert_eq!(switch.order(&call("other"), now()), Some(Order::Unknown));
        assert_eq!(switch.face(now()), (Face::Lost, 1));
        write(&path, state(&[("t", ZERO)]).to_json());
        assert!(matches!(switch.refresh(), Refreshed::Changed));
        assert_eq!(switch.order(&call("other"), now()), None);
    }
}

#[test]
fn orders_that_nobody_compared_for_long_are_stale() {
    let Scene { switch, _dir, .. } = scene();
    let seen = clock::instant().checked_sub(STALE_AFTER + Duration::from_secs(1)).unwrap();
    let old = Reading { state: Arc::new(state(&[])), standing: Standing::Good, seen };
    switch.reading.store(Some(Arc::new(old)));
    assert_eq!(switch.order(&call("t"), now()), Some(Order::Unknown));
    assert_eq!(switch.face(now()), (Face::Lost, 0));
    switch.refresh();
    assert_eq!(switch.order(&call("t"), now()), None);
}

#[test]
fn a_file_that_stays_as_it_is_is_read_once() {
    let Scene { path, switch, _dir } = scene();
    let long_ago = std::time::SystemTime::UNIX_EPOCH;
    fs::File::options().write(true).open(&path).unwrap().set_modified(long_ago).unwrap();
    switch.refresh();
    assert_eq!(lock(&switch.watched).mark, None, "too young to be trusted");
    std::thread::sleep(YOUNG + Duration::from_secs(2));
    switch.refresh();
    let mark = lock(&switch.watched).mark.clone();
    assert_eq!(mark, Some(Mark::of(&fs::metadata(&path).unwrap())));
    // What is not read again cannot be missed by a look.
    assert!(matches!(look(&path, mark.as_ref()), Ok(None)));
    write(&path, state(&[("t", ZERO)]).to_json());
    assert!(matches!(switch.refresh(), Refreshed::Changed));
}

#[test]
fn the_end_of_orders_is_told_where_all_of_them_end() {
    let Scene { switch, _dir, path } = scene();
    let until = |entries: &[(&str, Time)], change: &dyn Fn(&mut serde_json::Value)| {
        let mut value = serde_json::from_slice(&state(entries).to_json()).unwrap();
        change(&mut value);
        write(&path, value.to_string());
        switch.refresh();
        match switch.order(&call("t"), now()) {
            Some(Order::Stop { until, .. }) => until,
            other => panic!("{other:?}"),
        }
    };
    let (hour, day) = (later(3_600), later(86_400));
    assert_eq!(until(&[("t", hour), ("other", day)], &|_| ()), Some(hour));
    assert_eq!(until(&[("t", ZERO)], &|_| ()), None);
    let all = |value: &mut serde_json::Value| {
        value["entries"][0].as_object_mut().unwrap().remove("entry_id");
    };
    assert_eq!(until(&[("t", hour)], &all), None, "an order without a name");
}

#[test]
fn what_was_ordered_while_a_config_was_loaded_stays() {
    let Scene { switch, _dir, path } = scene();
    let read_before = Given::load(path.clone()).unwrap();
    write(&path, state(&[("t", ZERO)]).to_json());
    switch.refresh();
    switch.follow(Some(read_before));
    assert!(stops(&switch, "t"));
    write(&path, state(&[]).to_json());
    assert!(matches!(switch.refresh(), Refreshed::Changed));
    assert!(!stops(&switch, "t"), "it is followed on");
}

#[test]
fn a_step_to_another_file_is_known_by_the_orders_that_it_lacks() {
    let Scene { switch, _dir, path } = scene();
    let orders = state(&[("t", ZERO), ("other", later(3_600))]);
    write(&path, orders.to_json());
    switch.refresh();
    let at = |name: &str, state: &State| {
        let path = path.with_file_name(name);
        write(&path, state.to_json());
        Given::load(path).unwrap()
    };
    let step = |given: Option<&Given>| switch.step(given, now());
    assert_eq!(step(Some(&at("switch.json", &state(&[])))), Step::Same);
    assert_eq!(step(Some(&at("b.json", &orders))), Step::Other);
    let fewer = at("c.json", &state(&[("other", later(3_600))]));
    assert_eq!(step(Some(&fewer)), Step::Fewer);
    assert_eq!((step(None), Switch::new(None).step(Some(&fewer), now())), (Step::Off, Step::Same));
    let ended = Given { state: state(&[]), path: path.with_file_name("d.json") };
    assert_eq!(Switch::new(Some(fewer)).step(Some(&ended), later(7_200)), Step::Other);
}

#[test]
fn what_is_no_longer_followed_is_not_taken_over() {
    let Scene { switch, _dir, path } = scene();
    let other = path.with_file_name("other.json");
    write(&other, state(&[("t", ZERO)]).to_json());
    let given = Given::load(other).unwrap();
    switch.follow(Some(given));
    assert!(stops(&switch, "t"));
    write(&path, "{");
    assert!(matches!(switch.refresh(), Refreshed::Same));
    assert!(stops(&switch, "t"));
    switch.follow(None);
    assert_eq!((switch.order(&call("t"), now()), switch.face(now())), (None, (Face::Off, 0)));
    assert!(matches!(switch.refresh(), Refreshed::Same));
}
