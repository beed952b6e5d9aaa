//! Processes that run at the ticks of a schedule.

use std::time::{Duration, SystemTime};

use brigade::prelude::*;
use brigade::service::{
    Clock, ControlError, Invalid, Missed, Noticed, Schedule, Service, ServiceError, State, Tick,
    TickCause,
};

use crate::support::{Heard, ms, noting, s};

/// A round time: 2027-01-15T08:00:00Z.
fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + s(1_800_000_000)
}

/// A process that keeps the ticks it ran for, and takes so long for each.
fn ticks(schedule: Schedule, clock: Clock, takes: Duration) -> (Service<Heard<Tick>>, Heard<Tick>) {
    let heard = Heard::default();
    let service = Service::new("test", heard.clone())
        .clock(clock)
        .process("ticks", move |p| {
            p.on(schedule).pipeline(move |cx| {
                let tick = cx.tick().expect("it has a schedule").clone();
                cx.add(tick.clone());
                pipeline! {
                    [[tick]]
                    :async 1 tap(async |_: &Tick| tokio::time::sleep(takes).await),
                    :drive sink::discard(),
                }
            })
        });
    (service, heard)
}

fn times(heard: &Heard<Tick>) -> Vec<Duration> {
    let since = |tick: Tick| tick.at.duration_since(start()).unwrap();
    heard.all().into_iter().map(since).collect()
}

#[tokio::test(start_paused = true)]
async fn a_period_is_a_grid_since_1970_whenever_the_program_was_started() {
    let clock = Clock::from(start() + s(1234));
    let (service, heard) = ticks(Schedule::every(s(3600)), clock, ms(1));
    let running = service.start().await.unwrap();
    assert_eq!(
        running.status().state("ticks"),
        Some(&State::Idle {
            next: Some(start() + s(3600))
        })
    );
    tokio::time::sleep(s(4 * 3600)).await;
    running.stop().await.unwrap();
    assert_eq!(times(&heard), [s(3600), s(7200), s(10_800), s(14_400)]);
    assert_eq!(heard.all()[0].id, "ticks@2027-01-15T09:00:00Z");
}

#[tokio::test(start_paused = true)]
async fn ticks_that_come_while_a_run_is_under_way_are_skipped_and_counted() {
    let (service, heard) = ticks(Schedule::every(s(10)), Clock::from(start()), s(25));
    let running = service.start().await.unwrap();
    tokio::time::sleep(s(99)).await;
    let status = running.status();
    assert_eq!(times(&heard), [s(10), s(40), s(70)]);
    assert_eq!(status.process("ticks").unwrap().skipped, 6);
    running.stop().await.unwrap();
}

/// What runs, and what is skipped, where the clock jumps over five ticks to a time that is so long after the last.
async fn jumped(missed: Missed, late: Duration) -> (Vec<(u64, u64)>, u64) {
    let clock = Clock::from(start());
    let (service, heard) = ticks(
        Schedule::every(s(3600)).missed(missed),
        clock.clone(),
        ms(1),
    );
    let running = service.start().await.unwrap();
    tokio::time::sleep(s(60)).await;
    clock.set(start() + s(5 * 3600) + late);
    tokio::time::sleep(s(1)).await;
    let skipped = running.status().process("ticks").unwrap().skipped;
    running.stop().await.unwrap();
    let hour = |at: SystemTime| at.duration_since(start()).unwrap().as_secs() / 3600;
    let ticks = heard
        .all()
        .into_iter()
        .map(|tick| (hour(tick.at), tick.missed));
    (ticks.collect(), skipped)
}

#[tokio::test(start_paused = true)]
async fn missed_ticks_are_what_was_declared() {
    assert_eq!(jumped(Missed::Once, s(600)).await, (vec![(5, 4)], 0));
    assert_eq!(jumped(Missed::Skip, s(600)).await, (vec![], 5));
    assert_eq!(jumped(Missed::Skip, s(10)).await, (vec![(5, 0)], 4));
    assert_eq!(
        jumped(Missed::Each(2), s(600)).await,
        (vec![(4, 0), (5, 0)], 3)
    );
    assert_eq!(jumped(Missed::Each(99), s(600)).await.0.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_fires_nothing_twice() {
    let clock = Clock::from(start());
    let (service, heard) = ticks(Schedule::every(s(3600)), clock.clone(), ms(1));
    let running = service.start().await.unwrap();
    tokio::time::sleep(s(3700)).await;
    clock.set(start() + s(3000));
    tokio::time::sleep(s(2 * 3600)).await;
    running.stop().await.unwrap();
    assert_eq!(times(&heard), [s(3600), s(7200)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_continuous_begins_at_once_and_pauses_between_its_runs() {
    let (service, heard) = ticks(Schedule::continuous(s(10)), Clock::from(start()), s(5));
    let running = service.start().await.unwrap();
    tokio::time::sleep(s(40)).await;
    running.stop().await.unwrap();
    let seconds: Vec<_> = times(&heard).iter().map(Duration::as_secs).collect();
    assert_eq!(seconds, [0, 15, 30]);
}

#[tokio::test(start_paused = true)]
async fn what_is_manual_runs_when_it_is_triggered_and_sees_the_payload() {
    let (service, heard) = ticks(Schedule::manual(), Clock::from(start()), s(5));
    let running = service.start().await.unwrap();
    let control = running.control();
    tokio::time::sleep(s(86_400)).await;
    assert_eq!(
        running.status().state("ticks"),
        Some(&State::Idle { next: None })
    );
    control
        .trigger("ticks", Some("now".to_owned()))
        .await
        .unwrap();
    running
        .until(|status| status.state("ticks") == Some(&State::Running))
        .await;
    let late = control.trigger("ticks", None).await.unwrap_err();
    assert!(matches!(late, ControlError::State { .. }), "{late}");
    running
        .until(|status| matches!(status.state("ticks"), Some(State::Idle { .. })))
        .await;
    let all = heard.all();
    assert_eq!(all.len(), 1);
    assert_eq!(
        (all[0].cause, all[0].payload.as_deref()),
        (TickCause::Triggered, Some("now"))
    );
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_tick_whose_run_fails_is_tried_again_under_its_id_and_given_up_after_five_times() {
    let begun = Heard::default();
    let (service, noted) = noting(begun.clone());
    let running = service
        .clock(Clock::from(start()))
        .process("fails", |p| {
            p.on(Schedule::every(s(3600))).pipeline(|cx| {
                let tick = cx.tick().unwrap().clone();
                cx.add(tick.id.clone());
                let fails = tick.at < start() + s(7200) || cx.run() == 5;
                pipeline! {
                    [0..1]
                    use fails;
                    tap(|_| if fails { Err("no") } else { Ok(()) })?,
                    :drive sink::discard(),
                }
            })
        })
        .start()
        .await
        .unwrap();
    tokio::time::sleep(s(2 * 3600 + 60)).await;
    let status = running.stop().await.unwrap();
    let begun = begun.all();
    let (first, second) = ("fails@2027-01-15T09:00:00Z", "fails@2027-01-15T10:00:00Z");
    assert_eq!(begun, [first, first, first, first, first, second, second]);
    assert_eq!(
        noted
            .all()
            .iter()
            .filter(|noted| noted.what == Noticed::Run)
            .count(),
        6
    );
    assert_eq!(status.process("fails").unwrap().failures, 6);
}

#[tokio::test(start_paused = true)]
async fn a_scheduled_process_that_was_drained_waits_for_the_tick_after_its_start() {
    let (service, heard) = ticks(Schedule::every(s(3600)), Clock::from(start()), ms(1));
    let running = service.start().await.unwrap();
    let control = running.control();
    control.drain("ticks", s(1)).await.unwrap();
    tokio::time::sleep(s(3 * 3600 + 60)).await;
    assert!(heard.all().is_empty());
    control.start("ticks").await.unwrap();
    tokio::time::sleep(s(3600)).await;
    running.stop().await.unwrap();
    assert_eq!(times(&heard), [s(4 * 3600)]);
}

#[tokio::test(start_paused = true)]
async fn a_period_of_0_is_an_error_at_the_start() {
    let (service, _) = ticks(Schedule::every(Duration::ZERO), Clock::from(start()), ms(1));
    let error = service.start().await.unwrap_err();
    assert!(
        matches!(error, ServiceError::Invalid(Invalid::Period { .. })),
        "{error}"
    );
}

#[cfg(feature = "cron")]
mod cron {
    use brigade::service::ScheduleError;
    use jiff::civil::{Weekday, date};
    use jiff::tz::TimeZone;

    use super::*;

    /// Midnight of the first of January 2026 in Berlin.
    fn new_year() -> SystemTime {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        date(2026, 1, 1)
            .to_zoned(berlin)
            .unwrap()
            .timestamp()
            .into()
    }

    /// All times of a pattern in a year, as they are in UTC.
    async fn year(pattern: &str) -> Vec<String> {
        days(pattern, new_year(), 365).await
    }

    async fn days(pattern: &str, from: SystemTime, days: u64) -> Vec<String> {
        let schedule = Schedule::cron(pattern, "Europe/Berlin").unwrap();
        let (service, heard) = ticks(schedule, Clock::from(from), ms(1));
        let running = service.start().await.unwrap();
        tokio::time::sleep(s(days * 86_400 + 1)).await;
        running.stop().await.unwrap();
        let id = |tick: Tick| tick.id.strip_prefix("ticks@").unwrap().to_owned();
        heard.all().into_iter().map(id).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_pattern_fires_at_the_declared_times_over_a_virtual_year() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let days = date(2026, 1, 1).series(jiff::Span::new().days(1)).take(365);
        let at_work =
            days.filter(|day| !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday));
        let expected: Vec<_> = at_work
            .map(|day| {
                let evening = day.at(18, 0, 0, 0).to_zoned(berlin.clone()).unwrap();
                evening.timestamp().to_string()
            })
            .collect();
        assert_eq!(expected.len(), 261);
        assert_eq!(year("0 18 * * MON-FRI").await, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_time_in_a_gap_is_due_at_its_end_and_one_in_a_fold_once() {
        let all = year("30 2 * * *").await;
        assert_eq!(all.len(), 365);
        let on = |day: &str| {
            all.iter()
                .filter(|time| time.starts_with(day))
                .collect::<Vec<_>>()
        };
        // From 2 to 3 there is nothing, which ends at 1 in UTC.
        assert_eq!(on("2026-03-29"), ["2026-03-29T01:00:00Z"]);
        assert_eq!(on("2026-10-25"), ["2026-10-25T00:30:00Z"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pattern_that_is_no_one_time_of_the_day_is_due_in_both_halves_of_a_fold() {
        // From midnight on, in summer time.
        let saturday = SystemTime::from(
            date(2026, 10, 23)
                .at(22, 0, 0, 0)
                .to_zoned(TimeZone::UTC)
                .unwrap()
                .timestamp(),
        );
        let all = days("*/30 * * * *", saturday, 3).await;
        assert_eq!(all.len(), 3 * 48);
        let halves = all
            .iter()
            .filter(|time| ("2026-10-25T00:00"..="2026-10-25T01:59").contains(&time.as_str()));
        assert_eq!(halves.count(), 4);
    }

    #[test]
    fn a_pattern_that_never_fires_an_unknown_zone_and_what_is_no_pattern_are_errors() {
        let error = |pattern, zone| Schedule::cron(pattern, zone).unwrap_err();
        assert_eq!(
            error("0 0 30 2 *", "UTC").to_string(),
            "`0 0 30 2 *` never fires; no day is like that"
        );
        assert_eq!(
            error("0 0 * * *", "Europe/Berlim").to_string(),
            "there is no time zone `Europe/Berlim`; they are called as `Europe/Berlin` or `UTC`"
        );
        for pattern in ["", "61 * * * *", "every day", "* * * *"] {
            assert!(
                matches!(error(pattern, "UTC"), ScheduleError::Pattern { .. }),
                "{pattern}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_wrong_with_a_pattern_is_said_at_the_start_of_the_service() {
        let service = Service::new("test", ()).process("nightly", |p| {
            p.on(Schedule::cron("0 18 31 2 *", "Europe/Berlin"))
                .pipeline(|_| pipeline! { [0..1] :drive sink::discard() })
        });
        let error = service.start().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "process `nightly` has no schedule to run at: `0 18 31 2 *` never fires; no day is like that"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn of_ticks_that_were_missed_for_years_one_run_stands_for_all() {
        let clock = Clock::from(new_year());
        let schedule = Schedule::cron("*/10 * * * *", "Europe/Berlin").unwrap();
        let (service, heard) = ticks(schedule, clock.clone(), ms(1));
        let running = service.start().await.unwrap();
        tokio::time::sleep(s(1)).await;
        clock.set(new_year() + s(3 * 365 * 86_400 + 601));
        tokio::time::sleep(s(1)).await;
        running.stop().await.unwrap();
        let all = heard.all();
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].id, "ticks@2028-12-30T23:10:00Z");
        assert!(all[0].missed >= 10_000);
    }
}
