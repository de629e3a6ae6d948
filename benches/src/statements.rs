//! SQL statements of one query, for lists of different lengths.

use anyhow::{Context, ensure};
use serde_json::json;

use crate::{client::Client, population::FILLED, report::Table};

/// The lengths compared.
const LENGTHS: [usize; 3] = [1, 10, FILLED];

/// How often each is asked. Others' statements (the reconciler's, every few seconds) only ever add,
/// so the least counts. The most is shown, too: a batch that a busy machine splits adds as well.
const TRIES: usize = 20;

/// The list fields, each with every list and object below it.
const LISTS: [(&str, &str, &str); 6] = [
    (
        "spaces",
        // Those of `population::fill`, each with an owner and a template of its own.
        "filter: { nameContains: \"own-\" }",
        "name status failure { code } owner { userName displayName } template { name version { \
         number image } groups { name } } templateVersion { number env { name } volumes { name } } \
         parameters { name value } volumes { name mountPath sizeGib usedBytes enforced } features \
         { feature available reason url } ports { name port } tunnels { name url }",
    ),
    (
        "templates",
        "",
        "name version { number image volumes { name } ports { port } } groups { name limits { \
         spaces } }",
    ),
    (
        "users",
        "",
        "userName roles { name permissions } groups { name } limits { spaces } quota { spaces { \
         used limit } computeUnits { used limit } storageUnits { used limit } tunnels { used \
         limit } }",
    ),
    (
        "groups",
        "",
        "name limits { spaces computeUnits } createdAt",
    ),
    (
        "tunnels",
        "",
        "name port url space { name owner { userName } template { name } volumes { enforced } }",
    ),
    ("auditLog", "", "at actorName action subject detail"),
];

/// Counts; answers whether every list costs the same at any length.
pub async fn measure(admin: &Client) -> anyhow::Result<(Table, bool)> {
    let headings = [
        "list",
        "1 item",
        "10 items",
        "50 items",
        "constant",
        "most at 50 items",
    ];
    let mut table = Table::new("SQL statements per query", &headings);
    let mut are_constant = true;
    for (list, arguments, fields) in LISTS {
        let document = format!(
            "query($n: Int!) {{ {list}(first: $n {arguments}) {{ nodes {{ {fields} }} }} }}"
        );
        let mut counts = [(0, 0); LENGTHS.len()];
        for (count, length) in counts.iter_mut().zip(LENGTHS) {
            *count = statements(admin, &document, list, length).await?;
        }
        let [(one, _), (ten, _), (fifty, most)] = counts;
        let is_constant = one == ten && ten == fifty;
        are_constant &= is_constant;
        let verdict = if is_constant { "yes" } else { "NO" };
        table.row([
            list.to_owned(),
            one.to_string(),
            ten.to_string(),
            fifty.to_string(),
            verdict.to_owned(),
            most.to_string(),
        ]);
    }
    Ok((table, are_constant))
}

/// The least and the most of all tries.
async fn statements(
    admin: &Client,
    document: &str,
    list: &str,
    length: usize,
) -> anyhow::Result<(u32, u32)> {
    let (mut least, mut most) = (u32::MAX, 0);
    for _ in 0..TRIES {
        let before = admin.sql_statements().await?;
        let data = admin.ask(document, json!({"n": length})).await?;
        let after = admin.sql_statements().await?;
        let nodes = data[list]["nodes"].as_array().context("no list")?;
        ensure!(
            nodes.len() == length,
            "{list} has {} of {length} items",
            nodes.len()
        );
        least = least.min(after - before);
        most = most.max(after - before);
    }
    Ok((least, most))
}
