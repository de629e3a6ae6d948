//! The checked-in schema is the served one.

use std::{path::Path, process::Command};

use spaceport_tests::program::path_of;

#[test]
fn the_schema_in_the_repository_is_what_the_api_serves() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let kept = std::fs::read_to_string(root.join("schema.graphql")).unwrap();
    let output = Command::new(path_of("spaceport-api"))
        .arg("schema")
        .output()
        .unwrap();
    let served = String::from_utf8(output.stdout).unwrap();
    assert!(
        served == kept,
        "schema.graphql is out of date: run `make schema`"
    );
}
