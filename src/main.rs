//! The `gait` binary: parse, dispatch, exit code.

fn main() {}
