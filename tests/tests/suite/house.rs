//! Who may use whom: the rules of the house, read from the source.

use std::{collections::BTreeSet, fs};

use spaceport_tests::root;

/// Every Rust file below a directory of the workspace, with its path from there.
fn sources(directory: &str) -> Vec<(String, String)> {
    let base = root().join(directory);
    let (mut open, mut found) = (vec![base.clone()], Vec::new());
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                let name = path
                    .strip_prefix(&base)
                    .unwrap()
                    .to_string_lossy()
                    .into_owned();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "{directory}");
    found
}

/// Whether code, not a comment, names a crate or a module.
fn names(source: &str, wanted: &str) -> bool {
    let is_part = |it: char| it.is_alphanumeric() || it == '_';
    let code = source
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default());
    code.flat_map(|line| line.split(|it: char| !is_part(it)))
        .any(|word| word == wanted)
}

/// The files of `api` that name `wanted` although they are not below one of `allowed`.
fn strays(wanted: &str, allowed: &[&str]) -> Vec<String> {
    let is_allowed = |path: &str| allowed.iter().any(|it| path.starts_with(it));
    let strays = sources("api/src").into_iter();
    let strays = strays.filter(|(path, source)| !is_allowed(path) && names(source, wanted));
    strays.map(|(path, _)| path).collect()
}

fn dependencies(member: &str) -> BTreeSet<String> {
    let manifest = fs::read_to_string(root().join(member).join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let table = manifest.get("dependencies").and_then(toml::Value::as_table);
    table
        .into_iter()
        .flat_map(toml::Table::keys)
        .cloned()
        .collect()
}

#[test]
fn only_the_store_names_the_rows_and_the_database() {
    for wanted in ["spaceport_entity", "sea_orm", "sqlx", "spaceport_migration"] {
        assert_eq!(strays(wanted, &["store"]), Vec::<String>::new(), "{wanted}");
    }
}

#[test]
fn only_the_docker_engine_names_its_client() {
    assert_eq!(strays("bollard", &["engine/docker"]), Vec::<String>::new());
}

#[test]
fn only_graphql_names_its_libraries() {
    for wanted in ["async_graphql", "async_graphql_value", "apollo_compiler"] {
        assert_eq!(
            strays(wanted, &["graphql"]),
            Vec::<String>::new(),
            "{wanted}"
        );
    }
}

#[test]
fn inner_layers_of_the_api_do_not_name_outer_ones() {
    for (layer, outer) in [
        (
            "store",
            &["app", "graphql", "http", "entrance", "reconciler", "engine"][..],
        ),
        (
            "engine",
            &["app", "graphql", "http", "entrance", "reconciler", "store"],
        ),
        ("app", &["graphql", "http", "entrance", "reconciler"]),
        ("reconciler", &["graphql", "http", "entrance"]),
        (
            "entrance",
            &["graphql", "http", "reconciler", "store", "engine"],
        ),
    ] {
        for (path, source) in sources("api/src") {
            if !(path.starts_with(&format!("{layer}/")) || path == format!("{layer}.rs")) {
                continue;
            }
            for outer in outer {
                let used = source
                    .lines()
                    .any(|line| line.contains(&format!("crate::{outer}")));
                assert!(!used, "{path} names crate::{outer}");
            }
        }
    }
}

#[test]
fn crates_depend_on_no_more_of_ours_than_they_may() {
    for (member, allowed) in [
        ("domain", &[][..]),
        ("entity", &[]),
        ("migration", &[]),
        ("embedded-pages", &[]),
        ("proxy", &["spaceport-domain", "spaceport-embedded-pages"]),
        ("agent", &["spaceport-domain"]),
        ("cli", &["spaceport-domain"]),
        (
            "api",
            &[
                "spaceport-domain",
                "spaceport-entity",
                "spaceport-migration",
                "spaceport-embedded-pages",
            ],
        ),
    ] {
        let ours = dependencies(member)
            .into_iter()
            .filter(|it| it.starts_with("spaceport-"));
        let strays: Vec<_> = ours.filter(|it| !allowed.contains(&it.as_str())).collect();
        assert_eq!(strays, Vec::<String>::new(), "{member}");
    }
}

#[test]
fn the_domain_has_no_io_no_clock_and_no_randomness() {
    let allowed = ["bytes", "serde", "thiserror", "uuid"];
    let strays: Vec<_> = dependencies("domain")
        .into_iter()
        .filter(|it| !allowed.contains(&it.as_str()))
        .collect();
    assert_eq!(strays, Vec::<String>::new());
    for (path, source) in sources("domain/src") {
        for banned in [
            "std::fs",
            "std::env",
            "TcpStream",
            "TcpListener",
            "UdpSocket",
            "ToSocketAddrs",
            "SystemTime",
            "Instant::now",
            "new_v4()",
            "now_v7()",
        ] {
            let in_tests = source.find("#[cfg(test)]").unwrap_or(source.len());
            assert!(
                !source[..in_tests].contains(banned),
                "{path} names {banned}"
            );
        }
    }
}

#[test]
fn the_edge_has_no_database_and_no_docker() {
    let dependencies = dependencies("proxy");
    for banned in ["sea-orm", "sqlx", "bollard", "spaceport-entity"] {
        assert!(!dependencies.contains(banned), "{banned}");
    }
}

#[test]
fn a_module_is_a_file_of_its_own_name() {
    for member in [
        "domain",
        "entity",
        "migration",
        "embedded-pages",
        "api",
        "proxy",
        "agent",
        "cli",
        "tests",
        "benches",
    ] {
        for (path, _) in sources(member) {
            assert!(!path.ends_with("mod.rs"), "{member}/{path}");
        }
    }
}

#[test]
fn the_tours_pictures_are_those_of_the_story() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let shown = readme.split("(docs/tour/").skip(1);
    let shown = shown.filter_map(|it| it.split_once(".png)"));
    let shown: BTreeSet<_> = shown.map(|(name, _)| name.to_owned()).collect();
    let kept = fs::read_dir(root().join("docs/tour")).unwrap();
    let kept = kept.map(|it| it.unwrap().file_name().into_string().unwrap());
    let kept: BTreeSet<_> = kept.map(|it| it.replace(".png", "")).collect();
    assert_eq!(shown, kept);
    let story = fs::read_to_string(root().join("tests/js/story.mjs")).unwrap();
    for name in kept {
        assert!(story.contains(&format!(", \"{name}\")")), "{name}");
    }
}

#[test]
fn every_link_from_document_to_document_leads_somewhere() {
    let mut documents = vec![root().join("README.md"), root().join("ARCHITECTURE.md")];
    let docs = fs::read_dir(root().join("docs")).unwrap();
    documents.extend(docs.map(|it| it.unwrap().path()).filter(|it| it.is_file()));
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        let links = text.split("](").skip(1);
        for link in links
            .filter_map(|it| it.split_once(')'))
            .map(|(link, _)| link)
        {
            if link.starts_with("http") {
                continue;
            }
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => document.clone(),
                path => document.parent().unwrap().join(path),
            };
            assert!(target.exists(), "{document:?}: {link}");
            if !heading.is_empty() {
                let text = fs::read_to_string(target).unwrap();
                let named = |line: &str| line.trim_start_matches(['#', ' ']).to_lowercase();
                let mut headings = text.lines().filter(|it| it.starts_with('#')).map(named);
                let is_meant = |it: String| it.replace([',', '`'], "").replace(' ', "-") == heading;
                assert!(headings.any(is_meant), "{document:?}: {link}");
            }
        }
    }
}
