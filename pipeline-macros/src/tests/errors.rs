//! That mistakes do not hide each other, and that one mistake is told once.

use super::invocation;
use crate::{forms, options, pipeline};

/// The messages of a pipeline, in order.
fn messages(source: &str) -> Vec<String> {
    let expansion = pipeline::expand(invocation(source)).to_string();
    let parts = expansion.split("compile_error !").skip(1);
    let quoted = |part: &str| Some(part.split('"').nth(1)?.to_owned());
    parts.filter_map(quoted).collect()
}

#[test]
fn seven_mistakes_are_seven_errors() {
    let said = messages(
        "[x] fliter(f), :blok 2 f, :block 0 f, |x| x, f with { colour: 3 }, zebra(3), batch(0)",
    );
    assert_eq!(said.len(), 7, "{said:#?}");
}

#[test]
fn a_mistake_in_a_stage_that_writes_a_key_does_not_make_its_readers_wrong() {
    let said = messages("[x] push_task(a), let b c = 1, mapduce(b => d, f), pop_task(a)");
    assert_eq!(said.len(), 1, "{said:#?}");
    let said =
        messages("[x] push_task(a), let (b, c + 1) = 1, mapduce((b, c) => d, f), pop_task(a)");
    assert_eq!(said.len(), 1, "{said:#?}");
    let said = messages("[x] push_tsak(a), let b = 1, mapduce(b => d, f), pop_task(a)");
    assert_eq!(said, ["no form `push_tsak`; did you mean `push_task`?"]);
}

#[test]
fn a_mistake_in_the_arguments_does_not_end_the_parsing() {
    let said = messages("[x] map(1 +), batch(1, 2, 3), f with { buffer }, filter");
    assert_eq!(said.len(), 4, "{said:#?}");
}

#[test]
fn a_broken_header_does_not_make_it_a_segment() {
    let said = messages("[1 +] f, :drive s");
    assert_eq!(said.len(), 1, "{said:#?}");
}

#[test]
fn a_name_is_one_part_of_a_path() {
    let said = messages("[x] f with { name: \"a/b\" }, :drive s");
    assert_eq!(
        said,
        ["a `name` has no `/`, which stands between the names of a path"]
    );
}

#[test]
fn no_mistake_is_no_error() {
    let said = messages(
        "[self.input, errors] use a, b = self.b; push_task(k), let l = f(k)?,
         :block (n * 2) mapduce((k, l) => m, g)? with { timeout: t, retry: r, name: \"m\" },
         :async 8 <S as T>::g, 4 map(|a, | a)?, batch(n, d), :drive 2 sink::each(|x| f(x)) with { buffer: 2 },",
    );
    assert_eq!(said, [""; 0]);
}

#[test]
fn nesting_that_no_stack_would_hold_is_a_mistake_like_any_other() {
    for (open, close) in [("(", ")"), ("{", "}"), ("!", ""), ("x + ", "")] {
        let deep = format!(
            "[x] map(|x| {}x{})",
            open.repeat(20_000),
            close.repeat(20_000)
        );
        let said = messages(&deep);
        assert_eq!(
            said,
            ["too long or too deeply nested for a pipeline; move it into a function"]
        );
    }
}

#[test]
fn what_messages_advise_is_right() {
    // What is right by itself, and wrong only where it stands here.
    let refused = [
        (
            "push_task(key, id = f)",
            "the task has its id from the first `push_task`; remove this one",
        ),
        (
            "mapduce(a, f)",
            "`a` was pushed, it cannot be changed before `pop_task`; write another key",
        ),
        ("forget(key)", "no key `key` here; there are `a`"),
        ("pop_task(key)", "no key `key` here; there are `a`"),
        ("pop_task(key, result)", "no key `key` here; there are `a`"),
        (
            "through(segment)",
            "`through` takes the whole item; `pop_task` first, or write the segment's stages here",
        ),
        (
            "groups: 64",
            "`groups` means nothing here; it is for `batch` and `fold` with `by`",
        ),
        (
            "most: 64",
            "`most` means nothing here; it is for `dedup` and `fold`",
        ),
        (
            "within: Duration::from_secs(60)",
            "`within` means nothing here; it is for `dedup` and `fold`",
        ),
        (
            "held: 64",
            "`held` means nothing here; it is for `stateful`",
        ),
        ("lossy: 64", "`lossy` means nothing here; it is for `tee`"),
        (
            "once(token)",
            "`once` needs a journal; name it behind the header: `[input] journal = journal;`",
        ),
    ];
    let written = |form: &str| format!("[x] push_task(a), {form}");
    let with = |option: &str| written(&format!(":block 2 let k = f(a)? with {{ {option} }}"));
    let forms = forms::usages().map(|usage| (usage.to_owned(), written(usage)));
    let options = options::usages().map(|usage| (usage.clone(), with(&usage)));
    let all: Vec<_> = forms.chain(options).collect();
    for (usage, source) in &all {
        let known = refused.iter().filter(|(refused, _)| refused == usage);
        let expected: Vec<_> = known.map(|(_, said)| *said).collect();
        assert_eq!(messages(source), expected, "{source}");
    }
    for (usage, _) in refused {
        assert!(all.iter().any(|(known, _)| known == usage), "{usage}");
    }
}

#[test]
fn every_form_and_option_is_known_by_its_name_alone() {
    for name in forms::names() {
        assert!(messages(&format!("[x] {name}"))[0].contains("needs its arguments"));
    }
    for name in options::names() {
        let misspelt = format!("[x] f with {{ {name}x }}");
        let meant = format!("did you mean `{name}`?");
        assert!(messages(&misspelt)[0].contains(&meant), "{misspelt}");
    }
}
