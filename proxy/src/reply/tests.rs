//! How answers look to whom, and that no text in them is more than text.

use proptest::prelude::*;

use super::*;

const ID: HeaderValue = HeaderValue::from_static("0190-id");

fn render(answer: &Answer, accept: Option<&'static str>) -> Response<String> {
    let accept = accept.map(HeaderValue::from_static);
    let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).expect("text");
    answer.render(accept.as_ref(), &ID).map(text)
}

#[test]
fn everybody_gets_the_form_they_read() {
    let form = |accept| {
        let response = render(&Answer::unknown_host(), accept);
        response.headers()[CONTENT_TYPE]
            .to_str()
            .expect("text")
            .to_owned()
    };
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    assert!(form(Some(browser)).starts_with("text/html"));
    assert!(form(Some("application/graphql-response+json")).contains("json"));
    assert!(form(Some("application/json, text/html;q=0")).contains("json"));
    for plain in [
        None,
        Some("*/*"),
        Some("image/png"),
        Some("text/html; q=0.0"),
    ] {
        assert!(form(plain).starts_with("text/plain"), "{plain:?}");
    }
}

#[test]
fn an_answer_says_its_code_and_is_kept_by_nobody() {
    for accept in [None, Some("text/html"), Some("application/json")] {
        let response = render(&Answer::nothing_listens(3000), accept);
        assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
        assert_eq!(response.headers()["x-spaceport-error"], "NOTHING_LISTENS");
        assert_eq!(response.headers()["x-request-id"], ID);
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        assert!(response.body().contains("NOTHING_LISTENS"));
        assert!(response.body().contains("3000") && response.body().contains("0190-id"));
    }
    let json = render(&Answer::unknown_host(), Some("application/json"));
    let json: serde_json::Value = serde_json::from_str(json.body()).expect("JSON");
    assert_eq!(json["code"], "UNKNOWN_HOST");
    assert_eq!(json["requestId"], "0190-id");
}

#[test]
fn a_space_that_does_not_run_says_why_and_when_to_come_back() {
    for status in Status::ALL {
        let response = render(&Answer::not_running("lab", status), Some("text/html"));
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.headers().contains_key(RETRY_AFTER));
        let reloads = response.body().contains("http-equiv=\"refresh\"");
        let passes = [Status::Starting, Status::Stopping].contains(&status);
        assert_eq!(reloads, passes, "{status:?}");
    }
    let starting = render(&Answer::not_running("lab", Status::Starting), None);
    assert!(starting.body().contains("“lab” is starting"));
}

/// Or whoever came while it was stopping would never be offered to start it, and whoever came
/// before its program listens would never see that.
#[test]
fn a_page_of_a_space_on_its_way_to_another_state_looks_again_soon() {
    let again = |answer: &Answer| {
        let answer = render(answer, Some("text/html"));
        let seconds = answer.headers()[RETRY_AFTER].to_str().expect("text");
        let refresh = format!("<meta http-equiv=\"refresh\" content=\"{seconds}\">");
        assert!(answer.body().contains(&refresh), "{}", answer.body());
        seconds.to_owned()
    };
    let starting = again(&Answer::not_running("lab", Status::Starting));
    let stopping = Answer::not_running("lab", Status::Stopping);
    for other in [stopping, Answer::nothing_listens(3000)] {
        assert_eq!(again(&other), starting);
    }
}

#[test]
fn the_policy_allows_the_style_and_nothing_else() {
    use base64::Engine;
    use sha2::Digest;

    let hash = sha2::Sha256::digest(page::STYLE.as_bytes());
    let hash = base64::engine::general_purpose::STANDARD.encode(hash);
    assert!(
        page::CONTENT_SECURITY.contains(&format!("'sha256-{hash}'")),
        "{hash}"
    );
    assert!(page::CONTENT_SECURITY.starts_with("default-src 'none'"));
    assert!(!page::CONTENT_SECURITY.contains("unsafe"));
}

#[test]
fn codes_are_distinct_and_stand_in_order() {
    for (index, code) in Code::ALL.into_iter().enumerate() {
        assert_eq!(code as usize, index);
        assert_eq!(
            Code::ALL
                .iter()
                .filter(|it| it.as_str() == code.as_str())
                .count(),
            1
        );
    }
}

proptest! {
    #[test]
    fn a_name_never_becomes_markup(name in "\\PC{0,40}") {
        let page = render(&Answer::not_running(&name, Status::Stopped), Some("text/html"));
        let plain = render(&Answer::not_running("", Status::Stopped), Some("text/html"));
        for mark in ['<', '>', '"'] {
            prop_assert_eq!(
                page.body().matches(mark).count(),
                plain.body().matches(mark).count()
            );
        }
    }
}
