//! countermand
fn main() {}
