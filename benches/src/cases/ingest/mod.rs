//! The main job: posts from compressed files into SQLite.

use crate::case::{Case, Contender, Goal, Sample, Size, Table};
use crate::tools::has;

mod corpus;
mod programs;

use corpus::Corpus;

const BRIGADE: &str = "brigade, `examples/ingest`";
const LOOP: &str = "hand-written loop";
const XZ: &str = "`xz -dc` alone";

/// 500 MB of posts, compressed in two ways.
pub fn case(size: Size) -> Case {
    let note = "500 MB of made-up posts (1.3 million lines of JSON, hostile ones among them) are decompressed, parsed, \
                cleaned and written into a SQLite table, once by `examples/ingest` and once by a careful program in one \
                thread (`src/bin/ingest_by_hand.rs`) with the same parser, the same cleaning and the same SQL. Each is a \
                process of its own, and must have found as many rows, duplicates, posts without text and rejects as the \
                generator made. Beside them what only decompresses, to `/dev/null`; with jq, which is slow, only a tenth \
                of the posts, and ten times its time.";
    let mut case = Case::new("ingest", "The main job", note);
    for ending in ["xz", "zst"] {
        let whole = Corpus::new(size.pick("500MB", "1MB"), ending);
        let tenth = Corpus::new(size.pick("50MB", "100kB"), ending);
        let mut table = Table::new(format!("posts in .{ending}"))
            .columns([("wall", "s")])
            .contender(contender(
                BRIGADE,
                "decompression, two workers, writer",
                &whole,
                programs::brigade,
            ))
            .contender(contender(
                LOOP,
                "one thread, `BufRead::read_until`, `prepare_cached`",
                &whole,
                programs::by_hand,
            ));
        if ending == "xz" {
            table = table
                .baseline(XZ)
                .contender(contender(XZ, "xz 5.4 of the system", &whole, programs::xz))
                .goal(Goal::within(BRIGADE, XZ, 1.05));
            if has("jq", "--version") {
                table = table.contender(contender(
                    "`xz -dc | jq -c .`",
                    "parses and prints, and that is all; a tenth, times ten",
                    &tenth,
                    |posts| ten_times(&programs::jq(posts)),
                ));
            }
        } else {
            table = table.baseline(LOOP).goal(Goal::faster(BRIGADE, LOOP, 1.7));
        }
        case = case.table(table);
    }
    case
}

fn contender(
    name: &str,
    what: &'static str,
    posts: &Corpus,
    run: impl Fn(&Corpus) -> Sample + 'static,
) -> Contender {
    let posts = posts.clone();
    Contender::new(name, what, move || run(&posts))
}

fn ten_times(sample: &Sample) -> Sample {
    let all = sample.iter();
    all.fold(Sample::new(), |all, (column, value)| {
        all.with(column, 10.0 * value)
    })
}
