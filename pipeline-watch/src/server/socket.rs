//! A socket in the file system, which its owner alone may open.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream as Plain};
use std::path::{Path, PathBuf};

use tokio::net::UnixStream;
use tokio::task::spawn_blocking;

use super::connections::{Accepts, Listens};
use crate::error::ServeError;

/// A socket that is ours, and is removed with this.
pub(crate) struct Socket {
    listener: UnixListener,
    path: Removed,
}

/// A path that is removed when this is dropped.
pub(crate) struct Removed(pub(crate) PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        // Somebody may have removed it already.
        let _ = fs::remove_file(&self.0);
    }
}

impl Socket {
    pub(crate) async fn at(path: PathBuf) -> Result<Self, ServeError> {
        let to = path.clone();
        let bound = spawn_blocking(move || bind(&to)).await;
        bound
            .unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(|error| ServeError::Bind {
                address: path.display().to_string(),
                error,
            })
    }

    pub(crate) fn into_parts(self) -> (UnixListener, Removed) {
        (self.listener, self.path)
    }
}

/// Made in a folder that nobody else can enter, and moved from there when its mode is right: it is open to others at no time.
fn bind(path: &Path) -> io::Result<Socket> {
    if !is_free(path)? {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    let mut folder = path.as_os_str().to_owned();
    folder.push(format!(".{}", std::process::id()));
    let folder = PathBuf::from(folder);
    DirBuilder::new().mode(0o700).create(&folder)?;
    let made = made(&folder.join("s"), path);
    fs::remove_dir_all(&folder)?;
    made
}

fn made(first: &Path, path: &Path) -> io::Result<Socket> {
    let listener = UnixListener::bind(first)?;
    listener.set_nonblocking(true)?;
    fs::set_permissions(first, Permissions::from_mode(0o600))?;
    fs::rename(first, path)?;
    Ok(Socket {
        listener,
        path: Removed(path.to_owned()),
    })
}

/// Whether nothing is there but a socket that nobody listens on.
fn is_free(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
        Ok(there) if !there.file_type().is_socket() => Ok(false),
        Ok(_) => Ok(Plain::connect(path)
            .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)),
    }
}

impl Listens for UnixListener {
    type Accepts = tokio::net::UnixListener;

    fn enters(self) -> io::Result<Self::Accepts> {
        Self::Accepts::from_std(self)
    }
}

impl Accepts for tokio::net::UnixListener {
    type Stream = UnixStream;

    async fn accepts(&self) -> io::Result<UnixStream> {
        Ok(self.accept().await?.0)
    }
}
