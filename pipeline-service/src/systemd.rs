//! What systemd is told: that the service is ready, that it stops, and that it is alive.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use pipeline_runtime::Name;
use sd_notify::NotifyState;

use crate::control::Control;
use crate::core::{Core, Phase};

/// How long a supervisor has to answer.
const ANSWER: Duration = Duration::from_secs(1);

/// Tells systemd, as long as the service runs; where the program was not started by it, nothing happens.
pub(crate) async fn tells(core: Arc<Core>) -> Infallible {
    let beats = async {
        // Half of the time that systemd waits for.
        let Some(every) = sd_notify::watchdog_enabled().map(|limit| limit / 2) else {
            return std::future::pending::<()>().await;
        };
        let mut beat = tokio::time::interval(every);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            beat.tick().await;
            if let Some(process) = silent(&core).await {
                tracing::warn!(%process, "a supervisor does not answer: systemd is not told that the service is alive");
            } else {
                tell(NotifyState::Watchdog);
            }
        }
    };
    let states = async {
        core.until(|status| status.ready || status.stopping).await;
        if !core.is_stopping() {
            tell(NotifyState::Ready);
        }
        let mut phase = core.phase();
        // An error would mean that there is no sender, which the core has.
        let _ = phase.wait_for(|phase| *phase != Phase::Running).await;
        tell(NotifyState::Stopping);
    };
    tokio::join!(beats, states);
    std::future::pending().await
}

/// A process whose supervisor does not answer, if there is one. At a stop they end one by one.
async fn silent(core: &Arc<Core>) -> Option<Name> {
    let control = Control(Arc::clone(core));
    for name in &core.names {
        let answer = tokio::time::timeout(ANSWER, control.ping(name)).await;
        if answer.is_err() && !core.is_stopping() {
            return Some(name.clone());
        }
    }
    None
}

fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "systemd cannot be told");
    }
}
