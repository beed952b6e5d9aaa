//! The part of BENCHMARKS.md that is about one case.

use crate::case::{Case, Contender, Table};
use crate::machine;
use crate::results::Measured;
use crate::stats::Spread;

use super::{goals, numbers};

/// Heading, note, chart, and for each table its contenders and goals.
pub fn section(case: &Case, measured: &[Measured]) -> String {
    let Case {
        id,
        title,
        note,
        source,
        tables,
    } = case;
    let mut text = format!("## {title}\n\n{note}\n\n![{title}](benches/charts/{id}.svg)\n");
    for table in tables {
        if let Some(measured) = measured.iter().find(|measured| measured.table == table.id) {
            text += &contenders(table, measured);
        }
    }
    if let Some(Measured {
        date,
        rounds,
        machine,
        ..
    }) = measured.first()
    {
        let made_with = versions(tables);
        text += &format!("\nMeasured {date} in {rounds} rounds on {machine}");
        text += &if made_with.is_empty() {
            String::new()
        } else {
            format!("; {}", made_with.join(", "))
        };
        text += &format!(". Source: [{source}](benches/{source}), `--only {id}`.\n");
    }
    text
}

fn contenders(table: &Table, measured: &Measured) -> String {
    let compared = table
        .contenders
        .iter()
        .any(|contender| contender.name == table.baseline);
    let mut text = format!("\n### {}\n\n|", table.id);
    text += " |";
    for (index, column) in table.columns.iter().enumerate() {
        text += &format!(" {} |", column.title);
        if index == 0 && compared {
            text += &format!(" as fast as {} |", table.baseline);
        }
    }
    text += " what it is |\n|---|";
    text += &"--:|".repeat(table.columns.len() + usize::from(compared));
    text += "---|\n";
    for contender in &table.contenders {
        text += &row(table, contender, measured, compared);
    }
    let goals = goals::lines(&table.goals, measured);
    if goals.is_empty() {
        text
    } else {
        text + "\n" + &goals
    }
}

fn row(table: &Table, contender: &Contender, measured: &Measured, compared: bool) -> String {
    let name = &contender.name;
    let mut text = if name.starts_with("brigade") {
        format!("| **{name}** |")
    } else {
        format!("| {name} |")
    };
    for (index, column) in table.columns.iter().enumerate() {
        let Some(samples) = measured.samples(name, column.id) else {
            return String::new();
        };
        let spread = Spread::of(samples.iter().copied());
        text += &format!(
            " {} |",
            spread.map_or_else(String::new, |spread| numbers::spread(spread, ""))
        );
        if index == 0 && compared {
            let base = measured
                .samples(&table.baseline, column.id)
                .unwrap_or_default();
            let ratios = Spread::of(base.iter().zip(samples).map(|(base, own)| base / own));
            text += &format!(
                " {} |",
                ratios.map_or_else(String::new, |ratios| numbers::spread(ratios, " ×"))
            );
        }
    }
    text + &format!(" {} |\n", contender.what)
}

fn versions(tables: &[Table]) -> Vec<String> {
    let mut crates: Vec<_> = tables
        .iter()
        .flat_map(|table| &table.contenders)
        .flat_map(|contender| contender.crates)
        .collect();
    crates.sort_unstable();
    crates.dedup();
    crates
        .into_iter()
        .map(|name| machine::version(name))
        .collect()
}
