//! Whatever fields a request is made of, the space sees it as the edge does, or not at all.

use proptest::{prelude::*, test_runner::TestRunner};

use super::{RAW_HOST as HOST, Yard};

const CASES: u32 = 200;

fn fields() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = prop_oneof![
        "(?i)content-length",
        "(?i)transfer-encoding",
        "(?i)content[-_ ]length ?",
        "(?i)transfer[-_ ]encoding ?",
        "connection|te|upgrade|expect|trailer|keep-alive|host|x|X-Y",
        "[ -~]{1,8}",
    ];
    let value = prop_oneof![
        "[0-9]{1,2}",
        "(?i)(chunked|identity|gzip)(, ?(chunked|close))?",
        "[+-]?0?x?[0-9a-f]{1,3}",
        "(close|keep-alive|upgrade|content-length|transfer-encoding)(, [a-z-]{1,9})?",
        "100-continue|trailers",
        "[ -~\t\r\n\\x00\\x0b]{0,12}",
    ];
    prop::collection::vec((name, value), 0..5)
}

#[test]
fn no_soup_of_fields_is_framed_otherwise_by_the_space() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let yard = runtime.block_on(Yard::open());
    let config = ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let body = prop_oneof![
        "[a-z]{0,8}",
        "([0-9a-f]{1,2}\r\n[a-z]{0,9}\r\n){0,2}0\r\n\r\n"
    ];
    let outcome = TestRunner::new(config).run(&(fields(), body), |(fields, body)| {
        let lines = fields.iter().map(|(name, it)| format!("{name}: {it}\r\n"));
        let fields = lines.collect::<Vec<_>>().concat();
        let sent = format!("POST /a HTTP/1.1\r\nhost: {HOST}\r\n{fields}\r\n{body}");
        // More than any length in the soup swallows.
        let next = format!("GET /b HTTP/1.1\r\nhost: {HOST}\r\n\r\n").repeat(8);
        let last = "GET /c HTTP/1.0\r\n\r\n";
        let answered = runtime.block_on(yard.answered(&format!("{sent}{next}{last}")));
        // It fails when anything there is not as HTTP/1.1 must be written.
        let seen = yard.recorder.told();
        let bodies: Vec<&String> = answered
            .iter()
            .filter_map(|(status, body)| (*status == 200).then_some(body))
            .collect();
        // Each response tells what the space saw, so that none belongs to another request.
        prop_assert_eq!(bodies, seen.iter().collect::<Vec<_>>());
        Ok(())
    });
    outcome.unwrap();
}
