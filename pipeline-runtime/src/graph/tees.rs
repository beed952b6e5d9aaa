//! Where what is made of each item goes into a side line.

use std::sync::Arc;

use super::lanes::Lanes;
use super::{Arrow, Bounded, Keeps, Port, StateBound, Unbuffered};
use crate::bounds::Item;
use crate::errors::Aside;
use crate::flow::edge::Meter;
use crate::flow::tee::{Half, MAIN, Main, SIDE, Side, Tee};
use crate::run::control::Close;
use crate::ticket::Carry;

/// The ports behind a `tee`, which is stage number `from`: that of the items, and that of what is beside them.
pub fn tee<T: Item, S: Item, Task, A: Carry>(
    port: Port<(T, S), Task, A>,
    from: usize,
) -> (Port<T, Task, A>, Port<S, Task, A>) {
    let tee = Tee::new(Arc::clone(&port.feed), None);
    let lanes = Lanes::at_once(&port.inputs, 2);
    let arrow = |lane, label| Arrow {
        label,
        parts: true,
        ..arrow(&port, &tee, from, lane, lanes.lane(lane))
    };
    let (main, side) = (arrow(MAIN, None), arrow(SIDE, Some("tee".into())));
    lines(port, &tee, main, side)
}

/// The same where nothing waits for the side line, which may be `lag` items behind.
pub fn lossy<T: Item, S: Item, Task: Item, A: Carry>(
    port: Port<(T, S), Task, A>,
    from: usize,
    lag: usize,
) -> (Port<T, Task, A>, Port<S, Task, A>) {
    let stage = port.scope.stage(from);
    let tee = Tee::new(Arc::clone(&port.feed), Some(lag));
    let lanes = Lanes::at_once(&port.inputs, 1);
    let main = arrow(&port, &tee, from, MAIN, lanes.lane(MAIN));
    let side = Arrow {
        label: Some("tee, lossy".into()),
        ..arrow(&port, &tee, from, SIDE, Arc::new(Unbuffered(lag)))
    };
    let (main, side) = lines(port, &tee, main, side);
    let graph = main.graph.beside();
    let line = graph.control();
    line.closes(Arc::new(Door(tee)));
    let reporter = Aside::new(Arc::clone(&main.reporter), line, main.graph.control());
    let mut build = graph.lock();
    if lag == 0 {
        let has = "a side line that may be 0 items behind";
        build.invalid(&stage, "lossy", has, "it is at least 1, or nothing goes in");
    }
    let mut groups = build.groups.iter_mut();
    if let Some(group) = groups.find(|group| group.has(stage.id)) {
        let bound = StateBound::Behind(lag);
        group.state = Some(Keeps { bound, items: lag });
    }
    drop(build);
    let reporter = Arc::new(reporter);
    let side = Port {
        graph,
        reporter,
        ..side
    };
    (main, side)
}

fn arrow<T: Item, S: Item, Task, A: Carry>(
    port: &Port<(T, S), Task, A>,
    tee: &Arc<Tee<T, S, A>>,
    from: usize,
    lane: usize,
    bound: Arc<dyn Bounded>,
) -> Arrow {
    Arrow {
        from: port.scope.stage(from).id,
        meter: Arc::clone(tee) as Arc<dyn Meter>,
        lane,
        label: None,
        bound,
        before: Vec::new(),
        parts: false,
    }
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

/// Where a lossy side line begins.
struct Door<T, S, A>(Arc<Tee<T, S, A>>);

impl<T: Send + 'static, S: Send + 'static, A: Carry> Close for Door<T, S, A> {
    fn close(&self) {
        self.0.leave();
    }
}
