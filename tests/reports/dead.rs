//! The command line for dead letters.

use serde_json::Value;

use crate::support::Place;

#[test]
fn dead_letters_are_listed_shown_and_replayed_from_the_stage_that_failed() {
    let place = Place::new();
    // 100 and 400 are without a file, 200 and 500 are refused, 300 is unreadable.
    place
        .run(&["--messages", "500", "--fail-rate", "0.01"])
        .clean();
    let calls = place.calls();

    let listed = place.run(&["dead", "list"]).clean();
    for line in [
        "report 100: message → report → FAILED at bytes (there is no file 100.txt)",
        "report 200: message → report → digest → link → FAILED at checked (its figures do not add up)",
        "report 300: message → FAILED at report (no report",
    ] {
        assert!(listed.contains(line), "{listed}");
    }
    assert!(listed.ends_with("5 dead letters\n"), "{listed}");

    let shown = place.run(&["dead", "show", "report 200"]).clean();
    let letter: Value = serde_json::from_str(&shown).expect("it is JSON");
    assert_eq!(
        (&letter["stage"], &letter["attempts"]),
        (&"checked".into(), &1.into())
    );
    assert_eq!(letter["frames"][3]["key"], "link");
    assert!(
        letter["frames"][3]["value"]
            .as_str()
            .is_some_and(|link| link.contains("/reports/200"))
    );

    let one = place.run(&["dead", "replay", "report 200"]).clean();
    assert!(one.contains("report 200: done, from checked on"), "{one}");
    assert!(
        one.contains("1 letters replayed: 1 rows, 0 dead again; 0 recorded stages ran again"),
        "{one}"
    );
    assert_eq!(place.calls(), calls, "what was recorded ran again");

    // The file turns up.
    let text = std::fs::read(place.path("spool/99.txt")).expect("another has a file");
    std::fs::write(place.path("spool/100.txt"), text).expect("the spool can be written");
    let all = place.run(&["dead", "replay"]).clean();
    for line in [
        "report 100: done, from bytes on",
        "report 300: dead again, at report",
        "report 400: dead again, at bytes",
        "report 500: done, from checked on",
        "4 letters replayed: 2 rows, 2 dead again",
    ] {
        assert!(all.contains(line), "{all}");
    }
    let expected = "SELECT count(*) = 498 AND count(DISTINCT number) = 498 FROM reports";
    assert_eq!(place.query::<bool>("reports.db", expected), [true]);
    let mut calls = calls;
    for key in ["digest", "link"] {
        calls.insert(format!("report 100/{key}"), 1);
    }
    assert_eq!(
        place.calls(),
        calls,
        "only the report that had no file runs these stages now"
    );
}

#[test]
fn a_letter_that_is_replayed_survives_a_journal_that_has_forgotten_its_task() {
    let place = Place::new();
    place
        .run(&["--messages", "200", "--fail-rate", "0.01"])
        .clean();
    let calls = place.calls();
    // With the letter, which holds them.
    let frames = "SELECT count(*) FROM brigade_frames WHERE task = 'report 200'";
    assert_eq!(place.query::<u32>("reports.db", frames), [0]);
    let replayed = place.run(&["dead", "replay", "report 200"]).clean();
    assert!(
        replayed.contains("report 200: done, from checked on"),
        "{replayed}"
    );
    assert_eq!(place.calls(), calls, "what the letter knew ran again");
}

#[test]
fn dead_letters_of_sqs_are_replayed_from_the_stage_that_failed() {
    let Some(server) = test_servers::ministack() else {
        return;
    };
    let place = Place::new();
    let (url, name) = (server.url(), format!("dead-{:016x}", fastrand::u64(..)));
    let sqs = ["--queue", "sqs", "--sqs", &url, "--name", &name];
    place
        .run(&[&["--messages", "200", "--fail-rate", "0.01"], &sqs[..]].concat())
        .clean();
    let calls = place.calls();
    let replay = || place.run(&[&sqs[..], &["dead", "replay"]].concat()).clean();
    let replayed = replay();
    for line in [
        "report 100: dead again, at bytes",
        "report 200: done, from checked on",
        "2 letters replayed: 1 rows, 1 dead again; 0 recorded stages ran again",
    ] {
        assert!(replayed.contains(line), "{replayed}");
    }
    // What died again can be replayed once more.
    let again = replay();
    assert!(
        again.contains("1 letters replayed: 0 rows, 1 dead again"),
        "{again}"
    );
    assert_eq!(place.calls(), calls, "what was recorded ran again");
}

#[test]
fn dead_letters_of_a_server_of_its_own_are_replayed_from_the_stage_that_failed() {
    if test_servers::postgres().is_none() {
        return;
    }
    let place = Place::new();
    let run = ["--queue", "postgres", "--messages", "200"];
    place.run(&run).clean();
    let calls = place.calls();
    let dead = |what: &[&str]| {
        let words = [&["dead", "--queue", "postgres"], what].concat();
        place.run(&words).clean()
    };
    let listed = dead(&["list"]);
    assert!(listed.ends_with("2 dead letters\n"), "{listed}");
    let replayed = dead(&["replay"]);
    for line in [
        "report 100: dead again, at bytes",
        "report 200: done, from checked on",
        "2 letters replayed: 1 rows, 1 dead again; 0 recorded stages ran again",
    ] {
        assert!(replayed.contains(line), "{replayed}");
    }
    assert_eq!(place.calls(), calls, "what was recorded ran again");
    // The next run begins anew.
    place.run(&run).clean();
}

#[test]
fn what_cannot_be_done_is_said() {
    let place = Place::new();
    for (arguments, problem) in [
        (&["dead", "list"][..], "there is no run in reports-data"),
        (&["--queue", "sqs"], "pip install ministack"),
        (&["--processes", "0"], "--processes"),
        (&["--hosts", "2"], "`--hosts` needs `--queue postgres`"),
        (&["--cut-every", "2"], "--hosts"),
        (
            &[
                "--queue",
                "postgres",
                "--postgres",
                "host=a",
                "--hosts",
                "2",
            ],
            "leave out `--postgres`",
        ),
    ] {
        let ended = place.run(arguments);
        assert!(ended.code.is_some_and(|code| code > 0), "{ended:?}");
        assert!(ended.stderr.contains(problem), "{ended:?}");
    }
    place.run(&["--messages", "10"]).clean();
    let ended = place.run(&["dead", "show", "report 11"]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains("no dead letter `report 11`"),
        "{ended:?}"
    );
}

#[test]
fn where_nobody_reads_what_is_printed_the_work_is_done_all_the_same() {
    let place = Place::new();
    let run = ["--messages", "300", "--fail-rate", "0.01"];
    assert_eq!(place.run_unheard(&run), Some(0));
    assert_eq!(place.run_unheard(&["dead", "list"]), Some(0));
    assert_eq!(place.run_unheard(&["dead", "show", "report 200"]), Some(0));
    assert_eq!(place.run_unheard(&["dead", "show", "nothing"]), Some(1));
    // They fail again as they did before, but for what the archive does not refuse now.
    assert_eq!(place.run_unheard(&["dead", "replay"]), Some(0));
    let listed = place.run(&["dead", "list"]).clean();
    assert!(listed.ends_with("2 dead letters\n"), "{listed}");
}
