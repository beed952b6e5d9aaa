//! Which public types, and futures, may go from thread to thread.

use brigade::service::lease::{FenceError, Lease, LeaseError, MemoryLeases, Stale};
use brigade::service::{
    Broadcast, Clock, Context, Control, ControlError, Events, Gap, Invalid, Leader,
    MemorySchedules, Noted, Restart, RunningService, Schedule, ScheduleError, Service,
    ServiceError, State, Status, Stopping, Subscription, Tick,
};

fn send<T: Send>() {}
fn sync<T: Sync>() {}
fn is_send<T: Send>(of: T) -> T {
    of
}

/// What may be shared, and needs not be cloned.
type Shared = std::sync::atomic::AtomicU8;

macro_rules! table {
    ($($type:ty: $($check:ident)*;)*) => {$($($check::<$type>();)*)*};
}

#[test]
fn public_types_may_be_sent_and_shared_as_the_table_says() {
    table! {
        Broadcast<u8>: send sync;
        Clock: send sync;
        Context<Shared>: send sync;
        Control: send sync;
        ControlError: send sync;
        Events<u8>: send;
        Gap: send sync;
        Invalid: send sync;
        Leader: send sync;
        LeaseError: send sync;
        FenceError: send sync;
        Lease: send sync;
        MemoryLeases: send sync;
        MemorySchedules: send sync;
        Noted: send sync;
        Restart: send sync;
        RunningService: send sync;
        Schedule: send sync;
        ScheduleError: send sync;
        Service<Shared>: send sync;
        ServiceError: send sync;
        Stale: send sync;
        State: send sync;
        Status: send sync;
        Stopping: send sync;
        Subscription<u8>: send;
        Tick: send sync;
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_runs_in_a_task_of_its_own() {
    let service =
        || Service::new("test", Shared::new(0)).process("ends", |p| p.task(|_, _| async {}));
    tokio::spawn(is_send(service().run()))
        .await
        .unwrap()
        .unwrap();
    let never = std::future::pending::<()>();
    tokio::spawn(is_send(service().run_until(never)))
        .await
        .unwrap()
        .unwrap();
    let running = tokio::spawn(is_send(service().start()))
        .await
        .unwrap()
        .unwrap();
    tokio::spawn(is_send(running.stop()))
        .await
        .unwrap()
        .unwrap();
}
