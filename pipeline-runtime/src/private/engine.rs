//! SKELETON: signatures are final, bodies follow.
#![allow(unused_variables, missing_docs, clippy::all, clippy::pedantic)]
use crate::failure::Failure;
use crate::opts::Opts;
use crate::sink::Sink;
use crate::source::Source;
use crate::step::*;
use std::future::Future;
use std::ops::{AsyncFn, ControlFlow};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

pub struct Port<T, Task>(std::marker::PhantomData<fn() -> (T, Task)>);
pub struct Half<O, Task>(std::marker::PhantomData<fn() -> (O, Task)>);
pub struct Work<T, M, O, Task>(std::marker::PhantomData<fn() -> (T, M, O, Task)>);
impl<T, M, O, Task> Clone for Work<T, M, O, Task> {
    fn clone(&self) -> Self {
        todo!()
    }
}
pub struct Emitter<O, Task>(std::marker::PhantomData<fn() -> (O, Task)>);
pub struct Cx(());
pub struct Outlet<T, Task>(std::marker::PhantomData<fn() -> (T, Task)>);
pub struct Inline<I, F, O, Task>(I, F, std::marker::PhantomData<fn() -> (O, Task)>);
pub struct Boxed<T, Task>(std::marker::PhantomData<fn() -> (T, Task)>);
#[must_use = "a pipeline does nothing until it is run"]
pub struct Pipeline<T, Task = (), S = Boxed<T, Task>>(
    std::marker::PhantomData<fn() -> (T, Task, S)>,
);
pub struct Segment<In, Out>(std::marker::PhantomData<fn() -> (In, Out)>);
pub enum Driven {}
pub struct Hint<T>(std::marker::PhantomData<fn() -> T>);
impl<T> Clone for Hint<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Hint<T> {}
impl<T> Hint<T> {
    pub fn of(self, _: &T) {}
}
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an input of a pipeline",
    note = "an input is …"
)]
pub trait Input: Send + 'static {
    type Item: Send + 'static;
}
impl<S: Source> Input for S {
    type Item = S::Item;
}
impl<T: Send + 'static> Input for Vec<T> {
    type Item = T;
}
impl<T: Send + 'static> Input for std::ops::Range<T>
where
    std::ops::Range<T>: Iterator<Item = T>,
{
    type Item = T;
}
impl<T: Send + 'static> Input for tokio::sync::mpsc::Receiver<T> {
    type Item = T;
}
impl<T: Send + 'static, Task: Send + 'static, S: Send + 'static> Input for Pipeline<T, Task, S> {
    type Item = T;
}
impl<T: Send + 'static> Sink<T> for tokio::sync::mpsc::Sender<T> {
    async fn write(&self, items: Vec<T>) -> Result<crate::sink::Written, crate::sink::SinkError> {
        todo!()
    }
}

/// What a group's function and what it captures must be; one trait, so that rustc says one thing.
#[diagnostic::on_unimplemented(
    message = "a stage's function captures something that threads cannot share"
)]
pub trait Portable: Send + Sync + 'static {}
#[diagnostic::do_not_recommend]
impl<F: Send + Sync + 'static> Portable for F {}

/// What may go from a stage to the next.
#[diagnostic::on_unimplemented(message = "`{Self}` cannot go to the next stage: it is not `Send`")]
pub trait Item: Send + 'static {}
#[diagnostic::do_not_recommend]
impl<T: Send + 'static> Item for T {}

pub fn open<I: Input, Task>(input: I, site: &'static Site) -> Port<I::Item, Task> {
    todo!()
}
pub fn hint<T, Task>(port: &Port<T, Task>) -> Hint<T> {
    todo!()
}
pub fn failure_hint<T, Task, S>(pipeline: &Pipeline<T, Task, S>) -> Hint<Failure<Task>> {
    todo!()
}
pub fn pass<T, Task>(entry: Entry<T, Never>, _: &Cx) -> Step<T, Never, Task> {
    Step::Emit(entry.fresh())
}

/// Types the stages that run in front of a sink before the sink's closure is checked.
pub fn pre<T, O, Task, F>(port: &Port<T, Task>, f: F) -> (F, Hint<O>)
where
    F: Fn(Entry<T, Never>, &Cx) -> Step<O, Never, Task>,
{
    (f, Hint(std::marker::PhantomData))
}

pub fn sync<T: Item, M: Item, O: Item, Task: Item, F>(
    port: Port<T, Task>,
    opts: Opts,
    f: F,
) -> Port<O, Task>
where
    F: Fn(Entry<T, M>, &Cx) -> Step<O, M, Task> + Portable,
{
    todo!()
}

pub fn work<T: Item, M: Item, O: Item, Task: Item>(
    port: Port<T, Task>,
    opts: Opts,
) -> (Half<O, Task>, Work<T, M, O, Task>) {
    todo!()
}
pub fn async_fn<T, M, O, Task, F>(work: &Work<T, M, O, Task>, f: F) -> Arc<F>
where
    F: AsyncFn(Entry<T, M>) -> Step<O, M, Task>,
{
    Arc::new(f)
}
pub fn flat_fn<T, M, O, Task, F>(work: &Work<T, M, O, Task>, f: F) -> Arc<F>
where
    F: AsyncFn(Entry<T, M>, Emitter<O, Task>) -> Step<(), M, Task>,
{
    Arc::new(f)
}
pub async fn drive_async<T, M, O, Task, F>(work: Work<T, M, O, Task>, f: Arc<F>)
where
    F: AsyncFn(Entry<T, M>) -> Step<O, M, Task>,
{
    todo!()
}
pub async fn drive_flat<T, M, O, Task, F>(work: Work<T, M, O, Task>, f: Arc<F>)
where
    F: AsyncFn(Entry<T, M>, Emitter<O, Task>) -> Step<(), M, Task>,
{
    todo!()
}
pub fn stage<O, Task>(
    half: Half<O, Task>,
    driver: impl Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Portable,
) -> Port<O, Task> {
    todo!()
}

pub fn batch<T: Item, O: Item, Task: Item, F>(
    port: Port<T, Task>,
    opts: Opts,
    size: usize,
    within: Option<Duration>,
    post: F,
) -> Port<O, Task>
where
    F: Fn(Entry<Vec<T>, Never>, &Cx) -> Step<O, Never, Task> + Portable,
{
    todo!()
}
pub fn through<T: Item, O: Item, Task: Item>(
    port: Port<T, Task>,
    stage: usize,
    segment: Segment<T, O>,
) -> Port<O, Task> {
    todo!()
}
pub fn drive<T: Item, O: Item, Task: Item, F, S: Sink<O>>(
    port: Port<T, Task>,
    opts: Opts,
    pre: F,
    sink: S,
) -> Pipeline<Driven, Task>
where
    F: Fn(Entry<T, Never>, &Cx) -> Step<O, Never, Task> + Portable,
{
    todo!()
}
pub fn finish<T: Item, Task: Item>(port: Port<T, Task>) -> Pipeline<T, Task, Outlet<T, Task>> {
    todo!()
}
pub fn inline<I: Input, O: Item, Task: Item, F>(
    input: I,
    site: &'static Site,
    f: F,
) -> Pipeline<O, Task, Inline<I, F, O, Task>>
where
    F: Fn(Entry<I::Item, Never>, &Cx) -> Step<O, Never, Task> + Portable,
{
    todo!()
}
pub fn with_errors<T, Task: Item, S, E: Sink<Failure<Task>>>(
    pipeline: Pipeline<T, Task, S>,
    errors: E,
) -> Pipeline<T, Task, S> {
    todo!()
}
pub fn segment<In: Item, Out: Item>(
    name: &'static str,
    site: &'static Site,
    wire: Box<dyn FnOnce(Port<In, ()>) -> Port<Out, ()> + Send>,
) -> Segment<In, Out> {
    todo!()
}

impl Cx {
    /// Says that the call to come has the group's timeout.
    pub fn arm(&self, attempt: u32) {
        todo!()
    }
    /// Whether the call ended in time; if not, the step is `Gone`.
    pub fn disarm(&self) -> bool {
        todo!()
    }
}
impl<O, Task> Emitter<O, Task> {
    /// Hands one output on; waits for room. `Break`: nobody wants more, return `Step::Gone`.
    pub async fn emit(&self, output: O) -> ControlFlow<()> {
        todo!()
    }
    /// Counts one output of `flat_map` stage number `stage`.
    pub fn emitted(&self, stage: usize) {
        todo!()
    }
    /// An output of a `flat_map` was dropped by stage number `stage`.
    pub fn filtered(&self, stage: usize) {
        todo!()
    }
    /// An output of a `flat_map` failed later in the group (`step` is what `failed(…)` built).
    pub async fn failed<M>(&self, step: Step<O, M, Task>) -> ControlFlow<()> {
        todo!()
    }
    pub fn arm(&self, attempt: u32) {
        todo!()
    }
    pub fn disarm(&self) -> bool {
        todo!()
    }
}
impl<T, Task, S> Pipeline<T, Task, S> {
    pub fn boxed(self) -> Pipeline<T, Task> {
        todo!()
    }
    pub async fn collect<C: Default + Extend<T>>(self) -> Result<C, Failure<Task>> {
        todo!()
    }
}
impl<Task, S> Pipeline<Driven, Task, S> {
    pub async fn run(self) -> Result<crate::report::Report, Failure<Task>> {
        todo!()
    }
}
