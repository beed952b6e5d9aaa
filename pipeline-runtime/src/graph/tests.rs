use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use super::{Crew, Graph, Group, Port, Unbuffered};
use crate::flow::edge::{Held, Meter};
use crate::graph::{Opts, Permit};
use crate::measure::counts::Counts;
use crate::pipeline::{finish, open};
use crate::plan::Plan;
use crate::run::control::Close as _;
use crate::running::rows_of;
use crate::runs::Runs;
use crate::site::{Site, StageMeta};
use crate::source;
use crate::stage::{pass, sync};
use crate::watched::Watched;

const fn meta(name: &'static str) -> StageMeta {
    StageMeta {
        name,
        line: 1,
        command: name,
        frames: &[],
        inlets: &[],
    }
}

static SITE: Site = Site {
    file: "tests.rs",
    stages: &[meta("first"), meta("left"), meta("right"), meta("last")],
};

fn stage(port: Port<u64, ()>, number: usize) -> Port<u64, ()> {
    sync(port, Opts::tasks(number..number + 1, number), pass)
}

/// The same place once more, as behind what divides items.
fn again(port: &Port<u64, ()>) -> Port<u64, ()> {
    Port {
        graph: port.graph.clone(),
        scope: port.scope.clone(),
        feed: Arc::clone(&port.feed),
        inputs: port.inputs.clone(),
        reporter: Arc::clone(&port.reporter),
        errors: port.errors.clone(),
        batches: port.batches,
    }
}

/// Two ports that go on from one stage, and a stage that both lead to.
fn diamond() -> Graph {
    let port = stage(open::<_, ()>(source::iter(0..10_u64), &SITE), 0);
    let (left, right) = (stage(again(&port), 1), stage(port, 2));
    let mut inputs = left.inputs.clone();
    inputs.extend(right.inputs);
    let last = stage(Port { inputs, ..left }, 3);
    finish(last).graph
}

#[test]
fn a_row_may_have_several_arrows_in_and_out() {
    let diamond = diamond();
    let build = diamond.lock();
    let plan = Plan::of(&build.groups, &build.budgets);
    let chart = plan.to_mermaid();
    let arrows: Vec<_> = chart.lines().filter(|line| line.contains("-->")).collect();
    assert_eq!(
        arrows,
        [
            "    s0 -->|\"≤ 0\"| s1",
            "    s1 -->|\"≤ 8192\"| s2",
            "    s1 -->|\"≤ 8192\"| s3",
            "    s2 -->|\"≤ 8192\"| s4",
            "    s3 -->|\"≤ 8192\"| s4",
        ]
    );
    let graph = plan.to_dot();
    for arrow in ["s1 -> s2", "s1 -> s3", "s2 -> s4", "s3 -> s4"] {
        assert!(graph.contains(arrow), "no {arrow} in\n{graph}");
    }
}

#[test]
fn the_groups_in_front_of_a_port_are_those_of_all_its_arrows() {
    let graph = diamond();
    let build = graph.lock();
    let names = |groups: Vec<&Group>| -> Vec<_> {
        let names = groups.iter().map(|group| group.main().name.clone());
        names.collect()
    };
    let (right, last) = (&build.groups[3], &build.groups[4]);
    assert_eq!(names(build.in_front(&right.inputs)), ["source", "first"]);
    assert_eq!(
        names(build.in_front(&last.inputs)),
        ["source", "first", "left", "right"]
    );
}

struct Fixed(Mutex<Counts>);

impl Meter for Fixed {
    /// It hangs if it is held twice.
    fn hold(&self) -> Box<dyn Held + '_> {
        let counts: MutexGuard<'_, Counts> = self.0.lock().unwrap();
        Box::new(counts)
    }
}

#[test]
fn what_comes_into_a_row_is_the_sum_over_its_arrows() {
    let graph = Graph::of(&SITE);
    let source = graph.source("source".into());
    let scope = graph.scope(&SITE, None);
    let group = |stages, inputs, handed| {
        let mut counts = Counts::of(1);
        (counts.resolved, counts.emitted, counts.handed) = (7, handed, handed);
        Group {
            beside: None,
            metas: &[],
            stages,
            kind: Runs::Tasks,
            main: 0,
            count: 1,
            inputs,
            own: Arc::new(Fixed(Mutex::new(counts))),
            timing: Arc::default(),
            per_credit: 1,
            bound: Arc::new(Unbuffered(0)),
            state: None,
            side: None,
            crew: Crew::of(1),
            resize: None,
        }
    };
    let first = group(vec![source], Vec::new(), 7);
    let left = group(scope.stages(1..2), vec![first.arrow()], 30);
    let right = group(scope.stages(2..3), vec![first.arrow()], 4);
    let last = group(scope.stages(3..4), vec![left.arrow(), right.arrow()], 0);
    let rows = rows_of(&[first, left, right, last]);
    let sums: Vec<_> = rows.iter().map(|row| (row.entered, row.held)).collect();
    assert_eq!(sums, [(7, 0), (7, 0), (7, 0), (34, 27)]);
    let arrows: Vec<_> = rows[3]
        .inputs
        .iter()
        .map(|arrow| (arrow.from, arrow.handed))
        .collect();
    assert_eq!(arrows, [(rows[1].id, 30), (rows[2].id, 4)]);
}

#[test]
fn where_the_input_has_ended_as_many_workers_stay_as_may_work() {
    let (woken, crew) = (Arc::new(Watched::default()), Crew::of(3));
    let waker = Waker::from(Arc::clone(&woken));
    let ask = |place| crew.poll_permit(place, &mut Context::from_waker(&waker));
    (0..3).for_each(|_| crew.join());
    assert!(crew.permit(1));
    assert_eq!(ask(1), Poll::Pending);
    assert_eq!(ask(2), Poll::Pending);
    // The one that may work finds the end, and leaves: of the others one stays, for what is still to be tried again.
    assert!(!crew.leave());
    assert_eq!(woken.take(), 2);
    assert_eq!(ask(2), Poll::Ready(Permit::Resigned));
    assert_eq!(ask(1), Poll::Ready(Permit::Granted));
    assert!(crew.leave());
    assert!(!crew.permit(2), "the group has ended");
}

#[test]
fn a_worker_that_waits_for_a_permit_is_told_that_nobody_wants_more() {
    let (woken, crew) = (Arc::new(Watched::default()), Crew::of(1));
    let waker = Waker::from(Arc::clone(&woken));
    let ask = || crew.poll_permit(1, &mut Context::from_waker(&waker));
    assert_eq!(ask(), Poll::Pending);
    crew.close();
    assert_eq!(woken.take(), 1);
    assert_eq!(ask(), Poll::Ready(Permit::Gone));
    assert!(!crew.permit(2));
}
