//! The signals that end a program.

/// Waits for signals that ask the program to end.
pub(crate) struct Signals {
    #[cfg(unix)]
    kinds: Vec<tokio::signal::unix::Signal>,
}

impl Signals {
    /// From now on they do not end the program by themselves.
    #[cfg(unix)]
    pub(crate) fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};

        let kinds = [
            SignalKind::terminate(),
            SignalKind::interrupt(),
            SignalKind::hangup(),
        ];
        let kinds = kinds.into_iter().filter_map(|kind| {
            let listening = signal(kind);
            if let Err(error) = &listening {
                tracing::warn!(%error, ?kind, "a signal cannot be listened to");
            }
            listening.ok()
        });
        Self {
            kinds: kinds.collect(),
        }
    }

    #[cfg(not(unix))]
    pub(crate) fn listen() -> Self {
        Self {}
    }

    /// Waits for the next.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    #[cfg(unix)]
    pub(crate) async fn next(&mut self) {
        std::future::poll_fn(|cx| {
            let mut kinds = self.kinds.iter_mut();
            if kinds.any(|kind| kind.poll_recv(cx).is_ready()) {
                return std::task::Poll::Ready(());
            }
            std::task::Poll::Pending
        })
        .await;
    }

    #[cfg(not(unix))]
    pub(crate) async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
