//! Whole jobs against sites in memory. Time is paused where waits are tested.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it skips"
)]

mod common;

use std::{
    io::Write as _,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use common::{
    job::{Setup, document, paths},
    net::{Reply, Web, html, not_found, page, redirect, reply},
};
use sealwork_engine::Engine as _;
use sealwork_engine_web::Blacklist;
use sealwork_job::Code;
use serde_json::{Value, json};

const SECOND: Duration = Duration::from_secs(1);

/// `/` links to `/a` and `/b`, they link on to `/c` and back.
fn small_site(path: &str) -> Reply {
    match path {
        "/" => page("Home", &["/a", "/b", "/#top", "https://other.test/x"]),
        "/a" => page("A", &["/c", "/"]),
        "/b" => page("B", &["/a", "c"]),
        "/c" => page("C", &["/d", "/a"]),
        "/d" => page("D", &[]),
        _ => not_found(),
    }
}

fn setup() -> Setup {
    Setup::new(Web::default().site("a.test", small_site))
}

#[tokio::test(start_paused = true)]
async fn one_page_gives_the_object_of_the_reference_and_its_document() {
    let setup = setup();
    let report =
        setup.report(json!({"type": "scraper", "url": "http://a.test/", "depth": 1})).await;
    let output = report.result.unwrap();
    let golden = concat!(
        r#"{"documents":[{"url":"http://a.test/","final_url":"http://a.test/","status":200,"#,
        r#""fetched_at":"2026-01-02T03:04:05Z","depth":0,"referrer":null,"#,
        r#""content_type":"text/html","charset":"UTF-8","title":"Home","canonical_url":null,"#,
        r#""description":null,"author":null,"language":null,"#,
        r##""text":"Text of Home.\n\nto /a\nto /b\nto /#top\nto https://other.test/x","##,
        r##""markdown":"Text of Home.\n\n- [to /a](http://a.test/a)\n- [to /b](http://a.test/b)\n- [to /#top](http://a.test/#top)\n- [to https://other.test/x](https://other.test/x)","##,
        r#""links":["http://a.test/a","http://a.test/b","http://a.test/","https://other.test/x"],"images":[],"#,
        r#""truncated":null,"error":null}],"#,
        r#""sections":[{"title":"Home","paragraphs":["Text of Home."],"images":null}],"#,
        r#""pages":["http://a.test/a","http://a.test/b","http://a.test/","https://other.test/x"],"#,
        r#""complete":true,"stopped":null,"unvisited":0,"#,
        r#""skipped":{"robots_denied":0,"blacklisted":0,"left_site":0,"duplicate":0}}"#,
    );
    assert_eq!(String::from_utf8_lossy(&output.data), golden);
    assert_eq!(
        report.stats,
        [
            ("web_queries", 1),
            ("web_success", 1),
            ("web_scraped_pages", 1),
            ("web_processed_pages", 1)
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn levels_are_visited_in_order_and_each_page_once() {
    let setup = setup();
    let result = setup.result(json!({"url": "http://a.test/", "max_depth": 3})).await;
    assert_eq!(paths(&result), ["/", "/a", "/b", "/c"]);
    assert_eq!(setup.web.paths(), ["/", "/a", "/b", "/c"]);
    let c = document(&result, "/c");
    assert_eq!((&c["depth"], &c["referrer"]), (&json!(2), &json!("http://a.test/a")));
    assert_eq!(result["sections"].as_array().unwrap().len(), 4);
    assert_eq!(result["complete"], true);
    let request = &setup.web.seen()[2].head;
    assert!(request.to_ascii_lowercase().contains("referer: http://a.test/\r\n"), "{request}");
}

#[tokio::test(start_paused = true)]
async fn max_pages_stops_the_crawl_and_says_so() {
    let result = setup().result(json!({"url": "http://a.test/", "depth": 9, "max_pages": 2})).await;
    assert_eq!(paths(&result), ["/", "/a"]);
    assert_eq!((&result["complete"], &result["stopped"]), (&json!(false), &json!("max_pages")));
    assert_eq!(result["unvisited"], 2);
}

#[tokio::test(start_paused = true)]
async fn other_sites_are_followed_only_on_request_and_in_parallel() {
    let web = Web::default()
        .site("a.test", |path| match path {
            "/" => page("Home", &["http://b.test/1", "http://b.test/2", "http://c.test/1"]),
            _ => not_found(),
        })
        .site("b.test", |path| match small_body(path) {
            Reply::Raw(bytes) => Reply::After(SECOND, bytes),
            other => other,
        })
        .site("c.test", small_body);
    let setup = Setup::new(web);
    let result = setup.result(json!({"url": "http://a.test/", "depth": 2})).await;
    assert_eq!(paths(&result), ["/"]);
    let arguments = json!({"url": "http://a.test/", "depth": 2, "same_origin": false});
    let result = setup.result(arguments).await;
    assert_eq!(result["documents"].as_array().unwrap().len(), 4);
    // The slow host holds up its own pages alone.
    let order = setup.web.paths();
    assert!(setup.web.seen().iter().any(|seen| seen.host == "c.test"));
    assert_eq!(order.len(), 5, "{order:?}");
}

fn small_body(path: &str) -> Reply {
    if path == "/robots.txt" { not_found() } else { page(path, &[]) }
}

#[tokio::test(start_paused = true)]
async fn permutations_and_tracking_parameters_are_one_page() {
    let web = Web::default().site("a.test", |path| match path {
        "/robots.txt" => not_found(),
        "/" => page(
            "Home",
            &[
                "/l?a=1&b=2",
                "/l?b=2&a=1",
                "/l?a=1&b=2&utm_source=x",
                "/l?a=1&b=2#x",
                "/./l?a=1&b=%32",
            ],
        ),
        _ => page("List", &["/l?b=2&a=1&fbclid=y"]),
    });
    let setup = Setup::new(web);
    setup.result(json!({"url": "http://a.test/", "depth": 5})).await;
    assert_eq!(setup.web.paths(), ["/", "/l?a=1&b=2"]);
}

#[tokio::test(start_paused = true)]
async fn redirects_are_followed_within_the_site_and_their_targets_visited_once() {
    let web = Web::default()
        .site("a.test", |path| match path {
            "/start" => redirect("/"),
            "/" => page("Home", &["/old", "/older", "/away", "/loop", "http://b.test/x"]),
            "/old" | "/older" => redirect("/new"),
            "/away" => redirect("http://b.test/"),
            "/loop" => redirect("/loop"),
            "/new" => page("New", &[]),
            _ => not_found(),
        })
        .site("b.test", |_| page("B", &[]));
    let setup = Setup::new(web);
    let result = setup.result(json!({"url": "http://a.test/start", "depth": 3})).await;
    assert_eq!(paths(&result), ["/start", "/old", "/loop"]);
    assert_eq!(document(&result, "/old")["final_url"], "http://a.test/new");
    assert_eq!(document(&result, "/loop")["error"]["code"], "too_many_redirects");
    assert_eq!(
        result["skipped"],
        json!({"robots_denied": 0, "blacklisted": 0, "left_site": 2, "duplicate": 1}),
        "a link and a redirect that leave the site, and two redirects to one page"
    );
    assert!(setup.web.seen().iter().all(|seen| seen.host == "a.test"));
}

#[tokio::test(start_paused = true)]
async fn a_start_page_that_redirects_elsewhere_makes_that_the_site() {
    let web = Web::default().site("a.test", |_| redirect("http://www.a.test/")).site(
        "www.a.test",
        |path| match path {
            "/" => page("Home", &["/x", "http://a.test/y"]),
            "/x" => page("X", &[]),
            _ => not_found(),
        },
    );
    let result = Setup::new(web).result(json!({"url": "http://a.test/", "depth": 2})).await;
    assert_eq!(paths(&result), ["/", "/x"]);
}

fn with_robots(path: &str) -> Reply {
    match path {
        "/robots.txt" => {
            reply("200 OK", "", b"User-agent: *\nDisallow: /secret\nCrawl-delay: 10\n")
        }
        "/" => page("Home", &["/secret/1", "/open", "/hop"]),
        "/hop" => redirect("/secret/2"),
        _ => page("Page", &[]),
    }
}

#[tokio::test(start_paused = true)]
async fn robots_rules_hold_for_links_redirects_and_pace() {
    let setup = Setup::new(Web::default().site("a.test", with_robots));
    let result = setup.result(json!({"url": "http://a.test/", "depth": 2})).await;
    assert_eq!(paths(&result), ["/", "/open"]);
    assert_eq!(result["skipped"]["robots_denied"], 2);
    let times: Vec<_> =
        setup.web.seen().into_iter().filter(|s| s.path != "/robots.txt").map(|s| s.at).collect();
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 10 * SECOND), "{times:?}");
    let failure = setup.failure(json!({"url": "http://a.test/secret/1"})).await;
    assert_eq!(failure.code, Code::RobotsDenied);
}

#[tokio::test(start_paused = true)]
async fn robots_are_ignored_on_request_if_the_operator_lets() {
    let mut setup = Setup::new(Web::default().site("a.test", with_robots));
    let arguments = json!({"url": "http://a.test/", "depth": 2, "respect_robots": false});
    let result = setup.result(arguments.clone()).await;
    assert_eq!(paths(&result), ["/", "/secret/1", "/open", "/hop"]);
    setup.config.allow_ignoring_robots = false;
    assert_eq!(setup.engine().admit(&arguments).unwrap_err().code, Code::ArgumentsInvalid);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_asks_not_to_be_followed_is_not() {
    let web = Web::default().site("a.test", |path| match path {
        "/" => html("<meta name=robots content=nofollow><h1>x</h1><a href=/a>a</a>"),
        _ => not_found(),
    });
    let result = Setup::new(web).result(json!({"url": "http://a.test/", "depth": 2})).await;
    assert_eq!(
        (paths(&result), &result["pages"]),
        (vec!["/".to_owned()], &json!(["http://a.test/a"]))
    );
}

#[tokio::test(start_paused = true)]
async fn a_busy_site_is_asked_again_after_the_time_it_asks_for() {
    let asked = AtomicU32::new(0);
    let web = Web::default().site("a.test", move |path| match path {
        "/robots.txt" => not_found(),
        _ => match asked.fetch_add(1, Relaxed) {
            0 => reply("429 Too Many Requests", "retry-after: 7\r\n", b""),
            1 => reply("503 Service Unavailable", "", b""),
            _ => page("Home", &[]),
        },
    });
    let setup = Setup::new(web);
    let result = setup.result(json!({"url": "http://a.test/"})).await;
    assert_eq!(document(&result, "/")["status"], 200);
    let at: Vec<_> = setup.web.seen().into_iter().filter(|s| s.path == "/").map(|s| s.at).collect();
    assert!(at[1] - at[0] >= 7 * SECOND && at[2] - at[1] >= 2 * SECOND, "{at:?}");
}

#[tokio::test(start_paused = true)]
async fn a_site_that_stays_busy_fails_the_job_with_its_code() {
    let web = Web::default().site("a.test", |path| match path {
        "/robots.txt" => not_found(),
        _ => reply("429 Too Many Requests", "", b""),
    });
    let setup = Setup::new(web);
    let report = setup.report(json!({"url": "http://a.test/"})).await;
    assert_eq!(report.result.unwrap_err().code, Code::RateLimited);
    assert_eq!(report.stats, [("web_queries", 1), ("web_errors", 1)]);
    assert_eq!(setup.web.paths().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn when_time_runs_out_what_was_found_is_given_and_marked() {
    let web = Web::default().site("a.test", |path| match path {
        "/robots.txt" => not_found(),
        "/" => page("Home", &["/fast", "/never", "/later"]),
        "/never" => Reply::Silence,
        _ => page("Fast", &[]),
    });
    let mut setup = Setup::new(web);
    setup.time = 20 * SECOND;
    let began = tokio::time::Instant::now();
    let result = setup.result(json!({"url": "http://a.test/", "depth": 2})).await;
    assert!(began.elapsed() < setup.time, "{:?}", began.elapsed());
    assert_eq!(paths(&result), ["/", "/fast"]);
    assert_eq!((&result["complete"], &result["stopped"]), (&json!(false), &json!("deadline")));
    assert_eq!(result["unvisited"], 2);
}

#[tokio::test(start_paused = true)]
async fn a_start_page_that_never_answers_fails_in_time() {
    let web = Web::default().site("a.test", |path| match path {
        "/robots.txt" => not_found(),
        _ => Reply::Silence,
    });
    let mut setup = Setup::new(web);
    setup.time = 5 * SECOND;
    let failure = setup.failure(json!({"url": "http://a.test/"})).await;
    assert_eq!(failure.code, Code::DeadlineExceeded);
    setup.time = 300 * SECOND;
    let failure = setup.failure(json!({"url": "http://a.test/"})).await;
    assert_eq!(failure.code, Code::UpstreamTimeout);
}

#[tokio::test]
async fn an_endless_page_is_cut_and_marked() {
    let mut setup = Setup::new(Web::default().site("a.test", |path| match path {
        "/robots.txt" => not_found(),
        _ => Reply::Endless,
    }));
    setup.config.maxima.page_bytes = 100_000;
    let result = setup.result(json!({"url": "http://a.test/"})).await;
    let document = document(&result, "/");
    assert_eq!((&document["truncated"], &document["error"]), (&json!("bytes"), &Value::Null));
    assert!(document["text"].as_str().unwrap().len() > 50_000);
}

#[tokio::test]
async fn charsets_are_told_by_mark_header_meta_and_content() {
    let web = Web::default().site("a.test", |path| match path {
        "/" => page("Home", &["/header", "/meta", "/wrong", "/bom", "/none"]),
        "/header" => reply(
            "200 OK",
            "content-type: text/html; charset=koi8-r\r\n",
            b"<title>\xf4\xc5\xd3\xd4</title>",
        ),
        "/meta" => reply(
            "200 OK",
            "content-type: text/html\r\n",
            b"<meta charset=windows-1252><title>caf\xe9</title>",
        ),
        "/wrong" => reply(
            "200 OK",
            "content-type: text/html; charset=latin1\r\n",
            "<title>café</title>".as_bytes(),
        ),
        "/bom" => reply(
            "200 OK",
            "content-type: text/html; charset=koi8-r\r\n",
            b"\xfe\xff\0<\0t\0i\0t\0l\0e\0>\x04\x22",
        ),
        "/none" => reply(
            "200 OK",
            "content-type: text/html\r\n",
            "<title>日本語のページ</title>".as_bytes(),
        ),
        _ => not_found(),
    });
    let result = Setup::new(web).result(json!({"url": "http://a.test/", "depth": 2})).await;
    for (path, title, charset) in [
        ("/header", "Тест", "KOI8-R"),
        ("/meta", "café", "windows-1252"),
        ("/wrong", "café", "UTF-8"),
        ("/bom", "Т", "UTF-16BE"),
        ("/none", "日本語のページ", "UTF-8"),
    ] {
        let document = document(&result, path);
        assert_eq!(
            (&document["title"], &document["charset"]),
            (&json!(title), &json!(charset)),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_decompression_bomb_fails_its_page_alone() {
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(&vec![b'a'; 64 << 20]).unwrap();
    let bomb = bomb.finish().unwrap();
    let web = Web::default().site("a.test", move |path| match path {
        "/" => page("Home", &["/bomb", "/after"]),
        "/bomb" => reply("200 OK", "content-type: text/html\r\ncontent-encoding: gzip\r\n", &bomb),
        "/after" => page("After", &[]),
        _ => not_found(),
    });
    let result = Setup::new(web).result(json!({"url": "http://a.test/", "depth": 2})).await;
    assert_eq!(document(&result, "/bomb")["error"]["code"], "response_too_large");
    assert_eq!(document(&result, "/after")["title"], "After");
}

#[tokio::test]
async fn other_content_is_reported_and_text_is_taken_as_it_is() {
    let web = Web::default().site("a.test", |path| match path {
        "/" => page("Home", &["/x.pdf", "/x.txt", "/x.json", "/bare", "/gone"]),
        "/x.pdf" => reply("200 OK", "content-type: application/pdf\r\n", b"%PDF-1.7"),
        "/x.txt" => reply("200 OK", "content-type: text/plain\r\n", "<not> märkup".as_bytes()),
        "/x.json" => reply("200 OK", "content-type: application/json\r\n", b"{}"),
        "/bare" => reply("200 OK", "", b"<title>Bare</title>"),
        _ => not_found(),
    });
    let setup = Setup::new(web);
    let report = setup.report(json!({"url": "http://a.test/", "depth": 2})).await;
    let result: Value = serde_json::from_slice(&report.result.unwrap().data).unwrap();
    for path in ["/x.pdf", "/x.json"] {
        let document = document(&result, path);
        assert_eq!((&document["text"], &document["error"]), (&Value::Null, &Value::Null), "{path}");
        assert_eq!(document["status"], 200);
    }
    assert_eq!(document(&result, "/x.pdf")["content_type"], "application/pdf");
    assert_eq!(document(&result, "/x.txt")["text"], "<not> märkup");
    assert_eq!(document(&result, "/bare")["title"], "Bare");
    let gone = document(&result, "/gone");
    assert_eq!((&gone["status"], &gone["error"]["code"]), (&json!(404), &json!("upstream_status")));
    assert_eq!(
        report.stats,
        [
            ("web_queries", 1),
            ("web_success", 5),
            ("web_scraped_pages", 5),
            ("web_processed_pages", 3),
            ("web_errors", 1)
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_operator_refuses_is_never_asked_for() {
    let web = Web::default()
        .site("a.test", |path| match path {
            "/" => page("Home", &["http://bad.test/", "/hop"]),
            "/hop" => redirect("http://sub.bad.test/"),
            _ => not_found(),
        })
        .site("bad.test", small_body)
        .site("sub.bad.test", small_body);
    let mut setup = Setup::new(web);
    setup.config.blacklist = Blacklist::parse("bad.test");
    let report = setup.report(json!({"url": "http://Bad.test/x"})).await;
    let failure = report.result.unwrap_err();
    assert_eq!(
        (failure.code, failure.message.as_str()),
        (Code::Blacklisted, "URL blacklisted: http://Bad.test/x")
    );
    assert_eq!(report.stats, [("web_queries", 1), ("web_invalid", 1)]);
    let arguments = json!({"url": "http://a.test/", "depth": 2, "same_origin": false});
    let result = setup.result(arguments).await;
    assert_eq!(result["skipped"]["blacklisted"], 2);
    assert!(setup.web.seen().iter().all(|seen| seen.host == "a.test"));
}

#[tokio::test(start_paused = true)]
async fn a_start_page_that_cannot_be_had_fails_with_the_reason() {
    let setup = setup();
    for (url, code) in [
        ("http://unknown.test/", Code::HostNotFound),
        ("http://a.test/nothing", Code::UpstreamStatus),
        ("http://127.0.0.1/", Code::EgressDenied),
        ("http://[::ffff:10.0.0.1]/", Code::EgressDenied),
        ("http://user:secret@a.test/", Code::EgressDenied),
    ] {
        let failure = setup.failure(json!({"url": url})).await;
        assert_eq!(failure.code, code, "{url}");
        assert!(!failure.message.contains("secret"), "{}", failure.message);
    }
}

#[tokio::test(start_paused = true)]
async fn legacy_jobs_fail_quietly_but_respect_the_blacklist() {
    let mut setup = setup();
    setup.config.blacklist = Blacklist::parse("google");
    let empty = r#"{"documents":[],"sections":null,"pages":null,"complete":true,"stopped":null,"unvisited":0,"skipped":{"robots_denied":0,"blacklisted":0,"left_site":0,"duplicate":0}}"#;
    for url in ["bing", "", "http://unknown.test/"] {
        let report = setup.report(json!({"url": url, "legacy": true})).await;
        assert_eq!(report.result.unwrap().data.as_ref(), empty.as_bytes(), "{url}");
    }
    for url in ["google", "http://google.test/"] {
        let failure = setup.failure(json!({"url": url, "legacy": true})).await;
        assert_eq!(failure.message, format!("URL blacklisted: {url}"));
    }
}

#[tokio::test(start_paused = true)]
async fn the_jobs_limits_bound_output_requests_and_bytes() {
    let mut setup = Setup::new(Web::default().site("a.test", |path| match path {
        "/b" => html(&"<p>a long page, with much text".repeat(100)),
        other => small_site(other),
    }));
    let arguments = json!({"url": "http://a.test/", "depth": 4});
    setup.limits.output_bytes = Some(4000);
    let report = setup.report(arguments.clone()).await;
    let data = report.result.unwrap().data;
    let result: Value = serde_json::from_slice(&data).unwrap();
    assert!(
        data.len() <= 4000 && result["stopped"] == "output_bytes",
        "{} {}",
        data.len(),
        result["stopped"]
    );
    let last = result["documents"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["truncated"], &last["text"]), (&json!("output"), &Value::Null));
    setup.limits.output_bytes = Some(100);
    assert_eq!(setup.failure(arguments.clone()).await.code, Code::OutputTooLarge);
    setup.limits.output_bytes = None;
    // robots.txt counts too.
    setup.limits.egress_requests = Some(3);
    let result = setup.result(arguments.clone()).await;
    assert_eq!((paths(&result).len(), &result["stopped"]), (2, &json!("egress_requests")));
    setup.limits.egress_requests = None;
    setup.limits.egress_bytes = Some(1200);
    assert_eq!(setup.result(arguments.clone()).await["stopped"], "egress_bytes");
    setup.limits.egress_bytes = Some(10);
    assert_eq!(setup.failure(arguments).await.code, Code::EgressExhausted);
}

#[tokio::test(start_paused = true)]
async fn a_selector_limits_text_and_not_links() {
    let result = setup().result(json!({"url": "http://a.test/", "selector": "h1"})).await;
    let document = document(&result, "/");
    assert_eq!(
        (&document["text"], &document["links"][0]),
        (&json!("Home"), &json!("http://a.test/a"))
    );
}

#[tokio::test]
async fn a_dropped_job_leaves_the_engine_free_for_the_next() {
    let mut setup = Setup::new(Web::default().site("a.test", |path| match path {
        "/large" => html(&"<p>text, of a large page ".repeat(40_000)),
        other => small_body(other),
    }));
    setup.config.maxima.parsers = 1;
    let engine = setup.engine();
    let context = setup.context();
    let large = engine.run(&context, json!({"url": "http://a.test/large"}));
    tokio::select! {
        biased;
        _ = large => {}
        () = until_asked(&setup.web, "/large") => {}
    }
    let report = engine.run(&setup.context(), json!({"url": "http://a.test/small"})).await;
    assert!(report.result.is_ok());
}

async fn until_asked(web: &Web, path: &str) {
    while !web.paths().iter().any(|asked| asked == path) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn pages_that_were_asked_for_before_the_limit_still_come() {
    let links = ["/1", "/2", "/3", "/4", "/5", "/6"];
    let web = Web::default().site("a.test", move |path| match path {
        "/" => page("Home", &links),
        _ => page("Page", &[]),
    });
    let mut setup = Setup::new(web);
    setup.config.politeness.concurrency = 8;
    setup.limits.egress_requests = Some(4);
    let arguments = json!({"url": "http://a.test/", "max_depth": 2, "respect_robots": false});
    let result = setup.result(arguments).await;
    assert_eq!(paths(&result), ["/", "/1", "/2", "/3"]);
    assert_eq!((&result["stopped"], &result["unvisited"]), (&json!("egress_requests"), &json!(3)));
}

#[tokio::test(start_paused = true)]
async fn links_and_redirects_with_more_slashes_lead_where_browsers_go() {
    let web = Web::default()
        .site("a.test", |path| match path {
            "/" => page("Home", &["///b.test/x"]),
            _ => redirect("///b.test/y"),
        })
        .site("b.test", |_| page("There", &[]));
    let setup = Setup::new(web);
    let home = setup.result(json!({"url": "http://a.test/"})).await;
    assert_eq!(home["pages"], json!(["http://b.test/x"]));
    let arguments = json!({"url": "http://a.test/go", "same_origin": false});
    let moved = setup.result(arguments).await;
    assert_eq!(moved["documents"][0]["final_url"], "http://b.test/y");
}
