//! What must be known of a text before a recursive parser sees it: how deep its brackets go, and
//! how many tokens it has. One pass over the bytes, no recursion, no memory.

/// What the scan of a GraphQL document found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Scan {
    /// Brackets of any kind open at once.
    pub(super) nesting: usize,
    /// Names, numbers, strings and punctuators.
    pub(super) tokens: usize,
}

/// Scans a GraphQL document. Stops where no parser could go on, so that the result is never less
/// than what a parser meets.
pub(super) fn document(text: &str) -> Scan {
    let bytes = text.as_bytes();
    let mut scan = Scan::default();
    let mut open = 0_usize;
    let mut blocks_end = true;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' | 0xEF | 0xBB | 0xBF => at += 1,
            b'#' => at += line_length(&bytes[at..]),
            b'"' => {
                scan.tokens += 1;
                let rest = &bytes[at..];
                let block = if blocks_end && rest.starts_with(b"\"\"\"") {
                    let block = block_string_length(rest);
                    // A parser takes the quotes of a block that never ends for an empty string.
                    blocks_end = block.is_some();
                    block
                } else {
                    None
                };
                match block.or_else(|| string_length(rest)) {
                    Some(length) => at += length,
                    None => break,
                }
            }
            b'{' | b'(' | b'[' => {
                scan.tokens += 1;
                open += 1;
                scan.nesting = scan.nesting.max(open);
                at += 1;
            }
            b'}' | b')' | b']' => {
                scan.tokens += 1;
                open = open.saturating_sub(1);
                at += 1;
            }
            byte if is_word(byte) => {
                scan.tokens += 1;
                at += bytes[at..].iter().take_while(|b| is_word(**b)).count();
            }
            _ => {
                scan.tokens += 1;
                at += 1;
            }
        }
    }
    scan
}

/// How many brackets of a JSON text are open at once.
pub(super) fn json_depth(bytes: &[u8]) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => match json_string_length(&bytes[at..]) {
                Some(length) => {
                    at += length;
                    continue;
                }
                None => break,
            },
            b'{' | b'[' => {
                open += 1;
                deepest = deepest.max(open);
            }
            b'}' | b']' => open = open.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    deepest
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn line_length(bytes: &[u8]) -> usize {
    let end = bytes.iter().position(|b| matches!(b, b'\r' | b'\n'));
    end.unwrap_or(bytes.len())
}

/// The length of the string at the start, quotes included; `None` when it does not end on its line.
fn string_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            b'\r' | b'\n' => return None,
            _ => at += 1,
        }
    }
}

/// The length of the block string at the start, quotes included; `None` when it does not end.
fn block_string_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 3;
    while at < bytes.len() {
        let rest = &bytes[at..];
        if rest.starts_with(b"\"\"\"") {
            return Some(at + 3);
        }
        at += if rest.starts_with(b"\\\"\"\"") { 4 } else { 1 };
    }
    None
}

fn json_string_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn brackets_in_strings_and_comments_do_not_nest() {
        for (text, nesting) in [
            ("{ a }", 1),
            ("{ a(x: [1 {y: 2}]) }", 3 + 1),
            ("{ a(x: \"{{{{\") }", 2),
            ("{ a(x: \"\\\"{{{{\") }", 2),
            ("{ a # {{{{\n}", 1),
            ("{ a # {{{{\r b { c } }", 2),
            ("{ a(x: \"\"\"{{{\n \\\"\"\" {{{\"\"\") }", 2),
            ("{ a(x: \"\"\"\") }", 2),
        ] {
            assert_eq!(document(text).nesting, nesting, "{text}");
        }
    }

    #[test]
    fn a_block_string_that_never_ends_hides_nothing() {
        // A parser that gives up the block reads: empty string, string, brackets.
        let text = format!("{{ a(x: [\"\"\"b\" {} ", "[".repeat(100));
        assert_eq!(document(&text).nesting, 103);
    }

    #[test]
    fn tokens_are_counted_as_a_lexer_does() {
        assert_eq!(document("query Q($a: Int! = 12) { b }").tokens, 14);
        assert_eq!(document("  # only a comment").tokens, 0);
        assert_eq!(document("\"one\" \"\"\"two\"\"\"").tokens, 2);
    }

    #[test]
    fn json_depth_ignores_strings() {
        assert_eq!(json_depth(br#"{"a": [1, {"b": "}}}]]]"}], "c\\": {}}"#), 3);
        assert_eq!(json_depth(br#""[[[["#), 0);
        assert_eq!(json_depth("[".repeat(1_000_000).as_bytes()), 1_000_000);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_scan_fail(text in "[\\\\\"{}()\\[\\]#a \r\n\u{feff}é]{0,64}") {
            let scan = document(&text);
            prop_assert!(scan.nesting <= text.len());
            prop_assert!(scan.tokens <= text.len());
            prop_assert!(json_depth(text.as_bytes()) <= text.len());
        }

        #[test]
        fn a_text_that_parses_nests_no_deeper_than_scanned(text in "[{}()\\[\\]\"#a:\\\\ \n]{0,24}") {
            if let Ok(parsed) = async_graphql::parser::parse_query(&text) {
                let depth = parsed.operations.iter().map(|(_, op)| depth(&op.node.selection_set.node));
                prop_assert!(depth.max().unwrap_or(0) <= document(&text).nesting);
            }
        }
    }

    fn depth(set: &async_graphql::parser::types::SelectionSet) -> usize {
        use async_graphql::parser::types::Selection;
        let below = set.items.iter().map(|item| match &item.node {
            Selection::Field(field) => depth(&field.node.selection_set.node),
            Selection::InlineFragment(inline) => depth(&inline.node.selection_set.node),
            Selection::FragmentSpread(_) => 0,
        });
        usize::from(!set.items.is_empty()) + below.max().unwrap_or(0)
    }
}
