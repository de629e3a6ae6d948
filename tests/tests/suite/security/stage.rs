//! Two people who don't trust each other, with a space each, at one edge.

use serde_json::{Value, json};
use spaceport_tests::{BASE, Client, Home, Visitor, edge::Answer};

use crate::people::cli_sign_in::Page;

/// What runs in both spaces; it tells what it got, on ports 8000 to 8002.
const SERVER: &str = include_str!("server.py");
pub(crate) const COOKIE: &str = "__Host-spaceport-app";

/// Somebody with a space.
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) client: Client,
    pub(crate) space_name: &'static str,
    pub(crate) space: String,
}

impl Person {
    /// The same person with another space of the same name.
    pub(crate) fn in_space(&self, space: String) -> Self {
        Self {
            name: self.name.clone(),
            client: self.client.clone(),
            space_name: self.space_name,
            space,
        }
    }
}

/// Ada, and Mallory who is up to no good, in one installation.
pub(crate) struct Stage {
    pub(crate) home: Home,
    pub(crate) admin: Client,
    pub(crate) visitor: Visitor,
    /// What both spaces are made from.
    pub(crate) template: String,
    pub(crate) ada: Person,
    pub(crate) mallory: Person,
}

impl Stage {
    /// Both spaces run and serve. `act` tells this test's people from those of others.
    pub(crate) async fn open(home: Home, act: &str) -> Self {
        let admin = home.admin().await;
        let template = admin
            .create_template(
                act,
                json!({
                    "image": BASE, "command": ["python3", "-c", SERVER], "memoryMib": 256,
                    "features": ["TUNNELS", "PORT_FORWARD", "CODE_SERVER"],
                    "ports": [{ "name": "code", "port": 8002 }],
                }),
            )
            .await;
        let person = async |name: &str, space_name: &'static str| {
            let name = format!("{name}-{act}");
            let client = admin.create_user(&name, json!({})).await;
            let space = client.run_space(&template, space_name).await;
            Person {
                name,
                client,
                space_name,
                space,
            }
        };
        let (ada, mallory) = tokio::join!(
            Box::pin(person("ada", "lab")),
            Box::pin(person("mallory", "trap"))
        );
        let stage = Self {
            visitor: home.visitor(),
            home,
            admin,
            template,
            ada,
            mallory,
        };
        for person in [&stage.ada, &stage.mallory] {
            let ticket = stage.enter(&person.client, person, "8000").await;
            let url = stage.app_url(person, "8000", "/seen");
            let cookie = [("cookie", ticket.as_str())];
            let serves = async || stage.visitor.get_with(&url, &cookie).await.status == 200;
            spaceport_tests::eventually("the space serves", serves).await;
        }
        stage
    }

    /// The hostname of an app of somebody's space.
    pub(crate) fn app_host(person: &Person, app: &str) -> String {
        format!(
            "{app}--{}--{}.apps.localhost",
            person.space_name, person.name
        )
    }

    /// The URL of something in an app of somebody's space.
    pub(crate) fn app_url(&self, person: &Person, app: &str, path: &str) -> String {
        let port = self.home.edge_address().port();
        format!("https://{}:{port}{path}", Self::app_host(person, app))
    }

    /// Opens a tunnel to port 8000 of somebody's space and gives its URL, without a final slash.
    pub(crate) async fn tunnel(&self, person: &Person) -> (String, String) {
        let tunnel = person.client.create_tunnel(&person.space, 8000).await;
        let url = tunnel["url"].as_str().expect("a URL").trim_end_matches('/');
        let probe = format!("{url}/seen");
        let serves = async || self.visitor.get(&probe).await.status == 200;
        spaceport_tests::eventually("the tunnel serves", serves).await;
        let id = tunnel["id"].as_str().expect("an identifier");
        (id.to_owned(), url.to_owned())
    }

    /// The one-time URL that signs `client` in to an app.
    pub(crate) async fn open_app(&self, client: &Client, person: &Person, app: &str) -> String {
        let input = json!({ "spaceId": person.space, "app": app });
        let url = client.mutate("openApp", input).await.value("url");
        url.as_str().expect("a URL").to_owned()
    }

    /// Where the API sends a browser back to in which the user of `client` has just signed in and
    /// that wants `url`.
    pub(crate) async fn code_for(&self, client: &Client, url: &str) -> String {
        code_for(&self.home, client, url).await
    }

    /// Signs `client` in to an app; what a browser sends as `Cookie` afterwards.
    pub(crate) async fn enter(&self, client: &Client, person: &Person, app: &str) -> String {
        let url = self.open_app(client, person, app).await;
        let entered = self.visitor.get(&url).await;
        assert_eq!(entered.status, 303, "{}", entered.body);
        cookie_of(&entered)
    }

    /// GETs something of port 8000 of somebody's space.
    pub(crate) async fn get(&self, person: &Person, path: &str, fields: &[(&str, &str)]) -> Answer {
        let url = self.app_url(person, "8000", path);
        self.visitor.get_with(&url, fields).await
    }

    /// Every request that the server in somebody's space has got and that its owner didn't send to
    /// look.
    pub(crate) async fn seen(&self, person: &Person) -> Vec<Value> {
        let cookie = self.enter(&person.client, person, "8000").await;
        let answer = self.get(person, "/seen", &[("cookie", &cookie)]).await;
        serde_json::from_str(&answer.body).expect("JSON")
    }
}

/// The cookie that an answer sets, without its attributes.
pub(crate) fn cookie_of(answer: &Answer) -> String {
    let set = answer.header("set-cookie");
    let (cookie, _) = set.split_once(';').expect("attributes");
    assert!(cookie.starts_with(COOKIE), "{set}");
    cookie.to_owned()
}

/// The values of a field of a request that a space got.
pub(crate) fn values<'a>(request: &'a Value, name: &str) -> Vec<&'a str> {
    let fields = request["headers"].as_array().expect("fields").iter();
    fields
        .filter(|field| field[0] == name)
        .map(|field| field[1].as_str().expect("text"))
        .collect()
}

/// The same for the request that an answer tells of.
pub(crate) fn echoed(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).expect("JSON")
}

/// Where the API sends a browser back to in which the user of `client` has just signed in and that
/// wants `url`.
pub(crate) async fn code_for(home: &Home, client: &Client, url: &str) -> String {
    let mut page: reqwest::Url = home.api_url("/apps/sign-in").parse().expect("a URL");
    page.query_pairs_mut().append_pair("to", url);
    let signed_in = Page::new(home).signed_in(client).await;
    let browser = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none());
    let answer = browser
        .build()
        .expect("a client")
        .get(page)
        .header("cookie", signed_in.cookie())
        .send()
        .await
        .expect("the API answers");
    assert_eq!(answer.status(), 303);
    let location = &answer.headers()["location"];
    location.to_str().expect("text").to_owned()
}
