//! As what the values of a column are sent.

use tokio_postgres::types::{Kind, Type};

use crate::table::quoted;

/// A column that is read.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) form: Form,
}

/// What the text, number or bytes of a column stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// What it is.
    Plain,
    /// A moment or a day: as ISO 8601 has it.
    Moment,
    /// A number, in digits.
    Number,
    /// JSON.
    Json,
    /// An array or a row: JSON of it.
    Composed,
    /// Anything else: as PostgreSQL writes it.
    Written,
}

impl Form {
    /// Of a type that the client knows.
    pub(super) fn of(of: &Type) -> Self {
        match *of {
            Type::INT2
            | Type::INT4
            | Type::INT8
            | Type::OID
            | Type::FLOAT4
            | Type::FLOAT8
            | Type::BOOL
            | Type::BYTEA
            | Type::TEXT
            | Type::VARCHAR
            | Type::BPCHAR
            | Type::NAME => Self::Plain,
            Type::TIMESTAMP | Type::TIMESTAMPTZ | Type::DATE => Self::Moment,
            Type::NUMERIC => Self::Number,
            Type::JSON | Type::JSONB => Self::Json,
            _ => match of.kind() {
                Kind::Array(_) | Kind::Composite(_) => Self::Composed,
                Kind::Domain(of) => Self::of(of),
                _ => Self::Written,
            },
        }
    }

    /// Of a type that is only described: `A` and `C` are the categories of arrays and of rows.
    pub(super) fn described(oid: u32, category: &str) -> Self {
        match (Type::from_oid(oid), category) {
            (_, "A" | "C") => Self::Composed,
            (Some(of), _) => Self::of(&of),
            _ => Self::Written,
        }
    }
}

impl Column {
    /// What is selected for it from `of`.
    pub(super) fn expression(&self, of: &str) -> String {
        let column = format!("{of}.{}", quoted(&self.name));
        self.form.expression(&column)
    }

    /// How many bytes of it are sent: text and bytes are asked for their length without being read.
    pub(super) fn size(&self, of: &str, fixed: bool) -> String {
        if fixed {
            return "8".into();
        }
        let expression = self.expression(of);
        format!("coalesce(octet_length({expression}), 0)")
    }
}

impl Form {
    pub(super) fn expression(self, column: &str) -> String {
        match self {
            Self::Plain => column.to_owned(),
            Self::Moment => format!("(to_json({column}) #>> '{{}}')"),
            Self::Composed => format!("to_json({column})::text"),
            Self::Number | Self::Json | Self::Written => format!("{column}::text"),
        }
    }
}

/// Whether all values of it are as long, so that nobody has to ask for their length.
pub(super) fn is_fixed(oid: u32) -> bool {
    let fixed = [
        Type::INT2,
        Type::INT4,
        Type::INT8,
        Type::OID,
        Type::FLOAT4,
        Type::FLOAT8,
        Type::BOOL,
    ];
    Type::from_oid(oid).is_some_and(|of| fixed.contains(&of))
}
