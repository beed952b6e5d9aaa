//! A server that follows another, and takes its place.

use std::path::Path;

use super::system::User;
use super::{Cluster, PASSWORD};
use crate::or_skip;

impl Cluster {
    /// A standby of it on this machine, which streams what is written and may be read.
    #[must_use]
    pub fn standby(&self) -> Option<Self> {
        or_skip(Self::begin(None, None, Some(self)))
    }

    /// Makes a standby a server of its own, and waits until it is.
    ///
    /// # Panics
    ///
    /// If it does not become one.
    pub fn promote(&self) {
        let user = User::current().expect("somebody runs this");
        let mut promote = user.command(&self.programs.join("pg_ctl"));
        promote.arg("promote").arg("-w").arg("-D").arg(&self.data);
        let promoted = promote
            .current_dir("/")
            .output()
            .expect("there is `pg_ctl`");
        assert!(promoted.status.success(), "{promoted:?}");
    }

    /// Its data for a standby.
    pub(super) fn copy(&self, data: &Path, home: &Path, user: &User) -> Result<(), String> {
        user.owns(home)?;
        let mut copy = user.command(&self.programs.join("pg_basebackup"));
        copy.args(["--username=postgres", "--host", &self.here])
            .args(["--port", &self.port.to_string()])
            .args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync"])
            .arg(format!("--pgdata={}", data.display()))
            .env("PGPASSWORD", PASSWORD)
            .current_dir(home);
        let copied = copy.output();
        let copied = copied.map_err(|error| format!("pg_basebackup does not start: {error}"))?;
        if copied.status.success() {
            return Ok(());
        }
        let why = String::from_utf8_lossy(&copied.stderr);
        Err(format!("pg_basebackup fails: {}", why.trim()))
    }
}
