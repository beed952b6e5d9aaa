//! Stages that keep items for a while, and hand on those that went in.

use std::sync::Arc;
use std::time::Duration;

use pipeline_runtime::private::{
    Bounds, Carry, Cx, Emitter, Entry, Never, Opts, Port, Sight, Step, batch_by, dedup, drive_flat,
    flat_fn, fold_by, pass, stage, stateful, work,
};

use crate::shape::{Form, Group, Keeps, Kind};
use crate::world::Alive;

const AGE: Duration = Duration::from_millis(3);

pub(crate) fn keep<K: Carry>(port: Port<Alive, (), K>, keeps: &Keeps) -> Port<Alive, (), K> {
    let Keeps {
        stage: number,
        size,
        groups,
        ..
    } = *keeps;
    let opts = Opts::tasks(number..number + 1, number);
    let within = keeps.ages.then_some(AGE);
    let by = move |entry: Entry<Alive, Never>, _: &Cx| {
        let item = entry.fresh();
        Step::Emit((item.id.number % 3, item))
    };
    match keeps.form {
        Form::Dedup => dedup(
            port,
            opts,
            10_000,
            None,
            move |entry: Entry<Alive, Never>, sight: &Sight<'_>| {
                let item = entry.fresh();
                if sight.knows(item.id) {
                    Step::Filtered(number)
                } else {
                    Step::Emit(item)
                }
            },
        ),
        Form::BatchBy => {
            let batches = |entry: Entry<(u64, Vec<Alive>), Never>, _: &Cx| {
                let (_, batch) = entry.fresh();
                Step::Emit(batch)
            };
            let port = batch_by(port, opts, size, within, groups, by, batches);
            taken_apart(port, &keeps.apart)
        }
        Form::Fold => {
            let bounds = Bounds {
                most: Some(size),
                within,
                groups,
            };
            let begin = || Step::Emit(Vec::new());
            let add = |folded: &mut Vec<Alive>, item| {
                folded.push(item);
                Step::Emit(())
            };
            let values = |entry: Entry<(u64, Vec<Alive>), Never>, _: &Cx| {
                let (_, folded) = entry.fresh();
                Step::Emit(folded)
            };
            let port = fold_by(port, opts, bounds, by, begin, add, values);
            taken_apart(port, &keeps.apart)
        }
        Form::Stateful => stateful(
            port,
            opts,
            Some(size),
            || Step::Emit(Vec::new()),
            move |open: &mut Vec<Alive>, item| {
                open.push(item);
                let whole = open.len() >= size;
                let out = if whole {
                    std::mem::take(open)
                } else {
                    Vec::new()
                };
                Step::Emit(out.into_iter())
            },
            |open: Vec<Alive>| Step::Emit(open.into_iter()),
            pass,
        ),
    }
}

fn taken_apart<K: Carry>(port: Port<Vec<Alive>, (), K>, group: &Group) -> Port<Alive, (), K> {
    let number = group.stage;
    let range = number..number + 1;
    let opts = match group.kind {
        Kind::Tasks => Opts::tasks(range, number),
        Kind::Block => Opts::block(range, number),
        Kind::Async => Opts::asynchronous(range, number),
    };
    let opts = opts.count(group.count).buffer(group.buffer);
    let (half, work) = work(port, opts.window(group.window));
    let call = async move |entry: Entry<Vec<Alive>, Never>, emitter: Emitter<Alive, (), K>| {
        for item in entry.fresh() {
            emitter.emitted(number);
            if emitter.emit(item).await.is_break() {
                return Step::Gone;
            }
        }
        Step::Emit(())
    };
    let call = flat_fn(&work, call);
    stage(half, move || {
        Box::pin(drive_flat(work.clone(), Arc::clone(&call)))
    })
}
