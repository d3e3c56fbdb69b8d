//! Swagger UI as a browser would load it.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::Request;

use super::Stage;

#[tokio::test]
async fn swagger_ui_comes_whole_from_here_and_loads_nothing_from_elsewhere() {
    let stage = Stage::new().await;
    let page = stage.ask("", "GET /swagger/index.html", None).await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, Some("text/html"))
    );
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(
        policy.contains("script-src 'self';") && !policy.contains("unsafe"),
        "{policy}"
    );
    // Every file that the page names is there, and it has no script or style of its own.
    let mut named = BTreeMap::new();
    for part in page
        .text
        .split(['=', ' '])
        .filter(|part| part.starts_with('"'))
    {
        let name = part.trim_matches(['"', '>', '/']).trim_start_matches("./");
        if name.ends_with(".js") || name.ends_with(".css") {
            let file = stage.ask("", &format!("GET /swagger/{name}"), None).await;
            assert_eq!(file.status, 200, "{name}");
            named.insert(name.to_owned(), file.text.len());
        }
    }
    assert!(named.len() >= 4, "{named:?}");
    assert!(!page.text.contains("<style") && !page.text.contains("http"));
    for script in page.text.split("<script").skip(1) {
        let body = script
            .split('>')
            .nth(1)
            .expect("a script")
            .split('<')
            .next();
        assert_eq!(body.map(str::trim), Some(""));
    }
    let begin = stage
        .ask("", "GET /swagger/swagger-initializer.js", None)
        .await
        .text;
    assert!(
        begin.contains("./v1/swagger.json") && begin.contains("\"validatorUrl\": \"none\""),
        "{begin}"
    );
    assert!(!begin.contains("petstore"));
    for path in ["/swagger", "/swagger/"] {
        let answer = stage.ask("", &format!("GET {path}"), None).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (308, Some("/swagger/index.html"))
        );
    }
    let none = stage.ask("", "GET /swagger/../Cargo.toml", None).await;
    assert_eq!(none.status, 404);
    let request = Request::get("/swagger/none.js")
        .body(Body::empty())
        .expect("a request");
    assert_eq!(stage.send(request).await.problem().1, "not_found");
}
