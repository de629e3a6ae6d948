//! The checked-in schema is the served one, and clients can rely on it.

use std::process::Command;

use spaceport_tests::{node, program::path_of, root};

#[test]
fn the_schema_in_the_repository_is_what_the_api_serves() {
    let kept = std::fs::read_to_string(root().join("schema.graphql")).unwrap();
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

/// What is said of a change of the schema from `before` to `after`, when the changelog says
/// `declared` of what is unreleased.
async fn breaks(before: &str, after: &str, declared: &str) -> (bool, String) {
    let name = format!(
        "spaceport-test-{}-{}",
        std::process::id(),
        uuid::Uuid::now_v7()
    );
    let directory = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&directory).expect("a file of its own");
    let changelog = format!(
        "# Changelog\n\n## Unreleased\n\n{declared}\n## 0.1.0\n\n### Breaking\n\n- A.b was removed.\n"
    );
    let texts = [
        ("before.graphql", before),
        ("after.graphql", after),
        ("CHANGELOG.md", &changelog),
    ];
    let paths = texts.map(|(name, text)| {
        let path = directory.join(name);
        std::fs::write(&path, text).expect("a file of its own");
        path
    });
    let outcome = node::outcome("breaking.mjs", &paths).await;
    std::fs::remove_dir_all(&directory).expect("a file of its own");
    outcome
}

#[tokio::test]
async fn a_breaking_change_of_the_schema_must_be_declared() {
    let before = "type Query { a: A } type A { b: Int c: Int }";
    let after = "type Query { a: A } type A { c: Int }";
    let (passed, said) = breaks(before, after, "### Added\n\n- Nothing.\n").await;
    assert!(!passed && said == "- A.b was removed\n", "{said}");
    let declared =
        "### Breaking\n\n- `A.b` was removed: use\n  `A.c`.\n\n### Added\n\n- Nothing.\n";
    assert_eq!(breaks(before, after, declared).await, (true, String::new()));
    let another = "### Breaking\n\n- `A.c` was removed.\n";
    assert!(!breaks(before, after, another).await.0);
}

#[tokio::test]
async fn what_breaks_nobody_needs_no_declaration() {
    let before = "type Query { a: Int }";
    let after = "type Query { a: Int! b(c: Int): Int @deprecated }";
    assert_eq!(breaks(before, after, "").await, (true, String::new()));
}
