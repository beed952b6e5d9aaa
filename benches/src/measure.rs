//! Runs the contenders of a table in turns.

use crate::args::Args;
use crate::case::{Case, Contender, Place, Sample, Size, Table};
use crate::machine;
use crate::process;
use crate::results::{Entry, Measured, Values};

/// Measures every table of a case.
pub fn case(case: &mut Case, args: &Args) -> Vec<Measured> {
    let id = case.id;
    case.tables
        .iter_mut()
        .map(|table| measured(id, table, args))
        .collect()
}

fn measured(case: &'static str, table: &mut Table, args: &Args) -> Measured {
    eprint!("{case}: {} ", table.id);
    let mut entries: Vec<Entry> = table
        .contenders
        .iter()
        .map(|contender| Entry::new(&contender.name))
        .collect();
    if args.size() == Size::Full {
        for contender in &mut table.contenders {
            sample(case, &table.id, contender, args.size());
            eprint!(".");
        }
    }
    let count = table.contenders.len();
    for round in 0..args.rounds() as usize {
        for turn in 0..count {
            // Another one goes first in each round, so that nobody always follows the same neighbour.
            let index = (turn + round) % count;
            let sample = sample(case, &table.id, &mut table.contenders[index], args.size());
            for column in &table.columns {
                let value = sample.get(column.id).unwrap_or_else(|| {
                    panic!(
                        "{case}: {}: {} tells no `{}`",
                        table.id, entries[index].contender, column.id
                    )
                });
                entries[index].push(column.id, value);
            }
        }
        eprint!("{}", round + 1);
    }
    eprintln!();
    Measured {
        case: case.to_owned(),
        table: table.id.clone(),
        machine: machine::describe(),
        date: machine::today(),
        rounds: args.rounds(),
        contenders: entries,
    }
}

fn sample(case: &str, table: &str, contender: &mut Contender, size: Size) -> Sample {
    match (contender.place, size) {
        // Whether it can be had in another process is seen in a full run; here it only has to run.
        (Place::Here, _) | (Place::Mimalloc | Place::Bare, Size::Quick) => (contender.run)(),
        (place, _) => process::ask(place, case, table, &contender.name, size),
    }
}

impl Entry {
    fn push(&mut self, column: &str, value: f64) {
        match self
            .columns
            .iter_mut()
            .find(|values| values.column == column)
        {
            Some(values) => values.samples.push(value),
            None => self.columns.push(Values {
                column: column.to_owned(),
                samples: vec![value],
            }),
        }
    }
}
