//! How long the compiler takes.

use crate::case::{Case, Contender, Goal, Sample, Size, Table};

mod crates;
mod sources;

use crates::{Command, compile};
use sources::Wiring;

/// Pipelines of 5, 20 and 50 stages, checked and built.
pub fn case(size: Size) -> Case {
    let note = "Crates with one pipeline of 5, 20 or 50 stages of five kinds, and the same stages wired by hand with \
                tokio's channels, or each in an arm of one `match`. What they depend on is built before; only the crate itself is compiled (and linked, \
                where it is built), all of it each time (`CARGO_INCREMENTAL=0`). A stage costs what 50 stages take \
                longer than 5, divided by 45. The bend is what a stage costs between 20 and 50 over what it costs \
                between 5 and 20: 1 if it grows in a line.";
    let commands: &[_] = match size {
        Size::Full => &[
            (Command::Check, "`cargo check`", Some(10.0)),
            (Command::Debug, "`cargo build`", None),
            (Command::Release, "`cargo build --release`", Some(60.0)),
        ],
        Size::Quick => &[(Command::Check, "`cargo check`", None)],
    };
    let mut case = Case::new("compile", "Compile time", note);
    for &(command, title, goal) in commands {
        let mut table = Table::new(title)
            .columns([
                ("stage", "ms/stage"),
                ("five", "5 stages, ms"),
                ("twenty", "20, ms"),
                ("fifty", "50, ms"),
                ("bend", "bend"),
            ])
            .baseline("tokio mpsc by hand")
            .contender(contender(
                "brigade",
                "`pipeline!`, `run()`",
                Wiring::Macro,
                command,
                size,
            ))
            .contender(contender(
                "brigade, arms",
                "`pipeline!` with one `match`, in order, of as many arms",
                Wiring::Arms,
                command,
                size,
            ))
            .contender(
                contender(
                    "tokio mpsc by hand",
                    "a task or thread a stage, `mpsc::channel(64)`",
                    Wiring::Hand,
                    command,
                    size,
                )
                .crates(&["tokio", "futures"]),
            );
        if let Some(goal) = goal {
            table = table
                .goal(Goal::at_most("brigade", goal).column("stage"))
                .goal(Goal::at_most("brigade", 1.25).column("bend"))
                .goal(Goal::at_most("brigade, arms", 1.25).column("bend"));
        }
        case = case.table(table);
    }
    case
}

fn contender(
    name: &str,
    what: &'static str,
    wiring: Wiring,
    command: Command,
    size: Size,
) -> Contender {
    Contender::new(name, what, move || {
        // One pipeline is enough to see that it compiles.
        let [five, twenty, fifty] = size
            .pick([5, 20, 50], [5; 3])
            .map(|stages| (stages as f64, compile(wiring, stages, command)));
        let a_stage = |(few, short), (many, long)| (long - short) / f64::max(many - few, 1.0);
        Sample::new()
            .with("stage", a_stage(five, fifty))
            .with("five", five.1)
            .with("twenty", twenty.1)
            .with("fifty", fifty.1)
            .with("bend", a_stage(twenty, fifty) / a_stage(five, twenty))
    })
}
