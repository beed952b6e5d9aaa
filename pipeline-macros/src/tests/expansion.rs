//! Snapshots of expansions, formatted.

use super::invocation;
use crate::pipeline;

fn formatted(source: &str) -> String {
    let expansion = pipeline::expand(invocation(source));
    let file = syn::parse_file(&format!("fn expansion() {{ {expansion} }}")).unwrap();
    prettyplease::unparse(&file)
}

macro_rules! snapshots {
    ($($name:ident: $source:literal,)*) => {
        $(#[test]
        fn $name() {
            insta::assert_snapshot!(formatted($source));
        })*
    };
}

snapshots! {
    plain_stages_are_one_closure: "[input] map(|x| x + 1), filter(is_even), double",
    a_record_is_a_struct_and_let_lends_its_keys: "[input, errors] push_task(original), :block 2 let post = parse(&original)?, map(|m| m.post)",
    a_let_of_a_tuple_writes_each_of_its_keys: "[input] push_task(original), :async 20 let (place, score, _): (Place, u32, Raw) = join(original).await?",
    an_async_group_lends_to_its_futures: "[input] use api; :async 8 map(|x| async move { api.get(x) })? with { timeout: after, retry: again }",
    outputs_are_emitted_one_by_one: "[input] :block 2 f, flat_map(g), filter(p)",
    batch_and_drive_end_a_group: "[input] batch(10), map(f), :drive 2 sink::each(|x| store(x))",
    a_segment_is_wired_later: "use api; map(make(3)), through(other())",
    what_waits_for_the_journal_is_a_stage_of_its_own: "[input] journal = journal; push_task(original, id = |d| d.id), :block 2 let post = parse(&original)? with { once(token) }, map(|m| m.post)",
    arms_of_plain_stages_are_those_of_a_match: "[input] push_task(m), let event = m.event(), match event { Event::A(a) if *a > 0 => { let row = *a }, Event::B => skip, _ => { let row = 0 } }, map(|m| m.row)",
    other_arms_have_lanes: "[input] match |n| n { 0 => { :async 2 f }, 1 => g, 2 => { batch(3), :drive sink }, _ => skip }",
    after_a_mistake_the_last_error_is_the_tail: "[input] fliter(p), :block 0 f",
}
