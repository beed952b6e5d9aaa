//! No input makes the macro panic.

use proc_macro2::{Delimiter, Group, Ident, Literal, Punct, Spacing, Span, TokenStream, TokenTree};
use proptest::prelude::*;
use quote::quote;

use crate::directive::WORDS as WORDS_OF_DIRECTIVES;
use crate::{forms, options, pipeline};

/// The words that are neither a form's name nor an option's or a directive's.
const WORDS: &[&str] = &[
    "let", "with", "use", "self", "move", "x", "y", "r#type", "await", "return", "as", "Ok",
    "each", "journal", "id", "token", "match", "if", "skip", "_",
];
const PUNCTS: &str = "::,,,;?=>=><|&.!'-+*#$%^~@";

fn token() -> impl Strategy<Value = TokenTree> {
    let directives = WORDS_OF_DIRECTIVES.iter().map(|(word, _)| *word);
    let words = WORDS.iter().copied().chain(directives);
    let words = words.chain(forms::names()).chain(options::names());
    let word = prop::sample::select(words.collect::<Vec<_>>()).prop_map(ident);
    let punct = (
        prop::sample::select(PUNCTS.chars().collect::<Vec<_>>()),
        any::<bool>(),
    );
    let punct = punct.prop_map(|(char, joint)| {
        let spacing = if joint {
            Spacing::Joint
        } else {
            Spacing::Alone
        };
        TokenTree::Punct(Punct::new(char, spacing))
    });
    let literal = prop_oneof![
        (0..4u64).prop_map(Literal::u64_unsuffixed),
        Just(Literal::u128_unsuffixed(u128::MAX)),
        Just(Literal::f64_unsuffixed(1.5)),
        Just(Literal::string("text")),
        Just(Literal::character('c')),
    ];
    let leaf = prop_oneof![4 => word, 4 => punct, 1 => literal.prop_map(TokenTree::Literal)];
    leaf.prop_recursive(4, 48, 6, |inner| {
        let delimiter = prop::sample::select(vec![
            Delimiter::Parenthesis,
            Delimiter::Brace,
            Delimiter::Bracket,
            Delimiter::None,
        ]);
        let stream = prop::collection::vec(inner, 0..6);
        (delimiter, stream).prop_map(|(delimiter, tokens)| {
            TokenTree::Group(Group::new(delimiter, tokens.into_iter().collect()))
        })
    })
}

fn ident(word: &str) -> TokenTree {
    let span = Span::call_site();
    match word.strip_prefix("r#") {
        Some(raw) => Ident::new_raw(raw, span).into(),
        None => Ident::new(word, span).into(),
    }
}

/// Pieces of pipelines that are right by themselves.
fn piece() -> impl Strategy<Value = TokenStream> {
    let written = vec![
        quote!([input, errors]),
        quote!(use api, db = self.db;),
        quote!(push_task(a),),
        quote!(let b = f(a)?,),
        quote!(let (b, _, c) = f(a)?,),
        quote!(:async 4 let c = f(b).await? with { retry: r, timeout: t },),
        quote!(mapduce((a, b) => c, f)?,),
        quote!(:block (n) mapduce(b, |x| { let y = x?; Ok(y) })? with { retry: r },),
        quote!(forget(b),),
        quote!(pop_task(a, b),),
        quote!(flat_map(|x| x),),
        quote!(:async 2 map(|x| async move { x }),),
        quote!(batch(3, d),),
        quote!(through(s),),
        quote!(:drive 2 sink::each(|x| x),),
        quote!(match b { A(x) if x > 1 => { :block let c = x, } B => skip, _ => {} }),
        quote!(match |x| x { 0 => :drive s, y => { match |y| y { _ => skip, z => flat_map(f) } } },),
        quote!(4 filter(p) with { unordered, buffer: 2 }),
    ];
    let advised = forms::usages().map(|usage| stage(&format!("{usage},")));
    let optional = options::usages()
        .map(|usage| stage(&format!(":block 2 let k = f(a)? with {{ {usage} }},")));
    let pieces: Vec<_> = written.into_iter().chain(advised).chain(optional).collect();
    prop::sample::select(pieces)
}

fn stage(source: &str) -> TokenStream {
    source.parse().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn token_soup_never_panics(tokens in prop::collection::vec(token(), 0..24)) {
        let tokens: TokenStream = tokens.into_iter().collect();
        let _ = pipeline::expand(quote!(brigade ; #tokens));
        let _ = pipeline::expand(tokens);
    }

    #[test]
    fn stages_in_any_order_with_soup_between_them_never_panic(
        pieces in prop::collection::vec(
            prop_oneof![8 => piece(), 1 => token().prop_map(TokenStream::from)],
            0..12,
        ),
    ) {
        let tokens: TokenStream = pieces.into_iter().collect();
        let _ = pipeline::expand(quote!(brigade ; [x] #tokens));
        let _ = pipeline::expand(quote!(brigade ; #tokens));
    }
}

/// The target in `fuzz` names the modules of this crate.
#[test]
fn the_fuzz_target_has_every_module() {
    let target = include_str!("../../../fuzz/fuzz_targets/pipeline.rs");
    let modules = include_str!("../lib.rs").lines().filter_map(|line| {
        let name = line.strip_prefix("mod ")?.strip_suffix(';')?;
        (name != "tests").then_some(name)
    });
    for name in modules {
        assert!(target.contains(&format!("\n    {name} \"")), "{name}");
    }
}
