//! The source text of a stage, from its tokens.

use proc_macro2::{Delimiter, LineColumn, Span, TokenStream, TokenTree};

/// The tokens as written, with white space folded to single blanks.
pub(crate) fn source(tokens: impl IntoIterator<Item = TokenTree>) -> String {
    let mut text = Text::default();
    for token in tokens {
        text.tree(token);
    }
    text.text
}

#[derive(Default)]
struct Text {
    text: String,
    /// Where the last piece ended.
    end: Option<LineColumn>,
}

impl Text {
    fn tree(&mut self, token: TokenTree) {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => return self.all(group.stream()),
                };
                self.piece(open, group.span_open());
                self.all(group.stream());
                self.piece(close, group.span_close());
            }
            other => self.piece(&other.to_string(), other.span()),
        }
    }

    fn all(&mut self, tokens: TokenStream) {
        tokens.into_iter().for_each(|token| self.tree(token));
    }

    fn piece(&mut self, piece: &str, span: Span) {
        if self.end.is_some_and(|end| end != span.start()) {
            self.text.push(' ');
        }
        self.text.push_str(piece);
        self.end = Some(span.end());
    }
}

#[cfg(test)]
mod tests {
    use super::source;

    fn of(text: &str) -> String {
        source(text.parse::<proc_macro2::TokenStream>().unwrap())
    }

    #[test]
    fn the_text_is_as_written() {
        let text = ":async 20 let place = api.locate::<A, B>(&clean[..]).await?";
        assert_eq!(of(text), text);
    }

    #[test]
    fn white_space_and_comments_become_one_blank() {
        assert_eq!(
            of("map( |x|\n      x  +  1 /* one */ )"),
            "map( |x| x + 1 )"
        );
    }
}
