//! Signing a command line in by a browser: the page, and the code it gives.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::{Response, header::LOCATION, redirect};
use serde_json::{Value, json};
use spaceport_tests::{
    Client, Database, Home, Installation, installation::ADMIN_PASSWORD, on_both_databases,
};

on_both_databases!(
    who_confirms_signs_the_command_line_in_once_and_nobody_else,
    a_code_ends_with_the_sign_in_it_rests_on,
    nothing_is_given_without_a_form_of_the_page,
);

const PASSWORD: &str = "their password";
/// The example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A browser at the page; it follows no redirect.
pub struct Page {
    http: reqwest::Client,
    api: String,
    url: String,
    cookie: String,
}

impl Page {
    /// The page as a command line opens it, in a browser that knows nobody.
    pub fn new(home: &Home) -> Self {
        let api = home.api_url("");
        let url = format!("{api}/cli/sign-in?port=4711&state=s&challenge={CHALLENGE}");
        Self::at(home, url)
    }

    /// The page at the address that a command line gave.
    pub fn at(home: &Home, url: String) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .build();
        Self {
            http: http.expect("a client"),
            url,
            api: home.api_url(""),
            cookie: String::new(),
        }
    }

    /// The same in a browser in which the user of `client` has just signed in.
    pub async fn signed_in(mut self, client: &Client) -> Self {
        let viewer = client.query("{ viewer { userName } }", json!({})).await;
        let name = viewer["viewer"]["userName"].as_str().expect("a name");
        let password = if name == "admin" {
            ADMIN_PASSWORD
        } else {
            PASSWORD
        };
        let form = [("userName", name), ("password", password)];
        assert_eq!(self.submit(&form).await.status(), 303);
        self
    }

    /// The same in a browser whose cookie holds `value`.
    fn with_cookie(self, value: &str) -> Self {
        Self {
            cookie: format!("spaceport-session={value}"),
            ..self
        }
    }

    /// What the browser sends as `Cookie` to the API.
    pub fn cookie(&self) -> &str {
        &self.cookie
    }

    async fn show(&self) -> Response {
        let request = self.http.get(&self.url).header("cookie", &self.cookie);
        request.send().await.expect("an answer")
    }

    async fn submit_from(&self, origin: &str, form: &[(&str, &str)]) -> Response {
        let body = reqwest::Url::parse_with_params("http://x/", form).expect("a form");
        let request = self
            .http
            .post(&self.url)
            .header("origin", origin)
            .header("cookie", &self.cookie)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.query().unwrap_or_default().to_owned());
        request.send().await.expect("an answer")
    }

    async fn submit(&mut self, form: &[(&str, &str)]) -> Response {
        let answer = self.submit_from(&self.api, form).await;
        if let Some(set) = answer.headers().get("set-cookie") {
            let set = set.to_str().expect("text");
            let pair = set.split(';').next().expect("a pair");
            pair.clone_into(&mut self.cookie);
        }
        answer
    }

    /// Presses a button, and gives where it leads.
    pub async fn answer(&mut self, answer: &str) -> String {
        let answer = self.submit(&[("answer", answer)]).await;
        assert_eq!(answer.status(), 303);
        location(&answer)
    }

    /// Presses the button, and gives the code.
    pub async fn confirm(&mut self) -> String {
        let to = self.answer("yes").await;
        let code = to.strip_prefix("http://127.0.0.1:4711/?state=s&code=");
        code.unwrap_or_else(|| panic!("{to}")).to_owned()
    }
}

fn location(answer: &Response) -> String {
    let field = answer.headers().get(LOCATION);
    field.map_or_else(String::new, |it| it.to_str().expect("text").to_owned())
}

/// What a command line sends to redeem a code.
pub fn redemption(code: &str) -> Value {
    json!({ "code": code, "verifier": VERIFIER })
}

async fn who_confirms_signs_the_command_line_in_once_and_nobody_else(database: Database) {
    let home = Installation::shared(database).await;
    home.admin().await.create_user("cli-user", json!({})).await;
    let anonymous = home.anonymous();
    let mut page = Page::new(&home);
    let shown = page.show().await;
    assert_eq!(shown.status(), 200);
    assert!(shown.text().await.unwrap().contains("name=\"password\""));
    let wrong = page.submit(&[("userName", "cli-user"), ("password", "wrong")]);
    assert_eq!(wrong.await.status(), 401);
    let entered = page.submit(&[("userName", "cli-user"), ("password", PASSWORD)]);
    let entered = entered.await;
    assert_eq!(entered.status(), 303);
    assert!(location(&entered).starts_with("/cli/sign-in?port=4711&state=s&"));
    let asked = page.show().await;
    let security = asked.headers()["content-security-policy"].to_str().unwrap();
    assert!(security.contains("http://127.0.0.1:4711;"), "{security}");
    assert!(asked.text().await.unwrap().contains("cli-user"));

    // A wrong verifier uses the code up: whoever caught it has one attempt, and no answer.
    let code = page.confirm().await;
    let other = BASE64_URL_SAFE_NO_PAD.encode([7; 32]);
    let stolen = json!({ "code": code, "verifier": other });
    let stolen = anonymous.mutate("redeemCliCode", stolen).await;
    assert_eq!(stolen.codes(), ["INVALID_CREDENTIALS"]);
    let late = anonymous.mutate("redeemCliCode", redemption(&code)).await;
    assert_eq!(late.codes(), ["INVALID_CREDENTIALS"]);

    let code = page.confirm().await;
    let redeemed = anonymous.mutate("redeemCliCode", redemption(&code)).await;
    let token = redeemed.value("token");
    let user = anonymous.with_token(token.as_str().expect("a token"));
    let viewer = user.query("{ viewer { userName sessions { id } } }", json!({}));
    let viewer = viewer.await;
    assert_eq!(viewer["viewer"]["userName"], "cli-user");
    let sessions = viewer["viewer"]["sessions"].as_array().expect("a list");
    assert_eq!(sessions.len(), 3, "the test's, the browser's and its own");
    let again = anonymous.mutate("redeemCliCode", redemption(&code)).await;
    assert_eq!(again.codes(), ["INVALID_CREDENTIALS"]);

    let denied = page.submit(&[("answer", "no")]).await;
    assert_eq!(
        location(&denied),
        "http://127.0.0.1:4711/?state=s&error=denied"
    );
}

async fn a_code_ends_with_the_sign_in_it_rests_on(database: Database) {
    let home = Installation::shared(database).await;
    let user = home.admin().await.create_user("cli-ended", json!({})).await;
    let mut page = Page::new(&home).signed_in(&user).await;
    let code = page.confirm().await;
    let sessions = "{ viewer { sessions { id current } } }";
    let sessions = user.query(sessions, json!({})).await;
    let mut sessions = sessions["viewer"]["sessions"]
        .as_array()
        .expect("a list")
        .iter();
    let browsers = sessions.find(|it| it["current"] == false);
    let input = json!({ "sessionId": browsers.expect("the browser's")["id"] });
    user.mutate("revokeSession", input).await.value("session");
    let anonymous = home.anonymous();
    let refused = anonymous.mutate("redeemCliCode", redemption(&code));
    assert_eq!(refused.await.codes(), ["INVALID_CREDENTIALS"]);
    let again = page.submit(&[("answer", "yes")]).await;
    assert!(
        location(&again).starts_with("/cli/sign-in?"),
        "asks who it is"
    );
}

async fn nothing_is_given_without_a_form_of_the_page(database: Database) {
    let home = Installation::shared(database).await;
    let user = home.admin().await.create_user("cli-form", json!({})).await;
    let page = Page::new(&home).signed_in(&user).await;
    for origin in ["https://evil.example", "null", "http://127.0.0.1:4711"] {
        let refused = page.submit_from(origin, &[("answer", "yes")]).await;
        assert_eq!(refused.status(), 403, "{origin}");
        assert_eq!(location(&refused), "");
    }
    // What GraphQL takes, the page doesn't.
    let token = user.create_token(json!({ "scopes": ["ACCOUNT"] })).await;
    let mut page = page;
    for bearer in [user.token(), token.token()] {
        page = page.with_cookie(bearer);
        let asked = page.submit(&[("answer", "yes")]).await;
        assert!(location(&asked).starts_with("/cli/sign-in?"));
    }
    let elsewhere = page.url.replace("port=4711", "port=4711@evil.example");
    let refused = page.http.get(elsewhere).send().await.unwrap();
    assert_eq!(refused.status(), 400);
}
