//! A browser, as far as the pages on the way in need one.

use reqwest::{
    Response,
    header::{HeaderMap, HeaderValue},
};
use spaceport_tests::Home;

/// A browser at the API: it keeps one cookie and follows no redirect.
pub(super) struct Browser {
    pub(super) http: reqwest::Client,
    pub(super) api: String,
    pub(super) cookie: Option<String>,
}

impl Browser {
    pub(super) fn new(home: &Home) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build();
        Self {
            http: http.expect("a client"),
            api: home.api_url(""),
            cookie: None,
        }
    }

    pub(super) fn url(&self, path: &str, to: &str) -> reqwest::Url {
        let url = format!("{}{path}", self.api);
        reqwest::Url::parse_with_params(&url, [("to", to)]).expect("a URL")
    }

    pub(super) fn headers(&self) -> HeaderMap {
        let cookie = self.cookie.iter();
        cookie
            .map(|it| (reqwest::header::COOKIE, it.parse().expect("a cookie")))
            .collect()
    }

    pub(super) async fn get(&self, path: &str, to: &str) -> Response {
        let request = self.http.get(self.url(path, to)).headers(self.headers());
        request.send().await.expect("an answer")
    }

    /// Sends a form as the pages do.
    pub(super) async fn post(&mut self, path: &str, to: &str, form: &[(&str, &str)]) -> Response {
        let origin = HeaderValue::from_str(&self.api).expect("an origin");
        let response = self.post_from(Some(origin), path, to, form).await;
        if let Some(set) = response.headers().get("set-cookie") {
            let set = set.to_str().expect("text");
            let (pair, _) = set.split_once(';').expect("attributes");
            self.cookie = Some(pair.to_owned());
        }
        response
    }

    pub(super) async fn post_from(
        &self,
        origin: Option<HeaderValue>,
        path: &str,
        to: &str,
        form: &[(&str, &str)],
    ) -> Response {
        let body = reqwest::Url::parse_with_params("x:", form).expect("a form");
        let mut request = self
            .http
            .post(self.url(path, to))
            .headers(self.headers())
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.query().unwrap_or_default().to_owned());
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        request.send().await.expect("an answer")
    }

    pub(super) async fn sign_in(&mut self, to: &str, user: &str, password: &str) -> Response {
        let form = credentials(user, password);
        self.post("/apps/sign-in", to, &form).await
    }
}

/// What the pages' form takes of somebody.
pub(super) fn credentials<'a>(user: &'a str, password: &'a str) -> [(&'a str, &'a str); 2] {
    [("userName", user), ("password", password)]
}

pub(super) fn field<'a>(response: &'a Response, name: &str) -> &'a str {
    let value = response.headers().get(name);
    value.and_then(|it| it.to_str().ok()).unwrap_or_default()
}

/// The code that a redirect to an app brings, after a look at the rest of it.
pub(super) fn code_of(response: &Response, to: &str) -> String {
    assert_eq!(response.status(), 303);
    let url: reqwest::Url = field(response, "location").parse().expect("a URL");
    let wanted: reqwest::Url = to.parse().expect("a URL");
    assert_eq!(url.origin(), wanted.origin(), "the same host and port");
    assert_eq!(url.path(), "/.spaceport/enter");
    let parameters: Vec<_> = url.query_pairs().collect();
    let path = &to["https://".len()..];
    let path = path.find('/').map_or("/", |at| &path[at..]);
    assert_eq!(parameters[1], ("to".into(), path.into()));
    assert_eq!(parameters.len(), 2);
    assert_eq!(parameters[0].0, "code");
    parameters[0].1.clone().into_owned()
}
