//! Where what is made of each item goes into a side line.

use std::sync::Arc;

use super::lanes::Lanes;
use super::{Arrow, Port};
use crate::bounds::Item;
use crate::flow::edge::Meter;
use crate::flow::feed::Feed;
use crate::flow::tee::{Half, MAIN, Main, SIDE, Side, Tee};
use crate::run::control::Close;
use crate::ticket::{Carried, Carry};

/// The ports behind a `tee`, which is stage number `from`: that of the items, and that of what is beside them.
pub fn tee<T: Item, S: Item, Task, A: Carry>(
    port: Port<(T, S), Task, A>,
    from: usize,
) -> (Port<T, Task, A>, Port<S, Task, A>) {
    let tee = Tee::new(Arc::clone(&port.feed));
    let control = port.graph.control();
    control.closes(Arc::clone(&tee) as Arc<dyn Close>);
    let from = port.scope.stage(from).id;
    let lanes = Lanes::at_once(&port.inputs, 2);
    let arrow = |lane, label: Option<&'static str>| Arrow {
        from,
        meter: Arc::clone(&tee) as Arc<dyn Meter>,
        lane,
        label: label.map(Into::into),
        bound: lanes.lane(lane),
        before: Vec::new(),
        parts: true,
    };
    let main = line(&port, Half::<T, S, A, Main>::of(&tee), arrow(MAIN, None));
    let side = line(
        &port,
        Half::<T, S, A, Side>::of(&tee),
        arrow(SIDE, Some("tee")),
    );
    (main, side)
}

fn line<E, I, Task, A>(
    port: &Port<E, Task, A>,
    feed: impl Feed<Carried<I, A>> + 'static,
    arrow: Arrow,
) -> Port<I, Task, A> {
    Port {
        graph: port.graph.clone(),
        scope: port.scope.clone(),
        feed: Arc::new(feed),
        inputs: vec![arrow],
        reporter: Arc::clone(&port.reporter),
        errors: port.errors.clone(),
        batches: false,
    }
}

impl<T: Send + 'static, S: Send + 'static, A: Carry> Close for Tee<T, S, A> {
    fn close(&self) {
        Self::close(self);
    }
}
