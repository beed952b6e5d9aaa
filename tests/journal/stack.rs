//! What a failure says about the way of its task.

use std::time::Duration;

use brigade::prelude::*;

#[tokio::test(start_paused = true)]
async fn a_failure_tells_the_frames_that_its_task_had_passed() {
    let failure = pipeline! {
        [[1u32]]
        push_task(original),
        let post = original + 1,
        mapduce(post => clean, |post| post + 1),
        :async let located = std::future::pending::<u32>().await
            with { name: "locate", timeout: Duration::from_secs(5), retry: Retry::exponential(3) },
        map(|m| m.located + m.clean),
    }
    .collect::<Vec<u32>>()
    .await
    .unwrap_err();
    let stack = "original → post → clean → FAILED at locate (timeout after 5s, attempt 3)";
    assert_eq!(failure.stack().to_string(), stack);
    assert_eq!(format!("{failure:#}"), stack);
}

#[tokio::test]
async fn a_failure_outside_a_task_has_passed_no_frame_and_stays_on_one_line() {
    let failure = pipeline! {
        [["1\n2"]]
        map(|text| Err::<(), _>(text.to_owned()))?,
    }
    .collect::<Vec<()>>()
    .await
    .unwrap_err();
    assert_eq!(failure.stack().to_string(), "FAILED at map (1\\n2)");
}
