//! The approvals page in a real browser: against a stand-in for every state that there is. The
//! scenes stand in `tests/page`.

use crate::support::Browser;

#[test]
fn it_shows_every_state_and_says_what_to_do_about_every_refusal() {
    let Some(browser) = Browser::find() else { return };
    let scenes = browser.run("states", &[]);
    assert!(scenes.status.success(), "{}", String::from_utf8_lossy(&scenes.stderr));
}
