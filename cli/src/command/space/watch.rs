//! `spaceport space watch`.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal},
};

use super::{HEADING, Row};
use crate::{
    api::{
        following::Following,
        operations::{SpacesChanged, spaces_changed, spelled},
    },
    failure::Failure,
    output::{Table, write_out},
    session::Session,
};

/// Puts the cursor into the upper left corner.
const HOME: &str = "\x1b[H";
/// Clears from the cursor to the end of the line, and to the end of the screen.
const CLEAR_LINE: &str = "\x1b[K";
const CLEAR_REST: &str = "\x1b[J";
const CLEAR: &str = "\x1b[2J";

/// Shows spaces as they change: a table that stays true on a terminal, else a line for each change.
pub async fn run(session: &Session) -> Result<(), Failure> {
    let variables = |after| spaces_changed::Variables { after };
    let mut following = Following::begin(&session.api, SpacesChanged, None, variables).await?;
    let is_live = !session.output.is_json() && io::stdout().is_terminal();
    let mut spaces: BTreeMap<String, Row> = BTreeMap::new();
    if is_live {
        write_out(CLEAR)?;
        draw(&spaces)?;
    }
    while let Some(event) = following.next().await? {
        let event = event.spaces_changed;
        following.note(event.cursor.as_ref());
        if session.output.is_json() {
            crate::output::json(&event)?;
            continue;
        }
        let change = spelled(&event.change);
        let row = event.space.as_ref().map(Row::from);
        if !is_live {
            line(&change, row.as_ref())?;
            continue;
        }
        match (change.as_str(), event.space_id, row) {
            ("RESET", ..) => spaces.clear(),
            ("DELETED" | "LOST", Some(id), _) => drop(spaces.remove(&id)),
            (_, Some(id), Some(row)) => drop(spaces.insert(id, row)),
            _ => {}
        }
        draw(&spaces)?;
    }
    Ok(())
}

fn draw(spaces: &BTreeMap<String, Row>) -> Result<(), Failure> {
    let mut rows: Vec<&Row> = spaces.values().collect();
    rows.sort_by(|one, other| (&one.owner, &one.name).cmp(&(&other.owner, &other.name)));
    let rows = rows.into_iter().map(|row| row.clone().cells());
    let table = Table::new(&HEADING).rows(rows).to_string();
    let lines = table.lines().map(|line| format!("{line}{CLEAR_LINE}\n"));
    write_out(&format!("{HOME}{}{CLEAR_REST}", lines.collect::<String>()))
}

fn line(change: &str, row: Option<&Row>) -> Result<(), Failure> {
    let change = change.to_lowercase();
    let table = Table::new(&[]).row(match row {
        Some(row) => vec![
            change,
            format!("{}/{}", row.owner, row.name),
            row.status.to_lowercase(),
        ],
        None => vec![change],
    });
    write_out(&table.to_string())
}
