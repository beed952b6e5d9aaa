//! Sources that read something outside. Each is a [`Source`](pipeline_runtime::source::Source);
//! [`conformance::source`](crate::conformance::source()) has the tests that one of your own should pass.

#[cfg(feature = "files")]
pub use crate::files::{Files, files};
#[cfg(feature = "_lines")]
pub use crate::lines::{BYTE_BOUND, LINE_LIMIT, LastLine, LineError, LineErrorKind};
#[cfg(feature = "_lines")]
pub use crate::lines_of::{LinesOf, lines_of};
#[cfg(feature = "postgres")]
pub use crate::postgres::{
    PostgresRows, PostgresRowsBuilder, RowsError, RowsPosition, RowsSnapshot, RowsStats,
};
#[cfg(feature = "_reader")]
pub use crate::reader::{DECODER_MEMORY, ReadError, ReadErrorKind, ReadSnapshot, ReadStats};
#[cfg(feature = "stdin")]
pub use crate::stdin::{Stdin, stdin};
#[cfg(feature = "tcp")]
pub use crate::tcp::{BindError, Listen, Tcp, TcpSnapshot, TcpStats, tcp};
