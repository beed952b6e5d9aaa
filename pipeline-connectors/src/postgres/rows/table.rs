//! A table that is read by its key.

use std::sync::Arc;

use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Row, Transaction};

use super::form::{Column, Form, is_fixed};
use crate::postgres::answer::answered;
use crate::postgres::error::{ConnectErrorKind, Failed, Refused};
use crate::postgres::line::Value;
use crate::table::quoted;

/// What is asked of a table, and the SQL for it.
pub(super) struct Table {
    /// Its name, as SQL takes it.
    pub(super) of: String,
    /// The key, as SQL takes it, and its type.
    pub(super) key: String,
    pub(super) key_type: String,
    /// Whether rows may have none.
    pub(super) is_nullable: bool,
    /// Only keys after this one, and up to that one.
    pub(super) after: Option<Arc<str>>,
    pub(super) up_to: Option<Arc<str>>,
    /// What is selected, and its length in bytes.
    select: String,
    size: String,
}

/// What is said of a table.
pub(super) struct Said<'a> {
    pub(super) of: String,
    pub(super) key: &'a str,
    pub(super) after: Option<Arc<str>>,
    pub(super) up_to: Option<Arc<str>>,
    /// Which columns are to be read; all, where none are named.
    pub(super) columns: Option<Vec<String>>,
    /// These are the fields of what is read.
    pub(super) are_fields: bool,
}

/// Of the table in `$1`, which is quoted: its kind, whether others inherit from it, and a row for each column. Unique is a key
/// by an index in whose order the key is sorted.
const COLUMNS: &str = "
    SELECT c.relkind::text, c.relkind <> 'p' AND EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhparent = c.oid),
        a.attname::text, CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE a.atttypid END, t.typcategory::text,
        format_type(a.atttypid, -1), a.attnotnull,
        coalesce((SELECT max(CASE WHEN i.indisunique AND i.indnkeyatts = 1 THEN 2 ELSE 1 END)
            FROM pg_catalog.pg_index i
            JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
            JOIN pg_catalog.pg_am m ON m.oid = x.relam AND m.amname = 'btree'
            JOIN pg_catalog.pg_opclass o ON o.oid = i.indclass[0] AND o.opcdefault
            WHERE i.indrelid = c.oid AND i.indkey[0] = a.attnum AND i.indisvalid AND i.indpred IS NULL
                AND i.indcollation[0] = a.attcollation), 0)
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    WHERE c.oid = to_regclass($1) ORDER BY a.attnum";

struct Found {
    kind: String,
    is_inherited: bool,
    name: String,
    oid: u32,
    category: String,
    of: String,
    is_not_null: bool,
    /// 0 without an index that begins with it, 1 with one, 2 if that makes it unique.
    index: i32,
}

impl Found {
    fn read(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            kind: row.try_get(0)?,
            is_inherited: row.try_get(1)?,
            name: row.try_get(2)?,
            oid: row.try_get(3)?,
            category: row.try_get(4)?,
            of: row.try_get(5)?,
            is_not_null: row.try_get(6)?,
            index: row.try_get(7)?,
        })
    }

    fn column(&self) -> Column {
        Column {
            name: self.name.clone(),
            form: Form::described(self.oid, &self.category),
        }
    }
}

impl Table {
    /// Finds it, and whether it can be read by that key; what is read of it.
    pub(super) async fn find(
        transaction: &Transaction<'_>,
        said: Said<'_>,
        problem: &(dyn Fn(String) -> ConnectErrorKind + Sync),
    ) -> Result<(Self, Vec<Column>), Refused> {
        let refused = |text: String| Refused::Because(problem(text));
        let values: [Value<'_>; 1] = [(&said.of, Type::TEXT)];
        let rows = answered(transaction.query_typed(COLUMNS, &values)).await?;
        let found = rows
            .iter()
            .map(Found::read)
            .collect::<Result<Vec<_>, _>>()?;
        let key = key(&found, said.key).map_err(refused)?;
        let read = chosen(&found, said.columns, said.are_fields).map_err(refused)?;
        let columns: Vec<_> = read.iter().map(|found| found.column()).collect();
        let select: Vec<_> = columns
            .iter()
            .map(|column| column.expression("t"))
            .collect();
        // Beside each value its length is sent.
        let sizes = read.iter().zip(&columns);
        let sizes: Vec<_> = sizes
            .map(|(found, column)| format!("4 + {}", column.size("t", is_fixed(found.oid))))
            .collect();
        let table = Self {
            key: format!("t.{}", quoted(said.key)),
            of: said.of,
            key_type: key.of.clone(),
            is_nullable: !key.is_not_null,
            after: said.after,
            up_to: said.up_to,
            select: select.join(", "),
            size: sizes.join(" + "),
        };
        Ok((table, columns))
    }

    /// Between which keys all of it is read.
    pub(super) fn bounds(&self) -> Bounds<'_> {
        Bounds {
            after: self.after.as_deref(),
            up_to: self.up_to.as_deref(),
        }
    }

    /// Asks for nothing, in all the ways in which it will be asked: what does not go is told then.
    pub(super) async fn try_out(&self, transaction: &Transaction<'_>) -> Result<(), Failed> {
        let bounds = self.bounds();
        let sizes = self.sizes(&bounds, 0);
        answered(transaction.query_typed(&sizes, &bounds.values())).await?;
        let rows = format!("{} LIMIT 0", self.rows(&bounds));
        answered(transaction.query_typed(&rows, &bounds.values())).await?;
        Ok(())
    }

    /// The condition on the key.
    pub(super) fn within(&self, bounds: &Bounds<'_>) -> String {
        let Self { key, key_type, .. } = self;
        let after = bounds
            .after
            .map(|_| format!("{key} > $1::text::{key_type}"));
        let number = 1 + usize::from(after.is_some());
        let up_to = bounds
            .up_to
            .map(|_| format!("{key} <= ${number}::text::{key_type}"));
        let conditions: Vec<_> = after.into_iter().chain(up_to).collect();
        if conditions.is_empty() {
            String::new()
        } else {
            format!("WHERE {}", conditions.join(" AND "))
        }
    }

    /// Whether there are rows that have no key.
    pub(super) fn nulls(&self) -> String {
        let Self { of, key, .. } = self;
        format!("SELECT EXISTS (SELECT FROM {of} AS t WHERE {key} IS NULL)")
    }

    /// What is wrong with these.
    pub(super) fn nulls_said(&self) -> String {
        let key = self.key.trim_start_matches("t.");
        format!(
            "rows whose key {key} is NULL would be left out; give them one and make the column NOT NULL, choose another key, or read by `query`"
        )
    }

    /// Of the next rows: their keys and how many bytes they are.
    pub(super) fn sizes(&self, bounds: &Bounds<'_>, most: usize) -> String {
        let (Self { of, key, size, .. }, within) = (self, self.within(bounds));
        format!(
            "SELECT {key}::text, ({size})::bigint FROM {of} AS t {within} ORDER BY {key} LIMIT {most}"
        )
    }

    pub(super) fn rows(&self, bounds: &Bounds<'_>) -> String {
        let within = self.within(bounds);
        let Self {
            of, key, select, ..
        } = self;
        format!("SELECT {select} FROM {of} AS t {within} ORDER BY {key}")
    }
}

/// Keys after the one, up to the other.
pub(super) struct Bounds<'a> {
    pub(super) after: Option<&'a str>,
    pub(super) up_to: Option<&'a str>,
}

impl Bounds<'_> {
    /// The values of [`Table::within`].
    pub(super) fn values(&self) -> Vec<Value<'_>> {
        let bounds = self.after.iter().chain(&self.up_to);
        bounds
            .map(|bound| (bound as &(dyn ToSql + Sync), Type::TEXT))
            .collect()
    }
}

/// The key, if each row has one of its own, and they are found in its order.
fn key<'f>(found: &'f [Found], name: &str) -> Result<&'f Found, String> {
    let Some(first) = found.first() else {
        return Err("there is no such table; correct the name, or the `schema`".into());
    };
    let Some(key) = found.iter().find(|found| found.name == name) else {
        return Err(format!(
            "it has no column `{name}` to be its key; it has {}",
            names(found)
        ));
    };
    let otherwise = "read it by `query`, which needs no key";
    match first.kind.as_str() {
        "r" | "p" | "m" => {}
        "v" => return Err(format!("it is a view, which has no index; {otherwise}")),
        _ => return Err(format!("it is no table; {otherwise}")),
    }
    if first.is_inherited {
        return Err(format!(
            "other tables inherit from it, over which no key is unique; {otherwise}, or each of them by itself"
        ));
    }
    match key.index {
        2 => Ok(key),
        1 => Err(format!(
            "its key `{name}` is not unique: rows of one key could be left out; choose another key, make a unique index on `{name}` alone, or {otherwise}"
        )),
        _ => Err(format!(
            "its key `{name}` has no index: each page would read all of the table; make a unique index on it, choose another key, or {otherwise}"
        )),
    }
}

/// The columns that are to be read.
fn chosen(
    found: &[Found],
    columns: Option<Vec<String>>,
    are_fields: bool,
) -> Result<Vec<&Found>, String> {
    let Some(columns) = columns else {
        return Ok(found.iter().collect());
    };
    let named = columns.iter().map(|name| {
        let column = found.iter().find(|found| found.name == *name);
        column.ok_or_else(|| {
            let (it_is, instead) = if are_fields {
                (
                    "as the field that is read",
                    "rename the field, or name the columns to read with `columns`",
                )
            } else {
                ("to read", "name one that is there")
            };
            format!(
                "it has no column `{name}` {it_is}; {instead}: it has {}",
                names(found)
            )
        })
    });
    named.collect()
}

fn names(found: &[Found]) -> String {
    let names = found.iter().map(|found| format!("`{}`", found.name));
    names.collect::<Vec<_>>().join(", ")
}
