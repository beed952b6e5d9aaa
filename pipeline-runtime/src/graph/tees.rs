//! Where what is made of each item goes into a side line.

use std::sync::Arc;

use super::lanes::Lanes;
use super::{Arrow, Port};
use crate::bounds::Item;
use crate::flow::edge::Meter;
use crate::flow::tee::{Half, MAIN, Main, SIDE, Side, Tee};
use crate::name::Name;
use crate::run::control::Close;
use crate::ticket::Carry;

/// The ports behind a `tee`, which is stage number `from`: that of the items, and that of what is beside them.
pub fn tee<T: Item, S: Item, Task, A: Carry>(
    port: Port<(T, S), Task, A>,
    from: usize,
) -> (Port<T, Task, A>, Port<S, Task, A>) {
    let tee = Tee::new(Arc::clone(&port.feed));
    let lanes = Lanes::at_once(&port.inputs, 2);
    let from = port.scope.stage(from).id;
    let arrow = |lane, label: Option<Name>| Arrow {
        from,
        meter: Arc::clone(&tee) as Arc<dyn Meter>,
        lane,
        label,
        bound: lanes.lane(lane),
        before: Vec::new(),
        parts: true,
    };
    let (main, side) = (arrow(MAIN, None), arrow(SIDE, Some("tee".into())));
    lines(port, &tee, main, side)
}

fn lines<T: Item, S: Item, Task, A: Carry>(
    port: Port<(T, S), Task, A>,
    tee: &Arc<Tee<T, S, A>>,
    main: Arrow,
    side: Arrow,
) -> (Port<T, Task, A>, Port<S, Task, A>) {
    let control = port.graph.control();
    control.closes(Arc::clone(tee) as Arc<dyn Close>);
    let side = Port {
        graph: port.graph.clone(),
        scope: port.scope.clone(),
        feed: Arc::new(Half::<T, S, A, Side>::of(tee)),
        inputs: vec![side],
        reporter: Arc::clone(&port.reporter),
        errors: port.errors.clone(),
        batches: false,
    };
    let main = Port {
        graph: port.graph,
        scope: port.scope,
        feed: Arc::new(Half::<T, S, A, Main>::of(tee)),
        inputs: vec![main],
        reporter: port.reporter,
        errors: port.errors,
        batches: false,
    };
    (main, side)
}

impl<T: Send + 'static, S: Send + 'static, A: Carry> Close for Tee<T, S, A> {
    fn close(&self) {
        Self::close(self);
    }
}
