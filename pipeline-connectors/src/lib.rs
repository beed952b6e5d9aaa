//! Sources and sinks of brigade that talk to something outside.
