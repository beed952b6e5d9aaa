//! Several inputs as one.

use super::join::Turns;
use super::joined::Joined;
use super::opened::Opened;
use super::opening::opened;
use super::{Input, Puller, Relay};
use crate::graph::Graph;
use crate::ticket::Carry;

/// Several inputs of one item type as one: a tuple of up to eight, which may be of different kinds, or an array or a
/// `Vec` of inputs of one kind.
///
/// Each input is asked by itself, by one worker at a time; a slow one holds up no other. Each has a row of its own in
/// plan and report, and a name of its own, see [`Input::named`]. The items of each come in its own order; between the
/// inputs it is each one's turn, for as many items as a worker takes at once, and [`Merge::prefer_first`] says otherwise.
/// Deliveries of queues may be merged with inputs that are none: each delivery is acknowledged as ever.
///
/// It ends when all of them have ended. When one cannot go on, the pipeline takes nothing more from the others either, and
/// ends as with a single input that cannot go on.
///
/// # Errors
///
/// A pipeline with an array or a `Vec` of no inputs does not start, nor does one where two are given the same name.
///
/// # Examples
///
/// ```
/// # use pipeline_runtime::source::{self, Input as _};
/// let (sender, live) = tokio::sync::mpsc::channel::<u64>(16);
/// let both = source::merge((live.named("live"), (0..100u64).named("kept")));
/// # let _ = (sender, both);
/// ```
pub fn merge<P: Inputs>(inputs: P) -> Merge<P> {
    Merge {
        inputs,
        turns: Turns::Fair,
    }
}

/// The input that [`merge`] makes.
#[derive(Debug)]
#[must_use = "it is the input of a pipeline"]
pub struct Merge<P> {
    inputs: P,
    turns: Turns,
}

impl<P> Merge<P> {
    /// Whenever items are taken, the first input is asked first, and each other one only if those before it have nothing
    /// then. An input that always has something leaves the ones behind it without a turn.
    pub fn prefer_first(mut self) -> Self {
        self.turns = Turns::First;
        self
    }
}

impl<P: Inputs> Input for Merge<P> {
    type Item = P::Item;
    type Puller = Joined<P::Item, P::Ticket>;

    fn wire(self, graph: &Graph, relay: Relay) -> Self::Puller {
        let parts = self.inputs.open(graph, &relay);
        Joined::new(graph, "merge", parts, self.turns)
    }
}

/// The items of `first`, and when it has ended those of `second`, of which nothing is asked before: what is kept, and then
/// what comes.
///
/// Each has a row and a name of its own, as with [`merge`]. When `first` cannot go on, `second` does not begin. A pipeline
/// as `second` begins at once, as far as its own bounds let it: its output waits.
///
/// # Examples
///
/// ```
/// # use pipeline_runtime::source::{self, Input as _};
/// let (sender, live) = tokio::sync::mpsc::channel::<u64>(16);
/// let all = source::concat((0..100u64).named("kept"), live.named("live"));
/// # let _ = (sender, all);
/// ```
pub fn concat<A: Input, B: Input<Item = A::Item>>(first: A, second: B) -> Concat<A, B> {
    Concat((first, second))
}

/// The input that [`concat()`] makes.
#[derive(Debug)]
#[must_use = "it is the input of a pipeline"]
pub struct Concat<A, B>((A, B));

impl<A: Input, B: Input<Item = A::Item>> Input for Concat<A, B> {
    type Item = A::Item;
    type Puller = Joined<A::Item, <(A, B) as Inputs>::Ticket>;

    fn wire(self, graph: &Graph, relay: Relay) -> Self::Puller {
        let parts = self.0.open(graph, &relay);
        Joined::new(graph, "concat", parts, Turns::Last)
    }
}

/// What [`merge`] makes one input of. It is sealed: a tuple, an array or a `Vec` of inputs.
#[diagnostic::on_unimplemented(
    message = "`{Self}` are not inputs of one item type",
    label = "not several inputs",
    note = "`merge` takes a tuple of two to eight inputs, or an array or a `Vec` of inputs of one kind"
)]
pub trait Inputs: Send + 'static {
    /// What all of them emit.
    type Item: Send + 'static;
    #[doc(hidden)]
    type Ticket: Carry;

    /// Wires all of them.
    #[doc(hidden)]
    fn open(self, graph: &Graph, relay: &Relay) -> Vec<Opened<Self::Item, Self::Ticket>>;
}

type TicketOf<I> = <<I as Input>::Puller as Puller>::Ticket;

impl<I: Input, const N: usize> Inputs for [I; N] {
    type Item = I::Item;
    type Ticket = TicketOf<I>;

    fn open(self, graph: &Graph, relay: &Relay) -> Vec<Opened<Self::Item, Self::Ticket>> {
        let each = |input| opened(input, graph, relay);
        self.into_iter().map(each).collect()
    }
}

impl<I: Input> Inputs for Vec<I> {
    type Item = I::Item;
    type Ticket = TicketOf<I>;

    fn open(self, graph: &Graph, relay: &Relay) -> Vec<Opened<Self::Item, Self::Ticket>> {
        let each = |input| opened(input, graph, relay);
        self.into_iter().map(each).collect()
    }
}

macro_rules! several {
    ($first:ident $(, $more:ident)*) => {
        impl<$first: Input, $($more: Input<Item = $first::Item>),*> Inputs for ($first, $($more),*) {
            type Item = $first::Item;
            type Ticket = several!(@ $first $(, $more)*);

            fn open(self, graph: &Graph, relay: &Relay) -> Vec<Opened<Self::Item, Self::Ticket>> {
                #[expect(non_snake_case, reason = "named as their types")]
                let ($first, $($more),*) = self;
                vec![
                    opened($first, graph, relay).converted(),
                    $(opened($more, graph, relay).converted(),)*
                ]
            }
        }
    };
    (@ $only:ident) => { TicketOf<$only> };
    (@ $first:ident $(, $more:ident)+) => { <TicketOf<$first> as Carry>::Or<several!(@ $($more),+)> };
}

several!(A, B);
several!(A, B, C);
several!(A, B, C, D);
several!(A, B, C, D, E);
several!(A, B, C, D, E, F);
several!(A, B, C, D, E, F, G);
several!(A, B, C, D, E, F, G, H);
