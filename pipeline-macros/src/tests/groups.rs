//! How stages are cut into worker groups.

use super::invocation;
use crate::errors::Errors;
use crate::ir::{Flavour, Ir, Unit};
use crate::{check, lower, parse};

fn lowered(source: &str) -> Ir {
    let mut errors = Errors::default();
    let (_, parsed) = parse::parse(invocation(source), &mut errors);
    let checked = check::check(parsed, &mut errors);
    assert!(errors.is_empty(), "{source}");
    lower::lower(checked).1
}

fn names(ir: &Ir) -> Vec<&str> {
    ir.nodes.iter().map(|node| node.name.as_str()).collect()
}

fn units(source: &str) -> Vec<Unit> {
    lowered(source).units
}

fn group(stages: std::ops::Range<usize>, main: usize, flavour: Flavour) -> Unit {
    Unit::Group {
        stages,
        main,
        flavour,
    }
}

#[test]
fn plain_stages_alone_run_inline() {
    assert_eq!(units("[x] f, g"), [Unit::Inline { stages: 0..2 }]);
}

#[test]
fn plain_stages_with_flat_map_run_in_a_worker_that_the_consumer_polls() {
    let expected = [group(0..3, 1, Flavour::FlatInline)];
    assert_eq!(units("[x] f, flat_map(g), h"), expected);
}

#[test]
fn an_annotated_stage_takes_in_what_follows_it_and_the_first_what_precedes_it() {
    let expected = [
        group(0..3, 1, Flavour::Sync),
        group(3..5, 3, Flavour::Async),
    ];
    assert_eq!(units("[x] f, :block 2 g, h, :async 3 i, j"), expected);
}

#[test]
fn a_head_that_multiplies_has_a_task_of_its_own() {
    let expected = [
        group(0..2, 1, Flavour::Flat),
        group(2..4, 3, Flavour::Async),
    ];
    assert_eq!(units("[x] f, flat_map(g), h, :async 3 i"), expected);
}

#[test]
fn a_group_with_flat_map_hands_its_outputs_on_one_by_one() {
    let expected = [group(0..2, 0, Flavour::Flat)];
    assert_eq!(units("[x] :block 2 f, flat_map(g)"), expected);
}

#[test]
fn batch_runs_the_plain_stages_after_it() {
    let expected = [
        group(0..1, 0, Flavour::Sync),
        Unit::Wired {
            stage: 1,
            post: 2..3,
        },
        group(3..4, 3, Flavour::Sync),
    ];
    assert_eq!(units("[x] f, batch(2), g, 4 h"), expected);
}

#[test]
fn batch_does_not_run_what_multiplies() {
    let expected = [
        Unit::Wired {
            stage: 0,
            post: 1..2,
        },
        group(2..4, 2, Flavour::Flat),
    ];
    assert_eq!(units("[x] batch(2), f, flat_map(g), h"), expected);
}

#[test]
fn a_segment_ends_a_group_and_what_follows_it_has_a_task() {
    let expected = [
        group(0..1, 0, Flavour::Sync),
        Unit::Wired {
            stage: 1,
            post: 2..2,
        },
        group(2..3, 2, Flavour::Sync),
    ];
    assert_eq!(units("[x] f, through(s), g"), expected);
}

#[test]
fn plain_stages_before_drive_run_in_its_task() {
    let expected = [Unit::Drive {
        pre: 0..2,
        stage: 2,
    }];
    assert_eq!(units("[x] f, g, :drive s"), expected);
    let expected = [
        group(0..2, 0, Flavour::Sync),
        Unit::Drive {
            pre: 2..2,
            stage: 2,
        },
    ];
    assert_eq!(units("[x] :block f, g, :drive s"), expected);
}

#[test]
fn a_segment_of_plain_stages_has_a_task() {
    assert_eq!(units("f, g"), [group(0..2, 0, Flavour::Sync)]);
}

#[test]
fn with_a_journal_a_task_is_opened_and_a_frame_awaited_in_groups_of_their_own() {
    let expected = [
        group(0..3, 1, Flavour::Async),
        group(3..5, 3, Flavour::Async),
        group(5..6, 5, Flavour::Sync),
        group(6..8, 6, Flavour::Async),
    ];
    let source = "[x] journal = j; f, push_task(a), let b = 1 with { once }, let c = 2, :block 2 let d = 3 with { once }, map(g)";
    assert_eq!(units(source), expected);
    let expected = ["f", "a", "b", "b (journal)", "c", "d", "d (journal)", "g"];
    assert_eq!(names(&lowered(source)), expected);
}

#[test]
fn plain_stages_behind_the_push_of_a_journaled_task_run_with_it_whether_its_record_ends_or_not() {
    let journal = |stages: &str| format!("[x] journal = j; push_task(a), {stages}");
    let driven = |stage| Unit::Drive {
        pre: stage..stage,
        stage,
    };
    let expected = [group(0..4, 0, Flavour::Async), driven(4)];
    assert_eq!(units(&journal("filter(f), map(g), h, :drive s")), expected);
    let expected = [group(0..3, 0, Flavour::Flat), driven(3)];
    assert_eq!(units(&journal("map(f), flat_map(g), :drive s")), expected);
    let expected = [
        group(0..2, 0, Flavour::Async),
        group(2..3, 2, Flavour::Async),
        driven(3),
    ];
    assert_eq!(units(&journal("map(f), :async g, :drive s")), expected);
}

#[test]
fn names_come_from_keys_and_functions_and_are_unique() {
    let ir = lowered(
        "[x] a::parse, parse, map(|x| x), map(|x| x) with { name: \"parse#2\" },
         push_task(raw), let post = 1, let (r#type, _, size) = f(post), let (head, _) = f(post), forget(post), batch(2), :drive table",
    );
    let expected = [
        "parse",
        "parse#3",
        "map",
        "parse#2",
        "raw",
        "post",
        "(type, size)",
        "head",
        "forget",
        "batch",
        "table",
    ];
    assert_eq!(names(&ir), expected);
}

#[test]
fn one_record_type_serves_every_stage_with_the_same_keys() {
    let ir = lowered("[x] push_task(a), let b = 1, let b = 2, forget(b), map(f)");
    let keys = |record: &Vec<proc_macro2::Ident>| record.iter().map(ToString::to_string).collect();
    let records: Vec<Vec<String>> = ir.records.iter().map(keys).collect();
    assert_eq!(records, [vec!["a"], vec!["a", "b"]]);
}

#[test]
fn a_stage_with_by_begins_its_group() {
    let expected = [
        group(0..1, 0, Flavour::Sync),
        group(1..3, 1, Flavour::Async),
        group(3..4, 3, Flavour::Sync),
    ];
    let source = "[x] f, :async 4 g with { by: |x| x.a }, h, :block 2 i with { by: |x| x.a }";
    assert_eq!(units(source), expected);
}

#[test]
fn what_multiplies_in_order_is_in_another_group_than_by() {
    let expected = [
        group(0..2, 0, Flavour::Async),
        group(2..4, 2, Flavour::Flat),
    ];
    let source = "[x] :async 4 f with { by: |x| x.a }, g, flat_map(h), i";
    assert_eq!(units(source), expected);
    let source = "[x] :async 4 f with { by: |x| x.a, unordered }, g, flat_map(h), i";
    assert_eq!(units(source), [group(0..4, 0, Flavour::Flat)]);
}
