//! The statements of a table.

use super::columns::Column;
use crate::table::{Columns, Description, OnConflict, list, quoted};

/// The statements of a table.
#[derive(Debug, Clone)]
pub(super) struct Sql {
    /// Inserts rows, each column an array, and counts those that are new, and all that were written.
    pub(super) insert: String,
    /// Whether a row whose key is there takes the place of that.
    pub(super) updates: bool,
}

impl Sql {
    /// `table` is its name as SQL takes it; `is_plain` tells it from a view, or one that is in parts.
    pub(super) fn new(
        description: &Description,
        names: &Columns,
        columns: &[Column],
        (table, is_plain): (&str, bool),
    ) -> Self {
        let updates = description.updates();
        let all = list(&names.names);
        let places = join((1..=columns.len()).map(|place| format!("${place}")));
        let sent = join((0..columns.len()).map(|index| format!("c{index}")));
        let values = join(columns.iter().enumerate().map(|(index, column)| {
            let cast = column.cast.as_ref();
            let cast = cast.map_or_else(String::new, |cast| format!("::{cast}"));
            format!("c{index}{cast} AS {}", quoted(&column.name))
        }));
        // Two writers that wait for each other's rows do so in one order. Else they come in the order of the pipeline.
        let by = match description.on_conflict {
            OnConflict::Fail => String::new(),
            _ => join(names.key.iter().map(|column| format!("c{column}"))) + ", ",
        };
        let conflict = match description.on_conflict {
            OnConflict::Fail => String::new(),
            _ if updates => {
                let values = names.names.iter().enumerate();
                let values = values.filter(|(index, _)| !names.key.contains(index));
                let set = values.map(|(_, name)| format!("{0} = EXCLUDED.{0}", quoted(name)));
                format!(
                    " ON CONFLICT ({}) DO UPDATE SET {}",
                    list(&description.key),
                    join(set)
                )
            }
            _ => format!(" ON CONFLICT ({}) DO NOTHING", list(&description.key)),
        };
        let rows = format!(
            "SELECT {values} FROM unnest({places}) WITH ORDINALITY AS sent ({sent}, nth) ORDER BY {by}nth"
        );
        let insert = format!("INSERT INTO {table} ({all}) SELECT {all} FROM given{conflict}");
        let insert = if updates && !is_plain {
            let same = names.key.iter().map(|column| {
                let name = quoted(&names.names[*column]);
                format!("t.{name} = given.{name}")
            });
            let same = same.collect::<Vec<_>>().join(" AND ");
            format!(
                "WITH given AS MATERIALIZED ({rows}),
                old AS (SELECT count(*) AS count FROM {table} t JOIN given ON {same}),
                written AS ({insert} RETURNING true)
                SELECT (SELECT count(*) FROM written) - old.count, (SELECT count(*) FROM written) FROM old"
            )
        } else {
            // A row that takes the place of another was locked by who did so.
            let new = if updates { "xmax = 0" } else { "true" };
            format!(
                "WITH given AS ({rows}), written AS ({insert} RETURNING {new} AS new)
                SELECT count(*) FILTER (WHERE new), count(*) FROM written"
            )
        };
        Self { insert, updates }
    }
}

fn join(parts: impl IntoIterator<Item = String>) -> String {
    parts.into_iter().collect::<Vec<_>>().join(", ")
}
