//! A wired pipeline, before it runs.

mod collect;
mod emitting;
mod inner;
mod open;

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::Stream;

use crate::bounds::{Item, Never, Portable};
use crate::errors::Errors;
use crate::failure::Failure;
use crate::flow::numbered::Numbers;
use crate::flow::split::Divided;
use crate::graph::{Branches, Graph, Opts, Port};
use crate::link::Joint;
use crate::measure::report::Report;
use crate::name::Name;
use crate::named::debug_by_name;
use crate::plan::Plan;
use crate::run::context::Call;
use crate::running::{Handle, Live, Running};
use crate::sink::Sink;
use crate::site::Site;
use crate::source::Input;
use crate::stage::Cx;
use crate::step::{Entry, Step};
use crate::tail::{Boxed, Emitted, Inline, Outlet, Tail};
use crate::ticket::{Carried, Carry};

pub use collect::Collect;
use collect::Collection;
use emitting::Emitting;
pub use open::open;

/// Stages that are wired and do not run yet.
///
/// `T` is what it emits, [`Driven`] after `:drive`; `Task` is what `push_task` saved; `S` is the type of its last part,
/// which [`Pipeline::boxed`] hides.
///
/// Dropping it does nothing: nothing has been started.
#[must_use = "a pipeline does nothing until it is run, collected or streamed"]
pub struct Pipeline<T, Task = (), S = Boxed<T>> {
    pub(crate) graph: Graph,
    /// What it is called where it is the input of another.
    pub(crate) name: Name,
    pub(crate) errors: Arc<Errors<Task>>,
    pub(crate) tail: S,
    pub(crate) items: PhantomData<fn() -> T>,
}

impl<T, Task, S> fmt::Debug for Pipeline<T, Task, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Pipeline");
        shown.field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a pipeline with a `:drive` emits: nothing. Such a pipeline is run, not collected.
#[derive(Debug)]
pub struct Driven(PhantomData<*const ()>);

/// Said of a pipeline with `:drive`.
#[diagnostic::on_unimplemented(
    message = "this pipeline is not driven: it emits `{Self}`",
    label = "has no `:drive`",
    note = "end it with `:drive sink`, or `collect` or `stream` what it emits"
)]
pub trait IsDriven {}

impl IsDriven for Driven {}

/// Said of a pipeline without `:drive`.
#[diagnostic::on_unimplemented(
    message = "this pipeline is driven: it emits nothing",
    label = "ends in `:drive`",
    note = "`run` or `spawn` it; to collect, leave out the `:drive`"
)]
pub trait Emits: Send {}

#[diagnostic::do_not_recommend]
impl<T: Send> Emits for T {}

/// Ends a pipeline that is not driven.
pub fn finish<T: Item, Task: Item, K: Carry>(
    port: Port<T, Task, K>,
) -> Pipeline<T, Task, Outlet<T, K>> {
    let Port {
        graph,
        feed,
        inputs,
        errors,
        ..
    } = port;
    graph.ends_in(inputs);
    let inline = graph.lock().inline.take();
    let tail = Outlet::new(feed, inline.map(|worker| worker()));
    Pipeline::new(graph, errors.expect("a segment is not finished"), tail)
}

/// Gives a pipeline its errors end.
pub fn with_errors<T, Task, S, E>(pipeline: Pipeline<T, Task, S>, errors: E) -> Pipeline<T, Task, S>
where
    Task: Send + 'static,
    E: Sink<Failure<Task>>,
{
    errors.joins(pipeline.graph.control().links());
    pipeline.errors.set_end(errors);
    pipeline
}

/// Ends a pipeline in a sink.
pub fn drive<T: Item, O: Item, Task: Item, K: Carry, F, S: Sink<O>>(
    port: Port<T, Task, K>,
    opts: Opts,
    pre: F,
    sink: S,
) -> Pipeline<Driven, Task>
where
    F: Fn(Entry<T, Never>, &Cx) -> Step<O, Never, Task> + Portable,
{
    let port = crate::stage::drive(port, opts, pre, sink);
    let errors = port.errors.expect("a segment is not driven");
    Pipeline::new(port.graph, errors, Boxed::new(Nothing))
}

/// Ends an arm of a `match` in a sink.
pub fn drive_arm<T: Item, O: Item, Task: Item, K: Carry, F, S: Sink<O>>(
    port: Port<T, Task, K>,
    opts: Opts,
    pre: F,
    sink: S,
) where
    F: Fn(Entry<T, Never>, &Cx) -> Step<O, Never, Task> + Portable,
{
    // What comes out of a sink is nothing.
    let _ = crate::stage::drive(port, opts, pre, sink);
}

/// A pipeline that ends in the arms of a `match`.
pub fn driven<E: Divided, Task, A: Carry, N: Numbers<A>>(
    branches: Branches<E, Task, A, N>,
) -> Pipeline<Driven, Task> {
    let (graph, errors) = branches.end();
    let errors = errors.expect("a segment is not driven");
    Pipeline::new(graph, errors, Boxed::new(Nothing))
}

/// A pipeline of fused stages only.
pub fn inline<I: Input, O: Item, Task: Item, F>(
    input: I,
    site: &'static Site,
    f: F,
) -> Pipeline<O, Task, Inline<I::Puller, F, O, Task>>
where
    F: Fn(Entry<I::Item, Never>, &Cx) -> Step<O, Never, Task> + Portable,
{
    let (graph, tail) = crate::tail::inline(input, site, f);
    Pipeline::new(graph, Arc::clone(&tail.errors), tail)
}

/// The tail of a driven pipeline.
struct Nothing;

impl Tail for Nothing {
    type Item = Driven;
    type Ticket = ();

    fn poll_item(&mut self, _cx: &mut Context<'_>) -> Poll<Option<Emitted<Self>>> {
        Poll::Ready(None)
    }

    fn poll_each(&mut self, _cx: &mut Context<'_>, _f: &mut dyn FnMut(Emitted<Self>)) -> Poll<()> {
        Poll::Ready(())
    }
}

impl<T, Task, S> Pipeline<T, Task, S> {
    fn new(graph: Graph, errors: Arc<Errors<Task>>, tail: S) -> Self {
        Self {
            graph,
            name: "pipeline".into(),
            errors,
            tail,
            items: PhantomData,
        }
    }

    /// What it is called where it is the input of another pipeline: its stages have paths as `name/stage` there, or as
    /// `name#2/stage` where a stage of the other one has that name. The default is `pipeline`.
    pub fn named(mut self, name: impl Into<Name>) -> Self {
        self.name = name.into();
        self
    }
}

impl<T, Task, S> Pipeline<T, Task, S>
where
    T: 'static,
    Task: Send + 'static,
    S: Tail<Item = T>,
{
    /// What will run: stages, workers, threads, and the most items that can be in memory at once.
    #[must_use]
    pub fn plan(&self) -> Plan {
        let build = self.graph.lock();
        Plan::of(&build.groups, &build.budgets)
    }

    /// The links that it takes from and drives into, those of its inputs included, in the order in which they were wired.
    ///
    /// Who starts and stops several pipelines that are joined keeps them open by this while one of them is made again.
    #[must_use]
    pub fn links(&self) -> Vec<Joint> {
        Joint::all(self.graph.control().links())
    }

    /// The same pipeline with the type of its last part hidden, to be named as `Pipeline<T, Task>`. It costs a virtual
    /// call an item.
    pub fn boxed(self) -> Pipeline<T, Task> {
        let Self {
            graph,
            name,
            errors,
            tail,
            items,
        } = self;
        Pipeline {
            graph,
            name,
            errors,
            tail: Boxed::new(tail),
            items,
        }
    }

    /// Runs it to its end.
    ///
    /// # Errors
    ///
    /// Without an errors end the first failure of an item; with one only a cause `Stopped`. The failure carries the
    /// report.
    ///
    /// Nothing starts where a count, a buffer or a window is 0, or where a `retry`, a `timeout`, a `batch` with an age or a
    /// queue needs a timer that the tokio runtime does not have.
    ///
    /// # Panics
    ///
    /// When it is awaited outside a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future aborts the pipeline.
    #[track_caller]
    pub fn run(self) -> Run<Task>
    where
        T: IsDriven,
    {
        self.runs(Call::new("run"))
    }

    fn runs(self, call: Call) -> Run<Task> {
        let live = Live::new(&self.graph, self.errors.verdict(), call);
        Run(Running::new(live), Some(self.graph))
    }

    /// Starts it in the background. Dropping what it returns aborts the pipeline.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    #[track_caller]
    pub fn spawn(self) -> Running<Task>
    where
        T: IsDriven,
    {
        let Run(running, graph) = self.runs(Call::new("spawn"));
        if let Some(graph) = graph {
            running.start(&graph);
        }
        running
    }

    /// Collects what it emits. It starts when it is first awaited.
    ///
    /// # Errors
    ///
    /// As [`Pipeline::run`]; what was collected until then is dropped.
    ///
    /// # Panics
    ///
    /// When it is awaited outside a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future aborts the pipeline, and drops what was collected.
    #[track_caller]
    pub fn collect<C>(self) -> Collect<C, Task, S>
    where
        T: Emits,
        S: Tail<Item = T>,
        C: Collection<T>,
    {
        self.collects(Call::new("collect"))
    }

    pub(crate) fn collects<C>(self, call: Call) -> Collect<C, Task, S>
    where
        C: Collection<T>,
    {
        Collect::new(self.emitting(call))
    }

    /// What it emits, as a stream that ends after its first `Err`. It starts with the first poll.
    ///
    /// # Errors
    ///
    /// As [`Pipeline::run`].
    ///
    /// # Panics
    ///
    /// When it is polled outside a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropping a future of the next item loses nothing; dropping the stream aborts the pipeline.
    #[track_caller]
    pub fn stream(self) -> PipelineStream<T, Task, S>
    where
        T: Emits,
    {
        let emitting = self.emitting(Call::new("stream"));
        PipelineStream {
            handle: emitting.live.handle(),
            emitting: Some(emitting),
            last: S::Ticket::default(),
            items: PhantomData,
        }
    }

    fn emitting(self, call: Call) -> Emitting<Task, S> {
        let live = Live::new(&self.graph, self.errors.verdict(), call);
        Emitting {
            graph: Some(self.graph),
            live: Arc::new(live),
            tail: self.tail,
            ending: None,
        }
    }
}

/// A run that starts when it is polled; [`Pipeline::run`] makes it. Dropping it aborts the pipeline.
#[must_use = "a pipeline does nothing until it is awaited"]
pub struct Run<Task: Send + 'static>(Running<Task>, Option<Graph>);

impl<Task: Send + 'static> fmt::Debug for Run<Task> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Run").field(&self.0).finish()
    }
}

/// What is not started is never polled in place.
impl<Task: Send + 'static> Unpin for Run<Task> {}

impl<Task: Send + 'static> Future for Run<Task> {
    type Output = Result<Report, Failure<Task>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self(running, graph) = self.get_mut();
        if let Some(graph) = graph.take() {
            running.start(&graph);
        }
        Pin::new(running).poll(cx)
    }
}

/// The output of a pipeline as a stream; [`Pipeline::stream`] makes it. Dropping it aborts the pipeline.
#[must_use = "a stream does nothing until it is polled"]
pub struct PipelineStream<T, Task: Send + 'static, S: Tail> {
    emitting: Option<Emitting<Task, S>>,
    /// That of the item which was handed out last: done when the next one is asked for.
    last: S::Ticket,
    handle: Handle,
    items: PhantomData<fn() -> T>,
}

debug_by_name!(PipelineStream<T, Task: Send + 'static, S: Tail>);

impl<T, Task: Send + 'static, S: Tail> PipelineStream<T, Task, S> {
    /// For statistics while it runs, and the report afterwards.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// The next item, as `StreamExt::next`, which need not be imported for it. After the last one it is the failure that
    /// stopped the pipeline, if one did, and then `None`.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropped before it is ready it has taken no item.
    #[inline]
    #[expect(
        clippy::should_implement_trait,
        reason = "it is that of streams, and returns a future"
    )]
    pub fn next(&mut self) -> impl Future<Output = Option<Result<T, Failure<Task>>>>
    where
        S: Tail<Item = T>,
    {
        Next(self)
    }
}

/// The next item of a stream.
struct Next<'a, T, Task: Send + 'static, S: Tail>(&'a mut PipelineStream<T, Task, S>);

impl<T, Task: Send + 'static, S: Tail<Item = T>> Future for Next<'_, T, Task, S> {
    type Output = Option<Result<T, Failure<Task>>>;

    // That of `StreamExt` is inlined into the consumer's loop or not, as the compiler happens to divide the crate.
    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut *self.0).poll_next(cx)
    }
}

/// Everything in it is polled in place or owned by value: nothing relies on being pinned.
impl<T, Task: Send + 'static, S: Tail> Unpin for PipelineStream<T, Task, S> {}

impl<T, Task: Send + 'static, S: Tail<Item = T>> Stream for PipelineStream<T, Task, S> {
    type Item = Result<T, Failure<Task>>;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        std::mem::take(&mut this.last).done();
        if let Some(emitting) = &mut this.emitting
            && let Some(Carried { item, mut ticket }) = emitting.tail.ready(cx)
        {
            ticket.unload();
            this.last = ticket;
            return Poll::Ready(Some(Ok(item)));
        }
        this.poll_next_item(cx)
    }
}

impl<T, Task: Send + 'static, S: Tail<Item = T>> PipelineStream<T, Task, S> {
    /// The next item where it is not at hand, and after the last the failure that stopped the pipeline, if one did.
    #[inline(never)]
    fn poll_next_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, Failure<Task>>>> {
        let Some(emitting) = &mut self.emitting else {
            return Poll::Ready(None);
        };
        if emitting.running()
            && let Some(Carried { item, mut ticket }) = ready!(emitting.tail.poll_item(cx))
        {
            ticket.unload();
            self.last = ticket;
            return Poll::Ready(Some(Ok(item)));
        }
        let ended = ready!(emitting.poll_end(cx, &mut Vec::new()));
        self.emitting = None;
        Poll::Ready(ended.err().map(Err))
    }
}
