//! The statements of a table.

/// The statements of a table.
#[derive(Debug)]
pub(crate) struct Sql {
    pub(crate) table: String,
    pub(super) columns: Vec<String>,
    /// Which columns are the key, by position; all of them where there is none.
    pub(super) key: Vec<usize>,
    pub(super) create: String,
    pub(crate) insert: String,
    /// Where rows are updated: for those that are there already.
    pub(crate) update: Option<String>,
}

/// What happens to a row whose key is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnConflict {
    Fail,
    Ignore,
    Update,
}

impl Sql {
    pub(super) fn new(
        table: &str,
        columns: &[(String, String)],
        key: &[String],
        on_conflict: OnConflict,
    ) -> Self {
        let names: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
        let is_key = |name: &String| key.contains(name);
        let list = |names: &[String]| join(names.iter().map(|name| quoted(name)), ", ");
        let places = (1..=columns.len()).map(|place| format!("?{place}"));
        let set = |key: bool, between| {
            let these = names
                .iter()
                .enumerate()
                .filter(|(_, name)| is_key(name) == key);
            join(
                these.map(|(index, name)| format!("{} = ?{}", quoted(name), index + 1)),
                between,
            )
        };
        let declared = columns
            .iter()
            .map(|(name, declaration)| format!("{} {declaration}", quoted(name)));
        let primary = (!key.is_empty()).then(|| format!("PRIMARY KEY ({})", list(key)));
        let table_name = quoted(table);
        let conflict = match on_conflict {
            OnConflict::Fail => String::new(),
            _ => format!(" ON CONFLICT ({}) DO NOTHING", list(key)),
        };
        let updates = on_conflict == OnConflict::Update && !names.iter().all(is_key);
        Self {
            create: format!(
                "CREATE TABLE IF NOT EXISTS {table_name} ({})",
                join(declared.chain(primary), ", ")
            ),
            insert: format!(
                "INSERT INTO {table_name} ({}) VALUES ({}){conflict}",
                list(&names),
                join(places, ", ")
            ),
            update: updates.then(|| {
                format!(
                    "UPDATE {table_name} SET {} WHERE {}",
                    set(false, ", "),
                    set(true, " AND ")
                )
            }),
            key: (0..names.len())
                .filter(|index| key.is_empty() || is_key(&names[*index]))
                .collect(),
            columns: names,
            table: table.to_owned(),
        }
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn join(parts: impl Iterator<Item = String>, between: &str) -> String {
    parts.collect::<Vec<_>>().join(between)
}
