//! Random chains of stages that keep something, with failures, redeliveries and copies, ended at any moment: bounds hold,
//! all is accounted for, every delivery is resolved once, and none is acknowledged whose effect is missing.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use brigade::prelude::*;
use brigade::queue::Ask;
use proptest::prelude::*;

use crate::fakes::{Alive, Level, Log};
use crate::noted::Noted;
use crate::queues::{conserved, filled};

const AGE: Duration = Duration::from_millis(700);

/// How long what failed is left alone.
const DELAY: Duration = Duration::from_secs(1);

/// A stage that keeps something; what it hands on are the items that went in.
#[derive(Debug, Clone)]
enum Form {
    Dedup {
        most: usize,
        within: bool,
    },
    Batch {
        size: usize,
        groups: usize,
        ages: bool,
    },
    Stateful {
        every: usize,
        held: usize,
    },
    Fold {
        most: usize,
        groups: usize,
        ages: bool,
    },
}

impl Form {
    fn stage(&self, passed: &Log<u64>) -> Segment<Alive, Alive> {
        match *self {
            Self::Dedup { most, within } => {
                let within = if within { 3 * DELAY } else { Duration::MAX };
                let passed = passed.clone();
                pipeline! {
                    dedup(|item: &Alive| item.id) with { most: most, within: within },
                    tap(|item| passed.push(item.id)),
                }
            }
            Self::Batch { size, groups, ages } => {
                let age = if ages { AGE } else { Duration::MAX };
                pipeline! {
                    batch(size, age) with { by: |item: &Alive| item.id % 7, groups: groups },
                    flat_map(|(_, items)| items),
                }
            }
            Self::Stateful { every, held } => pipeline! {
                stateful(
                    Vec::new(),
                    |open: &mut Vec<Alive>, item| {
                        open.push(item);
                        if open.len() < every { Vec::new() } else { std::mem::take(open) }
                    },
                    |open| open
                ) with { held: held },
            },
            Self::Fold { most, groups, ages } => {
                let age = if ages { AGE } else { Duration::MAX };
                pipeline! {
                    fold(Vec::new(), Vec::push) with {
                        by: |item: &Alive| item.id % 5, most: most, groups: groups, within: age
                    },
                    flat_map(|(_, items): (u64, Vec<Alive>)| items),
                }
            }
        }
    }

    /// The most items that are in hands of the form's user: in a state, in a value.
    fn holds(&self) -> usize {
        match *self {
            Self::Dedup { .. } | Self::Batch { .. } => 0,
            Self::Stateful { every, held } => 2 * every.min(held + 1),
            // Also while one is handed on, and while one waits.
            Self::Fold { most, groups, .. } => most * (groups + 2),
        }
    }
}

fn form() -> impl Strategy<Value = Form> {
    prop_oneof![
        (prop_oneof![Just(1000), 1..20_usize], any::<bool>())
            .prop_map(|(most, within)| Form::Dedup { most, within }),
        (1..6_usize, 1..6_usize, any::<bool>()).prop_map(|(size, groups, ages)| Form::Batch {
            size,
            groups,
            ages
        }),
        (1..6_usize, 1..9_usize).prop_map(|(every, held)| Form::Stateful { every, held }),
        (1..6_usize, 1..6_usize, any::<bool>()).prop_map(|(most, groups, ages)| Form::Fold {
            most,
            groups,
            ages
        }),
    ]
}

#[derive(Debug, Clone, Copy)]
enum End {
    Itself,
    Abort(u64),
    Drain(u64),
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        3 => Just(End::Itself),
        1 => (0..200_u64).prop_map(End::Abort),
        1 => (0..200_u64).prop_map(End::Drain),
    ]
}

/// A message fails at most so often, as a mix of its number and of chance says.
fn fails(id: u64, tries: &mut u64, salt: u64) -> bool {
    *tries += 1;
    let mixed = (id ^ salt).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    *tries <= mixed % 4
}

async fn holds(
    forms: Vec<Form>,
    bodies: Vec<u64>,
    salt: u64,
    end: End,
) -> Result<(), TestCaseError> {
    let inner = filled(bodies.clone()).await;
    let queue = Noted::of(inner);
    let (level, written) = (Level::default(), Log::default());
    let passed = [Log::default(), Log::default()];
    let deliveries = queue.clone().deliveries().until_idle();
    let stats = deliveries.stats();
    let (counting, writing) = (level.clone(), written.clone());
    let tries = Arc::new(Mutex::new(HashMap::<u64, u64>::new()));
    let stages: Vec<_> = forms
        .iter()
        .zip(&passed)
        .map(|(form, log)| form.stage(log))
        .collect();
    let [first, second] = <[_; 2]>::try_from(stages).unwrap();
    let pipeline = pipeline! {
        [deliveries, queue::nacks(DELAY)]
        map(|delivery| Alive::new(*delivery, &counting)),
        through(first),
        through(second),
        :async 3 map(async |item: Alive| {
            tokio::time::sleep(Duration::from_millis(item.id % 50)).await;
            let failed = fails(item.id, tries.lock().unwrap().entry(item.id).or_default(), salt);
            if failed { Err("not yet") } else { Ok(item) }
        })?,
        :drive sink::each(move |item: Alive| writing.push(item.id)),
    };
    let plan = pipeline.plan();
    let most = plan.max_items + forms.iter().map(Form::holds).sum::<usize>();
    let mut running = pipeline.spawn();
    let until = match end {
        End::Itself => u64::MAX,
        End::Abort(after) | End::Drain(after) => after,
    };
    loop {
        let (counts, report) = (conserved(&stats), running.report());
        for row in &report.rows {
            let handed = row.inputs.iter().map(|arrow| arrow.handed).sum::<u64>();
            prop_assert!(row.inputs.is_empty() || handed <= row.entered);
            prop_assert!(
                row.done + row.filtered + row.failed <= row.entered,
                "{report}"
            );
        }
        prop_assert!(level.peak() <= most, "{} of {most}\n{plan}", level.peak());
        if counts.acked + counts.nacked >= until || futures::poll!(&mut running).is_ready() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    match end {
        End::Itself => {}
        End::Abort(_) => drop(running.abort().await),
        End::Drain(_) => {
            let report = running.drain(Duration::from_secs(1000)).await;
            prop_assert!(report.unwrap().conserved());
        }
    }
    let waited = tokio::time::timeout(Duration::from_secs(1000), async {
        while conserved(&stats).in_flight > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    prop_assert!(waited.await.is_ok(), "it stays at {:?}", stats.snapshot());
    prop_assert_eq!(level.now(), 0);
    let counts = conserved(&stats);
    prop_assert_eq!((counts.acked, counts.lost), (queue.acked().len() as u64, 0));

    audited(&forms, &bodies, end, &queue, &written).await?;
    let nacked = queue.nacked();
    for (form, passed) in forms.iter().zip(passed) {
        if let Form::Dedup {
            most: 1000,
            within: false,
        } = form
        {
            passes_once_and_when_given_back(&passed.take(), &nacked)?;
        }
    }
    Ok(())
}

/// What the queue was told, and has left.
async fn audited(
    forms: &[Form],
    bodies: &[u64],
    end: End,
    queue: &Noted,
    written: &Log<u64>,
) -> Result<(), TestCaseError> {
    let (acked, inner) = (queue.acked(), &queue.inner);
    let once: HashSet<_> = acked.iter().map(|(receipt, _)| receipt.clone()).collect();
    prop_assert_eq!(acked.len(), once.len(), "acknowledged twice");
    prop_assert_eq!(inner.len(), bodies.len() - acked.len());
    tokio::time::sleep(Duration::from_secs(1000)).await;
    let left = inner
        .receive(Ask::new(usize::MAX, Duration::ZERO))
        .await
        .unwrap();
    let left: HashSet<u64> = left.iter().map(|message| message.body).collect();
    let written: HashSet<u64> = written.take().into_iter().collect();
    let drops_copies = forms.iter().any(|form| matches!(form, Form::Dedup { .. }));
    for (_, body) in &acked {
        // A copy is dropped while its first is there still.
        let is_kept = drops_copies && left.contains(body);
        prop_assert!(
            written.contains(body) || is_kept,
            "{body} is acknowledged and not done"
        );
    }
    if matches!(end, End::Itself) {
        prop_assert!(left.is_empty());
    }
    Ok(())
}

fn passes_once_and_when_given_back(passed: &[u64], nacked: &[u64]) -> Result<(), TestCaseError> {
    let mut passes = HashMap::<u64, usize>::new();
    for body in passed {
        *passes.entry(*body).or_default() += 1;
    }
    for (body, passes) in passes {
        let given_back = nacked.iter().filter(|other| **other == body).count();
        prop_assert!(
            passes <= 1 + given_back,
            "{body} passed {passes} times, given back {given_back} times"
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_kept_is_bounded_accounted_for_and_done_before_it_is_acknowledged(
        forms in prop::collection::vec(form(), 2),
        bodies in prop::collection::vec(0..60_u64, 1..120),
        salt in any::<u64>(),
        end in end(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(holds(forms, bodies, salt, end))?;
    }
}
