//! The page in a real browser. Without one it is skipped.

use brigade::prelude::*;

use super::chromium::Chromium;
use super::client::{TOKEN, comes, until};
use crate::{Page, Served, Tap};

/// What would do something if it were taken for a part of the page.
const HOSTILE: &str = "<img src=x onerror='window.broken=1'><script>window.broken=1</script>";

fn browser() -> Option<Chromium> {
    let browser = Chromium::start();
    if browser.is_none() {
        println!("skipped: the page in a browser: there is no Chromium here");
    }
    browser
}

async fn serve(page: Page) -> Served {
    page.token(TOKEN).serve("127.0.0.1:0").await.unwrap()
}

fn is_clean(browser: &Chromium, served: &Served) {
    assert_eq!(browser.errors(), [] as [serde_json::Value; 0]);
    let (own, asked) = (served.to_string(), browser.requests());
    assert!(
        asked.len() > 5
            && asked
                .iter()
                .all(|url| url.starts_with(&own) && !url.contains("token")),
        "{asked:?}"
    );
}

/// A hundred failures, each with a text of its own that is no part of the page.
#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_text_keys_and_buttons_work_and_the_console_is_clean() {
    let Some(browser) = browser() else { return };
    let (items, input) = tokio::sync::mpsc::channel(200);
    let running = pipeline! {
        [input, sink::each(drop)]
        1 map(|n: u32| n) with { name: "first <b>" },
        :async 2 map(async |n| if n < 100 { Err(format!("{HOSTILE} {n}")) } else { Ok(n) })? with { name: "fails" },
        :drive sink::discard(),
    }
    .spawn();
    let seen = Tap::new(HOSTILE);
    let served = serve(Page::new().watch(HOSTILE, &running).tap(&seen)).await;
    for n in 0..101 {
        items.send(n).await.unwrap();
    }
    browser.opens(&served.url());
    browser.until("document.querySelectorAll('#failures details').length === 100");
    assert_eq!(browser.value("location.hash"), "");
    assert_eq!(browser.value("document.querySelectorAll('#failures img, #failures script, #tabs img, #graph b').length"), 0);
    assert_eq!(
        browser.value("document.querySelector('#title h1').textContent"),
        HOSTILE
    );
    comes(|| {
        seen.see(|| HOSTILE.to_owned());
        !seen.shown().1.is_empty()
    })
    .await;
    browser.until("document.querySelectorAll('#taps code').length > 0");
    assert_eq!(
        browser.value("document.querySelectorAll('#taps img, #taps script').length"),
        0
    );
    assert_eq!(browser.value("typeof window.broken"), "undefined");
    browser.value("document.querySelector('#failures summary').click()");
    let said = browser.value("document.querySelector('#failures details[open] pre').textContent");
    assert!(
        said.as_str().unwrap().contains("browser.rs:")
            && said.as_str().unwrap().contains("FAILED at fails"),
        "{said}"
    );
    // It stays open and where it is when others fail.
    let open = "[...document.querySelectorAll('#failures details')].findIndex((one) => one.open)";
    let place = browser.value(open);
    items.send(7).await.unwrap();
    browser.until("document.querySelector('#failures small').textContent.startsWith('101 ')");
    assert_eq!(browser.value(open), place);
    // Keys: to a stage, into it, to the table, out again.
    browser.key("ArrowRight");
    browser.key("ArrowRight");
    assert_eq!(
        browser.value("document.activeElement.querySelector('.name').textContent"),
        "first <b>"
    );
    browser.key("Enter");
    browser.until("!document.querySelector('#stage').hidden");
    // What has the focus keeps it, though all is drawn anew each second.
    browser.value("window.one = document.activeElement; window.before = document.querySelector('.facts').textContent");
    browser.until("document.querySelector('.facts').textContent !== window.before");
    assert_eq!(
        browser.value("document.activeElement === window.one && window.one.isConnected"),
        true
    );
    browser.key("Escape");
    browser.until("document.querySelector('#stage').hidden");
    browser.key("/");
    assert_eq!(browser.value("document.activeElement.type"), "search");
    browser.key("Escape");
    // Buttons: it is paused and goes on.
    let press = |text: &str| {
        browser.value(&format!("[...document.querySelectorAll('.acts button')].find((one) => one.textContent === '{text}').click()"))
    };
    press("Pause");
    comes(|| running.handle().is_paused()).await;
    browser.until("document.querySelector('.state').textContent === 'paused'");
    press("Resume");
    comes(|| !running.handle().is_paused()).await;
    // Twice the workers.
    browser.value("[...document.querySelectorAll('.box')].find((box) => box.textContent.startsWith('fails')).click()");
    browser.value("[...document.querySelectorAll('.count button')].find((one) => one.textContent === '× 2').click()");
    until(&served, |state| {
        state["pipelines"][0]["groups"][2]["workers"] == 4
    })
    .await;
    browser.until("document.querySelector('.count input').value === '4'");
    is_clean(&browser, &served);
    // Code that gets into the page does not run.
    browser.value("{ const code = document.createElement('script'); code.textContent = 'window.broken = 1'; document.body.append(code); }");
    browser.value("{ const one = document.createElement('div'); one.innerHTML = `<img src=x onerror=\"window.broken = 1\">`; document.body.append(one); }");
    browser.until("typeof window.broken === 'undefined'");
    // Nobody is left in the belief that all is well.
    served.stop().await;
    browser.until("document.querySelector('#news').classList.contains('stale')");
    drop(items);
    running.await.unwrap();
}

/// The boxes of the graph: whether two overlap, and whether the page is wider than the window.
const BOXES: &str = "(() => {
  const boxes = [...document.querySelectorAll('#graph .box')].map((box) => box.getBoundingClientRect());
  const over = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  const pairs = boxes.flatMap((a, place) => boxes.slice(place + 1).filter((b) => over(a, b)));
  return [pairs.length, document.documentElement.scrollWidth > innerWidth].join(' ');
})()";

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_stages_are_drawn_apart_in_light_and_dark_and_it_asks_for_a_token() {
    let Some(browser) = browser() else { return };
    // Each is the input of the next, which has a row for it.
    let (items, input) = tokio::sync::mpsc::channel::<u64>(10);
    let mut stages: Pipeline<u64> = pipeline! { [input] 1 map(|n| n) with { name: "x" }, }
        .named("n")
        .boxed();
    for _ in 0..49 {
        stages = pipeline! { [stages] 1 map(|n| n) with { name: "x" }, }
            .named("n")
            .boxed();
    }
    let running = pipeline! { [stages] :drive sink::discard(), }.spawn();
    let served = serve(Page::new().watch("one", &running).watch("other", &running)).await;
    browser.scheme("light");
    browser.opens(&served.to_string());
    browser.until("!document.querySelector('#locked').hidden");
    browser.value("{ document.querySelector('#token').value = 'not the token'; document.querySelector('#unlock button').click(); }");
    browser.until("document.querySelector('#why').textContent.includes('not known')");
    browser.events.borrow_mut().clear();
    browser.value(&format!("{{ document.querySelector('#token').value = '{TOKEN}'; document.querySelector('#unlock button').click(); }}"));
    for width in [1400, 700, 2400] {
        browser.width(width);
        browser.until("document.querySelectorAll('#graph .box').length > 99");
        browser.until(&format!("{BOXES} === '0 false'"));
    }
    let background = || browser.value("getComputedStyle(document.body).backgroundColor");
    let light = background();
    browser.scheme("dark");
    let dark = background();
    assert_ne!(light, dark);
    // By hand it is as one wishes, also after it is opened again.
    browser.key("t");
    assert_eq!(background(), light);
    browser.key("]");
    browser.until("document.querySelector('#title h1').textContent === 'other'");
    assert_eq!(browser.errors(), [] as [serde_json::Value; 0]);
    browser.opens(&served.to_string());
    browser.until("document.querySelectorAll('#graph .box').length > 99");
    assert_eq!(background(), light);
    is_clean(&browser, &served);
    drop(items);
    running.await.unwrap();
}
