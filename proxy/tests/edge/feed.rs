//! The edge and its control plane: following, losing and finding it.

use http::StatusCode;

use crate::{
    api::{Asked, Mood},
    harness::{HOST, House, counts, operator, routes},
};

#[tokio::test]
async fn a_change_is_served_as_soon_as_it_is_told() {
    let house = House::open().await;
    assert_eq!(house.get(HOST, "/").await.status, 200);
    house.say(house.routes("STOPPED")).await;
    assert_eq!(house.get(HOST, "/").await.status, 503);
    house.say(house.routes("RUNNING")).await;
    assert_eq!(house.get(HOST, "/").await.status, 200);
    house.say(house.routes("DELETED")).await;
    assert_eq!(house.get(HOST, "/").await.status, 404);
}

#[tokio::test]
async fn a_feed_that_ends_is_resumed_where_it_ended() {
    let house = House::open().await;
    house.api.complete();
    let asked = house.api.asked(|it| it.len() == 2).await;
    let authorization = "Bearer edge-secret".to_owned();
    let first = Asked {
        after: None,
        authorization: authorization.clone(),
    };
    let second = Asked {
        after: Some("2".to_owned()),
        authorization,
    };
    assert_eq!(asked, [first, second]);
    house.say(house.routes("STOPPED")).await;
    assert_eq!(house.get(HOST, "/").await.status, 503);
}

#[tokio::test]
async fn spaces_are_served_while_the_control_plane_is_away() {
    let mut house = House::open().await;
    house.api.stop();
    assert_eq!(house.get(HOST, "/").await.status, 200);
    // What happens meanwhile is learnt afterwards.
    let cursor = house.api.say(routes(
        2,
        "RUNNING",
        house.space.address,
        "new--ada.tunnels.localhost",
    ));
    house.api.restart().await;
    house.knows(&cursor).await;
    assert_eq!(
        house.get("new--ada.tunnels.localhost", "/").await.status,
        200
    );
    let asked = house.api.asked(|it| it.len() >= 2).await;
    assert_eq!(asked.last().unwrap().after.as_deref(), Some("2"));
}

#[tokio::test]
async fn an_edge_that_restarts_serves_what_it_last_knew() {
    let mut house = House::open().await;
    house
        .say(routes(
            2,
            "RUNNING",
            house.space.address,
            "new--ada.tunnels.localhost",
        ))
        .await;
    house.shut_edge_down().await;
    house.api.stop();
    house.start_edge();
    assert_eq!(operator(house.edge(), "/readyz").await.0, 200);
    assert_eq!(house.get(HOST, "/").await.status, 200);
    assert_eq!(
        house.get("new--ada.tunnels.localhost", "/").await.status,
        200
    );
    house.api.restart().await;
    let asked = house.api.asked(|it| it.len() >= 2).await;
    assert_eq!(asked.last().unwrap().after.as_deref(), Some("3"));
}

#[tokio::test]
async fn a_refusal_is_no_reason_to_forget() {
    let house = House::open().await;
    for mood in [
        Mood::Status(StatusCode::UNAUTHORIZED),
        Mood::Error("UNAUTHENTICATED"),
    ] {
        let before = house.api.asked(|_| true).await.len();
        house.api.set_mood(mood);
        house.api.complete();
        let asked = house.api.asked(|it| it.len() >= before + 3).await;
        assert!(
            asked[before..]
                .iter()
                .all(|it| it.after.as_deref() == Some("2")),
            "{mood:?}"
        );
        assert_eq!(house.get(HOST, "/").await.status, 200);
        house.api.set_mood(Mood::Helpful);
        house.api.asked(|it| it.len() > asked.len()).await;
    }
    house.say(house.routes("STOPPED")).await;
}

#[tokio::test]
async fn a_cursor_that_is_refused_is_given_up_for_a_snapshot() {
    let house = House::open().await;
    house.api.set_mood(Mood::Error("INVALID_INPUT"));
    house.api.complete();
    let asked = house.api.asked(|it| it.len() >= 3).await;
    assert_eq!(asked[1].after.as_deref(), Some("2"));
    assert_eq!(asked[2].after, None);
    house.api.set_mood(Mood::Helpful);
    house.say(house.routes("STOPPED")).await;
}

#[tokio::test]
async fn the_token_is_waited_for_while_visitors_are_already_answered() {
    let mut house = House::open().await;
    house.shut_edge_down().await;
    std::fs::remove_dir_all(house.folder.path().join("edge")).unwrap();
    let mut house = house.without_token();
    house.start_edge();
    let got = house.get(HOST, "/").await;
    assert_eq!((got.status, got.code()), (404, Some("UNKNOWN_HOST")));
    assert_eq!(operator(house.edge(), "/readyz").await.0, 503);
    std::fs::write(house.folder.path().join("edge.token"), "from-a-file\n").unwrap();
    house.knows("2").await;
    assert_eq!(house.get(HOST, "/").await.status, 200);
    assert_eq!(operator(house.edge(), "/readyz").await.0, 200);
    let asked = house.api.asked(|_| true).await;
    assert_eq!(asked.last().unwrap().authorization, "Bearer from-a-file");
}

#[tokio::test]
async fn operators_see_how_it_is() {
    let house = House::open().await;
    assert_eq!(operator(house.edge(), "/healthz").await.0, 200);
    assert_eq!(operator(house.edge(), "/elsewhere").await.0, 404);
    assert_eq!(house.get(HOST, "/").await.status, 200);
    assert_eq!(
        house.get("nope--ada.tunnels.localhost", "/").await.status,
        404
    );
    for line in [
        "spaceport_edge_requests_total{class=\"2xx\"} 1",
        "spaceport_edge_requests_total{class=\"4xx\"} 1",
        "spaceport_edge_own_answers_total{code=\"UNKNOWN_HOST\"} 1",
        "spaceport_edge_connections_total{protocol=\"h1\"} 2",
        "spaceport_edge_upstream_connects_total 1",
        "spaceport_edge_routes_spaces 1",
        "spaceport_edge_routes_hosts 1",
        "spaceport_edge_feed_connected 1",
    ] {
        counts(house.edge(), line).await;
    }
}
