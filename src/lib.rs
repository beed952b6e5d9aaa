//! brigade

#[doc(hidden)]
pub use pipeline_macros::__pipeline;
#[doc(hidden)]
pub use pipeline_runtime::private as __private;
pub use pipeline_runtime::{
    BoxError, Cause, Driven, Failure, Origin, Pipeline, Plan, Report, Retry, Running, Segment,
    StageInfo,
};

pub mod source {
    //! The input end.
    #[cfg(feature = "tcp")]
    pub use pipeline_connectors::{BindError, Listen, Tcp, TcpSnapshot, TcpStats, tcp};
    #[cfg(feature = "files")]
    pub use pipeline_connectors::{Files, files};
    #[cfg(any(feature = "files", feature = "stdin", feature = "tcp"))]
    pub use pipeline_connectors::{LineError, LineErrorKind};
    #[cfg(any(feature = "files", feature = "stdin"))]
    pub use pipeline_connectors::{Progress, ProgressSnapshot, ReadError, ReadErrorKind};
    #[cfg(feature = "stdin")]
    pub use pipeline_connectors::{Stdin, stdin};
    pub use pipeline_runtime::source::*;
}
pub mod sink {
    //! The output end.
    #[cfg(feature = "sqlite")]
    pub use pipeline_connectors::{
        Binder, Database, OpenError, OpenErrorKind, Row, RowError, Sqlite, Synchronous, Table,
        TableBuilder, TableSnapshot, TableStats, ToSql, Value, Values, WriteError, sqlite,
    };
    pub use pipeline_runtime::sink::*;
}

/// Wires the stages of a pipeline.
#[macro_export]
macro_rules! pipeline {
    ($($stages:tt)*) => { $crate::__pipeline! { $crate ; $($stages)* } };
}

pub mod prelude {
    //! `use brigade::prelude::*;`
    pub use crate::{Cause, Failure, Pipeline, Retry, Segment, pipeline, sink, source};
}
