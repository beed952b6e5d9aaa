//! What the columns of a table take, and as what it is sent.

use tokio_postgres::Row;
use tokio_postgres::types::Type;

/// A column, as the database describes it.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) takes: Takes,
    /// The type, with its length if it has one, as SQL takes it.
    pub(super) of: String,
    /// What text is cast to, where the server does not do so by itself.
    pub(super) cast: Option<String>,
}

/// As what the values of a column are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// Whole numbers of so many bits.
    Whole(u32),
    Real,
    Truth,
    Bytes,
    /// Text, of so many characters at most; also what the server reads from text.
    Text(Option<usize>),
}

/// Of the table in `$1`, which is quoted: its kind, and a row for each column.
pub(super) const COLUMNS: &str = "
    SELECT c.relkind::text, a.attname::text, a.atttypid, t.typcategory::text, a.atttypmod,
        format_type(a.atttypid, a.atttypmod), format_type(a.atttypid, -1)
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    WHERE c.oid = to_regclass($1)";

impl Column {
    /// Reads a row of [`COLUMNS`].
    pub(super) fn read(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let of = Type::from_oid(row.try_get(2)?);
        let is_text = row.try_get::<_, &str>(3)? == "S";
        // The length of a text is kept with those of its header.
        let longest = usize::try_from(row.try_get::<_, i32>(4)?.saturating_sub(4)).ok();
        let takes = match of {
            Some(Type::INT2) => Takes::Whole(16),
            Some(Type::INT4) => Takes::Whole(32),
            Some(Type::INT8) => Takes::Whole(64),
            Some(Type::FLOAT4 | Type::FLOAT8) => Takes::Real,
            Some(Type::BOOL) => Takes::Truth,
            Some(Type::BYTEA) => Takes::Bytes,
            Some(Type::VARCHAR) => Takes::Text(longest),
            _ => Takes::Text(None),
        };
        // A cast that is written cuts a text which is too long; the one that is not refuses it.
        let is_cast = matches!(takes, Takes::Text(_)) && !is_text;
        Ok(Self {
            name: row.try_get(1)?,
            takes,
            of: row.try_get(5)?,
            cast: is_cast.then(|| row.try_get(6)).transpose()?,
        })
    }
}

impl Takes {
    /// The type of an element, and that of an array of them.
    pub(super) fn types(self) -> (Type, Type) {
        match self {
            Self::Whole(_) => (Type::INT8, Type::INT8_ARRAY),
            Self::Real => (Type::FLOAT8, Type::FLOAT8_ARRAY),
            Self::Truth => (Type::BOOL, Type::BOOL_ARRAY),
            Self::Bytes => (Type::BYTEA, Type::BYTEA_ARRAY),
            Self::Text(_) => (Type::TEXT, Type::TEXT_ARRAY),
        }
    }
}
